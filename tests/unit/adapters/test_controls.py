"""What is asked of Asterisk's manager, word by word, and what its refusals mean."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from callrec.adapters.asterisk import controls
from callrec.adapters.asterisk.controls import (
    AmiChannels,
    AmiLamps,
    AmiLegVariables,
    AmiRecorder,
    AstDbMirror,
    AstDbWords,
)
from callrec.adapters.disk.spool import DiskSpool
from callrec.app.catching_up import Told
from callrec.app.translation import PARKED
from callrec.domain.errors import CallrecError, OutcomeUnknown, Refused, Unavailable
from callrec.domain.model import LegId, Take, TakeId
from callrec.domain.provisioning.difference import CodeChanged
from callrec.domain.provisioning.directory import Directory
from callrec.domain.provisioning.model import Feature, FeatureCode, RecordRules, Rule, Tables, User, UserId
from callrec.protocols.ami import Message

LEG = LegId("1.1")
TAKE = Take(TakeId("c1-1-1"), LEG, "PJSIP/alice-1", 8000, 0.0, mixmonitor="0x1")
GONE, NO_RECORDER = (
    Refused("ami-error", "AMI: 'No such channel'"),
    Refused("ami-error", "AMI: 'Could not stop monitoring'"),
)


class Manager:
    """Notes what it is asked; `faults` by action, `values` by variable."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.faults: dict[str, CallrecError] = {}
        self.values: dict[str, str] = {}
        self.noted: list[tuple[str, str]] = []
        self.any_leg = False
        self.channels = [Message((("Event", event),)) for event in ("CoreShowChannel", "Other")]
        self.bridges: list[Message] = []

    async def action(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float = 1.0) -> Message:
        """See Actions."""
        assert timeout_s <= 1
        named = dict(headers)
        self.asked.append(" ".join([name, *(f"{key}={value}" for key, value in headers if key != "Channel")]))
        assert self.any_leg or named.get("Channel", LEG) == LEG
        if name in self.faults:
            raise self.faults[name]
        answer = {
            "Getvar": ("Value", self.values.get(named.get("Variable", ""), "")),
            "MixMonitor": ("MixMonitorID", "0x1"),
        }
        return Message((("Response", "Success"), answer.get(name, ("", ""))))

    async def listing(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float) -> list[Message]:
        """See Actions."""
        assert timeout_s > 1
        if name == "DBGetTree":
            assert list(headers) == [("Family", "callrec/intent")]
            return [Message((("Event", "DBGetTreeResponse"), ("Key", key), ("Val", val))) for key, val in self.noted]
        assert list(headers) == []
        if name in self.faults:
            raise self.faults[name]
        return {"CoreShowChannels": self.channels, "BridgeList": self.bridges}[name]


@pytest.fixture
def manager() -> Manager:
    return Manager()


@pytest.fixture
def recorder(manager: Manager, tmp_path: Path) -> AmiRecorder:
    return AmiRecorder(manager, DiskSpool(tmp_path))


async def test_a_recorder_is_started_with_both_sides_and_notes_on_the_leg(
    manager: Manager, recorder: AmiRecorder, tmp_path: Path
) -> None:
    """The recorder first: nothing may delay it."""
    assert await recorder.start(TAKE, Rule.ALWAYS) == "0x1"
    stem = tmp_path / TAKE.id
    assert manager.asked == [
        f"MixMonitor File= Options=r({stem}.read.sln)t({stem}.write.sln)i(CALLREC_MIXMONITOR)",
        "Setvar Variable=CALLREC_RULE Value=always",
        "Setvar Variable=CALLREC_TAKE Value=c1-1-1",
    ]


async def test_a_note_that_fails_leaves_the_recorder_known(manager: Manager, recorder: AmiRecorder) -> None:
    manager.faults["Setvar"] = GONE
    assert await recorder.start(TAKE, Rule.ON_DEMAND) == "0x1"


async def test_a_recorder_that_is_refused_is_told(manager: Manager, recorder: AmiRecorder) -> None:
    manager.faults["MixMonitor"] = GONE
    with pytest.raises(Refused):
        await recorder.start(TAKE, Rule.ON_DEMAND)


