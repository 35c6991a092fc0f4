"""Whether Asterisk can play callrec's tones and prompts: it plays them on a channel of the doctor's own, which no phone hears.

The tone is played to its end by a whispering snoop, as for `*3`. Of each prompt only the last frame (20 ms) is played, which
proves that Asterisk finds, opens and reads the file. A prompt is named with its language folder (`fr/callrec/dnd-on`), since
Asterisk plays the file of its default language in place of a missing one.
"""

from collections.abc import Collection, Sequence

from callrec.app.doctor.findings import Finding, Verdict
from callrec.app.ports.asterisk import SoundStage
from callrec.domain.errors import CallrecError, Misconfigured
from callrec.domain.prompts import LANGUAGES, OwnPrompt
from callrec.domain.prompts import PLAYED as PROMPTS

TONE = "callrec/recording-started"
_SHOWN = 5


async def look_at_sounds(stage: SoundStage, languages: Collection[str], own: Sequence[OwnPrompt] = ()) -> list[Finding]:
    """Tones and prompts, and own prompts where there are any. `languages`: those of users and their endpoints, named as in
    Asterisk (`fr`, `fr_CA`)."""
    try:
        await stage.tone(TONE)
    except CallrecError as error:
        write = error.hint or "see the checks 'modules' and 'sounds'"
        tone = Finding("tones", Verdict.WRONG, f"no tone can be played into a call: {error.message}", write)
    else:
        tone = Finding("tones", Verdict.OK, "a tone was played to its end, as in a call")
    try:
        own_prompts = [await _own_prompts(stage, own)] if own else []
        return [tone, await _prompts(stage, languages), *own_prompts]
    except Misconfigured as error:
        return [tone, Finding("sounds", Verdict.WRONG, error.message, error.hint)]
    except CallrecError as error:
        return [tone, Finding("sounds", Verdict.UNSEEN, f"prompts were not played: {error.message}", error.hint)]


async def _prompts(stage: SoundStage, languages: Collection[str]) -> Finding:
    requested = {language[:2].lower() for language in (*languages, stage.language) if language}
    spoken, says, write = sorted(requested & LANGUAGES), [], []
    for language in spoken:
        sounds = {f"{language}/callrec/{prompt}": prompt for prompt in PROMPTS}
        missing = [sounds[sound] for sound in await stage.missing(list(sounds))]
        if missing:
            shown = ", ".join(missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
            says.append(f"{language}: {'all of them' if len(missing) == len(PROMPTS) else shown}")
            write.append(f"ln -sT <callrec>/dialplan/sounds/{language}/callrec <data>/sounds/{language}/callrec")
    foreign = f"; callrec has no prompts in {', '.join(sorted(requested - LANGUAGES))}" if requested - LANGUAGES else ""
    if says:
        where = "on Asterisk's machine, with the data directory that `core show settings` prints as <data>:"
        told = f"of {len(PROMPTS)} prompts for each language Asterisk cannot play: {'; '.join(says)}{foreign}"
        return Finding("sounds", Verdict.WRONG, told, "\n".join([where, *write]))
    return Finding(
        "sounds",
        Verdict.OK,
        f"Asterisk plays all {len(PROMPTS)} prompts in {', '.join(spoken) or 'no language'}{foreign}",
    )


async def _own_prompts(stage: SoundStage, own: Sequence[OwnPrompt]) -> Finding:
    """In place of one that Asterisk cannot play callrec's is played, so that only this check tells of it."""
    check, at = "own prompts", {one.path: one for one in own}
    missing = [at[path] for path in await stage.missing(list(at))]
    if not missing:
        return Finding(check, Verdict.OK, f"Asterisk plays all {len(own)}")
    names = [f"{one.language}/{one.name}" for one in missing]
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    write = (
        "let Asterisk's user read the folder CALLREC_PROMPTS_DIR and the folders above it; if Asterisk runs in a container, "
        "show it that folder under the same path"
    )
    return Finding(check, Verdict.WRONG, f"of {len(own)} own prompts Asterisk cannot play: {shown}", write)
