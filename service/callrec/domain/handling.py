"""What an event means: it comes in with the session, the next session and the commands to do go out.

`toggle` says what happens to the recording; `policy` says whether there should be one; `machine` does what the table asks;
`pressing` says what `*3` means.
The one rule behind always-record, transfers and replaced legs is `_Turn.cover`: a bridge in which somebody is to be
recorded, and that no take covers, gets a take. It is asked after every change of a bridge.
"""

from dataclasses import replace
from functools import singledispatchmethod

from callrec.domain import messages as m
from callrec.domain.lifecycle import Step
from callrec.domain.listening import Listening
from callrec.domain.model import POLICY, Instant, Leg, LegId, Take, TakeId
from callrec.domain.policy import Decision, Limits, decide
from callrec.domain.pressing import Pressing
from callrec.domain.provisioning.model import Rule
from callrec.domain.session import Session
from callrec.domain.toggle import ACTIVE, State, Trigger
from callrec.domain.vocabulary import AlarmCause, CallFact
from callrec.domain.waiting import Waits

RECORDED_USER_LEFT = "recorded-user-left"
_ROUNDING_S = 0.001
"""By how much a sum of instants may miss a deadline."""


def handle(
    session: Session, event: m.Event, now: Instant, at_mono_s: float | None = None
) -> tuple[Session, tuple[m.Command, ...]]:
    """What the call is after this event, and what to do about it, in this order.

    `at_mono_s`: when it happened, on the monotonic clock, where that is known; a daemon that was stopped hears of it later.
    """
    session = session if session.anchor else replace(session, anchor=now)
    happened = now if at_mono_s is None else Instant(now.utc_s, min(at_mono_s, now.mono_s))
    turn = _Turn(session, session.clock(now), session.clock(happened))
    turn.on(event)
    turn.wait()
    turn.listen()
    turn.watch_alone()
    turn.lamps()
    return turn.session, tuple(turn.commands)


