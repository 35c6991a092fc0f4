"""The state machine at work: one step of the toggle table, and what each of its actions does to the draft."""

from collections.abc import Callable
from dataclasses import replace

from callrec.domain import messages as m
from callrec.domain.explaining import Explaining
from callrec.domain.lifecycle import Step
from callrec.domain.model import Take
from callrec.domain.naming import take_id
from callrec.domain.policy import decide
from callrec.domain.provisioning.model import Rule
from callrec.domain.toggle import Action, State, Trigger, step
from callrec.domain.vocabulary import CallFact

_UNKNOWN_RATE_HZ = 16000
"""For a leg whose rate nobody asked for: wide enough for both, and nothing is lost by it."""


class Machine(Explaining):
    """A draft that the table moves."""

    def apply(self, trigger: Trigger) -> None:
        """One step of the state machine and its actions."""
        state, actions = step(self.session.state, trigger)
        self.set(state=state)
        for action in actions:
            _DO[action](self)

    def end(self) -> None:
        """The last leg is gone."""
        if self.session.state is State.CLOSED:
            return
        self.answer(m.Outcome.FAILED)
        s = self.session
        if not s.answered or (s.uncovered and not s.recordings):
            self.explain()
        self.apply(Trigger.ENDED)

    def stop(self) -> None:
        """Ask for the end. The journal knows: a restart before it is proven must not begin to record again."""
        take = self.session.take
        self.amend(to_s=self.now.utc_s if take is None or take.to_s is None else take.to_s)
        self.apply(Trigger.STOP)
        self.write(Step.CHANGED)

    def fault(self, why: str) -> None:
        """A first fault is tried again, a further one is not."""
        self.set(faults=self.session.faults + 1)
        self.why = why
        self.apply(Trigger.FAULT if self.session.faults == 1 else Trigger.FAULT_AGAIN)
        if self.session.state is State.FAILED:
            self.try_later()

    def try_later(self) -> None:
        """What policy wants is asked for again, later and later, but it is: one bad second must not cost the hour after it."""
        s = self.session
        if any(decide(legs).rule is Rule.ALWAYS for legs in s.conversations()):
            self.arm(m.Wait.RETRY, min(s.terms.limits.retry_s * 2**s.failures, s.terms.limits.retry_most_s))
            self.set(failures=s.failures + 1)

    # -- what the table asks for -------------------------------------------------------------------------------------

    def do_begin(self) -> None:
        """See Action."""
        self.set(recording=self.new_recording(self.rule))
        self.do_retake()

    def do_retake(self) -> None:
        """See Action. A leg that is gone cannot be recorded, and one that talks to a *never* must not be, also not further."""
        s = self.session
        leg = self.leg or (s.legs.get(s.take.leg) if s.take else None)
        if s.recording is None or leg is None:
            return
        if s.take and decide(s.conversation_of(leg.id)).rule is Rule.NEVER:
            return
        nth = len(s.recording.takes) + 1
        rate_hz = s.rates_hz.get(leg.id, _UNKNOWN_RATE_HZ)
        take = Take(take_id(s.recording.id, nth), leg.id, leg.channel, rate_hz, self.now.utc_s)
        self.set(recording=replace(s.recording, takes=(*s.recording.takes, take)), open_takes=s.open_takes | {take.id})
        self.write(Step.INTENT)
        self.commands.append(m.OpenTake(take, s.recording.rule))
        self.arm(m.Wait.OPEN, s.terms.limits.open_s)

    def do_close(self) -> None:
        """See Action."""
        s = self.session
        if s.take and s.take.id in s.open_takes:
            self.commands.append(m.CloseTake(s.take))
            self.arm(m.Wait.STOP, s.terms.limits.stop_s)
        elif s.state is State.STOPPING:
            self.apply(Trigger.CLOSED)

    def do_confirm(self) -> None:
        """See Action."""
        self.answer(m.Outcome.STARTED)
        self.announce(m.Outcome.STARTED)
        self.arm(m.Wait.GROWTH, self.session.terms.limits.growth_s)

    def do_proven(self) -> None:
        """See Action. A take that grows late has no fault any more; who was told that it failed is told that it did not."""
        recording = self.session.recording
        *before, last = recording.takes if recording else ()
        self.amend(takes=(*before, replace(last, cause="")))
        self.set(faults=0, failures=0)
        self.commands.append(m.Tell(CallFact.RECORDING, self.session.recording))
        if last.id == self.session.told_failed:
            self.set(told_failed=None)
            self.announce(m.Outcome.STARTED)

    def do_catch_up(self) -> None:
        """See Action. After a pause the way from STARTING is walked again, as far as it is proven."""
        s = self.session
        if s.take is None or (s.state is State.STARTING and s.take.id not in s.open_takes):
            self.do_retake()
        elif not s.take.mixmonitor:
            self.arm(m.Wait.OPEN, s.terms.limits.open_s)
        elif s.state is State.STARTING:
            self.apply(Trigger.SEEN)
        elif s.proven == s.take.id:
            self.apply(Trigger.GREW)

    def do_go_on(self) -> None:
        """See Action. A pause that was under way goes on too, with its own deadline: the take is still muted."""
        self.set(told_failed=None)  # it was the stop that failed
        self.amend(to_s=None, end_reason="")
        self.write(Step.CHANGED)
        if self.session.recording and self.session.recording.is_paused:
            self.arm(m.Wait.PAUSE, self.session.terms.limits.pause_s)
            self.apply(Trigger.PAUSE)
        else:
            self.do_catch_up()

    def do_mute(self) -> None:
        """See Action."""
        self.mute(muted=True)

    def do_unmute(self) -> None:
        """See Action."""
        self.mute(muted=False)

    def mute(self, *, muted: bool) -> None:
        """A recorder that is not seen yet is muted when it is."""
        take = self.session.take
        if take and take.mixmonitor and take.id in self.session.open_takes:
            self.commands.append(m.MuteTake(take, muted))

    def do_stopped(self) -> None:
        """See Action."""
        self.answer(m.Outcome.STOPPED)
        self.announce(m.Outcome.STOPPED)

    def do_alarm(self) -> None:
        """See Action."""
        take = self.session.take
        self.commands.append(m.Alarm(self.why, take.id if take else None))

    def do_error_tone(self) -> None:
        """See Action."""
        self.answer(m.Outcome.FAILED)
        self.announce(m.Outcome.FAILED)
        self.set(told_failed=self.session.take.id if self.session.take else None)

    def do_set_aside(self) -> None:
        """See Action."""
        s = self.session
        if s.recording:
            if s.is_written(s.recording):
                self.arm(m.Wait.SETTLE, s.terms.limits.settle_s)
            to_s = self.happened.utc_s if s.recording.to_s is None else s.recording.to_s
            self.set(recording=None, set_aside=(*s.set_aside, replace(s.recording, to_s=to_s)))
        self.settle()


_DO: dict[Action, Callable[[Machine], None]] = {
    Action.SET_ASIDE: Machine.do_set_aside,
    Action.BEGIN: Machine.do_begin,
    Action.RETAKE: Machine.do_retake,
    Action.CLOSE: Machine.do_close,
    Action.CONFIRM: Machine.do_confirm,
    Action.PROVEN: Machine.do_proven,
    Action.CATCH_UP: Machine.do_catch_up,
    Action.GO_ON: Machine.do_go_on,
    Action.MUTE: Machine.do_mute,
    Action.UNMUTE: Machine.do_unmute,
    Action.STOPPED: Machine.do_stopped,
    Action.ALARM: Machine.do_alarm,
    Action.ERROR_TONE: Machine.do_error_tone,
}
