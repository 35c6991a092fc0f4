"""What the dialplan asks us: `*3` (toggle), `*26` (always-record) and the hook before Dial (call).

Each answers with one word in CALLREC_RESULT and, where something is to be said, the sound in CALLREC_SOUND. What is said is
true: `on` and `off` come only after the store has the flag on disk; `unavailable` means that nothing was changed
(the dialplan does it by itself then, and we catch up); `unconfirmed`, that nobody knows (the lamp will).
"""

from callrec.app.engine import Engine
from callrec.app.store_port import DirectorySource, TableStore
from callrec.app.translation import by_name, endpoint_of, number_in
from callrec.domain.errors import OutcomeUnknown, Refused, Unavailable
from callrec.domain.messages import Outcome
from callrec.domain.model import LegId
from callrec.domain.provisioning.directory import Party
from callrec.domain.provisioning.model import Feature
from callrec.domain.vocabulary import DropReason
from callrec.protocols.agi import Answer, Request
from callrec.protocols.formats import rate_of

SOUND = "CALLREC_SOUND"
LANGUAGE = "CALLREC_LANGUAGE"
_PREFIX = "callrec/call-recording-"
_TOLD = (Outcome.ALREADY, Outcome.REFUSED, Outcome.PAUSED, Outcome.RESUMED)
"""What a press came to that the call itself says nothing about: its presser is told."""
_FALLBACK = {Outcome.ALREADY: "callrec/call-is-recorded", Outcome.REFUSED: "callrec/recording-failed"}
"""What the dialplan plays instead while ARI is down; the others of the call hear silence meanwhile."""


class StarCodes:
    """The scripts of the FastAGI server."""

    def __init__(self, engine: Engine, store: TableStore, tables: DirectorySource) -> None:
        self._engine = engine
        self._store = store
        self._tables = tables

    async def toggle(self, request: Request) -> Answer:
        """`*3`. A change is confirmed by a tone into the call; what changed nothing is told to the presser alone.

        Raises Unavailable while Asterisk cannot be asked or nobody is known: the dialplan does it by itself then.
        """
        self._reachable()
        party = self._who(request)
        rate_hz = rate_of(request.arguments[0]) if request.arguments else None
        user = party.user if party else None
        leg = LegId(request.uniqueid)
        outcome = await self._engine.press(leg, user, rate_hz)
        if outcome in _TOLD and self._engine.announcer.is_up:
            work = self._engine.announcer.tell(leg, outcome, language_of(party))
            self._engine.background(work, DropReason.ANNOUNCE)
            return Answer(outcome)
        return Answer(outcome, ((SOUND, _FALLBACK[outcome]),) if outcome in _FALLBACK else ())

    async def call(self, request: Request) -> Answer:
        """The hook before Dial: who is about to be rung, for the explanation of a call that nobody answers.

        Raises Unavailable while we would not see the call: the dialplan records it then, should it have to be.
        """
        self._reachable()
        party = by_name(self._tables.directory, request.arguments[0] if request.arguments else "")
        number = party.line.number if party else number_in(request.extension) or number_in(request.dnid)
        self._engine.called(LegId(request.uniqueid), party.user if party else None, number)
        return Answer("ok")

    async def always_record(self, request: Request) -> Answer:
        """`*26`: refuse a forwarded call, toggle the flag of the calling user, say what it is now."""
        self._engine.served(LegId(request.uniqueid))
        digits, forwarded = (*request.arguments, "", "")[:2]
        party = self._who(request)
        if not self._tables.fresh:
            return _say("unavailable", party)
        code = self._tables.directory.code(Feature.CALL_RECORD)
        if not code.enabled or code.code != digits:
            return _say("deactivated", party)
        if forwarded == "1":  # before anything is asked of the caller: a forwarded leg is nobody's phone
            return _say("refused", party)
        if party is None:
            return _say("unknown", None)
        try:
            on = await self._store.toggle_call_record(party.user.id, request.uniqueid, f"user:{party.user.id}")
        except Refused:
            return _say("unknown", party)
        except Unavailable as error:
            return _say("unconfirmed" if isinstance(error, OutcomeUnknown) else "unavailable", party)
        return _say("on" if on else "off", party)

    def _reachable(self) -> None:
        if not self._engine.link_is_up():
            raise Unavailable("ami-down", "Asterisk cannot be asked now", hint="see readiness")
        if not self._tables.fresh and not self._tables.directory.users():
            raise Unavailable("tables-unknown", "the tables were never loaded: nobody is known", hint="see readiness")

    def _who(self, request: Request) -> Party | None:
        return self._tables.directory.by_endpoint(endpoint_of(request.channel))


def language_of(party: Party | None) -> str:
    """The language in which a user is spoken to, as Asterisk names sound folders; empty: the PBX's own."""
    return party.user.language[:2] if party and party.user.language else ""


def _say(result: str, party: Party | None) -> Answer:
    language = language_of(party)
    spoken = ((LANGUAGE, language),) if language else ()
    return Answer(result, ((SOUND, f"{_PREFIX}{result}"), *spoken))
