"""How much of what a manager tells is followed. One that is broken, or is no Asterisk, must not take all memory."""

from callrec.app.ports.observer import Observer
from callrec.domain.calls.commands import Alarm
from callrec.domain.vocabulary import AlarmCause, DropReason
from callrec.protocols.ami import Message

MOST_CALLS, MOST_LEGS = 5000, 15_000
"""Ten times what one Asterisk carries."""
MOST_ID_CHARACTERS = 256
"""Longer than whatever Asterisk calls a channel or a bridge (channel.h: AST_CHANNEL_NAME 80, AST_MAX_UNIQUEID 150)."""
_IDS = ("Uniqueid", "Linkedid", "Channel", "BridgeUniqueid", "BridgeId")


class Bounds:
    """Asked before a leg is followed. What is refused is counted, and left to the dialplan; the first one of many is an alarm."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._is_full = False

    def allow(self, message: Message, *, known: bool, calls: int, legs: int) -> bool:
        """Whether the leg of this event may be followed. `known`: it is already; `calls`, `legs`: so many are."""
        if any(len(message.get(name)) > MOST_ID_CHARACTERS for name in _IDS):
            self._observer.dropped(DropReason.LEG)
            return False
        if known:
            return True
        was_full, self._is_full = self._is_full, calls >= MOST_CALLS or legs >= MOST_LEGS
        if self._is_full:
            self._observer.dropped(DropReason.LEG)
            if not was_full:
                self._observer.alarmed(Alarm(AlarmCause.TOO_MANY_CALLS, None), "")
        return not self._is_full
