"""What is asked of Asterisk's manager, word by word, and what its refusals mean."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from callrec.adapters.asterisk import ami_requests
from callrec.adapters.asterisk import recorder as recorder_module
from callrec.adapters.asterisk.ami_requests import AmiChannels, AmiDeviceStates, AstDbFallbackChanges, AstDbMirror
from callrec.adapters.asterisk.channel_variables import AmiLegVariables, ChannelVariables
from callrec.adapters.asterisk.leg_notes import AmiLegNotes
from callrec.adapters.asterisk.leg_status import MOST_FRAMES, AmiLegStatus
from callrec.adapters.asterisk.recorder import AmiRecorder
from callrec.adapters.disk.spool import DiskSpool
from callrec.app.calls.ami_events import PARKED
from callrec.domain.calls.captures.fallback_notes import ChangeNote
from callrec.domain.calls.captures.rtp_counts import RtpCount
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.model import Capture, LegAudio
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Context, ContextKind, Feature, FeatureCode, Incall, Place, Tables
from callrec.domain.directory.table_changes import CodeChanged
from callrec.domain.errors import CallrecError, OutcomeUnknown, Refused, Unavailable
from callrec.domain.rules import PlaceKind, RecordRules, Rule, UserId
from callrec.protocols.ami import Message

LEG = LegId("1.1")
CAPTURE = Capture(CaptureId("c1-1-1"), LEG, "PJSIP/alice-1", 8000, 0.0, mixmonitor="0x1")
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
        """See ports.Manager."""
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
        """See ports.Manager."""
        assert timeout_s > 1
        if name == "DBGetTree":
            ((_, family),) = headers
            if family == "callrec/place":
                self.asked.append(f"{name} Family={family}")
            if name in self.faults:
                raise self.faults[name]
            return [Message((("Event", "DBGetTreeResponse"), ("Key", key), ("Val", val))) for key, val in self.noted]
        assert list(headers) == []
        if name in self.faults:
            raise self.faults[name]
        return {"CoreShowChannels": self.channels, "BridgeList": self.bridges}[name]


@pytest.fixture
def manager() -> Manager:
    return Manager()


class NoDecoder:
    """Codecs of an Asterisk that does not decode G.729."""

    async def undecodable(self, audio_formats: str) -> str:
        """See app.ports."""
        return "no-decoder: g729" if "g729" in audio_formats else ""


@pytest.fixture
def recorder(manager: Manager, tmp_path: Path) -> AmiRecorder:
    return AmiRecorder(manager, DiskSpool(tmp_path), ChannelVariables(manager))


@pytest.fixture
def leg_notes(manager: Manager) -> AmiLegNotes:
    return AmiLegNotes(ChannelVariables(manager))


@pytest.fixture
def leg_status(manager: Manager) -> AmiLegStatus:
    return AmiLegStatus(ChannelVariables(manager), NoDecoder())


async def test_a_recorder_is_started_with_both_sides_and_notes_on_the_leg(
    manager: Manager, recorder: AmiRecorder, tmp_path: Path
) -> None:
    """The recorder first: nothing may delay it."""
    assert await recorder.start(CAPTURE, Rule.ALWAYS) == "0x1"
    stem = tmp_path / CAPTURE.id
    assert manager.asked == [
        f"MixMonitor File= Options=r({stem}.read.sln)t({stem}.write.sln)i(CALLREC_MIXMONITOR)",
        "Setvar Variable=CALLREC_RULE Value=always",
        "Setvar Variable=CALLREC_TAKE Value=c1-1-1",
    ]


async def test_a_note_that_fails_leaves_the_recorder_known(manager: Manager, recorder: AmiRecorder) -> None:
    manager.faults["Setvar"] = GONE
    assert await recorder.start(CAPTURE, Rule.ON_DEMAND) == "0x1"


async def test_a_recorder_that_is_refused_is_told(manager: Manager, recorder: AmiRecorder) -> None:
    manager.faults["MixMonitor"] = GONE
    with pytest.raises(Refused):
        await recorder.start(CAPTURE, Rule.ON_DEMAND)


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
    await recorder.stop(Capture(CAPTURE.id, LEG, "", 8000, 0.0, mixmonitor=take_has))
    assert manager.asked == asked


async def test_a_late_stop_does_not_end_a_later_recorder_with_the_same_id(
    manager: Manager, recorder: AmiRecorder
) -> None:
    """The id is an address, and the recorder that had it before has ended."""
    first = replace(CAPTURE, mixmonitor=await recorder.start(CAPTURE, Rule.ALWAYS))
    await recorder.stop(first)
    second = replace(CAPTURE, id=CaptureId("c1-1-2"))
    second = replace(second, mixmonitor=await recorder.start(second, Rule.ALWAYS))
    assert second.mixmonitor == first.mixmonitor
    manager.asked.clear()
    await recorder.stop(first)
    assert manager.asked == []
    await recorder.stop(second)
    assert manager.asked[0] == "StopMixMonitor MixMonitorID=0x1"


async def test_whose_recorder_an_id_is_is_remembered_of_so_many(
    manager: Manager, recorder: AmiRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is forgotten is stopped by its id, as ever."""
    manager.any_leg = True
    monkeypatch.setattr(recorder_module, "MAX_OWNERS", 1)
    first = replace(CAPTURE, mixmonitor=await recorder.start(CAPTURE, Rule.ALWAYS))
    for nth in (2, 3):
        leg = LegId(f"other-{nth}")
        await recorder.start(replace(CAPTURE, id=CaptureId(f"c1-1-{nth}"), leg=leg), Rule.ALWAYS)
    manager.asked.clear()
    await recorder.stop(first)
    assert manager.asked[0] == "StopMixMonitor MixMonitorID=0x1"


