"""What the dialplan notes in AstDB while it acts without the daemon: about its captures, and about flags that it changed."""

from dataclasses import dataclass

from callrec.domain.rules import UserId


@dataclass(frozen=True, slots=True)
class CaptureNote:
    """The other participant of a fallback capture: a user's endpoint, and the number dialled or shown. Either may be empty."""

    endpoint: str
    number: str
    origin: str = ""
    """The place whose rule began it: `incall:2050@from-extern`; empty for a user's rule."""
    own_number: str = ""
    """The number shown of the one whose recording it is, where that is no user."""
    began_s: float | None = None
    """Since when there was a conversation to record (Unix time); None where the dialplan does not know."""
    ended_s: float | None = None
    """When it ended (Unix time); None while it goes on, or when Asterisk died."""
    tells_end: bool = False
    """Whether the dialplan notes the end; one of before does not."""


@dataclass(frozen=True, slots=True)
class ChangeNote:
    """A user pressed `*26` in the fallback mode and heard `on` or `off` at `at_ms` (epoch). Each note has its own `name`."""

    name: str
    user: UserId
    on: bool
    at_ms: int
    made_from_ms: int | None = None
    """When the flag that the dialplan toggled had been set, as the store said (epoch); None where the dialplan did not know. It
    proves that the change came after that flag, also when a clock was set meanwhile."""