@pytest.mark.parametrize(
    ("take_has", "leg_has", "asked"),
    [
        (
            "0x1",
            "0x1",
            [
                "StopMixMonitor MixMonitorID=0x1",
                "Getvar Variable=CALLREC_MIXMONITOR",
                "Setvar Variable=CALLREC_MIXMONITOR Value=",
                "Setvar Variable=CALLREC_RULE Value=",
                "Setvar Variable=CALLREC_TAKE Value=",
            ],
        ),
        ("0x1", "0x2", ["StopMixMonitor MixMonitorID=0x1", "Getvar Variable=CALLREC_MIXMONITOR"]),
        ("", "", ["Getvar Variable=CALLREC_TAKE"]),
    ],
    ids=["its own note is taken away", "a later take's stays", "without any id nothing is stopped"],
)
async def test_a_recorder_is_stopped_by_its_id(
    manager: Manager, recorder: AmiRecorder, take_has: str, leg_has: str, asked: list[str]
) -> None:
    """Never without one: that would stop the newest, which may be somebody else's."""
    manager.values["CALLREC_MIXMONITOR"] = leg_has
    await recorder.stop(Take(TAKE.id, LEG, "", 8000, 0.0, mixmonitor=take_has))
    assert manager.asked == asked


async def test_without_an_id_in_hand_the_legs_own_note_is_used(manager: Manager, recorder: AmiRecorder) -> None:
    """When it speaks of this take: another one's recorder, or the dialplan's, is left alone."""
    unseen = Take(TAKE.id, LEG, "", 8000, 0.0)
    manager.values = {"CALLREC_MIXMONITOR": "0x7", "CALLREC_TAKE": "c1-1-2"}
    await recorder.stop(unseen)
    assert manager.asked == ["Getvar Variable=CALLREC_TAKE"]
    manager.values["CALLREC_TAKE"] = TAKE.id
    await recorder.stop(unseen)
    assert manager.asked[3] == "StopMixMonitor MixMonitorID=0x7"


async def test_a_start_that_was_not_answered_is_ended_before_the_next_one_on_its_leg(
    manager: Manager, recorder: AmiRecorder
) -> None:
    """Its id stands on the leg until the next recorder's comes there: later nobody could stop it."""
    manager.faults["MixMonitor"] = OutcomeUnknown("ami-outcome-unknown", "late")
    with pytest.raises(Unavailable):
        await recorder.start(Take(TAKE.id, LEG, "", 8000, 0.0), Rule.ALWAYS)
    manager.faults.clear()
    manager.asked.clear()
    manager.values = {"CALLREC_MIXMONITOR": "0x7", "CALLREC_TAKE": TAKE.id}
    later = Take(TakeId("c1-1-2"), LEG, "", 8000, 0.0)
    await recorder.start(later, Rule.ALWAYS)
    stopped, started = (
        next(nth for nth, asked in enumerate(manager.asked) if asked.startswith(name))
        for name in ("StopMixMonitor MixMonitorID=0x7", "MixMonitor ")
    )
    assert stopped < started
    manager.asked.clear()
    await recorder.start(later, Rule.ALWAYS)
    assert not [asked for asked in manager.asked if asked.startswith("Stop")]


async def test_starts_that_were_not_answered_are_not_remembered_without_end(
    manager: Manager, recorder: AmiRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controls, "MAX_UNKNOWN", 1)
    manager.faults["MixMonitor"] = OutcomeUnknown("ami-outcome-unknown", "late")
    manager.any_leg = True
    for leg in ("1.1", "2.1"):
        with pytest.raises(Unavailable):
            await recorder.start(Take(TAKE.id, LegId(leg), "", 8000, 0.0), Rule.ALWAYS)
    assert len(recorder._unknown) == 1


@pytest.mark.parametrize("fault", [GONE, NO_RECORDER])
async def test_what_has_ended_needs_no_stop(manager: Manager, recorder: AmiRecorder, fault: Refused) -> None:
    manager.faults["StopMixMonitor"] = fault
    await recorder.stop(TAKE)
    assert len(manager.asked) == 1


@pytest.mark.parametrize("fault", [Refused("ami-error", "Permission denied"), Unavailable("ami-down", "away")])
async def test_a_stop_that_was_not_done_is_told(manager: Manager, recorder: AmiRecorder, fault: CallrecError) -> None:
    manager.faults["StopMixMonitor"] = fault
    with pytest.raises(type(fault)):
        await recorder.stop(TAKE)


async def test_a_stop_that_was_done_stays_done_when_the_link_breaks_behind_it(
    manager: Manager, recorder: AmiRecorder
) -> None:
    manager.faults["Getvar"] = Unavailable("ami-down", "away")
    await recorder.stop(TAKE)
    assert manager.asked[0] == "StopMixMonitor MixMonitorID=0x1"