async def test_what_a_supervisor_may_do_is_asked_of_their_leg(manager: Manager, leg_status: AmiLegStatus) -> None:
    manager.values |= {"CHANNEL(appname)": "ChanSpy", "CHANNEL(appdata)": "PJSIP/alice,qw"}
    assert await leg_status.application_on(LEG) == ("ChanSpy", "PJSIP/alice,qw")


async def test_without_an_id_in_hand_the_legs_own_note_is_used(manager: Manager, recorder: AmiRecorder) -> None:
    """When it speaks of this capture: another one's recorder, or the dialplan's, is left alone."""
    unseen = Capture(CAPTURE.id, LEG, "", 8000, 0.0)
    manager.values = {"CALLREC_MIXMONITOR": "0x7", "CALLREC_TAKE": "c1-1-2"}
    await recorder.stop(unseen)
    assert manager.asked == ["Getvar Variable=CALLREC_TAKE"]
    manager.values["CALLREC_TAKE"] = CAPTURE.id
    await recorder.stop(unseen)
    assert manager.asked[3] == "StopMixMonitor MixMonitorID=0x7"


async def test_a_start_that_was_not_answered_is_ended_before_the_next_one_on_its_leg(
    manager: Manager, recorder: AmiRecorder
) -> None:
    """Its id stands on the leg until the next recorder's comes there: later nobody could stop it."""
    manager.faults["MixMonitor"] = OutcomeUnknown("ami-outcome-unknown", "late")
    with pytest.raises(Unavailable):
        await recorder.start(Capture(CAPTURE.id, LEG, "", 8000, 0.0), Rule.ALWAYS)
    manager.faults.clear()
    manager.asked.clear()
    manager.values = {"CALLREC_MIXMONITOR": "0x7", "CALLREC_TAKE": CAPTURE.id}
    later = Capture(CaptureId("c1-1-2"), LEG, "", 8000, 0.0)
    await recorder.start(later, Rule.ALWAYS)
    stopped, started = (
        next(nth for nth, asked in enumerate(manager.asked) if asked.startswith(name))
        for name in ("StopMixMonitor MixMonitorID=0x7", "MixMonitor ")
    )
    assert stopped < started
    manager.asked.clear()
    await recorder.start(later, Rule.ALWAYS)
    assert not [asked for asked in manager.asked if asked.startswith("Stop")]


