"""The prompts and tones that callrec plays, and which of them an operator may replace by own ones.

An own prompt belongs to a name and a language. A language is named by two small letters, as Asterisk names its sound folders;
`default` is for who has no language, and for languages in which callrec has no prompts. A tone sounds alike in each language: its
own one belongs to `default`.
"""

import re
from dataclasses import dataclass

from callrec.domain.errors import Refused

_SERVICES = ("agent", "dnd", "filter", "forward-busy", "forward-no-answer", "forward-unconditional", "voicemail")
_ALWAYS = ("deactivated", "off", "on", "refused", "some", "unavailable", "unconfirmed", "unknown")
TONES = ("recording-beep", "recording-started", "recording-stopped", "recording-failed")
SPOKEN = (
    *("call-is-recorded", "call-is-paused", "call-not-recorded"),
    *(f"other-call-{word}" for word in ("recorded", "paused", "not-recorded", "unproven")),
    *(f"call-recording-{word}" for word in _ALWAYS),
    *(f"{service}-{word}" for service in _SERVICES for word in ("on", "off")),
    *(f"service-{word}" for word in ("deactivated", "empty", "refused", "unavailable", "unconfirmed", "unknown")),
    *("forwards-off", "status-quiet"),
)
SILENCES = ("recording-silence-1s", "recording-silence-3s")
"""Played so that packets flow."""
PLAYED = (*TONES, *SPOKEN, *SILENCES)
"""All sounds in the folder `callrec` of each language."""
LANGUAGES = frozenset({"de", "en", "es", "fr"})
"""The languages of callrec's prompts."""
DEFAULT = "default"
FOLDER = "callrec/"
"""The folder of callrec's sounds, below that of a language."""
RATE_HZ = 8000
"""Of own prompts as they are stored: Asterisk plays a WAV file of this rate on each leg."""
SHORTEST_S, LONGEST_S = 0.1, 30.0
LARGEST_BYTES = 16 << 20
"""Of an uploaded file: half a minute of stereo at 96 kHz with 24 bits is 17 MB, more than any prompt needs."""
_LANGUAGE = re.compile("[a-z]{2}")


@dataclass(frozen=True, slots=True)
class OwnPrompt:
    """A stored own prompt. `path`: of its file, without the ending, as Asterisk plays it; `silence`: of a silent sound that is
    longer."""

    name: str
    language: str
    length_s: float
    path: str = ""
    silence: str = ""


def check_replaceable(name: str, language: str) -> None:
    """Raises Refused for a name or a language that no own prompt can have."""
    if name not in {*TONES, *SPOKEN}:
        hint = "callrec prompts list --all names those that callrec plays"
        raise Refused("prompt-name", f"callrec plays no prompt {name[:80]!r} that can be replaced", hint=hint)
    if language != DEFAULT and not _LANGUAGE.fullmatch(language):
        hint = f"en, fr, ..., or {DEFAULT} for who has no language"
        raise Refused("prompt-language", f"a prompt's language is two small letters, not {language[:80]!r}", hint=hint)
    if name in TONES and language != DEFAULT:
        hint = f"set it for {DEFAULT}"
        raise Refused("prompt-language", f"the tone {name} is the same in each language", hint=hint)


def check_length(length_s: float) -> None:
    """Raises Refused for a length that no prompt can have."""
    if not SHORTEST_S <= length_s <= LONGEST_S:
        says = f"a prompt lasts {SHORTEST_S:g} to {LONGEST_S:g} seconds, this file lasts {length_s:.1f}"
        raise Refused("prompt-length", says, hint="cut it, or say less")


def folders(language: str) -> tuple[str, ...]:
    """Where own prompts for this language (empty: none) are looked for, in this order; then callrec's own is played."""
    spoken = language[:2]
    if not spoken:
        return (DEFAULT,)
    return (spoken,) if spoken in LANGUAGES else (spoken, DEFAULT)