@pytest.mark.parametrize(("muted", "state"), [(True, "1"), (False, "0")])
async def test_a_pause_mutes_both_sides_of_this_recorder(
    manager: Manager, recorder: AmiRecorder, muted: bool, state: str
) -> None:
    await recorder.mute(TAKE, muted=muted)
    assert manager.asked == [f"MixMonitorMute Direction=both State={state} MixMonitorID=0x1"]


async def test_a_leg_is_listened_to_once_and_then_no_more(manager: Manager, recorder: AmiRecorder) -> None:
    """A listener that is there already is replaced: only then a leg that speaks now is told again."""
    mark = "CALLREC_LISTENED"
    on = ["Setvar Variable=TALK_DETECT(set) Value=", f"Setvar Variable={mark} Value=1"]
    off = ["Setvar Variable=TALK_DETECT(remove) Value=", f"Setvar Variable={mark} Value="]
    await recorder.listen(LEG, on=True)
    assert manager.asked == [f"Getvar Variable={mark}", *on]

    manager.asked, manager.values = [], {mark: "1"}
    await recorder.listen(LEG, on=True)
    assert manager.asked == [f"Getvar Variable={mark}", *off, *on]

    manager.asked = []
    await recorder.listen(LEG, on=False)
    assert manager.asked == [f"Getvar Variable={mark}", *off]


async def test_a_leg_that_is_gone_is_not_listened_to(manager: Manager, recorder: AmiRecorder) -> None:
    """Without func_talkdetect Asterisk refuses, and that is told."""
    manager.faults["Setvar"] = GONE
    await recorder.listen(LEG, on=True)
    manager.faults["Setvar"] = Refused("ami-error", "AMI: 'Setvar failed'")
    with pytest.raises(Refused):
        await recorder.listen(LEG, on=True)


async def test_a_leg_tells_its_rate_and_its_recorder(manager: Manager, recorder: AmiRecorder) -> None:
    manager.values = {"CHANNEL(audionativeformat)": "(g722)", "CALLREC_MIXMONITOR": "0x3"}
    assert (await recorder.rate_hz(LEG), await recorder.recorder_on(LEG)) == (16000, "0x3")


@pytest.mark.parametrize(
    ("take", "rule", "told"),
    [
        ("c1-1-1", "always", ("c1-1-1", Rule.ALWAYS)),
        ("c1-1-1", "on_demand", ("c1-1-1", Rule.ON_DEMAND)),
        ("c1-1-1", "", ("c1-1-1", Rule.ON_DEMAND)),
        ("", "on_demand", None),
        ("../c1-1-1", "always", None),
    ],
    ids=["always", "on demand", "the rule was not noted", "the dialplan's", "nobody's"],
)
async def test_a_leg_tells_which_take_of_ours_it_carries(
    manager: Manager, recorder: AmiRecorder, take: str, rule: str, told: tuple[str, Rule] | None
) -> None:
    manager.values = {"CALLREC_TAKE": take, "CALLREC_RULE": rule}
    assert await recorder.take_on(LEG) == told


async def test_a_leg_that_is_gone_has_no_recorder_and_another_refusal_is_told(
    manager: Manager, recorder: AmiRecorder
) -> None:
    manager.faults["Getvar"] = GONE
    assert await recorder.recorder_on(LEG) == ""
    manager.faults["Getvar"] = Refused("ami-error", "Permission denied")
    with pytest.raises(Refused):
        await recorder.recorder_on(LEG)


async def test_lamps_follow_the_digits_of_their_codes(manager: Manager) -> None:
    directory = Directory(Tables())
    lamps = AmiLamps(manager, lambda: directory)
    await lamps.online(UserId("7"), lit=True)
    await lamps.always(UserId("7"), lit=False)
    directory.apply(CodeChanged(FeatureCode(Feature.CALL_RECORD, "*99")))
    await lamps.always(UserId("7"), lit=True)
    assert manager.asked == [
        "Setvar Variable=DEVICE_STATE(Custom:*7357***23) Value=INUSE",
        "Setvar Variable=DEVICE_STATE(Custom:*7357***226) Value=NOT_INUSE",
        "Setvar Variable=DEVICE_STATE(Custom:*7357***299) Value=INUSE",
    ]


