"""Asterisk's names of audio formats, as `CHANNEL(audionativeformat)` and the dialplan give them."""

_WIDE = ("g722", "opus", "silk", "siren", "speex16", "speex32", "slin1", "slin2", "slin3", "slin4", "slin9", "amrwb")
"""Format names that begin so carry more than 8 kHz (`slin16`, `slin48`, ...; plain `slin` does not)."""


def rate_of(audio_formats: str) -> int:
    """8000 or 16000 Hz, whatever is enough for these formats: `(ulaw)` is 8000, `(g722|ulaw)` 16000. Never fails."""
    names = audio_formats.strip("()").replace("|", ",").lower().split(",")
    return 16000 if any(name.strip().startswith(_WIDE) for name in names) else 8000