async def test_a_start_that_was_not_answered_is_left_alone_once_its_caller_knows_its_id(
    manager: Manager, recorder: AmiRecorder
) -> None:
    """The caller may go on with it: the next start on its leg does not end it."""
    manager.faults["MixMonitor"] = OutcomeUnknown("ami-outcome-unknown", "late")
    first = Capture(CAPTURE.id, LEG, "", 8000, 0.0)
    with pytest.raises(Unavailable):
        await recorder.start(first, Rule.ALWAYS)
    manager.faults.clear()
    manager.values = {"CALLREC_MIXMONITOR": "0x7", "CALLREC_TAKE": "c9-1-1"}
    assert await recorder.mixmonitor_of(first) == "", "another capture's"
    manager.values["CALLREC_TAKE"] = CAPTURE.id
    assert await recorder.mixmonitor_of(first) == "0x7"
    manager.asked.clear()
    await recorder.start(Capture(CaptureId("c1-1-2"), LEG, "", 8000, 0.0), Rule.ALWAYS)
    assert not [asked for asked in manager.asked if asked.startswith("Stop")]


async def test_starts_that_were_not_answered_are_not_remembered_without_end(
    manager: Manager, recorder: AmiRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MAX_UNKNOWN", 1)
    manager.faults["MixMonitor"] = OutcomeUnknown("ami-outcome-unknown", "late")
    manager.any_leg = True
    for leg in ("1.1", "2.1"):
        with pytest.raises(Unavailable):
            await recorder.start(Capture(CAPTURE.id, LegId(leg), "", 8000, 0.0), Rule.ALWAYS)
    assert len(recorder._unknown) == 1


async def test_a_partner_capture_leaves_the_notes_of_the_leg_alone(manager: Manager, recorder: AmiRecorder) -> None:
    """The partner may be recorded by the dialplan as well, whose press must find its own recorder."""
    manager.values = {"CALLREC_PARTNER_MIXMONITOR": "0x8"}
    partner = replace(CAPTURE, mixmonitor="0x8", is_partner=True)
    await recorder.start(partner, Rule.ALWAYS)
    await recorder.stop(partner)
    variables = {word for asked in manager.asked for word in asked.split() if "CALLREC_" in word}
    assert not {word for word in variables if "CALLREC_PARTNER_" not in word}, variables
    assert manager.asked[-2:] == [
        "Setvar Variable=CALLREC_PARTNER_MIXMONITOR Value=",
        "Setvar Variable=CALLREC_PARTNER_CAPTURE Value=",
    ]
    manager.values["CALLREC_PARTNER_CAPTURE"] = CAPTURE.id
    manager.asked.clear()
    await recorder.stop(replace(partner, mixmonitor=""))
    assert manager.asked[2] == "StopMixMonitor MixMonitorID=0x8", "by its own note"


@pytest.mark.parametrize("fault", [GONE, NO_RECORDER])
async def test_what_has_ended_needs_no_stop(manager: Manager, recorder: AmiRecorder, fault: Refused) -> None:
    manager.faults["StopMixMonitor"] = fault
    await recorder.stop(CAPTURE)
    assert len(manager.asked) == 1


@pytest.mark.parametrize("fault", [Refused("ami-error", "Permission denied"), Unavailable("ami-down", "away")])
async def test_a_stop_that_was_not_done_is_told(manager: Manager, recorder: AmiRecorder, fault: CallrecError) -> None:
    manager.faults["StopMixMonitor"] = fault
    with pytest.raises(type(fault)):
        await recorder.stop(CAPTURE)


async def test_a_stop_that_was_done_stays_done_when_the_link_breaks_behind_it(
    manager: Manager, recorder: AmiRecorder
) -> None:
    manager.faults["Getvar"] = Unavailable("ami-down", "away")
    await recorder.stop(CAPTURE)
    assert manager.asked[0] == "StopMixMonitor MixMonitorID=0x1"


@pytest.mark.parametrize(("muted", "state"), [(True, "1"), (False, "0")])
async def test_a_pause_mutes_both_sides_of_this_recorder(
    manager: Manager, recorder: AmiRecorder, muted: bool, state: str
) -> None:
    await recorder.mute(CAPTURE, muted=muted)
    assert manager.asked == [f"MixMonitorMute Direction=both State={state} MixMonitorID=0x1"]


async def test_a_leg_is_noted_as_paused_before_its_recorder_is_muted(manager: Manager, recorder: AmiRecorder) -> None:
    await recorder.mute(CAPTURE, muted=True, since_s=12.0)
    assert manager.asked == [
        "Setvar Variable=CALLREC_PAUSED Value=12.000",
        "MixMonitorMute Direction=both State=1 MixMonitorID=0x1",
    ]


async def test_a_recorder_whose_id_is_not_known_yet_is_muted_by_the_note_on_its_leg(
    manager: Manager, recorder: AmiRecorder
) -> None:
    manager.values = {"CALLREC_TAKE": CAPTURE.id, "CALLREC_MIXMONITOR": "0x7"}
    await recorder.mute(replace(CAPTURE, mixmonitor=""), muted=True)
    assert manager.asked[-1] == "MixMonitorMute Direction=both State=1 MixMonitorID=0x7"
    manager.values = {}
    with pytest.raises(Refused) as caught:
        await recorder.mute(replace(CAPTURE, mixmonitor=""), muted=True)
    assert caught.value.code == "recorder-not-known"


async def test_a_leg_that_is_gone_needs_no_mute(manager: Manager, recorder: AmiRecorder) -> None:
    manager.faults["MixMonitorMute"] = Refused("ami-error", "No such channel")
    await recorder.mute(CAPTURE, muted=True)
    manager.faults["MixMonitorMute"] = Refused("ami-error", "Permission denied")
    with pytest.raises(Refused):
        await recorder.mute(CAPTURE, muted=True)


@pytest.mark.parametrize(("said", "since_s"), [("12.250", 12.25), ("", None), ("yes", None)])
async def test_the_note_of_a_pause_is_read_as_it_was_made(
    manager: Manager, leg_notes: AmiLegNotes, said: str, since_s: float | None
) -> None:
    manager.values = {"CALLREC_PAUSED": said}
    assert await leg_notes.paused_since_s(LEG) == since_s
    await leg_notes.note_pause([LEG], since_s)
    assert manager.asked[-1] == f"Setvar Variable=CALLREC_PAUSED Value={said if since_s else ''}"


async def test_a_leg_tells_its_rate_and_its_recorder(
    manager: Manager, leg_notes: AmiLegNotes, leg_status: AmiLegStatus
) -> None:
    manager.values = {"CHANNEL(audionativeformat)": "(g722)", "CALLREC_MIXMONITOR": "0x3"}
    assert (await leg_status.audio(LEG), await leg_notes.recorder_on(LEG)) == (LegAudio(16000), "0x3")


@pytest.mark.parametrize(
    ("capture", "rule", "told"),
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
    manager: Manager, leg_notes: AmiLegNotes, capture: str, rule: str, told: tuple[str, Rule] | None
) -> None:
    manager.values = {"CALLREC_TAKE": capture, "CALLREC_RULE": rule}
    assert await leg_notes.capture_on(LEG) == told


async def test_a_leg_that_is_gone_has_no_recorder_and_another_refusal_is_told(
    manager: Manager, leg_notes: AmiLegNotes
) -> None:
    manager.faults["Getvar"] = GONE
    assert await leg_notes.recorder_on(LEG) == ""
    manager.faults["Getvar"] = Refused("ami-error", "Permission denied")
    with pytest.raises(Refused):
        await leg_notes.recorder_on(LEG)


async def test_lamps_follow_the_digits_of_their_codes(manager: Manager) -> None:
    directory = Directory(Tables())
    device_states = AmiDeviceStates(manager, lambda: directory)
    await device_states.online(UserId("7"), lit=True)
    await device_states.always(UserId("7"), lit=False)
    directory.apply(CodeChanged(FeatureCode(Feature.CALL_RECORD, "*99")))
    await device_states.always(UserId("7"), lit=True)
    assert manager.asked == [
        "Setvar Variable=DEVICE_STATE(Custom:*7357***23) Value=INUSE",
        "Setvar Variable=DEVICE_STATE(Custom:*7357***226) Value=NOT_INUSE",
        "Setvar Variable=DEVICE_STATE(Custom:*7357***299) Value=INUSE",
    ]


@pytest.mark.parametrize(
    ("user", "may_press", "whose", "online"),
    [(None, False, "0", "0"), (UserId("7"), False, "7", "0"), (UserId("7"), True, "7", "1")],
    ids=["no user", "may not press", "may press"],
)
async def test_the_dialplans_copy_says_whose_phone_it_is_and_who_may_press(
    manager: Manager, user: UserId | None, may_press: bool, whose: str, online: str
) -> None:
    await AstDbMirror(manager, lambda: Directory(Tables()), FlagSet()).line("alice", user, may_press=may_press)
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


QUEUE, TRUNK = Place(PlaceKind.QUEUE, "Support 2", Rule.ALWAYS), Place(PlaceKind.TRUNK, "provider", Rule.NEVER)
RULED = Tables(
    places=(QUEUE, TRUNK),
    incalls=(Incall("2050", "in", UserId("1"), record=Rule.ALWAYS), Incall("2051", "in", UserId("1"))),
    contexts=(Context("in", ContextKind.INCALL, record=Rule.NEVER), Context("default", ContextKind.INTERNAL)),
)


async def test_the_dialplans_copy_has_the_rules_of_places_and_gets_what_differs(manager: Manager) -> None:
    """Those that forbid come first. What is there as it should be is not written again; what has no rule any more is removed."""
    now = [Directory(RULED)]
    manager.noted = [("/callrec/place/queue/old", "a"), ("/callrec/place/context/in", "n")]
    mirror = AstDbMirror(manager, lambda: now[0], FlagSet())
    await mirror.places(afresh=True)
    assert manager.asked == [
        "DBGetTree Family=callrec/place",
        "DBDel Family=callrec/place/queue Key=old",
        "DBPut Family=callrec/place/trunk Key=provider Val=n",
        "DBPut Family=callrec/place/incall Key=2050@in Val=a",
        "DBPut Family=callrec/place/queue Key=support 2 Val=a",
    ]
    manager.asked.clear()
    now[0] = Directory(replace(RULED, places=(replace(QUEUE, record=Rule.NEVER),)))
    manager.faults["DBDel"] = Refused("ami-error", "Database entry not found")
    await mirror.places(afresh=False)
    assert manager.asked == [
        "DBDel Family=callrec/place/trunk Key=provider",
        "DBPut Family=callrec/place/queue Key=support 2 Val=n",
    ]


async def test_an_asterisk_that_lists_no_tree_gets_all_rules_of_places(manager: Manager) -> None:
    manager.faults["DBGetTree"] = Refused("ami-error", "Invalid/unknown command: DBGetTree")
    mirror = AstDbMirror(manager, lambda: Directory(Tables(places=(QUEUE,))), FlagSet())
    await mirror.places(afresh=False)
    assert manager.asked[-1] == "DBPut Family=callrec/place/queue Key=support 2 Val=a"


async def test_what_could_not_be_copied_is_copied_the_next_time(manager: Manager) -> None:
    mirror = AstDbMirror(manager, lambda: Directory(Tables(places=(QUEUE,))), FlagSet())
    manager.faults["DBPut"] = Unavailable("ami-down", "away")
    with pytest.raises(Unavailable):
        await mirror.places(afresh=True)
    del manager.faults["DBPut"]
    manager.asked.clear()
    await mirror.places(afresh=False)
    assert manager.asked == ["DBPut Family=callrec/place/queue Key=support 2 Val=a"]


async def test_ten_thousand_rules_cost_one_listing_and_no_more_than_what_differs(manager: Manager) -> None:
    many = tuple(Place(PlaceKind.QUEUE, f"q{nth}", Rule.ALWAYS) for nth in range(10_000))
    manager.noted = [(f"/callrec/place/queue/q{nth}", "a") for nth in range(10_000)]
    mirror = AstDbMirror(manager, lambda: Directory(Tables(places=(*many, TRUNK))), FlagSet())
    await mirror.places(afresh=True)
    assert manager.asked == ["DBGetTree Family=callrec/place", "DBPut Family=callrec/place/trunk Key=provider Val=n"]


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
    words = AstDbFallbackChanges(manager)
    on = ChangeNote("7/1795524369769-pbx-1795524369.0", UserId("7"), on=True, at_ms=1795524369769)
    off = ChangeNote("8/1795524369770-1795524369.1", UserId("8"), on=False, at_ms=1795524369770)
    eight = UserId("8")
    based = ChangeNote("8/1795524369772-1795524369.3", eight, on=True, at_ms=1795524369772, made_from_ms=1795524360000)
    unbased = ChangeNote("8/1795524369773-1795524369.4", eight, on=False, at_ms=1795524369773)
    assert await words.read() == [on, off, based, unbased]
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
        """See ports.Rest."""
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
    monkeypatch.setattr(ami_requests, "ARI_AGAIN_S", 0.0)
    ari = Ari(answer)
    assert await AmiChannels(manager, ari).bridges_s() == {}
    assert ari.asked == asked


async def test_a_leg_carries_the_note_that_it_made_its_call(manager: Manager, leg_notes: AmiLegNotes) -> None:
    assert not await leg_notes.has_made(LEG)
    await leg_notes.note_made(LEG)
    assert manager.asked[-1] == "Setvar Variable=CALLREC_MADE Value=1"
    manager.values["CALLREC_MADE"] = "1"
    assert await leg_notes.has_made(LEG)


async def test_a_leg_carries_the_place_where_its_call_came_in(manager: Manager, leg_notes: AmiLegNotes) -> None:
    assert await leg_notes.place_on(LEG) == ""
    await leg_notes.note_place(LEG, "2050@from-extern")
    assert manager.asked[-1] == "Setvar Variable=CALLREC_PLACE Value=2050@from-extern"
    manager.values["CALLREC_PLACE"] = "2050@from-extern"
    assert await leg_notes.place_on(LEG) == "2050@from-extern"


async def test_a_leg_carries_the_queue_in_which_its_caller_has_talked(manager: Manager, leg_notes: AmiLegNotes) -> None:
    assert await leg_notes.queue_on(LEG) == ""
    await leg_notes.note_queue(LEG, "sales")
    assert manager.asked[-1] == "Setvar Variable=CALLREC_QUEUE Value=sales"
    manager.values["CALLREC_QUEUE"] = "sales"
    assert await leg_notes.queue_on(LEG) == "sales"


async def test_a_leg_says_that_its_codec_cannot_be_decoded(manager: Manager, leg_status: AmiLegStatus) -> None:
    manager.values["CHANNEL(audionativeformat)"] = "(g729)"
    assert await leg_status.audio(LEG) == LegAudio(8000, "no-decoder: g729")


@pytest.mark.parametrize(
    ("state", "rxcount", "sends_fax"),
    [("DISABLED", "151", False), ("ENABLED", "", True), ("ENABLED", "151", False), ("", "", False)],
    ids=["never", "now", "back to audio, whose state stays", "no PJSIP channel"],
)
async def test_a_leg_says_that_it_sends_a_fax(
    manager: Manager, leg_status: AmiLegStatus, state: str, rxcount: str, *, sends_fax: bool
) -> None:
    manager.values |= {"CHANNEL(pjsip,t38state)": state, "CHANNEL(rtcp,rxcount,audio)": rxcount}
    assert await leg_status.sends_fax(LEG) is sends_fax


@pytest.mark.parametrize(
    ("channel", "values", "place"),
    [
        ("PJSIP/my-trunk-0000001f", {"CALLERID(dnid)": "2050", "PJSIP_ENDPOINT(my-trunk,context)": "in"}, "2050@in"),
        ("PJSIP/trunk-0000001f", {"PJSIP_ENDPOINT(trunk,context)": "in"}, "@in"),
        ("PJSIP/trunk-0000001f", {"CALLERID(dnid)": "2050"}, None),
        (
            "DAHDI/1-1",
            {"CALLERID(dnid)": "2050", "STACK_PEEK(1,l,1)": "dial,s,3", "STACK_PEEK(2,l,1)": "in,2050,4"},
            "2050@in",
        ),
        ("DAHDI/1-1", {"CALLERID(dnid)": "2050", "STACK_PEEK(1,l,1)": "in,1000,4"}, None),
        ("DAHDI/1-1", {"STACK_PEEK(1,l,1)": "in,s,4"}, None),
        ("DAHDI/1-1", {}, None),
        ("DAHDI/1-1", {"CALLERID(dnid)": "1", **{f"STACK_PEEK({nth},l,1)": "x,1,1" for nth in range(1, 99)}}, "1@x"),
    ],
)
async def test_asterisk_knows_where_a_call_came_in(
    manager: Manager, leg_status: AmiLegStatus, channel: str, values: dict[str, str], place: str | None
) -> None:
    """By the dialled number and the endpoint's context; else by the outermost Gosub, if it began at that number."""
    manager.values.update(values)
    assert await leg_status.came_in_at(LEG, channel) == place
    assert len(manager.asked) <= MOST_FRAMES + 1


@pytest.mark.parametrize(
    ("counts", "packets"), [(("120", "100"), 220), (("120", ""), None), (("x", "1"), None), (("0", "0"), 0)]
)
async def test_packets_are_counted_both_ways(manager: Manager, counts: tuple[str, str], packets: int | None) -> None:
    """A technology that does not count says nothing."""
    manager.values["CHANNEL(rtcp,all,audio)"] = "ssrc=1;rxcount={};txjitter=0;txcount={}".format(*counts)
    assert await AmiLegStatus(ChannelVariables(manager), NoDecoder()).packets(LEG) == packets


_COUNTED = "ssrc=1;themssrc=2;lp=3;rxjitter=0.0;rxcount=151;txjitter=0.00125;txcount=150;rlp=0;rtt=0.0"


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        (_COUNTED, RtpCount(2, 151, 3, 1.2)),
        ("", None),
        (_COUNTED.replace("lp=3", "lp=4294967271"), RtpCount(2, 151, -25, 1.2)),
        (_COUNTED.replace("txjitter=0.00125", "txjitter=nan"), None),
        (_COUNTED.replace("rxcount=151;", ""), None),
    ],
    ids=["counted", "not counted, or gone", "below zero", "no number", "less"],
)
async def test_all_that_is_counted_comes_in_one_answer(manager: Manager, answer: str, counted: RtpCount | None) -> None:
    manager.values["CHANNEL(rtcp,all,audio)"] = answer
    assert await AmiLegStatus(ChannelVariables(manager), NoDecoder()).rtp_count(LEG) == counted


