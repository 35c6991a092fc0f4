"""Reloads of Asterisk's configuration over AMI, and the queries that prove that Asterisk has read the files.

`Reload` needs the right `system` (manager.c: action_reload; `ModuleLoad` cannot reload `features`), `Getvar` the right `call`.
Asterisk executes a reload in its thread for this connection, which answers nothing else meanwhile. With thousands of lines that
takes seconds, so the daemon uses a separate connection for it.
"""

from callrec.adapters.asterisk.ami import AmiLimits
from callrec.app.ports.asterisk import Manager
from callrec.domain.errors import Refused
from callrec.protocols.asterisk_conf import Question

RELOAD_S = 120.0
ANSWER_S = 10.0
LIMITS = AmiLimits(silence_s=RELOAD_S + ANSWER_S)
"""Limits for this link, which is silent during a reload."""


class AmiReading:
    """Implements `app.ports.asterisk.ConfigReader`."""

    def __init__(self, ami: Manager) -> None:
        self._ami = ami

    async def reload(self, module: str) -> bool:
        """Reload a module; False when this Asterisk does not have it loaded. Raises Unavailable, Refused."""
        try:
            await self._ami.action("Reload", [("Module", module)], timeout_s=RELOAD_S)
        except Refused as error:
            if "module not found" in error.message.lower() or "no such module" in error.message.lower():
                return False
            raise
        return True

    async def answer(self, question: Question) -> str:
        """The value of the dialplan function; empty when it has none. Raises Unavailable, Refused."""
        answer = await self._ami.action("Getvar", [("Variable", question.variable)], timeout_s=ANSWER_S)
        return answer.get("Value")