class _Turn(Pressing, Waits, Listening):
    """One event's work."""

    # -- what happens ------------------------------------------------------------------------------------------------

    @singledispatchmethod
    def on(self, event: m.Event) -> None:
        """One method per kind of event."""
        raise AssertionError(f"no rule for {event!r}")

    @on.register
    def _(self, event: m.LegAppeared) -> None:
        self.appear(event.leg)

    @on.register
    def _(self, event: m.Called) -> None:
        self.called(event)

    @on.register
    def _(self, event: m.LegAnswered) -> None:
        self.set(up=self.session.up | {event.leg})

    @on.register
    def _(self, event: m.Served) -> None:
        self.set(served=self.session.served | {event.leg})

    @on.register
    def _(self, event: m.DialEnded) -> None:
        self.set(dial_status=event.status)

    @on.register
    def _(self, event: m.Bridged) -> None:
        self.enter(event)
        self.cover()

    @on.register
    def _(self, event: m.LegsJoined) -> None:
        for leg in event.alone:
            self.appear(leg)
        for talk in event.talking:
            self.enter(talk)
        self.cover()

    @on.register
    def _(self, event: m.Unbridged) -> None:
        self.leave(event.leg, event.bridge)
        self.cover()

    @on.register
    def _(self, event: m.HoldChanged | m.MusicChanged | m.Parked) -> None:
        self.note(event)

    @on.register
    def _(self, event: m.Spoke | m.NotListened) -> None:
        self.spoke(event.leg, proven=isinstance(event, m.Spoke))

    @on.register
    def _(self, event: m.LegBroken) -> None:
        recordings = (*self.session.set_aside, *([self.session.recording] if self.session.recording else []))
        for take in (take for recording in recordings for take in recording.takes if take.leg == event.leg):
            if take.id in self.session.open_takes or self.is_wanted(take.id):  # its files may have been closed before
                self.change_take(take.id, cause=event.cause)

    @on.register
    def _(self, event: m.LegGone) -> None:
        take = self.session.take
        if event.is_missed and take and take.to_s is not None:  # a hangup closes its files: they tell when it was
            self.happened = replace(self.happened, utc_s=min(take.to_s, self.happened.utc_s))
        self.leave(event.leg, None)
        legs = {key: leg for key, leg in self.session.legs.items() if key != event.leg}
        self.set(legs=legs, hangup_cause=event.cause, is_end_missed=event.is_missed)
        self.silence(event.leg)
        if not self.session.legs:
            self.watch_alone()
            self.end()
        else:
            self.cover()
        s = self.session
        if s.take and s.take.leg == event.leg and s.state in ACTIVE:
            self.answer(m.Outcome.FAILED)
            self.apply(Trigger.LEFT)
        self.await_files(event.leg)

    @on.register
    def _(self, event: m.LegMoved) -> None:
        self.leave(event.leg, None)
        self.set(legs={key: leg for key, leg in self.session.legs.items() if key != event.leg})
        self.cover()
        s = self.session
        if s.take and s.take.leg == event.leg and s.state in ACTIVE:
            self.stop()  # its recorder would go on with what is said in the other call
        self.await_files(event.leg)

    @on.register
    def _(self, event: m.TakenOver) -> None:  # noqa: ARG002 - the event has nothing to say but that it came
        legs = list(self.session.legs)
        if self.session.state in ACTIVE:  # ended, but no *stopped* is said: the other call may be recorded
            self.amend(to_s=self.now.utc_s)
            self.do_close()
            self.write(Step.CHANGED)
        self.part(legs)
        self.set(legs={}, bridges={}, answered=True)  # they talk in the other call, which explains them
        self.end()
        for leg in legs:
            self.await_files(leg)

    @on.register
    def _(self, event: m.Pressed) -> None:
        outcome = self.press(event)
        if outcome is not None:
            user = event.user.id if event.user else None
            self.commands += [
                m.Reply(event.reply, outcome),
                m.Tell(CallFact.of_press(outcome), self.session.recording, user),
            ]

    @on.register
    def _(self, event: m.TakeSeen) -> None:
        self.change_take(event.take, mixmonitor=event.mixmonitor)
        s = self.session
        if self.is_wanted(event.take):
            if s.state is State.SUSPECT:
                self.arm(m.Wait.GROWTH, s.terms.limits.growth_s)
            self.apply(Trigger.SEEN)
            self.write(Step.OPENED)  # after the answer: the presser's leg is mute until then, and the intent is on disk
        elif (take := s.find(event.take)) and take.id in s.open_takes:
            self.commands.append(m.CloseTake(take))  # it was stopped before it began: now there is something to stop

    @on.register
    def _(self, event: m.TakeGrew) -> None:
        if self.session.is_current(event.take) and event.take in self.session.open_takes:
            self.set(proven=event.take)
            self.apply(Trigger.GREW)

    @on.register
    def _(self, event: m.TakeQuiet) -> None:
        s = self.session
        is_due = s.state in (State.OPENED, State.RECORDING) and not s.is_waiting
        if s.take and s.take.id == event.take and is_due:
            self.commands.append(m.Examine(s.take))

    @on.register
    def _(self, event: m.TakeStalled) -> None:
        if not self.session.is_current(event.take):
            return
        is_new = self.session.proven != event.take
        self.set(proven=None)
        if self.session.state is State.RECORDING:
            self.mark(event.take, AlarmCause.STALLED)
            self.apply(Trigger.STALLED)
        elif self.session.state in (State.OPENED, State.SUSPECT) and is_new:
            self.mark(event.take, AlarmCause.FILE_NOT_GROWING)
            self.fault(AlarmCause.FILE_NOT_GROWING)

    @on.register
    def _(self, event: m.TakeDeaf) -> None:
        take = self.session.take
        if take is None or take.id != event.take:
            return
        self.why = AlarmCause.DEAF_LEG
        if self.session.state is State.RECORDING and self.is_first_take_of(take, event.leg):
            self.set(proven=None)
            self.apply(Trigger.STALLED)
        else:
            self.do_alarm()

    @on.register
    def _(self, event: m.TakeRefused) -> None:
        take = self.session.find(event.take)
        if take is None:
            return
        if not take.mixmonitor:  # it never began
            self.set(open_takes=self.session.open_takes - {take.id})
            self.change_take(take.id, cause=event.cause)
        if not self.session.is_current(take.id):
            self.settle()
        elif self.session.state is State.STOPPING and not self.session.may_grow(take):
            self.apply(Trigger.CLOSED)
        elif take.leg in self.session.legs:  # a leg that is gone explains it
            self.refused(event)

    @on.register
    def _(self, event: m.TakeClosed) -> None:
        s = self.session
        if event.take not in s.open_takes:
            return
        self.set(open_takes=s.open_takes - {event.take})
        self.change_take(event.take, to_s=self.happened.utc_s - event.ago_s)
        if self.is_wanted(event.take):
            self.arm(m.Wait.LOST, s.terms.limits.lost_s)
        elif self.session.is_current(event.take):
            self.apply(Trigger.CLOSED)
        self.settle()

    @on.register
    def _(self, event: m.TakeStopped) -> None:
        if self.is_wanted(event.take) and event.take not in self.session.open_takes:
            self.stop()
            self.cover()  # what policy wants begins anew

    @on.register
    def _(self, event: m.Announced) -> None:
        s = self.session
        if s.recording is not None and s.is_current(event.take):
            self.amend(announcements=(*s.recording.announcements, self.happened.utc_s))

    @on.register
    def _(self, event: m.DeadlinePassed) -> None:
        if event.wait is m.Wait.SETTLE:
            self.settle(event.take)
        elif event.wait is m.Wait.PAUSE:
            self.pause_too_long()
        elif event.wait is m.Wait.RETRY:
            if self.session.state is State.FAILED:
                self.cover()
        elif (take := self.session.take) and take.id == event.take:
            self.overdue(event.wait, take)

    @on.register
    def _(self, event: m.Reconsidered) -> None:  # noqa: ARG002 - the event has nothing to say but that it came
        s = self.session
        self.part({party.leg for party in s.parties if party.leg not in s.legs})
        self.listen_again()
        self.cover()
        if (patience := _patience(s.terms.limits).get(self.session.state)) is not None:
            self.arm(*patience)

    # -- what goes wrong with the current take -----------------------------------------------------------------------

    def is_wanted(self, take: TakeId) -> bool:
        """Whether this take is the current one and nobody has asked for its end."""
        return self.session.is_current(take) and self.session.state in ACTIVE

    def refused(self, event: m.TakeRefused) -> None:
        """A command about the current take was not done. A stop that is refused takes nothing from what is captured."""
        if self.session.state in ACTIVE:
            self.mark(event.take, event.cause)
        if event.unavailable:
            self.answer(m.Outcome.UNAVAILABLE)
            self.set(faults=self.session.faults + 1)  # asking again at once would meet the same closed door
        self.fault(event.cause)

    def overdue(self, wait: m.Wait, take: Take) -> None:
        """What was waited for has not come. A leg that is gone explains everything but a stop."""
        s = self.session
        if wait is m.Wait.STOP and s.state is State.STOPPING:
            if s.may_grow(take):
                self.fault(AlarmCause.STOP_OVERDUE)
            else:
                self.apply(Trigger.CLOSED)
        if take.leg not in s.legs or s.state not in ACTIVE:
            return
        if wait is m.Wait.OPEN and not take.mixmonitor:
            self.mark(take.id, AlarmCause.FILE_NOT_OPENED)
            self.fault(AlarmCause.FILE_NOT_OPENED)
        elif wait is m.Wait.GROWTH and s.is_waiting:  # there is nothing to write until they talk again
            self.arm(m.Wait.GROWTH, s.terms.limits.growth_s)
        elif wait is m.Wait.GROWTH and s.state in (State.OPENED, State.SUSPECT) and s.proven != take.id:
            self.commands.append(m.Examine(take))
        elif wait is m.Wait.LOST and take.id not in s.open_takes and not take.cause:
            self.mark(take.id, AlarmCause.STOPPED_BY_ANOTHER)
            self.apply(Trigger.LOST)

    def pause_too_long(self) -> None:
        """End the pause, if it is this one's deadline: an earlier pause may have ended long ago, and this one be new.

        Should a stop that policy wanted have failed in it, it is asked for again before anybody is heard.
        """
        self.cover()
        s = self.session
        if self.now.mono_s - s.changed_mono_s >= s.terms.limits.pause_s - _ROUNDING_S:
            self.resume()

    # -- the one rule ------------------------------------------------------------------------------------------------

    def cover(self) -> None:
        """Whoever is to be recorded in a bridge is covered by a take; whoever must not be, is not."""
        conversations = [(legs, decide(legs)) for legs in self.session.conversations()]
        for legs, decision in conversations:
            s = self.session
            if decision.rule is Rule.NEVER and s.state in ACTIVE and s.take and _holds(legs, s.take.leg):
                self.stop()
        if conversations:
            self.end_without_its_user()
        for _, decision in conversations:
            if decision.rule is Rule.ALWAYS:
                self.always(decision)
        self.follow(conversations)

    def end_without_its_user(self) -> None:
        """A recording ends when its user (whose rule or press began it) has left the call, and others talk on.

        A user who stays and is to be recorded gets a recording of their own: the left channel is one user, start to end.
        """
        s = self.session
        if s.state in ACTIVE and s.recorded_user_left:
            self.amend(end_reason=RECORDED_USER_LEFT)
            self.stop()

    def follow(self, conversations: list[tuple[list[Leg], Decision]]) -> None:
        """A take whose leg is out of the conversation, or that has failed, gives way to one where somebody is recorded.

        A living leg that is alone now (on hold, parked) keeps its take unless policy wants another conversation of this call.
        """
        s = self.session
        if s.state not in ACTIVE or s.take is None:
            return
        failed = bool(s.take.cause) and s.state in (State.SUSPECT, State.PAUSED)
        if not failed and any(_holds(legs, s.take.leg) for legs, _ in conversations):
            return
        for legs, decision in conversations:
            if decision.rule is Rule.ALWAYS or (
                decision.rule is not Rule.NEVER and (failed or s.take.leg not in s.legs)
            ):
                own = next(filter(s.is_recorded_user, legs), None)
                self.leg = own or decision.leg or max(legs, key=lambda leg: (leg.user is not None, not leg.is_local))
                self.set(faults=0)
                self.apply(Trigger.MOVED)
                return

    def always(self, decision: Decision) -> None:
        """Policy wants this call: start, or make a recording on demand a compulsory one."""
        s = self.session
        if s.state in (State.IDLE, State.FAILED, State.STOPPING):
            self.leg, self.rule, self.actor = decision.leg, Rule.ALWAYS, POLICY
            self.set(changed_mono_s=self.now.mono_s)
            self.apply(Trigger.START)
        elif s.recording is not None and s.recording.rule is not Rule.ALWAYS:
            self.amend(rule=Rule.ALWAYS)
            self.write(Step.CHANGED)


def _holds(legs: list[Leg], wanted: LegId) -> bool:
    return any(leg.id == wanted for leg in legs)


def _patience(limits: Limits) -> dict[State, tuple[m.Wait, float]]:
    """What each state waits for, and how long: armed anew when deadlines may have been lost with a former daemon."""
    return {
        State.STARTING: (m.Wait.OPEN, limits.open_s),
        State.OPENED: (m.Wait.GROWTH, limits.growth_s),
        State.PAUSED: (m.Wait.PAUSE, limits.pause_s),
        State.STOPPING: (m.Wait.STOP, limits.stop_s),
    }
