"""The direction of a recorded call, as lists and searches name it."""

from enum import StrEnum

from callrec.domain.calls.model import Recording
from callrec.domain.library.manifest import Origin


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


_BY_KIND = {"in": CallDirection.INCOMING, "out": CallDirection.OUTGOING, "internal": CallDirection.INTERNAL}
"""What the kind of an adopted recording says. The others (`exten`, `rg`, `user`, ...) are of calls of each direction."""


def call_direction(recording: Recording, origin: Origin | None = None) -> CallDirection:
    """The direction, by the participants that the manifest names; of an adopted recording by its kind.

    The caller is the participant whose leg began the call: Asterisk gives a call's first channel a Linkedid that equals its
    Uniqueid (channel.c: __ast_channel_alloc_ap). When two calls meet, the older Linkedid stays.
    """
    if origin is not None:
        return _BY_KIND.get(origin.kind, CallDirection.UNKNOWN)
    parties = recording.parties
    if parties and all(party.user for party in parties):
        return CallDirection.INTERNAL
    caller = next((party for party in parties if party.leg == recording.linkedid), None)
    if caller is None:
        return CallDirection.UNKNOWN
    return CallDirection.OUTGOING if caller.user else CallDirection.INCOMING
