"""What the dialplan is answered when a feature code or a key was dialled: each word true, each sound the right one."""

from dataclasses import dataclass, field, replace

import pytest
from test_recording_codes import Copy, request

from callrec.app.dialplan.service_codes import Services
from callrec.domain.calls.ids import LegId
from callrec.domain.directory.directory import Party
from callrec.domain.directory.function_keys import bound
from callrec.domain.directory.model import Feature, FeatureCode, User
from callrec.domain.directory.table_changes import CodeChanged, UserChanged
from callrec.domain.errors import CallrecError, OutcomeUnknown, Refused, Unavailable
from callrec.domain.rules import UserId
from callrec.protocols.agi import Answer
from callrec_lab.simulated_asterisk import ALICE


@dataclass
class Store:
    """The half of the store that services use."""

    fault: CallrecError | None = None
    asked: list[tuple[UserId, str, str, dict[str, object]]] = field(default_factory=list)

    async def set_user(self, user: UserId, *, actor: str, request_id: str, **fields: object) -> User:
        """See TableStore."""
        if self.fault:
            raise self.fault
        self.asked.append((user, actor, request_id, fields))
        return ALICE


class House:
    """The script over tables of which nothing is mirrored."""

    def __init__(self) -> None:
        self.store, self.copy = Store(), Copy()
        self.services = Services(
            self.store, self.copy, lambda _leg: None, self.toggle_always_record, self.spoken_of_calls
        )  # type: ignore[arg-type]  # the half that is used
        self.turned: list[tuple[UserId, str]] = []
        self.calls: list[str] = []
        self.outcome = "on"

    def spoken_of_calls(self, user: UserId, dialling: LegId) -> list[str]:
        """See spoken_status."""
        assert (user, dialling) == (ALICE.id, "1.1")
        return self.calls

    async def toggle_always_record(self, party: Party, request: str) -> Answer:
        """See RecordingCodes."""
        self.turned.append((party.user.id, request))
        return says(self.outcome, f"callrec/call-recording-{self.outcome}")

    async def answer(self, *arguments: str, endpoint: str = "alice") -> Answer:
        """Of one dialogue."""
        return await self.services.script(request(endpoint, *arguments))


def says(word: str, *sounds: str) -> Answer:
    """An answer with these sounds."""
    return Answer(word, (("CALLREC_SOUND", "&".join(sounds)),))


async def test_a_service_is_turned_in_the_store_and_then_said() -> None:
    house = House()
    assert await house.answer("dnd", "", "0") == says("done", "callrec/dnd-on")
    assert house.store.asked == [(ALICE.id, f"user:{ALICE.id}", "1.1-dnd", {"dnd": True})]


async def test_a_number_is_asked_for_and_said_digit_by_digit() -> None:
    house = House()
    assert await house.answer("forward_busy", "", "0") == Answer("number-wanted")
    sounds = ("callrec/forward-busy-on", "digits/7", "digits/0")
    assert await house.answer("forward_busy", "70", "0", "entered") == says("done", *sounds)
    assert await house.answer("forward_busy", "", "0", "entered") == says("empty", "callrec/service-empty")


async def test_a_key_works_for_its_user_only() -> None:
    house = House()
    for key in (bound(ALICE.id, "*25"), bound(ALICE.id, "*21", "70")):
        assert (await house.answer("key", key, "0")).result == "done"
        assert await house.answer("key", key, "0", endpoint="bob") == Answer("foreign")
    assert await house.answer("key", bound(ALICE.id, "*77"), "0") == says("deactivated", "callrec/service-deactivated")


@pytest.mark.parametrize(("outcome", "word"), [("on", "done"), ("off", "done"), ("unconfirmed", "unconfirmed")])
async def test_the_key_of_always_record_does_what_the_code_does(outcome: str, word: str) -> None:
    """The dialplan knows the key by Asterisk's copy, and asks here while that is not complete: just after a start."""
    house = House()
    house.outcome, key = outcome, bound(ALICE.id, "*26")
    assert await house.answer("key", key, "0") == says("deactivated", "callrec/service-deactivated")
    house.copy.directory.apply(CodeChanged(FeatureCode(Feature.CALL_RECORD, "*26", enabled=True)))
    assert await house.answer("key", key, "0", endpoint="bob") == Answer("foreign")
    assert await house.answer("key", key, "1") == says("refused", "callrec/service-refused")
    assert house.turned == []
    assert await house.answer("key", key, "0") == says(word, f"callrec/call-recording-{outcome}")
    assert house.turned == [(ALICE.id, "1.1")]


async def test_what_changes_nothing_says_why() -> None:
    house = House()
    assert await house.answer("dnd", "", "1") == says("refused", "callrec/service-refused")
    assert await house.answer("dnd", "", "0", endpoint="nobody") == says("unknown", "callrec/service-unknown")
    assert await house.answer("dance", "", "0") == says("deactivated", "callrec/service-deactivated")
    house.copy.directory.apply(CodeChanged(FeatureCode(Feature.DND, "*25")))
    assert await house.answer("dnd", "", "0") == says("deactivated", "callrec/service-deactivated")
    house.copy.fresh = False
    assert await house.answer("dnd", "", "0") == says("unavailable", "callrec/service-unavailable")
    assert house.store.asked == []


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (Refused("no-such-user", "gone"), "refused"),
        (Unavailable("store-down", "down"), "unavailable"),
        (OutcomeUnknown("store-outcome-unknown", "lost"), "unconfirmed"),
    ],
)
async def test_a_store_that_did_not_do_it_is_not_told_as_done(fault: CallrecError, word: str) -> None:
    house = House()
    house.store.fault = fault
    assert await house.answer("dnd", "", "0") == says(word, f"callrec/service-{word}")


async def test_the_status_says_what_is_true_of_other_calls() -> None:
    """After the services; only in the status."""
    house = House()
    house.calls = ["other-call-paused"]
    answer = await house.answer("phone_status", "", "0")
    assert answer == says("done", "callrec/status-quiet", "callrec/other-call-paused")
    assert await house.answer("dnd", "", "0") == says("done", "callrec/dnd-on")


async def test_users_are_spoken_to_in_their_language() -> None:
    house = House()
    house.copy.directory.apply(UserChanged(replace(ALICE, language="fr_FR")))
    answer = await house.answer("phone_status", "", "0")
    assert answer == Answer("done", (("CALLREC_SOUND", "callrec/status-quiet"), ("CALLREC_LANGUAGE", "fr")))
    assert house.store.asked == []
