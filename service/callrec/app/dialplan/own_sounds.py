"""Own prompts in what the dialplan plays: CALLREC_SOUND names sounds, joined by `&`, as Playback takes them."""

from dataclasses import replace

from callrec.app.asterisk.prompts import Prompts
from callrec.app.dialplan.recording_codes import LANGUAGE, SOUND
from callrec.protocols.agi import Answer

_AND = "&"


async def own_sounds(answer: Answer, prompts: Prompts) -> Answer:
    """The answer with the operator's own prompts in place of those of callrec, where there are any."""
    said = dict(answer.variables)
    if SOUND not in said:
        return answer
    language = said.get(LANGUAGE, "")
    owns = [(sound, await prompts.played(sound, language)) for sound in said[SOUND].split(_AND)]
    said[SOUND] = _AND.join(own.path if own else sound for sound, own in owns)
    return replace(answer, variables=tuple(said.items()))
