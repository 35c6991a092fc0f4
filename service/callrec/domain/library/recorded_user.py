"""Whose recording it is: who may see it as their own (docs/decisions/0019-whose-recording-it-is.md)."""

from callrec.domain.calls.model import Recording
from callrec.domain.rules import UserId


def recorded_user(recording: Recording) -> UserId | None:
    """The user of the first capture's leg, the owner of the left channel. Without a capture (*failed*, *unanswered*): who
    pressed, else the only user among the participants. None when it is not known: then it belongs to no user."""
    users = {party.leg: party.user for party in recording.parties}
    for capture in recording.captures[:1]:
        if user := users.get(capture.leg):
            return user
    if recording.actor.user:
        return recording.actor.user
    known = {user for user in users.values() if user}
    return known.pop() if len(known) == 1 and not recording.captures else None
