"""The dialplan's requests for feature codes and keys: forwards, *do not disturb*, the mailbox, agents, the secretaries' filter.

The answer is one word in CALLREC_RESULT and the sounds to play in CALLREC_SOUND. `done` comes only after the store has the change
on disk. `number-wanted`: the user must enter a number, and then the dialplan sends the request again.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from callrec.app.calls.ami_events import endpoint_of
from callrec.app.dialplan.recording_codes import LANGUAGE, SOUND, language_of
from callrec.app.ports.directory import DirectorySource, TableStore, UserFields
from callrec.domain.calls.ids import LegId
from callrec.domain.directory.directory import Party
from callrec.domain.directory.function_keys import meant, owner_of
from callrec.domain.directory.model import Feature, FeatureCode
from callrec.domain.directory.services import FOREIGN, NotDone, NumberWanted, Turn, pressed
from callrec.domain.errors import OutcomeUnknown, Refused, Unavailable
from callrec.domain.rules import UserId
from callrec.protocols.agi import Answer, Request

TurnOver = Callable[[Party, str], Awaitable[Answer]]
"""Toggles the always-record flag of a user, once for each leg, and says what came of it."""
DONE, WANTED = "done", "number-wanted"
KEY = "key"
"""In place of a feature: the argument is the number that a function key has dialled."""
ENTERED = "entered"
_SPOKEN = {"*": "star", "#": "pound"}


class Services:
    """The script `service,<feature or key>,<argument>,<forwarded: 0 or 1>[,entered]`."""

    def __init__(
        self,
        store: TableStore,
        tables: DirectorySource,
        served: Callable[[LegId], None],
        toggle_always_record: TurnOver,
        spoken_of_calls: Callable[[UserId, LegId], Sequence[str]],
    ) -> None:
        """`served` is called with each leg that uses a service: it is connected to callrec, not to another leg.
        `spoken_of_calls` has the sounds that say what is true of a user's other live calls."""
        self._store = store
        self._tables = tables
        self._served = served
        self._turn_over = toggle_always_record
        self._spoken_of_calls = spoken_of_calls

    async def script(self, request: Request) -> Answer:
        """Switch the service that the presser has dialled. Never raises: each outcome has a word."""
        self._served(LegId(request.uniqueid))
        feature, argument, forwarded, entered = (*request.arguments, "", "", "", "")[:4]
        party = self._tables.directory.by_endpoint(endpoint_of(request.channel))
        if not self._tables.fresh:
            return _say("unavailable", party)
        if party is None:
            return _say("unknown", None)
        if (
            forwarded == "1"
        ):  # the leg is the forwarding user's, who has not dialled; the caller may not change their services
            return _say("refused", party)
        if feature == KEY:
            if owner_of(argument) != party.user.id:
                return Answer(FOREIGN)
            code, argument = meant(argument, self._tables.directory.codes()) or (None, "")
        else:
            code = self._tables.directory.code(Feature(feature)) if feature in set(Feature) else None
        if code is None or not code.enabled:
            return _say("deactivated", party)
        if code.feature is Feature.CALL_RECORD:  # Asterisk's copy does not have this user's key yet
            answer = await self._turn_over(party, request.uniqueid)
            return Answer(DONE, answer.variables) if answer.result in {"on", "off"} else answer
        return await self._press(code, argument, party, request.uniqueid, entered=entered == ENTERED)

    async def _press(self, code: FeatureCode, argument: str, party: Party, request: str, *, entered: bool) -> Answer:
        match pressed(code.feature, argument, party, self._tables.directory, entered=entered):
            case NumberWanted():
                return Answer(WANTED, _language(party))
            case NotDone(why):
                return _say(why, party)
            case Turn(says) as turn:  # pragma: no branch - the last kind
                failed = await self._turn(turn, party, f"{request}-{code.feature}")
                if code.feature is Feature.PHONE_STATUS:
                    says = [*says, *self._spoken_of_calls(party.user.id, LegId(request))]
                return failed or Answer(DONE, ((SOUND, _sound(says)), *_language(party)))

    async def _turn(self, turn: Turn, party: Party, request: str) -> Answer | None:
        """Store the change; None when that succeeded, else the answer that names the failure."""
        if turn.user is None:
            return None
        changed = UserFields(**turn.fields)  # type: ignore[typeddict-item]  # `services` names fields of users
        try:
            await self._store.set_user(turn.user, actor=f"user:{party.user.id}", request_id=request, **changed)
        except Refused:
            return _say("refused", party)
        except Unavailable as error:
            return _say("unconfirmed" if isinstance(error, OutcomeUnknown) else "unavailable", party)
        return None


def _say(why: str, party: Party | None) -> Answer:
    return Answer(why, ((SOUND, f"callrec/service-{why}"), *_language(party)))


def _language(party: Party | None) -> tuple[tuple[str, str], ...]:
    language = language_of(party)
    return ((LANGUAGE, language),) if language else ()


def _sound(says: Iterable[str]) -> str:
    """The argument for Playback: sounds in order; a number is spoken digit by digit."""
    return "&".join(sound for word in says for sound in _sounds(word))


def _sounds(word: str) -> Iterable[str]:
    if word[0].isalpha():
        return (f"callrec/{word}",)
    return (f"digits/{_SPOKEN.get(digit, digit)}" for digit in word)
