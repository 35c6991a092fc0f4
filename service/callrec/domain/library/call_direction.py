"""The direction of a recorded call, as lists and searches name it."""

from enum import StrEnum

from callrec.domain.calls.model import Recording


class CallDirection(StrEnum):
    """From the users' side."""

    INTERNAL = "internal"
    """Between users, or a user alone with an application."""
    INCOMING = "incoming"
    """The caller is no user."""
    OUTGOING = "outgoing"
    """A user called somebody who is none."""
    UNKNOWN = "unknown"
    """The caller's leg is not among the participants, and not all participants are users."""


def call_direction(recording: Recording) -> CallDirection:
    """The direction, by the participants that the manifest names.

    The caller is the participant whose leg began the call: Asterisk gives a call's first channel a Linkedid that equals its
    Uniqueid (channel.c: __ast_channel_alloc_ap). When two calls meet, the older Linkedid stays.
    """
    parties = recording.parties
    if parties and all(party.user for party in parties):
        return CallDirection.INTERNAL
    caller = next((party for party in parties if party.leg == recording.linkedid), None)
    if caller is None:
        return CallDirection.UNKNOWN
    return CallDirection.OUTGOING if caller.user else CallDirection.INCOMING
