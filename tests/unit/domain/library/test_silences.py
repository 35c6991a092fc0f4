"""Where the samples of a capture stand: as played by a recorder that writes nothing while nothing comes."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.model import Capture, GrowthMark, RtpGap
from callrec.domain.library.captures import Stretch
from callrec.domain.library.gap_places import shown
from callrec.domain.library.shortfalls import is_news
from callrec.domain.library.silences import NOTICED_S, capture_timeline
from callrec.domain.library.spans import Span
from callrec.domain.library.timeline import EXACT_S, CaptureTimeline, Gap, steady

RATE_HZ, STEP = 8000, 16384
BEGAN_S = 1000.0


def capture(to_s: float | None, *marks: GrowthMark, cause: str = "") -> Capture:
    return Capture(CaptureId("c-1-1"), LegId("1.1"), "PJSIP/a-1", RATE_HZ, BEGAN_S, to_s, cause=cause, marks=marks)


@dataclass(frozen=True)
class Recorder:
    """A recorder on a leg where nothing comes in these times, and whose phone's clock is fast by `ppm`."""

    length_s: float
    silences: tuple[Span, ...] = ()
    ppm: float = 0.0
    late_s: tuple[float, ...] = (0.0,)
    """How late Asterisk's thread writes its steps, in turn."""

    @property
    def samples(self) -> int:
        """All that it wrote."""
        return self._written(self.length_s)

    def _written(self, until_s: float) -> int:
        silent_s = sum(max(0.0, min(end, until_s) - start) for start, end in self.silences if start < until_s)
        return round((until_s - silent_s) * RATE_HZ * (1 + self.ppm / 1e6))

    def true_s(self, sample: int) -> float:
        """When this sample was written."""
        at_s = sample / RATE_HZ / (1 + self.ppm / 1e6)
        for start, end in self.silences:
            if at_s >= start:
                at_s += end - start
        return BEGAN_S + at_s

    def marks(self) -> tuple[GrowthMark, ...]:
        """Each step of the files, as it is seen: what tells nothing new is left out, but for the last before something new."""
        told: list[GrowthMark] = [GrowthMark(0, BEGAN_S)]
        seen = told[0]
        for nth, samples in enumerate(range(STEP, self.samples, STEP)):
            mark = GrowthMark(samples, max(seen.at_s, self.true_s(samples) + self.late_s[nth % len(self.late_s)]))
            if is_news(told[-1], mark, RATE_HZ):
                told += [seen, mark]
            seen = mark
        return (*told, seen)

    def looked_at(self, *, after_s: float, each_s: float, is_first: bool = True) -> tuple[RtpGap, ...]:
        """What looks at the counters tell that begin so long after the beginning of each silence. `is_first`: there were none
        before."""
        gaps = []
        for start, end in self.silences:
            looks = [start + after_s + each_s * nth for nth in range(round((end - start) / each_s) + 2)]
            still, later = [at_s for at_s in looks if at_s < end], [at_s for at_s in looks if at_s >= end]
            if still and (until_s := next(iter(later), None)) is not None:
                since_s = None if is_first else BEGAN_S + still[0] - each_s
                gaps.append(RtpGap(BEGAN_S + still[0], BEGAN_S + still[-1], since_s, BEGAN_S + until_s))
        return tuple(gaps)

    def timeline(self, *waits: Span, marked: bool = True, gaps: tuple[RtpGap, ...] = ()) -> CaptureTimeline:
        """What becomes of it."""
        marks = self.marks() if marked else ()
        known = [(BEGAN_S + start, BEGAN_S + end) for start, end in waits]
        told = replace(capture(BEGAN_S + self.length_s, *marks), rtp_gaps=gaps)
        return capture_timeline(told, self.samples, RATE_HZ, known)

    def errors_s(self, timeline: CaptureTimeline) -> list[float]:
        """How far each of many samples stands from its true time. One at the edge of a silence that is not known to the sample
        counts as its neighbours up to 100 ms away: so exact the silence is."""
        errors, near = [], RATE_HZ // 10
        for stretch in timeline.stretches:
            length = stretch.to_sample - stretch.from_sample
            for nth in range(0, length, max(1, length // 50)):
                sample = stretch.from_sample + nth
                at_s = BEGAN_S + (stretch.at_sample + nth * stretch.samples / length) / RATE_HZ
                around = (max(0, sample - near), sample, sample + near)
                errors.append(min(abs(at_s - self.true_s(one)) for one in around))
        return errors


def ascends(timeline: CaptureTimeline, samples: int) -> bool:
    """Whether each sample has one place, behind the one before it."""
    at, heard = 0, 0
    for stretch in timeline.stretches:
        if stretch.from_sample != heard or stretch.at_sample < at or stretch.samples < 0:
            return False
        heard, at = stretch.to_sample, stretch.at_sample + stretch.samples
    return heard == samples


def test_a_recorder_that_always_had_something_to_write() -> None:
    whole = Recorder(60.0)
    assert whole.timeline() == steady(whole.samples)
    assert whole.timeline().is_steady


def test_a_hold_in_the_middle() -> None:
    """6 s without music: silence stands in their place."""
    held = Recorder(20.0, ((7.0, 13.0),))
    found = held.timeline((7.0, 13.0), marked=False)
    assert found.stretches == (Stretch(0, 56000, 0, 56000), Stretch(56000, 112000, 104000, 56000))
    assert found.gaps == (Gap(1007.0, 1013.0, is_wait=True),)
    assert (found.samples, found.exact_s, found.is_steady) == (160000, EXACT_S, False)


def test_who_goes_on_to_speak_into_a_hold_is_heard_at_its_beginning() -> None:
    held = Recorder(20.0, ((9.0, 13.0),))
    assert max(held.errors_s(held.timeline((7.0, 13.0), marked=False))) < NOTICED_S


def test_two_holds_in_one_call() -> None:
    held = Recorder(30.0, ((5.0, 8.0), (15.0, 22.0)))
    for marked in (False, True):
        found = held.timeline((5.0, 8.0), (15.0, 22.0), marked=marked)
        assert max(held.errors_s(found)) < NOTICED_S
        assert found.samples == 30 * RATE_HZ


def test_a_silence_that_nothing_explains_is_bounded_by_marks() -> None:
    """Two seconds in which neither phone sends, in a call of a minute: what came before and after stands where it was said."""
    quiet = Recorder(60.0, ((31.0, 33.0),))
    found = quiet.timeline()
    (gap,) = found.gaps
    assert (gap.is_wait, round(gap.length_s, 2)) == (False, 2.0)
    assert abs(gap.from_s - BEGAN_S - 31.0) < STEP / RATE_HZ / 2
    assert found.exact_s == pytest.approx(2.0, abs=NOTICED_S)
    assert sum(error > EXACT_S for error in quiet.errors_s(found)) / 50 / 2 < 0.05, "at most the step is vague"
    assert found.samples == pytest.approx(60 * RATE_HZ, abs=NOTICED_S * RATE_HZ)
    (doubt,) = found.doubts
    assert (doubt.from_sample, doubt.to_sample) == (15 * STEP, 16 * STEP)
    assert (doubt.from_s, doubt.length_s) == pytest.approx((BEGAN_S + 15 * STEP / RATE_HZ, 2.0), abs=NOTICED_S)


def test_a_silence_that_the_samples_show_has_its_place() -> None:
    """A second between two looks: what they show counts as what the counters tell."""
    quiet = Recorder(60.0, ((31.0, 32.0),))
    (doubt,) = quiet.timeline().doubts
    frame = round(31.0 * RATE_HZ) - 160, round(31.0 * RATE_HZ)
    gap = shown(doubt, [[frame], []], RATE_HZ)
    assert gap is not None
    found = quiet.timeline(gaps=(gap,))
    assert (found.exact_s, found.doubts) == (EXACT_S, ())
    assert max(quiet.errors_s(found)) < NOTICED_S


def test_a_silence_in_which_the_counters_of_rtp_stood_still_has_its_place() -> None:
    """They were looked at from the moment at which a step was overdue, and the length tells when it began."""
    quiet = Recorder(60.0, ((31.0, 33.5),))
    found = quiet.timeline(gaps=quiet.looked_at(after_s=1.2, each_s=0.1))
    (gap,) = found.gaps
    assert (gap.is_wait, found.exact_s) == (False, EXACT_S)
    assert (gap.from_s, gap.to_s) == (pytest.approx(BEGAN_S + 31.0, abs=0.06), pytest.approx(BEGAN_S + 33.5, abs=0.06))
    assert max(quiet.errors_s(found)) < EXACT_S


def test_looks_that_come_seldom_tell_how_exact_they_are() -> None:
    """A second apart: half of that."""
    quiet = Recorder(60.0, ((31.0, 33.5),))
    found = quiet.timeline(gaps=quiet.looked_at(after_s=0.3, each_s=1.0))
    assert EXACT_S < found.exact_s <= 0.5
    assert max(quiet.errors_s(found)) <= found.exact_s


def test_of_more_silence_than_the_counters_explain_nothing_is_said() -> None:
    """The recorder was held up, too, or another silence was not seen: the place is that of what was written in the step."""
    quiet = Recorder(60.0, ((31.0, 33.5),))
    gap = RtpGap(BEGAN_S + 32.0, BEGAN_S + 32.2, BEGAN_S + 31.9, BEGAN_S + 32.3)
    assert quiet.timeline(gaps=(gap,)) == quiet.timeline()


def test_counters_that_stand_still_in_a_wait_tell_nothing_new() -> None:
    """Before it and behind it they do: who holds may say nothing for longer than a moment."""
    held = Recorder(30.0, ((9.0, 17.0),))
    waits = ((10.0, 16.0),)
    gaps = held.looked_at(after_s=0.05, each_s=0.1, is_first=False)
    found = held.timeline(*waits, gaps=gaps)
    assert max(held.errors_s(found)) < EXACT_S
    assert sum(gap.length_s for gap in found.gaps if gap.is_wait) == pytest.approx(6.0, abs=EXACT_S)
    spread = (RtpGap(BEGAN_S + 9.2, BEGAN_S + 9.9), RtpGap(BEGAN_S + 16.05, BEGAN_S + 16.9, None, BEGAN_S + 17.0))
    assert EXACT_S < held.timeline(*waits, gaps=spread).exact_s < 0.5, "how they share two seconds is not known"
    inside = (RtpGap(BEGAN_S + 11, BEGAN_S + 15, BEGAN_S + 10.9, BEGAN_S + 15.1),)
    assert held.timeline(*waits, gaps=inside) == held.timeline(*waits)


def test_a_silence_behind_a_ringing_is_none_of_the_ringing() -> None:
    """The tone was written, and then nothing until the new partner's first packet: that has its place, and is no loss."""
    rung = Recorder(20.0, ((9.15, 9.65),))
    found = rung.timeline((5.1, 9.134), gaps=rung.looked_at(after_s=0.06, each_s=0.1))
    assert max(rung.errors_s(found)) <= EXACT_S + 1 / RATE_HZ
    assert all(gap.is_wait for gap in found.gaps)


def test_a_phone_that_has_just_answered_lacks_nothing_until_it_sends() -> None:
    """Half a second; more is a loss, which has its place."""
    for silent_s, is_loss in ((0.45, False), (0.9, True)):
        late = Recorder(20.0, ((0.0, silent_s),))
        told = replace(capture(BEGAN_S + 20.0, *late.marks()), rtp_gaps=late.looked_at(after_s=0.1, each_s=0.1))
        found = capture_timeline(told, late.samples, RATE_HZ, (), at_answer=True)
        assert [not gap.is_wait for gap in found.gaps] == [is_loss]
        assert (max(late.errors_s(found)) < NOTICED_S, found.exact_s) == (True, EXACT_S)


def test_a_call_that_ends_in_silence_has_it_at_its_end() -> None:
    """The counters were looked at while it lasted; a recorder that broke off has none."""
    quiet = Recorder(20.0, ((17.0, 20.0),))
    gap = RtpGap(BEGAN_S + 18.2, BEGAN_S + 19.9)
    (found,) = quiet.timeline(gaps=(gap,)).gaps
    assert (found.from_s, found.is_wait) == (pytest.approx(BEGAN_S + 17.0, abs=EXACT_S), False)
    broken = replace(capture(BEGAN_S + 20.0, cause="asterisk-died"), rtp_gaps=(gap,))
    assert capture_timeline(broken, quiet.samples, RATE_HZ, ()).samples == quiet.samples


def test_a_silence_between_two_marks_that_are_close_has_its_place() -> None:
    """Files of 16 kHz that grew twice within a moment, and an hour later."""
    found = capture_timeline(capture(4603.0, GrowthMark(8000, 1001.0), GrowthMark(8800, 4601.1)), 24000, RATE_HZ, ())
    assert found.exact_s == EXACT_S


def test_a_recorder_that_begins_late() -> None:
    """Asked for at 1000.0, seen at 1000.3."""
    found = capture_timeline(capture(1010.0, GrowthMark(0, 1000.3)), 77600, RATE_HZ, ())
    assert found.stretches == (Stretch(0, 77600, 2400, 77600),)
    assert found.gaps == (Gap(1000.0, 1000.3, is_wait=False, is_late=True),)


def test_news_of_the_beginning_that_come_late_are_none() -> None:
    """The daemon was busy; what the file holds says when it began."""
    assert capture_timeline(capture(1010.0, GrowthMark(0, 1000.4)), 80000, RATE_HZ, ()).is_steady


def test_marks_that_come_late_are_no_silence() -> None:
    """A busy machine: Asterisk writes some steps a quarter of a second late."""
    busy = Recorder(60.0, late_s=(0.0, 0.125, 0.25))
    assert busy.timeline().is_steady


def test_a_mark_that_comes_late_into_a_wait_is_of_the_time_before() -> None:
    """A step is seen a quarter of a second late, after the wait has begun: that is no part of the wait, and no loss before it."""
    busy = Recorder(25.562, ((1.406, 2.406), (19.562, 20.562), (21.562, 22.562), (23.562, 24.562)), late_s=(0.25,))
    found = busy.timeline(*busy.silences)
    assert max(busy.errors_s(found)) < NOTICED_S
    assert [gap.is_wait for gap in found.gaps] == [True] * 4


def test_a_tail_that_is_short_is_silence_at_the_end() -> None:
    """The phone sends no more, and hangs up a moment later."""
    found = capture_timeline(capture(1010.15), 80000, RATE_HZ, ())
    assert found.stretches == (Stretch(0, 80000, 0, 80000), Stretch(80000, 80000, 81200, 0))


def test_until_a_phones_first_packet_there_is_nothing_to_write() -> None:
    """A call is answered, and its phones need a moment: silence at the beginning. In mid-conversation it is a loss."""
    late = capture(1010.0, GrowthMark(0, 1000.0), GrowthMark(STEP, 1002.348))
    found = capture_timeline(late, 77600, RATE_HZ, (), at_answer=True)
    assert found.stretches == (Stretch(0, 77600, 2400, 77600),)
    assert [gap.is_wait for gap in found.gaps] == [True]
    assert [gap.is_wait for gap in capture_timeline(late, 77600, RATE_HZ, ()).gaps] == [False]


def test_a_phone_that_falls_silent_before_it_holds_lacks_nothing() -> None:
    """It asks for the hold, and Asterisk answers: 150 ms more than the hold. Half a second more is a loss."""
    for more_s, is_loss in ((0.15, False), (0.5, True)):
        held = Recorder(20.0, ((7.0 - more_s, 13.0),))
        gaps = held.timeline((7.0, 13.0)).gaps
        assert any(not gap.is_wait for gap in gaps) is is_loss
        assert sum(gap.length_s for gap in gaps) == pytest.approx(6.0 + more_s, abs=NOTICED_S)


def test_what_broke_off_lacks_its_end() -> None:
    """Asterisk was killed: what its buffer held is gone, and the file ends there."""
    found = capture_timeline(capture(1006.0, cause="asterisk-died"), 32000, RATE_HZ, ())
    assert (found.stretches, found.gaps) == ((Stretch(0, 32000, 0, 32000),), (Gap(1004.0, 1006.0, is_wait=False),))


def test_nothing_is_filled_up_after_the_last_conversation() -> None:
    """The leg goes on alone, and hears nothing."""
    over = (1006.0, float("inf"))
    assert capture_timeline(capture(1060.0), 48000, RATE_HZ, [over]).is_steady
    found = capture_timeline(capture(1060.0), 40000, RATE_HZ, [over])
    assert found.samples == 48000
    assert sum(gap.length_s for gap in found.gaps if not gap.is_wait) == 1.0


def test_a_leg_that_is_alone_for_a_moment_does_not_have_the_silence_of_a_minute_ago() -> None:
    """Its partner leaves the bridge some milliseconds before the hangup: the silence was somewhere else."""
    quiet = Recorder(8.5, ((3.0, 5.5),))
    (gap,) = [one for one in quiet.timeline((8.49, float("inf"))).gaps if not one.is_wait]
    assert gap.from_s == pytest.approx(BEGAN_S + 3.0, abs=STEP / RATE_HZ)
    assert gap.length_s == pytest.approx(2.5, abs=NOTICED_S)


def test_a_file_that_is_longer_than_its_time_is_less_exact() -> None:
    """A sender whose packets came late, and all at once: half a second that no clock explains. Nothing is cut."""
    found = capture_timeline(capture(1010.0), 84000, RATE_HZ, ())
    assert (found.samples, found.gaps, found.exact_s) == (84000, (), 0.5)


@pytest.mark.parametrize("late_s", [(3.0, 7.0), (1.9, 5.9), (3.6, 9.3)])
def test_what_comes_late_and_at_once_is_no_silence(late_s: tuple[float, float]) -> None:
    """Nothing comes for 0.6 s, twice in 10 s, and then all of it: later marks make up for those that seemed to tell of a gap."""
    marks = []
    for samples in range(STEP, 80000, STEP):
        due_s = samples / RATE_HZ
        at_s = next((start + 0.6 for start in late_s if start <= due_s < start + 0.6), due_s)
        marks.append(GrowthMark(samples, BEGAN_S + at_s))
    assert capture_timeline(capture(1010.0, *marks), 80000, RATE_HZ, ()).is_steady


def test_an_end_that_lies_before_the_last_mark_is_not_believed() -> None:
    """A machine's clock that was set tells such things."""
    held = capture(990.0, GrowthMark(STEP, 1002.048), GrowthMark(2 * STEP, 1008.096))
    found = capture_timeline(held, 40000, RATE_HZ, [(1003.0, 1007.0)])
    assert found.samples == 40000 + 32000


def test_an_empty_capture_has_an_empty_line() -> None:
    found = capture_timeline(capture(None), 0, RATE_HZ, ())
    assert (found.samples, found.stretches, found.is_steady) == (0, (), True)


@pytest.mark.parametrize("ppm", [300, -300, 50, -450])
def test_a_clock_that_runs_away_is_followed(ppm: float) -> None:
    """10 minutes of a phone that is 300 ppm fast: 180 ms at the end."""
    fast = Recorder(600.0, ppm=ppm)
    found = fast.timeline()
    assert max(fast.errors_s(found)) < EXACT_S
    assert found.gaps == ()
    assert found.samples == pytest.approx(600 * RATE_HZ, abs=EXACT_S * RATE_HZ)


def test_a_fast_clock_and_a_hold() -> None:
    fast = Recorder(600.0, ((200.0, 260.0),), ppm=300)
    found = fast.timeline((200.0, 260.0))
    assert max(fast.errors_s(found)) < EXACT_S
    assert [gap.is_wait for gap in found.gaps] == [True]


@st.composite
def recorders(draw: st.DrawFn) -> Recorder:
    """A call with some silences at least a second apart."""
    silences, at_s = [], 0.0
    for _ in range(draw(st.integers(0, 4))):
        start = at_s + draw(st.floats(1.0, 30.0))
        at_s = start + draw(st.floats(0.2, 60.0))
        silences.append((round(start, 3), round(at_s, 3)))
    return Recorder(round(at_s + draw(st.floats(1.0, 60.0)), 3), tuple(silences))


@given(recorders(), st.booleans())
def test_with_every_silence_in_a_wait_each_moment_is_right(recorder: Recorder, marked: bool) -> None:
    """Whether the files were looked at meanwhile or not."""
    found = recorder.timeline(*recorder.silences, marked=marked)
    assert max(recorder.errors_s(found)) <= EXACT_S + 1 / RATE_HZ
    assert found.exact_s == EXACT_S
    assert all(gap.is_wait for gap in found.gaps)


@given(recorders(), st.floats(0.0, 0.1), st.booleans())
def test_where_the_counters_are_looked_at_each_moment_is_as_right_as_it_says(
    recorder: Recorder, after_s: float, is_first: bool
) -> None:
    """Several silences in one step may have to share what is not certain of them."""
    found = recorder.timeline(gaps=recorder.looked_at(after_s=after_s, each_s=0.1, is_first=is_first))
    assert ascends(found, recorder.samples)
    assert max(recorder.errors_s(found)) <= found.exact_s + EXACT_S
    assert found.samples - recorder.samples == sum(round(gap.length_s * RATE_HZ) for gap in found.gaps)


@given(recorders(), st.lists(st.booleans(), min_size=4, max_size=4), st.booleans())
def test_silence_stands_for_just_what_was_not_written(recorder: Recorder, known: list[bool], marked: bool) -> None:
    """Whatever of it is explained: each sample has its place, in order, and the whole is as long as the time."""
    waits = [span for span, is_known in zip(recorder.silences, known, strict=False) if is_known]
    found = recorder.timeline(*waits, marked=marked)
    assert ascends(found, recorder.samples)
    assert found.samples == pytest.approx(recorder.length_s * RATE_HZ, abs=NOTICED_S * RATE_HZ + 1)
    assert found.samples - recorder.samples == sum(round(gap.length_s * RATE_HZ) for gap in found.gaps)
    assert all(gap.length_s > 0 for gap in found.gaps)


@given(recorders(), st.lists(st.floats(0.0, 0.3), min_size=1, max_size=5))
def test_busy_machines_make_nothing_up(recorder: Recorder, late_s: list[float]) -> None:
    """Marks that come late move nothing by more than they are late."""
    busy = replace(recorder, late_s=tuple(late_s))
    found = busy.timeline(*busy.silences)
    assert ascends(found, busy.samples)
    assert max(busy.errors_s(found)) <= max(EXACT_S, found.exact_s) + max(late_s) + 1 / RATE_HZ
    made_up_s = [gap.length_s for gap in found.gaps if not gap.is_wait]
    assert sum(made_up_s) <= max(late_s) + len(made_up_s) / RATE_HZ  # each in whole samples


@given(
    st.lists(st.tuples(st.integers(0, 200_000), st.floats(0, 2000)), max_size=8),
    st.integers(0, 200_000),
    st.one_of(st.none(), st.floats(900, 1100)),
    st.booleans(),
)
def test_marks_that_make_no_sense_give_an_order_all_the_same(
    marks: list[tuple[int, float]], samples: int, to_s: float | None, broke_off: bool
) -> None:
    """They come from files, clocks and a journal."""
    marked = capture(to_s, *(GrowthMark(*mark) for mark in marks), cause="stalled" if broke_off else "")
    found = capture_timeline(marked, samples, RATE_HZ, [(1001.0, 1003.0), (1010.0, float("inf"))])
    assert ascends(found, samples)


def test_packets_that_come_late_and_at_once_make_no_line_longer_than_its_time() -> None:
    """Half a second more was written than the time, and at the end the rest of it."""
    marks = tuple(
        GrowthMark(nth * STEP, BEGAN_S + nth * STEP / RATE_HZ - (0.5 if nth > 1 else 0.0)) for nth in range(5)
    )
    found = capture_timeline(capture(BEGAN_S + 9.3, *marks), 10 * RATE_HZ, RATE_HZ, [])
    assert found.samples == pytest.approx(9.3 * RATE_HZ, abs=RATE_HZ * 0.01)
    assert [burst.surplus_s for burst in found.bursts] == [pytest.approx(0.5, abs=0.01)]