@pytest.mark.parametrize(
    ("user", "whose", "online"),
    [
        (None, "0", "0"),
        (User(UserId("7"), "A"), "7", "0"),
        (User(UserId("7"), "A", online_record=True), "7", "1"),
        (User(UserId("7"), "A", online_record=True, rules=RecordRules(out_external=Rule.ALWAYS)), "7", "1"),
        (User(UserId("7"), "A", online_record=True, rules=RecordRules(out_external=Rule.NEVER)), "7", "0"),
        (User(UserId("7"), "A", call_record=True, online_record=True, rules=RecordRules(*[Rule.NEVER] * 4)), "7", "0"),
    ],
    ids=["nobody", "a user", "on demand", "a rule of another kind", "never in some calls", "never"],
)
async def test_the_dialplans_copy_says_whose_phone_it_is_and_who_may_press(
    manager: Manager, user: User | None, whose: str, online: str
) -> None:
    await AstDbMirror(manager, lambda: Directory(Tables()), FlagSet()).line("alice", user)
    assert manager.asked == [
        f"DBPut Family=callrec/user Key=alice Val={whose}",
        f"DBPut Family=callrec/online Key=alice Val={online}",
    ]


async def test_the_dialplans_copy_says_who_is_recorded_by_which_code_and_which_lamp_shows_it(manager: Manager) -> None:
    """Whoever has a flag there has a lamp, and rules that go before it: they are written first.

    A code that is switched off has no digits. When the flag was set is written last, and not while the store is away: a word of
    the dialplan's is never taken for one about a newer flag than it turned over.
    """
    directory = Directory(Tables())
    flag_set = FlagSet(1_795_524_369_769)
    mirror = AstDbMirror(manager, lambda: directory, flag_set)
    await mirror.code()
    directory.apply(CodeChanged(FeatureCode(Feature.CALL_RECORD, "*99", enabled=True)))
    await mirror.code()
    await mirror.always(UserId("7"), on=True, rules=RecordRules())
    flag_set.away = True
    await mirror.always(UserId("7"), on=False, rules=RecordRules(Rule.NEVER, None, Rule.ALWAYS, Rule.ON_DEMAND))
    assert manager.asked == [
        "DBPut Family=callrec/code Key=call_record Val=off",
        "DBPut Family=callrec/code Key=call_record Val=*99",
        "DBPut Family=callrec/rules Key=7 Val=----",
        "DBPut Family=callrec/lamp Key=7 Val=*7357***299",
        "DBPut Family=callrec/always Key=7 Val=1",
        "DBPut Family=callrec/set Key=7 Val=1795524369769",
        "DBPut Family=callrec/rules Key=7 Val=n-ad",
        "DBPut Family=callrec/lamp Key=7 Val=*7357***299",
        "DBPut Family=callrec/always Key=7 Val=0",
    ]


async def test_what_the_dialplan_has_told_is_read_and_forgotten_word_by_word(manager: Manager) -> None:
    """What the dialplan does not write is nobody's word."""
    manager.noted = [
        ("/callrec/intent/7/1795524369769-pbx-1795524369.0", "1"),
        ("/callrec/intent/8/1795524369770-1795524369.1", "0"),
        ("/callrec/intent/8/1795524369772-1795524369.3", "1|1795524360000"),
        ("/callrec/intent/8/1795524369773-1795524369.4", "0|"),
        ("/callrec/intent/8/1795524369771-1795524369.2", "yes"),
        ("/callrec/intent/8/1795524369771-1795524369.2", "1|x"),
        ("/callrec/intent/eight/1795524369771-1795524369.2", "1"),
        ("/callrec/intent/8/1795524369771-../x", "1"),
        ("/callrec/intent/8/now", "1"),
    ]
    words = AstDbWords(manager)
    on = Told("7/1795524369769-pbx-1795524369.0", UserId("7"), on=True, at_ms=1795524369769)
    off = Told("8/1795524369770-1795524369.1", UserId("8"), on=False, at_ms=1795524369770)
    eight = UserId("8")
    based = Told("8/1795524369772-1795524369.3", eight, on=True, at_ms=1795524369772, made_from_ms=1795524360000)
    unbased = Told("8/1795524369773-1795524369.4", eight, on=False, at_ms=1795524369773)
    assert await words.told() == [on, off, based, unbased]
    await words.forget(off)
    assert manager.asked == ["DBDel Family=callrec/intent Key=8/1795524369770-1795524369.1"]


class FlagSet:
    """When a flag was last set, as the store says."""

    def __init__(self, at_ms: int = 0) -> None:
        self.at_ms, self.away = at_ms, False

    async def __call__(self, user: UserId) -> int:
        """See TableStore.flag_set_ms."""
        assert user == "7"
        if self.away:
            raise Unavailable("store-unavailable", "away")
        return self.at_ms


