"""Whether tones and prompts are heard: Asterisk plays them on a channel of the doctor's own, which no phone hears.

The tone goes the way of `*3`: a whispering snoop, to its end. Of each prompt only the end is played, which takes a frame of
20 ms and proves that Asterisk finds, opens and reads the file. Prompts are asked for by their folder (`fr/callrec/dnd-on`), since
Asterisk plays the file of its default language in the place of one that is missing.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from callrec.app.doctor import Finding, Verdict
from callrec.domain.errors import CallrecError, Misconfigured

TONE = "callrec/recording-started"
_SERVICES = ("agent", "dnd", "filter", "forward-busy", "forward-no-answer", "forward-unconditional", "voicemail")
_ALWAYS = ("deactivated", "off", "on", "refused", "unavailable", "unconfirmed", "unknown")
PROMPTS = (
    *("recording-started", "recording-stopped", "recording-failed", "call-is-recorded"),
    *(f"call-recording-{word}" for word in _ALWAYS),
    *(f"{service}-{word}" for service in _SERVICES for word in ("on", "off")),
    *(f"service-{word}" for word in ("deactivated", "empty", "refused", "unavailable", "unconfirmed", "unknown")),
    *("forwards-off", "status-quiet"),
)
LANGUAGES = frozenset({"de", "en", "es", "fr"})
"""Those that callrec speaks."""
_SHOWN = 5


class Stage(Protocol):
    """A channel of the doctor's own, through which Asterisk plays."""

    @property
    def language(self) -> str:
        """That of channels that have none of their own."""
        ...

    async def tone(self, sound: str) -> None:
        """Play it as into a live call; return when it was played to its end. Raises what kept it from that."""
        ...

    async def missing(self, sounds: Sequence[str]) -> list[str]:
        """Which of these Asterisk cannot play. Raises what kept it from playing at all."""
        ...


async def look_at_sounds(stage: Stage, languages: Collection[str]) -> list[Finding]:
    """`languages`: of users and their endpoints, as Asterisk names them (`fr`, `fr_CA`)."""
    try:
        await stage.tone(TONE)
    except CallrecError as error:
        write = error.hint or "see what the checks 'modules' and 'sounds' say"
        tone = Finding("tones", Verdict.WRONG, f"no tone can be played into a call: {error.message}", write)
    else:
        tone = Finding("tones", Verdict.OK, "one was played to its end, as in a call")
    try:
        return [tone, await _prompts(stage, languages)]
    except Misconfigured as error:
        return [tone, Finding("sounds", Verdict.WRONG, error.message, error.hint)]
    except CallrecError as error:
        return [tone, Finding("sounds", Verdict.UNSEEN, f"cannot be played: {error.message}", error.hint)]


async def _prompts(stage: Stage, languages: Collection[str]) -> Finding:
    asked = {language[:2].lower() for language in (*languages, stage.language) if language}
    spoken, says, write = sorted(asked & LANGUAGES), [], []
    for language in spoken:
        sounds = {f"{language}/callrec/{prompt}": prompt for prompt in PROMPTS}
        missing = [sounds[sound] for sound in await stage.missing(list(sounds))]
        if missing:
            shown = ", ".join(missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
            says.append(f"{language}: {'none of them' if len(missing) == len(PROMPTS) else shown}")
            write.append(f"ln -sT <callrec>/dialplan/sounds/{language}/callrec <data>/sounds/{language}/callrec")
    foreign = f"; there are none in {', '.join(sorted(asked - LANGUAGES))}" if asked - LANGUAGES else ""
    if says:
        where = "on Asterisk's machine, with the data directory that `core show settings` prints as <data>:"
        told = f"{len(PROMPTS)} prompts for each language, of which Asterisk cannot play: {'; '.join(says)}{foreign}"
        return Finding("sounds", Verdict.WRONG, told, "\n".join([where, *write]))
    return Finding(
        "sounds",
        Verdict.OK,
        f"Asterisk plays all {len(PROMPTS)} prompts in {', '.join(spoken) or 'no language'}{foreign}",
    )
