"""What is asked of Asterisk's manager, word by word, and what its refusals mean."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from callrec.adapters.asterisk.controls import AmiChannels, AmiLamps, AmiRecorder, AstDbMirror
from callrec.adapters.disk.spool import DiskSpool
from callrec.domain.errors import CallrecError, Refused, Unavailable
from callrec.domain.model import LegId, Take, TakeId
from callrec.domain.provisioning.directory import CodeChanged, Directory
from callrec.domain.provisioning.model import Feature, FeatureCode, Rule, Tables, User, UserId
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

    async def action(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float = 1.0) -> Message:
        """See Actions."""
        assert timeout_s <= 1
        named = dict(headers)
        self.asked.append(" ".join([name, *(f"{key}={value}" for key, value in headers if key != "Channel")]))
        assert named.get("Channel", LEG) == LEG
        if name in self.faults:
            raise self.faults[name]
        answer = {
            "Getvar": ("Value", self.values.get(named.get("Variable", ""), "")),
            "MixMonitor": ("MixMonitorID", "0x1"),
        }
        return Message((("Response", "Success"), answer.get(name, ("", ""))))

    async def listing(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float) -> list[Message]:
        """See Actions."""
        assert (name, list(headers), timeout_s > 1) == ("CoreShowChannels", [], True)
        return [Message((("Event", event),)) for event in ("CoreShowChannel", "Other")]


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
            ],
        ),
        ("0x1", "0x2", ["StopMixMonitor MixMonitorID=0x1", "Getvar Variable=CALLREC_MIXMONITOR"]),
        ("", "", ["Getvar Variable=CALLREC_MIXMONITOR"]),
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
    manager.values["CALLREC_MIXMONITOR"] = "0x7"
    await recorder.stop(Take(TAKE.id, LEG, "", 8000, 0.0))
    assert manager.asked[1] == "StopMixMonitor MixMonitorID=0x7"


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


async def test_a_leg_tells_its_rate_and_its_recorder(manager: Manager, recorder: AmiRecorder) -> None:
    manager.values = {"CHANNEL(audionativeformat)": "(g722)", "CALLREC_MIXMONITOR": "0x3"}
    assert (await recorder.rate_hz(LEG), await recorder.recorder_on(LEG)) == (16000, "0x3")


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
    ("user", "always", "online"),
    [
        (None, "0", "0"),
        (User(UserId("7"), "A", call_record=True), "1", "0"),
        (User(UserId("7"), "A", online_record=True), "0", "1"),
    ],
    ids=["nobody", "always", "on demand"],
)
async def test_the_dialplans_copy_says_who_is_recorded_and_who_may(
    manager: Manager, user: User | None, always: str, online: str
) -> None:
    await AstDbMirror(manager).put("alice", user)
    assert manager.asked == [
        f"DBPut Family=callrec/always Key=alice Val={always}",
        f"DBPut Family=callrec/online Key=alice Val={online}",
    ]


async def test_only_channels_are_channels(manager: Manager) -> None:
    assert [message.event for message in await AmiChannels(manager).channels()] == ["CoreShowChannel"]
