"""The dialplan's requests about recording: `*3` (toggle), `*4` (pause), `*26` (always-record) and the hook before Dial (call).

Each answers with one word in CALLREC_RESULT and, where a sound is to be played, its file in CALLREC_SOUND. The word is an
`Outcome` for `*3` and `*4`; for `*26` it is one of:
- `on`, `off`: the store has the flag on disk.
- `unavailable`: nothing was changed. The dialplan makes the change itself in fallback mode, and the daemon applies it later.
- `unconfirmed`: the outcome is unknown; the lamp shows it as soon as it is known.
"""

import contextlib

from callrec.app.calls.ami_events import by_name, clean_name, clean_number, endpoint_of, number_in
from callrec.app.calls.call_router import CallRouter
from callrec.app.ports.asterisk import Codecs
from callrec.app.ports.directory import DirectorySource, TableStore
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import LegAudio
from callrec.domain.directory.directory import Party
from callrec.domain.directory.model import Feature, sound_folder
from callrec.domain.errors import OutcomeUnknown, Refused, Unavailable
from callrec.domain.vocabulary import Outcome
from callrec.protocols.agi import Answer, Request
from callrec.protocols.audio_formats import rate_of

SOUND = "CALLREC_SOUND"
LANGUAGE = "CALLREC_LANGUAGE"
_PREFIX = "callrec/call-recording-"
_TOLD = (Outcome.ALREADY, Outcome.REFUSED, Outcome.IS_PAUSED, Outcome.NOT_PAUSED, Outcome.NOT_RECORDED)
"""Outcomes that the call itself does not announce: they are announced to the presser."""
_FAILED_SOUND = "callrec/recording-failed"
_SOUNDS_WITHOUT_ARI = {
    Outcome.ALREADY: "callrec/call-is-recorded",
    Outcome.REFUSED: _FAILED_SOUND,
    Outcome.IS_PAUSED: "callrec/call-is-paused",
    Outcome.NOT_PAUSED: _FAILED_SOUND,
    Outcome.NOT_RECORDED: "callrec/call-not-recorded",
}
"""Sounds that the dialplan plays while ARI is down; the other parties hear silence meanwhile."""


