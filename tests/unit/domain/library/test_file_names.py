"""Names: ids to paths and back, and nothing of a stranger's text in between."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.calls.ids import (
    CallId,
    CaptureId,
    LegId,
    NodeId,
    RecordingId,
    capture_id,
    may_be_of,
    recording_id,
    recording_of,
)
from callrec.domain.calls.model import POLICY, Actor, ActorKind, Party, Recording
from callrec.domain.errors import Corrupt
from callrec.domain.library.file_names import (
    XIVO_PLACES,
    CaptureFile,
    FallbackFile,
    Names,
    Side,
    fallback_file,
    is_stored_path,
    leg_file,
    stored_paths,
)
from callrec.domain.rules import Rule

CALLS = st.text(string.digits + string.ascii_lowercase, min_size=1, max_size=40).map(CallId)
NTH = st.integers(1, 999_999)
RATES = st.sampled_from((8000, 16000))
HOSTILE = (
    "",
    "../../etc/passwd",
    "01abc-1-1.read.sln\n",
    "01abc-1-1.read.sln,x",
    "01ABC-1-1.read.sln",
    "01abc-1-1.read.wav",
    "01abc-1-1.both.sln",
    "01abc-1.read.sln",
    "01abc-1-1.read.sln\x00",
    "\u0660-\u0661-\u0661.read.sln",
    "\udcff-1-1.read.sln",
    "degraded-always-../x-1.1-1.read.sln",
    "degraded-always-1000-1.1-01.read.sln",
    "degraded-never-1000-1.1-1.read.sln",
    "degraded-always-1000-1.1-1.read.sln\n",
    "degraded-always-${SHELL(id)}-1.1-1.read.sln",
    "degraded-always-1000-1-1.read.sln",
    "degraded-always-1000-1.1-.read.sln",
)


def recording(rule: Rule, *parties: tuple[str, str], actor: Actor = POLICY) -> Recording:
    """A recording of the 22nd of November 2026, 10:00:00.9 UTC, of parties given as (leg, number)."""
    people = tuple(Party(LegId(leg), None, number, "", 1795341600.9) for leg, number in parties)
    return Recording(
        RecordingId("01abc-1"), CallId("01abc"), "1.1", NodeId("n"), rule, actor, 1795341600.9, parties=people
    )


@given(CALLS, NTH, NTH, st.sampled_from(Side), RATES)
def test_a_leg_file_comes_back_from_its_name(call: CallId, nth: int, capture: int, side: Side, rate_hz: int) -> None:
    file = CaptureFile(capture_id(recording_id(call, nth), capture), side, rate_hz)
    assert file == leg_file(file.name)
    assert recording_id(call, nth) == recording_of(file.capture)


@given(
    st.sampled_from((Rule.ALWAYS, Rule.ON_DEMAND)),
    st.from_regex(r"[0-9A-Za-z_.@+-]{1,101}", fullmatch=True),
    st.from_regex(r"[0-9]{1,11}\.[0-9]{1,11}", fullmatch=True),
    st.integers(0, 99_999_999_999),
    st.sampled_from(Side),
    RATES,
)
def test_a_degraded_file_comes_back_from_its_name(  # noqa: PLR0917 - one parameter per part of the name
    rule: Rule, endpoint: str, uniqueid: str, epoch_s: int, side: Side, rate_hz: int
) -> None:
    file = FallbackFile(rule, endpoint, uniqueid, epoch_s, side, rate_hz)
    assert file == fallback_file(file.name)
    assert recording_of(capture_id(recording_id(file.call, 1), 1)) == f"{file.call}-1"


def test_the_longest_degraded_name_makes_a_take_id() -> None:
    file = FallbackFile(Rule.ALWAYS, "x", f"{'9' * 11}.{'9' * 11}", 99_999_999_999, Side.READ, 8000)
    assert leg_file(CaptureFile(capture_id(recording_id(file.call, 1), 1), Side.READ, 8000).name)


def test_both_sides_of_a_degraded_capture_stand_for_the_same_call() -> None:
    read = fallback_file("degraded-on_demand-john-doe-1795341600.12-1795341601.read.sln16")
    write = fallback_file("degraded-on_demand-john-doe-1795341600.12-1795341601.write.sln16")
    assert read is not None
    assert write is not None
    assert (
        read.endpoint,
        read.uniqueid,
        read.epoch_s,
        read.rate_hz,
    ) == ("john-doe", "1795341600.12", 1795341601, 16000)
    assert "d1795341601x1795341600x12" == read.call == write.call


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_is_not_ours_is_nobodys(name: str) -> None:
    assert (leg_file(name), fallback_file(name)) == (None, None)


@given(st.text())
def test_random_names_are_answered_and_never_raise(name: str) -> None:
    assert leg_file(name) is None or leg_file(name).name == name  # type: ignore[union-attr] # the left side says so
    assert fallback_file(name) is None or fallback_file(name).name == name  # type: ignore[union-attr] # likewise


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (CaptureFile(CaptureId("a-1-1"), Side.READ, 44100), "capture-rate"),
        (CaptureFile(CaptureId("../a-1-1"), Side.READ, 8000), "take-id"),
    ],
)
def test_no_file_is_named_after_an_id_or_a_rate_that_cannot_be_ours(file: CaptureFile, code: str) -> None:
    with pytest.raises(Corrupt) as refused:
        _ = file.name
    assert refused.value.code == code


def test_our_names_lie_in_the_folder_of_their_day() -> None:
    assert stored_paths(recording(Rule.ALWAYS), Names.CALLREC) == ("2026/11/22/01abc-1",)


def test_an_always_recording_has_xivos_user_name() -> None:
    paths = stored_paths(recording(Rule.ALWAYS, ("a", "1000"), ("b", "1001")), Names.XIVO)
    assert paths[:2] == ("user-1000-1001-1795341600", "user-1000-1001-1795341600-2")
    assert len(set(paths)) == XIVO_PLACES


def test_an_on_demand_recording_has_xivos_auto_name_with_the_presser_first() -> None:
    presser = Actor(ActorKind.USER, leg=LegId("b"))
    found = stored_paths(recording(Rule.ON_DEMAND, ("a", "1000"), ("b", "1001"), actor=presser), Names.XIVO)
    assert found[0] == "auto-1795341600-1001-1000"


def test_unknown_parties_are_called_so() -> None:
    assert stored_paths(recording(Rule.ON_DEMAND), Names.XIVO)[0] == "auto-1795341600-unknown-unknown"
    found = stored_paths(recording(Rule.ALWAYS, ("a", "../;$(id)")), Names.XIVO)[0]
    assert found == "user-id-unknown-1795341600"


@given(st.lists(st.tuples(st.just("leg"), st.text()), max_size=4), st.sampled_from((Rule.ALWAYS, Rule.ON_DEMAND)))
def test_no_number_leaves_the_folder_or_the_alphabet(parties: list[tuple[str, str]], rule: Rule) -> None:
    for names in Names:
        assert all(is_stored_path(path) for path in stored_paths(recording(rule, *parties), names))


@pytest.mark.parametrize("path", ["", "../a", "/a", "a/b", "2026/11/22/../a", "a.b", "2026/11/22/a\n", "\udcff"])
def test_what_lies_elsewhere_is_not_a_stored_path(path: str) -> None:
    assert not is_stored_path(path)


@pytest.mark.parametrize(
    ("recording", "is_so"),
    [("c2-3", True), ("c2-3001", True), ("c2-3002", True), ("c2-3003", False), ("c2-3000", False), ("c1-3001", False)],
)
def test_a_take_is_its_recordings_or_an_orphans_from_an_earlier_take_on(recording: str, is_so: bool) -> None:
    assert may_be_of(CaptureId("c2-3-2"), RecordingId(recording)) is is_so
