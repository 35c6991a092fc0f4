"""Asterisk's names of audio formats, as `CHANNEL(audionativeformat)` and the dialplan give them, and who decodes them."""

from collections.abc import Iterable

_WIDE = ("g722", "opus", "silk", "siren", "speex16", "speex32", "slin1", "slin2", "slin3", "slin4", "slin9", "amrwb")
"""Beginnings of the names of formats with more than 8 kHz (`slin16`, `slin48`, ...; plain `slin` has 8 kHz)."""
_PLAIN = ("ulaw", "alaw", "g722", "slin", "gsm")
"""Formats that a PBX cannot do without."""
_NONE = ("", "nothing", "none")


def rate_of(audio_formats: str) -> int:
    """The lowest sufficient rate for these formats, 8000 or 16000 Hz: `(ulaw)` gives 8000, `(g722|ulaw)` 16000. Never fails."""
    return 16000 if any(name.startswith(_WIDE) for name in _names(audio_formats)) else 8000


def is_plain(audio_formats: str) -> bool:
    """Whether every Asterisk decodes one of these, or nothing is known of them."""
    names = _names(audio_formats)
    return not names or any(name.startswith(_PLAIN) for name in names)


def undecodable(audio_formats: str, modules: Iterable[str]) -> str:
    """The name of a format that none of these modules (those that run in Asterisk) decodes; empty when there is one for any of
    the leg's formats. A codec's module has its name in its own (`codec_g729a.so`, `codec_opus_open_source.so`), but what
    only reads files (`format_g729.so`) or SDP (`res_format_attr_opus.so`) has it too."""
    coders = [name.partition(".")[0].lower().partition("codec_")[2] for name in modules]
    names = _names(audio_formats)
    if is_plain(audio_formats) or any(_is_of(coder, name) for name in names for coder in coders if coder):
        return ""
    return names[0]


def _is_of(coder: str, name: str) -> bool:
    """`g726` is for `g726aal2`, `opus_open_source` for `opus`."""
    return name in coder or name.startswith(coder)


def _names(audio_formats: str) -> list[str]:
    named = audio_formats.strip("()").replace("|", ",").lower().split(",")
    return [name for one in named if (name := one.strip()) not in _NONE]
