"""The proof that a FastAGI dialogue comes from the leg that it names: FastAGI has no login, and any local process may connect.

The daemon sets a token on the leg over AMI, and reads it back over the dialogue: only Asterisk can answer with it.
Each leg has its own token, derived from a secret of this daemon, so the second dialogue of a leg needs no AMI, and a forged
dialogue beside a true one changes nothing. The token is never sent over a dialogue.
"""

import asyncio
import hmac
from collections import OrderedDict
from typing import Final

from callrec.app.calls.call_router import CallRouter
from callrec.app.ports.asterisk import Dialogue, LegVariables
from callrec.domain.calls.ids import LegId
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.vocabulary import AgiScript
from callrec.protocols.agi import Answer, Request

VARIABLE: Final = "CALLREC_PROOF"
HOOK: Final = AgiScript.CALL
"""The script of the hook before Dial."""
WAIT_S: Final = 0.2
"""How long the proof waits for AMI events about a leg before it asks Asterisk."""
PROOF_S: Final = 0.35
"""The limit of the whole proof; the rest of the 450 ms in which a leg gets its answer is for the script."""
MOST_NOTED: Final = 10_000
"""The most legs remembered as carrying their token; the oldest are forgotten, and get it again."""


class LegAuthentication:
    """Proves legs. `secret`: random bytes that only this daemon knows."""

    def __init__(self, call_router: CallRouter, variables: LegVariables, secret: bytes) -> None:
        self._call_router = call_router
        self._variables = variables
        self._secret = secret
        self._noted: OrderedDict[LegId, None] = OrderedDict()
        self._under_way: dict[LegId, asyncio.Task[None]] = {}

    async def prove(self, request: Request, dialogue: Dialogue) -> Answer | None:
        """None when the dialogue is the leg's. Raises Unavailable: nothing was done, and the dialplan uses its fallback mode.

        The hook before Dial must not use the fallback mode for a call that the daemon records: for a leg of a live call it gets
        `pending` when AMI is too slow for the proof.
        """
        if not self._call_router.link_is_up():
            raise Unavailable("ami-down", "there is no connection to Asterisk's manager", hint="/readyz has the reason")
        leg = LegId(request.uniqueid)
        try:
            async with asyncio.timeout(PROOF_S):
                await self._prove(leg, dialogue)
        except TimeoutError:
            if request.script == HOOK and await self._call_router.wait_for_leg(leg, 0):
                return Answer("pending")
            raise Unavailable(
                "leg-unproven", "Asterisk did not confirm in time which leg the dialogue comes from"
            ) from None
        return None

    async def _prove(self, leg: LegId, dialogue: Dialogue) -> None:
        # Asterisk accepts a name in place of an id, and an empty one for all channels (channel.c: ast_channel_get_by_name).
        if not await self._call_router.wait_for_leg(leg, WAIT_S) and (not leg or "/" in leg):
            raise Unavailable("leg-unknown", "a FastAGI dialogue names no leg")
        was_noted = leg in self._noted
        if was_noted and await self._has_token(leg, dialogue):
            return
        await self._note(leg)  # set it again: a leg that replaced another (a pickup) has the variables of both
        if not await self._has_token(leg, dialogue):
            raise Unavailable("leg-unproven", "a FastAGI dialogue did not come from the leg that it names")

    async def _has_token(self, leg: LegId, dialogue: Dialogue) -> bool:
        said = await dialogue.get_variable(VARIABLE) or ""
        return hmac.compare_digest(said.encode("utf-8", "replace"), self._token(leg).encode())

    async def _note(self, leg: LegId) -> None:
        """Set the token on the leg. When AMI is slow, it is set after the proof has failed; the next proof then finds it."""
        under_way = self._under_way.get(leg)
        if under_way is None:
            under_way = self._under_way[leg] = asyncio.create_task(self._set(leg))
            under_way.add_done_callback(lambda task: self._noted_by(leg, task))
        await asyncio.shield(under_way)

    async def _set(self, leg: LegId) -> None:
        try:
            await self._variables.set(leg, VARIABLE, self._token(leg))
        except Refused as error:
            raise Unavailable(
                "leg-unknown", f"Asterisk has no such leg as a FastAGI dialogue names: {error.message}"
            ) from error
        self._noted[leg] = None
        if len(self._noted) > MOST_NOTED:
            self._noted.popitem(last=False)

    def _noted_by(self, leg: LegId, task: asyncio.Task[None]) -> None:
        del self._under_way[leg]
        if not task.cancelled():
            task.exception()  # read here, so that asyncio does not report it; a dialogue that still waits gets it, too

    def _token(self, leg: LegId) -> str:
        return hmac.new(self._secret, leg.encode("utf-8", "replace"), "sha256").hexdigest()[:32]