class RecordingCodes:
    """The scripts of the FastAGI server."""

    def __init__(self, call_router: CallRouter, store: TableStore, tables: DirectorySource, codecs: Codecs) -> None:
        self._call_router, self._codecs = call_router, codecs
        self._store = store
        self._tables = tables

    async def toggle(self, request: Request) -> Answer:
        """`*3`. A change is confirmed by a tone in the call; any other outcome is announced to the presser only.

        Raises Unavailable while AMI is down or the tables are not loaded: the dialplan then uses its fallback mode.
        """
        audio = await self._audio(request.arguments[0]) if request.arguments else None
        outcome, is_told = await self.press(LegId(request.uniqueid), self._who(request), audio)
        if audio and audio.undecodable and outcome is Outcome.FAILED:
            return Answer(
                outcome, ((SOUND, _FAILED_SOUND),)
            )  # if at all, Asterisk has this prompt in the leg's own codec
        return Answer(
            outcome, ((SOUND, _SOUNDS_WITHOUT_ARI[outcome]),) if outcome in _SOUNDS_WITHOUT_ARI and not is_told else ()
        )

    async def _audio(self, formats: str) -> LegAudio:
        return LegAudio(rate_of(formats), await self._codecs.undecodable(formats))

    async def press(self, leg: LegId, party: Party | None, audio: LegAudio | None) -> tuple[Outcome, bool]:
        """A press of `*3` by this user: its outcome, and whether the presser is told of it by what callrec plays.

        Raises Unavailable as `toggle` does."""
        self._reachable()
        rate_hz, undecodable = (audio.rate_hz, audio.undecodable) if audio else (None, "")
        outcome = await self._call_router.press(leg, party.user if party else None, rate_hz, undecodable)
        return outcome, self._tell(leg, outcome, party)

    async def pause(self, request: Request) -> Answer:
        """`*4`. A proven pause and its end are told by a tone in the call; any other outcome to the presser only.

        Raises Unavailable as `toggle` does: then nothing is paused, and the dialplan says so."""
        outcome, is_told = await self.press_pause(LegId(request.uniqueid), self._who(request))
        return Answer(
            outcome, ((SOUND, _SOUNDS_WITHOUT_ARI[outcome]),) if outcome in _SOUNDS_WITHOUT_ARI and not is_told else ()
        )

    async def press_pause(self, leg: LegId, party: Party | None) -> tuple[Outcome, bool]:
        """A press of `*4` by this user: its outcome, and whether the presser is told of it by what callrec plays. While the code
        is disabled it is refused, also where Asterisk still has it.

        Raises Unavailable as `toggle` does."""
        self._reachable()
        outcome = Outcome.REFUSED
        if self._tables.directory.code(Feature.PAUSE_RECORD).enabled:
            outcome = await self._call_router.press_pause(leg, party.user if party else None)
        return outcome, self._tell(leg, outcome, party)

    def _tell(self, leg: LegId, outcome: Outcome, party: Party | None) -> bool:
        return outcome in _TOLD and self._call_router.tell_presser(leg, outcome, language_of(party))

    async def call(self, request: Request) -> Answer:
        """The hook before Dial: the endpoint that is about to ring, so that an unanswered call can be explained.

        Raises Unavailable while the daemon would not see the call: the dialplan then records it if a rule requires it.
        """
        self._reachable()
        party = by_name(self._tables.directory, request.arguments[0] if request.arguments else "")
        number = party.line.number if party else number_in(request.extension) or number_in(request.dnid)
        shown = clean_number(request.caller_number), clean_name(request.caller_name)
        self._call_router.dial_started(LegId(request.uniqueid), party.user if party else None, number, shown)
        return Answer("ok")

    async def always_record(self, request: Request) -> Answer:
        """`*26`: toggle the flag of the calling user and announce its new state; a forwarded call is refused."""
        self._call_router.feature_code_dialled(LegId(request.uniqueid))
        digits, forwarded = (*request.arguments, "", "")[:2]
        party = self._who(request)
        if not self._tables.fresh:
            return _say("unavailable", party)
        code = self._tables.directory.code(Feature.CALL_RECORD)
        if not code.enabled or code.code != digits:
            return _say("deactivated", party)
        if forwarded == "1":  # checked first: a forwarded leg does not show which user's phone it is
            return _say("refused", party)
        if party is None:
            return _say("unknown", None)
        return await self.toggle_always_record(party, request.uniqueid)

    async def toggle_always_record(self, party: Party, request: str) -> Answer:
        """Toggle this user's flag and announce its new state. `request` is the leg's id: it is done once for each."""
        try:
            on = await self._store.toggle_call_record(party.user.id, request, f"user:{party.user.id}")
        except Refused:
            return _say("unknown", party)
        except Unavailable as error:
            return _say("unconfirmed" if isinstance(error, OutcomeUnknown) else "unavailable", party)
        return _say("on" if on else "off", party)

    def is_able(self) -> bool:
        """Whether a request about recording would be answered by something else than *unavailable*."""
        with contextlib.suppress(Unavailable):
            self._reachable()
            return True
        return False

    def _reachable(self) -> None:
        if not self._call_router.link_is_up():
            raise Unavailable("ami-down", "there is no connection to Asterisk's manager", hint="/readyz says why")
        if not self._tables.fresh and not self._tables.directory.users():
            raise Unavailable(
                "tables-unknown", "the tables were never loaded, so no user is known", hint="/readyz says why"
            )

    def _who(self, request: Request) -> Party | None:
        return self._tables.directory.by_endpoint(endpoint_of(request.channel))


def language_of(party: Party | None) -> str:
    """The language of a user's prompts, as Asterisk names sound folders; empty for the PBX's default."""
    return sound_folder(party.user.language) if party else ""


def _say(result: str, party: Party | None) -> Answer:
    language = language_of(party)
    spoken = ((LANGUAGE, language),) if language else ()
    return Answer(result, ((SOUND, f"{_PREFIX}{result}"), *spoken))