@pytest.mark.parametrize(
    ("answer", "delay_s"),
    [
        ("minrxjitter=000.000125;maxrxjitter=000.037250;avgrxjitter=000.003681;stdevrxjitter=000.007912;", 0.596),
        ("maxrxjitter=000.000000;", 0.0),
        ("", None),
        ("maxrxjitter=nan", None),
        ("maxrxjitter=-1", None),
    ],
)
async def test_the_largest_jitter_tells_the_largest_delay(manager: Manager, answer: str, delay_s: float | None) -> None:
    """A packet that is late by D adds D / 16 to the jitter."""
    manager.values["CHANNEL(rtcp,all_jitter,audio)"] = answer
    assert await AmiLegStatus(ChannelVariables(manager), NoDecoder()).largest_delay_s(LEG) == delay_s


async def test_a_leg_is_to_tell_its_last_counts_where_the_dialplan_can(
    manager: Manager, leg_status: AmiLegStatus
) -> None:
    """A handler that is not there would be an error in Asterisk's log at each hangup."""
    await leg_status.tell_last_counts(LEG)
    assert manager.asked == ["Getvar Variable=DIALPLAN_EXISTS(callrec-counts,s,1)"]

    manager.values["DIALPLAN_EXISTS(callrec-counts,s,1)"] = "1"
    await leg_status.tell_last_counts(LEG)
    assert manager.asked[-1] == "Setvar Variable=CHANNEL(hangup_handler_push) Value=callrec-counts,s,1"

    manager.faults["Setvar"] = Refused("ami-refused", "No such channel")
    await leg_status.tell_last_counts(LEG)


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


async def test_who_has_opted_out_is_noted_on_the_leg(manager: Manager, leg_notes: AmiLegNotes) -> None:
    await leg_notes.note_opt_out(LEG)
    assert manager.asked[-1] == "Setvar Variable=CALLREC_OPTED_OUT Value=1"
    assert not await leg_notes.has_opted_out(LEG)
    manager.values = {"CALLREC_OPTED_OUT": "1"}
    assert await leg_notes.has_opted_out(LEG)
