"""Asterisk reads its configuration anew: module reloads and the questions that prove them, over AMI.

`Reload` needs the class `system` (manager.c: action_reload; `ModuleLoad` does not know `features`), `Getvar` the class `call`.
A reload is done in Asterisk's thread for this very connection, which answers nothing else meanwhile: with thousands of lines that
is seconds, so a daemon needs a connection of its own for it.
"""

from callrec.adapters.asterisk.ami import AmiLimits
from callrec.adapters.asterisk.controls import Actions
from callrec.domain.errors import Refused
from callrec.protocols.asterisk_conf import Question

RELOAD_S = 120.0
ANSWER_S = 10.0
LIMITS = AmiLimits(silence_s=RELOAD_S + ANSWER_S)
"""For the link: it is silent as long as a reload lasts."""


class AmiReading:
    """Keeps the promises of `app.confgen.Reading`."""

    def __init__(self, ami: Actions) -> None:
        self._ami = ami

    async def reload(self, module: str) -> bool:
        """See confgen.Reading."""
        try:
            await self._ami.action("Reload", [("Module", module)], timeout_s=RELOAD_S)
        except Refused as error:
            if "module not found" in error.message.lower() or "no such module" in error.message.lower():
                return False
            raise
        return True

    async def answer(self, question: Question) -> str:
        """See confgen.Reading."""
        answer = await self._ami.action("Getvar", [("Variable", question.variable)], timeout_s=ANSWER_S)
        return answer.get("Value")
