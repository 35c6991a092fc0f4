"""What the dialplan is answered: each word true, each sound the right one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from callrec.app.dialplan.recording_codes import RecordingCodes
from callrec.domain.calls.events import DialStarted
from callrec.domain.calls.ids import CallId, CaptureId, LegId
from callrec.domain.calls.model import Control
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Feature, FeatureCode, Tables, User
from callrec.domain.directory.table_changes import CodeChanged, Difference, UserChanged
from callrec.domain.errors import CallrecError, OutcomeUnknown, Refused, Unavailable
from callrec.domain.rules import UserId
from callrec.domain.vocabulary import Outcome
from callrec.protocols.agi import Answer, Request
from callrec_lab.simulated_asterisk import ALICE, EVER, TABLES, Stage, away, event, virtual


@dataclass
class Copy:
    """The local copy of the tables."""

    directory: Directory = field(default_factory=lambda: Directory(TABLES))
    fresh: bool = True

    def on_change(self, callback: Callable[[Difference], None]) -> None:
        """Nothing changes here."""


@dataclass
class Store:
    """The half of the store that `*26` uses."""

    says: bool | CallrecError = True
    asked: list[tuple[UserId, str, str]] = field(default_factory=list)

    async def toggle_call_record(self, user: UserId, request_id: str, actor: str) -> bool:
        """See TableStore."""
        self.asked.append((user, request_id, actor))
        if isinstance(self.says, CallrecError):
            raise self.says
        return self.says


class Codecs:
    """Of an Asterisk that does not decode G.729."""

    async def undecodable(self, audio_formats: str) -> str:
        """See app.ports."""
        return "no-decoder: g729" if "g729" in audio_formats else ""


class House:
    """The scripts over an engine."""

    def __init__(self, folder: Path) -> None:
        self.stage, self.store, self.copy = Stage(folder), Store(), Copy()
        self.copy.directory.apply(CodeChanged(FeatureCode(Feature.CALL_RECORD, "*26", enabled=True)))
        self.codes = RecordingCodes(self.stage.call_router, self.store, self.copy, Codecs())  # type: ignore[arg-type] # the half that is used

    def language(self, language: str) -> None:
        """Alice speaks this."""
        self.copy.directory.apply(UserChanged(User(ALICE.id, "Alice", language=language, online_record=True)))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def request(endpoint: str, *arguments: str, leg: str = "1.1", extension: str = "s") -> Request:
    """As FastAGI gives it."""
    return Request(
        "script", {}, arguments, f"PJSIP/{endpoint}-00000001", leg, "en", "1001", "A", "default", extension, "", "", {}
    )


def said(word: str, *more: tuple[str, str]) -> Answer:
    """An answer of `*26`."""
    return Answer(word, (("CALLREC_SOUND", f"callrec/call-recording-{word}"), *more))


# -- *26 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("now", "word"), [(True, "on"), (False, "off")])
@virtual
async def test_the_flag_is_turned_over_and_said_in_the_users_language(house: House, now: bool, word: str) -> None:
    house.language("fr_CA")
    house.store.says = now
    answer = await house.codes.always_record(request("alice", "*26", "0"))
    assert answer == said(word, ("CALLREC_LANGUAGE", "fr"))
    assert house.store.asked == [(ALICE.id, "1.1", f"user:{ALICE.id}")]


@virtual
async def test_without_a_language_of_the_user_the_channels_own_stays(house: House) -> None:
    assert await house.codes.always_record(request("alice", "*26")) == said("on")


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (Refused("no-such-user", "gone"), "unknown"),
        (Unavailable("store-unavailable", "away"), "unavailable"),
        (OutcomeUnknown("store-outcome-unknown", "slow"), "unconfirmed"),
    ],
)
@virtual
async def test_what_the_store_could_not_do_is_said_as_it_is(house: House, fault: CallrecError, word: str) -> None:
    house.store.says = fault
    assert await house.codes.always_record(request("alice", "*26", "0")) == said(word)


@pytest.mark.parametrize(
    ("caller", "arguments", "word"),
    [
        ("stranger", ("*26", "0"), "unknown"),
        ("alice", ("*26", "1"), "refused"),
        ("stranger", ("*26", "1"), "refused"),
        ("alice", ("*27", "0"), "deactivated"),
        ("alice", (), "deactivated"),
    ],
)
@virtual
async def test_what_must_not_be_done_is_not_asked_of_the_store(
    house: House, caller: str, arguments: tuple[str, ...], word: str
) -> None:
    assert await house.codes.always_record(request(caller, *arguments)) == said(word)
    assert house.store.asked == []


@virtual
async def test_a_code_that_is_switched_off_changes_nothing(house: House) -> None:
    house.copy.directory.apply(CodeChanged(FeatureCode(Feature.CALL_RECORD, "*26", enabled=False)))
    assert await house.codes.always_record(request("alice", "*26", "0")) == said("deactivated")
    assert house.store.asked == []


@virtual
async def test_with_a_stale_copy_nothing_is_changed_and_that_is_said(house: House) -> None:
    house.copy.fresh = False
    assert await house.codes.always_record(request("alice", "*26", "0")) == said("unavailable")
    assert house.store.asked == []


# -- *3 ----------------------------------------------------------------------------------------------------------------


@virtual
async def test_a_press_starts_and_the_tone_is_the_calls_own(house: House) -> None:
    async with house.stage.running():
        house.stage.call()
        assert await house.codes.toggle(request("alice", "(ulaw)")) == Answer(Outcome.STARTED)
    assert list(house.stage.asterisk.running) == ["c1-1-1"]


@virtual
async def test_what_changed_nothing_is_told_to_the_presser_in_their_language(house: House) -> None:
    """By ARI beside the conversation; by the dialplan when ARI is down."""
    house.language("de_DE")
    async with house.stage.running():
        house.stage.call("alice", "ever")
        await house.stage.passes(2)
        assert await house.codes.toggle(request("alice")) == Answer(Outcome.ALREADY)
        assert house.stage.asterisk.tones == []
        await house.stage.passes(0.1)
        assert house.stage.asterisk.tones == ["already de"]
        house.stage.asterisk.is_up = False
        sound = (("CALLREC_SOUND", "callrec/call-is-recorded"),)
        assert await house.codes.toggle(request("alice")) == Answer(Outcome.ALREADY, sound)


@virtual
async def test_a_press_in_a_call_that_an_operator_has_paused_hears_that_it_is_paused(house: House) -> None:
    """The presser alone, once, and nothing changes."""
    async with house.stage.running():
        house.stage.call("alice", "ever")
        await house.stage.passes(2)
        await house.stage.call_router.control(CallId("c1"), Control.PAUSE, "card number", None)
        await house.stage.passes(2)
        assert house.stage.asterisk.tones == ["paused", "paused"]  # both of them
        assert await house.codes.toggle(request("alice")) == Answer(Outcome.IS_PAUSED)
        await house.stage.passes(0.1)
        assert house.stage.asterisk.tones[2:] == ["is-paused"]


def enable_pauses(house: House) -> None:
    """As an administrator does."""
    house.copy.directory.apply(CodeChanged(FeatureCode(Feature.PAUSE_RECORD, "*4", enabled=True)))


@virtual
async def test_star_four_pauses_and_resumes_and_each_is_told_in_the_call(house: House) -> None:
    """When Asterisk has confirmed it; the dialplan plays nothing more."""
    enable_pauses(house)
    async with house.stage.running():
        house.stage.call("alice", "ever")
        await house.stage.passes(2)
        assert await house.codes.pause(request("alice")) == Answer(Outcome.PAUSED)
        assert house.stage.asterisk.muted == [(CaptureId("c1-1-1"), True)]
        await house.stage.passes(2)
        assert await house.codes.pause(request("alice")) == Answer(Outcome.RESUMED)
        await house.stage.passes(0.1)
        assert house.stage.asterisk.tones == ["paused", "paused", "resumed", "resumed"]


@virtual
async def test_a_pause_that_fails_is_told_to_its_presser_alone(house: House) -> None:
    """By ARI, or else by the dialplan."""
    enable_pauses(house)
    async with house.stage.running():
        house.stage.call("alice", "ever")
        await house.stage.passes(2)
        house.stage.asterisk.faults["mute"] = house.stage.asterisk.faults["stop"] = away()
        assert await house.codes.pause(request("alice")) == Answer(Outcome.NOT_PAUSED)
        await house.stage.passes(0.1)
        assert house.stage.asterisk.tones == ["not-paused"]
        house.stage.asterisk.is_up = False
        await house.stage.call_router.control(CallId("c1"), Control.RESUME, "", None)
        sound = (("CALLREC_SOUND", "callrec/recording-failed"),)
        assert await house.codes.pause(request("alice")) == Answer(Outcome.NOT_PAUSED, sound)


@virtual
async def test_star_four_in_a_call_that_is_not_recorded_is_told_that(house: House) -> None:
    enable_pauses(house)
    async with house.stage.running():
        house.stage.call()
        assert await house.codes.pause(request("alice")) == Answer(Outcome.NOT_RECORDED)
        await house.stage.passes(0.1)
        assert house.stage.asterisk.tones == ["not-recorded"]


@virtual
async def test_star_four_is_refused_while_it_is_disabled_and_to_strangers(house: House) -> None:
    """Asterisk may still have it in its features."""
    async with house.stage.running():
        house.stage.call("alice", "ever")
        await house.stage.passes(2)
        assert await house.codes.pause(request("alice")) == Answer(Outcome.REFUSED)
        enable_pauses(house)
        assert await house.codes.pause(request("stranger")) == Answer(Outcome.REFUSED)
        assert house.stage.asterisk.muted == []


@virtual
async def test_star_four_without_a_link_to_asterisk_is_unavailable(house: House) -> None:
    """The dialplan says that it failed."""
    enable_pauses(house)
    async with house.stage.running():
        house.stage.call("alice", "ever")
        house.stage.link_is_up = False
        with pytest.raises(Unavailable):
            await house.codes.pause(request("alice"))


@virtual
async def test_a_press_in_a_call_that_asterisk_cannot_decode_has_failed(house: House) -> None:
    """No tone, no recorder; the prompt is heard where Asterisk has it in that codec."""
    async with house.stage.running():
        house.stage.call()
        sound = (("CALLREC_SOUND", "callrec/recording-failed"),)
        assert await house.codes.toggle(request("alice", "(g729)")) == Answer(Outcome.FAILED, sound)
        assert (house.stage.asterisk.running, house.stage.asterisk.tones) == ({}, [])
    assert [one.captures[0].cause for one in house.stage.handed] == ["no-decoder: g729"]


@virtual
async def test_a_stranger_is_refused(house: House) -> None:
    house.stage.asterisk.is_up = False
    async with house.stage.running():
        house.stage.call("trunk", "bob")
        sound = (("CALLREC_SOUND", "callrec/recording-failed"),)
        assert await house.codes.toggle(request("trunk", "(g722)")) == Answer(Outcome.REFUSED, sound)


@pytest.mark.parametrize("script", ["toggle", "call"])
@virtual
async def test_while_asterisk_cannot_be_asked_the_dialplan_goes_its_own_way(house: House, script: str) -> None:
    house.stage.link_is_up = False
    with pytest.raises(Unavailable) as refused:
        await getattr(house.codes, script)(request("alice"))
    assert refused.value.code == "ami-down"


@pytest.mark.parametrize("script", ["toggle", "call"])
@virtual
async def test_while_nobody_is_known_nobody_is_refused(house: House, script: str) -> None:
    """The tables were never loaded: the dialplan has its own copy. With an old copy we go on."""
    house.copy.fresh = False
    async with house.stage.running():
        house.stage.call()
        assert (await getattr(house.codes, script)(request("alice"))).result in {Outcome.STARTED, "ok"}
        house.copy.directory = Directory(Tables())
        with pytest.raises(Unavailable) as refused:
            await getattr(house.codes, script)(request("alice"))
    assert refused.value.code == "tables-unknown"


# -- the hook before Dial ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("ever",), [DialStarted(LegId("1.1"), EVER, "1003", "1001", "A")]),
        (("nobody",), [DialStarted(LegId("1.1"), None, "0123", "1001", "A")]),
        (("",), [DialStarted(LegId("1.1"), None, "0123", "1001", "A")]),
        ((), [DialStarted(LegId("1.1"), None, "0123", "1001", "A")]),
    ],
)
@virtual
async def test_who_is_about_to_be_rung_is_told_to_the_call(
    house: House, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], expected: list[DialStarted]
) -> None:
    told: list[DialStarted] = []
    monkeypatch.setattr(
        house.stage.call_router, "dial_started", lambda *called: told.append(DialStarted(*called[:3], *called[3]))
    )
    assert await house.codes.call(request("alice", *arguments, extension="0(12)3")) == Answer("ok")
    assert told == expected


@virtual
async def test_an_unanswered_call_to_a_flagged_user_is_explained(house: House) -> None:
    """By what the hook told, also when the flagged phone did not even ring."""
    async with house.stage.running():
        house.stage.call_router.asterisk(event("Newchannel", "1.1", "alice"))
        await house.codes.call(request("alice", "ever"))
        house.stage.call_router.asterisk(event("DialEnd", "1.1", "alice", DialStatus="CHANUNAVAIL"))
        house.stage.call_router.asterisk(event("Hangup", "1.1", "alice"))
        await house.stage.passes(0.1)
    (explained,) = house.stage.handed
    assert explained.cause == "unanswered: CHANUNAVAIL"
    assert [party.number for party in explained.parties] == ["1001", "1003"]
