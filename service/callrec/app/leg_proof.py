"""That a FastAGI dialogue comes from the leg that it names: FastAGI has no login, and any local process may connect.

Over AMI a word that cannot be guessed is put on the leg, and the dialogue has to give it back: only Asterisk, which holds the
leg, can. Each leg has its own word for as long as this daemon lives, made from a secret: so the second dialogue of a leg needs no
AMI, and a forged one beside a true one changes nothing. The word is never sent to a dialogue.
"""

import asyncio
import hmac
from collections import OrderedDict
from typing import Final, Protocol

from callrec.app.engine import Engine
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.model import LegId
from callrec.domain.vocabulary import AgiScript
from callrec.protocols.agi import Answer, Request

VARIABLE: Final = "CALLREC_PROOF"
HOOK: Final = AgiScript.CALL
"""The script of the hook before Dial."""
WAIT_S: Final = 0.2
"""How long we wait for the manager's news of a leg before we ask Asterisk itself."""
PROOF_S: Final = 0.35
"""For all of it: what is left of the 450 ms in which a leg gets its answer must do for the script."""
MOST_NOTED: Final = 10_000
"""Legs known to carry their word. The oldest are forgotten: they get it once more."""


class LegVariables(Protocol):
    """Variables of a leg, set from outside of any dialogue."""

    async def set(self, leg: LegId, name: str, value: str) -> None:
        """Set one. Raises Refused when Asterisk has no such leg, Unavailable."""
        ...


class Asked(Protocol):
    """The dialogue, which may be Asterisk's or a stranger's."""

    async def get_variable(self, name: str) -> str | None:
        """The value that the other end says."""
        ...


class LegProof:
    """Proves legs; `secret` is random, and this daemon's alone."""

    def __init__(self, engine: Engine, variables: LegVariables, secret: bytes) -> None:
        self._engine = engine
        self._variables = variables
        self._secret = secret
        self._noted: OrderedDict[LegId, None] = OrderedDict()
        self._under_way: dict[LegId, asyncio.Task[None]] = {}

    async def prove(self, request: Request, dialogue: Asked) -> Answer | None:
        """None when the dialogue is the leg's. Raises Unavailable: nothing was done, and the dialplan goes its fallback way.

        The hook before Dial must not go it beside us: for a leg of a living call, which we record by ourselves, it hears
        `pending` when the manager is too slow for the proof.
        """
        if not self._engine.link_is_up():
            raise Unavailable("ami-down", "Asterisk cannot be asked now", hint="see readiness")
        leg = LegId(request.uniqueid)
        try:
            async with asyncio.timeout(PROOF_S):
                await self._prove(leg, dialogue)
        except TimeoutError:
            if request.script == HOOK and await self._engine.met(leg, 0):
                return Answer("pending")
            raise Unavailable("leg-unproven", "whether the leg asks could not be proven in time") from None
        return None

    async def _prove(self, leg: LegId, dialogue: Asked) -> None:
        # Asterisk would take a channel's name for its id (channel.c: ast_channel_get_by_name), and nothing for all channels.
        if not await self._engine.met(leg, WAIT_S) and (not leg or "/" in leg):
            raise Unavailable("leg-unknown", "a FastAGI dialogue names no leg")
        was_noted = leg in self._noted
        if was_noted and await self._says_word(leg, dialogue):
            return
        await self._note(leg)  # also once more: a leg that was replaced by another (a pickup) has the variables of both
        if not await self._says_word(leg, dialogue):
            raise Unavailable("leg-unproven", "a FastAGI dialogue did not come from the leg that it names")

    async def _says_word(self, leg: LegId, dialogue: Asked) -> bool:
        said = await dialogue.get_variable(VARIABLE) or ""
        return hmac.compare_digest(said.encode("utf-8", "replace"), self._word(leg).encode())

    async def _note(self, leg: LegId) -> None:
        """Put the word on the leg. A manager that is slow does it after the proof has given up: then the next one finds it."""
        under_way = self._under_way.get(leg)
        if under_way is None:
            under_way = self._under_way[leg] = asyncio.create_task(self._set(leg))
            under_way.add_done_callback(lambda task: self._noted_by(leg, task))
        await asyncio.shield(under_way)

    async def _set(self, leg: LegId) -> None:
        try:
            await self._variables.set(leg, VARIABLE, self._word(leg))
        except Refused as error:
            raise Unavailable("leg-unknown", f"Asterisk does not know the leg that asks: {error.message}") from error
        self._noted[leg] = None
        if len(self._noted) > MOST_NOTED:
            self._noted.popitem(last=False)

    def _noted_by(self, leg: LegId, task: asyncio.Task[None]) -> None:
        del self._under_way[leg]
        if not task.cancelled():
            task.exception()  # read here, so that asyncio does not report it; a dialogue that still waits gets it, too

    def _word(self, leg: LegId) -> str:
        return hmac.new(self._secret, leg.encode("utf-8", "replace"), "sha256").hexdigest()[:32]