class Ari:
    """Answers in their order, the last one again and again; an error is raised."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def request(self, method: str, path_parts: Sequence[str]) -> object:
        """See controls.Rest."""
        assert (method, path_parts) == ("GET", ["bridges"])
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_ari_tells_when_bridges_were_made(manager: Manager) -> None:
    """With milliseconds; what cannot be read is left out, and an ARI that comes up late is waited for."""
    ari = Ari(
        Unavailable("ari-down", "not yet"),
        [
            {"id": "b", "creationtime": "2026-11-28T19:47:25.250+0000"},
            {"id": "c"},
            {"id": "d", "creationtime": "yesterday"},
            "e",
        ],
    )
    assert await AmiChannels(manager, ari).bridges_s() == {"b": 1795895245.25}
    assert ari.asked == 2


@pytest.mark.parametrize(
    ("answer", "asked"), [(Refused("ari-not-found", "no module"), 1), (Unavailable("ari-down", "x"), 8), ({}, 1)]
)
async def test_an_asterisk_that_does_not_tell_of_bridges_is_done_without(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, answer: object, asked: int
) -> None:
    monkeypatch.setattr(controls, "ARI_AGAIN_S", 0.0)
    ari = Ari(answer)
    assert await AmiChannels(manager, ari).bridges_s() == {}
    assert ari.asked == asked


async def test_a_leg_carries_the_note_that_it_made_its_call(manager: Manager, recorder: AmiRecorder) -> None:
    assert not await recorder.has_made(LEG)
    await recorder.note_made(LEG)
    assert manager.asked[-1] == "Setvar Variable=CALLREC_MADE Value=1"
    manager.values["CALLREC_MADE"] = "1"
    assert await recorder.has_made(LEG)


@pytest.mark.parametrize(
    ("counts", "packets"), [(("120", "100"), 220), (("120", ""), None), (("x", "1"), None), (("0", "0"), 0)]
)
async def test_packets_are_counted_both_ways(manager: Manager, counts: tuple[str, str], packets: int | None) -> None:
    """A technology that does not count says nothing."""
    names = ("CHANNEL(rtcp,rxcount,audio)", "CHANNEL(rtcp,txcount,audio)")
    manager.values |= dict(zip(names, counts, strict=True))
    assert await AmiRecorder(manager, DiskSpool(Path("/spool"))).packets(LEG) == packets


async def test_only_channels_are_channels(manager: Manager) -> None:
    assert [message.event for message in await AmiChannels(manager, Ari()).channels()] == ["CoreShowChannel"]


async def test_who_is_parked_talks_with_nobody(manager: Manager) -> None:
    """A listing of channels does not say what their bridges are."""
    manager.channels = [
        Message((("Event", "CoreShowChannel"), ("Uniqueid", leg), ("BridgeId", bridge)))
        for leg, bridge in (("1.1", "lot"), ("2.1", "room"), ("3.1", "talk"))
    ]
    manager.bridges = [
        Message(
            (("Event", "BridgeListItem"), ("BridgeUniqueid", name), ("BridgeTechnology", technology), ("BridgeType", kind))
        )
        for name, technology, kind in (
            ("lot", "holding_bridge", "parking"), ("room", "holding_bridge", "base"), ("talk", "simple_bridge", "basic"),
        )
    ]  # fmt: skip
    channels = await AmiChannels(manager, Ari()).channels()
    assert [("1.1", "", "1"), ("2.1", "", ""), ("3.1", "talk", "")] == [
        (one.get("Uniqueid"), one.get("BridgeId"), one.get(PARKED)) for one in channels
    ]


async def test_an_asterisk_that_lists_no_bridges_lists_its_channels(manager: Manager) -> None:
    manager.faults["BridgeList"] = Refused("ami-error", "Permission denied")
    assert len(await AmiChannels(manager, Ari()).channels()) == 1


async def test_a_variable_is_set_on_one_leg_and_a_leg_that_is_gone_is_told(manager: Manager) -> None:
    variables = AmiLegVariables(manager)
    await variables.set(LEG, "CALLREC_PROOF", "word")
    assert manager.asked == ["Setvar Variable=CALLREC_PROOF Value=word"]
    manager.faults["Setvar"] = GONE
    with pytest.raises(Refused):
        await variables.set(LEG, "CALLREC_PROOF", "word")
