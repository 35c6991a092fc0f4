"""What the dialplan asks for a feature code or a key: forwards, *do not disturb*, the mailbox, agents, the secretaries' filter.

The answer is one word in CALLREC_RESULT and what is to be said in CALLREC_SOUND. What is said is true: `done` comes only after
the store has the change on disk. `number-wanted`: the user has to enter one, and then the dialplan asks again.
"""

from collections.abc import Callable, Iterable

from callrec.app.star_codes import LANGUAGE, SOUND, language_of
from callrec.app.store_port import DirectorySource, TableStore, UserFields
from callrec.app.translation import endpoint_of
from callrec.domain.errors import OutcomeUnknown, Refused, Unavailable
from callrec.domain.model import LegId
from callrec.domain.provisioning.directory import Party
from callrec.domain.provisioning.function_keys import meant, owner_of
from callrec.domain.provisioning.model import Feature, FeatureCode
from callrec.domain.provisioning.services import FOREIGN, NotDone, NumberWanted, Turn, pressed
from callrec.protocols.agi import Answer, Request

DONE, WANTED = "done", "number-wanted"
KEY = "key"
"""In the place of a feature: the argument is what a function key has dialled."""
ENTERED = "entered"
_SPOKEN = {"*": "star", "#": "pound"}


class Services:
    """The script `service,<feature or key>,<argument>,<forwarded: 0 or 1>[,entered]`."""

    def __init__(self, store: TableStore, tables: DirectorySource, served: Callable[[LegId], None]) -> None:
        """`served` is told each leg that asks: it talks with callrec, not with another leg."""
        self._store = store
        self._tables = tables
        self._served = served

    async def script(self, request: Request) -> Answer:
        """Turn what the presser wants turned. Never raises: each way it can go has its word."""
        self._served(LegId(request.uniqueid))
        feature, argument, forwarded, entered = (*request.arguments, "", "", "", "")[:4]
        party = self._tables.directory.by_endpoint(endpoint_of(request.channel))
        if not self._tables.fresh:
            return _say("unavailable", party)
        if party is None:
            return _say("unknown", None)
        if forwarded == "1":  # whoever forwarded the call here has no part in it, and its caller no right to theirs
            return _say("refused", party)
        if feature == KEY:
            if owner_of(argument) != party.user.id:
                return Answer(FOREIGN)
            code, argument = meant(argument, self._tables.directory.codes()) or (None, "")
        else:
            code = self._tables.directory.code(Feature(feature)) if feature in set(Feature) else None
        if code is None or not code.enabled:
            return _say("deactivated", party)
        return await self._press(code, argument, party, request.uniqueid, entered=entered == ENTERED)

    async def _press(self, code: FeatureCode, argument: str, party: Party, request: str, *, entered: bool) -> Answer:
        match pressed(code.feature, argument, party, self._tables.directory, entered=entered):
            case NumberWanted():
                return Answer(WANTED, _language(party))
            case NotDone(why):
                return _say(why, party)
            case Turn(says) as turn:  # pragma: no branch - the last kind
                failed = await self._turn(turn, party, f"{request}-{code.feature}")
                return failed or Answer(DONE, ((SOUND, _sound(says)), *_language(party)))

    async def _turn(self, turn: Turn, party: Party, request: str) -> Answer | None:
        """Have it stored; what is to be said when that did not succeed."""
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
    """For Playback: sounds one after the other; a number is said digit by digit."""
    return "&".join(sound for word in says for sound in _sounds(word))


def _sounds(word: str) -> Iterable[str]:
    if word[0].isalpha():
        return (f"callrec/{word}",)
    return (f"digits/{_SPOKEN.get(digit, digit)}" for digit in word)
