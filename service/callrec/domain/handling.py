"""What an event means: it comes in with the session, the next session and the commands to do go out.

`toggle` says what happens to the recording; `policy` says whether there should be one; `draft` does what the table asks for.
The one rule behind always-record, transfers and replaced legs is `_Turn.cover`: a bridge in which somebody is to be
recorded, and that no take covers, gets a take. It is asked after every change of a bridge.
"""

from dataclasses import replace
from functools import singledispatchmethod

from callrec.domain import messages as m
from callrec.domain.draft import CONVERSATION, Draft
from callrec.domain.lifecycle import Step
from callrec.domain.model import POLICY, Actor, ActorKind, Direction, Instant, Interval, Leg, LegId
from callrec.domain.policy import Decision, OverridesAlways, decide
from callrec.domain.provisioning.model import Rule
from callrec.domain.session import Session
from callrec.domain.toggle import ACTIVE, State, Trigger


def handle(session: Session, event: m.Event, now: Instant) -> tuple[Session, tuple[m.Command, ...]]:
    """What the call is after this event, and what to do about it, in this order."""
    turn = _Turn(session, now)
    turn.on(event)
    return turn.session, tuple(turn.commands)


class _Turn(Draft):
    """One event's work."""

    # -- what happens ------------------------------------------------------------------------------------------------

    @singledispatchmethod
    def on(self, event: m.Event) -> None:
        """One method per kind of event."""
        raise AssertionError(f"no rule for {event!r}")

    @on.register
    def _(self, event: m.LegAppeared) -> None:
        s = self.session
        began_s = s.began_s or self.now.utc_s
        self.set(legs={**s.legs, event.leg.id: event.leg}, seen={**s.seen, event.leg.id: event.leg}, began_s=began_s)

    @on.register
    def _(self, event: m.Called) -> None:
        if event.user is None:
            return
        expected = LegId(f"called:{event.user.id}")
        leg = Leg(expected, "", Direction.IN, event.user, event.number, event.user.name)
        self.set(seen={**self.session.seen, expected: leg})

    @on.register
    def _(self, event: m.DialEnded) -> None:
        self.set(dial_status=event.status)

    @on.register
    def _(self, event: m.Bridged) -> None:
        s, leg = self.session, event.leg
        elsewhere = {key: tuple(one for one in legs if one != leg.id) for key, legs in s.bridges.items()}
        members = (*elsewhere.pop(event.bridge, ()), leg.id)
        self.set(
            legs={**s.legs, leg.id: leg},
            seen={**s.seen, leg.id: leg},
            bridges={**{key: legs for key, legs in elsewhere.items() if legs}, event.bridge: members},
            began_s=s.began_s or self.now.utc_s,
        )
        if event.rate_hz:
            self.set(rates_hz={**self.session.rates_hz, leg.id: event.rate_hz})
        if not leg.is_local:
            self.join(leg)
        if len(members) >= CONVERSATION:
            self.set(answered=True)
        self.cover()

    @on.register
    def _(self, event: m.Unbridged) -> None:
        self.leave(event.leg, event.bridge)
        self.cover()

    @on.register
    def _(self, event: m.LegBroken) -> None:
        recordings = (*self.session.set_aside, *([self.session.recording] if self.session.recording else []))
        for take in (take for recording in recordings for take in recording.takes if take.leg == event.leg):
            if take.id in self.session.open_takes or take.to_s is None:
                self.change_take(take.id, cause=event.cause)

    @on.register
    def _(self, event: m.LegGone) -> None:
        self.leave(event.leg, None)
        self.set(legs={key: leg for key, leg in self.session.legs.items() if key != event.leg})
        if any(not leg.is_local for leg in self.session.legs.values()):
            self.cover()
        else:
            self.end()

    @on.register
    def _(self, event: m.Pressed) -> None:
        outcome = self.press(event)
        if outcome is not None:
            self.commands.append(m.Reply(event.reply, outcome))
            self.commands.append(
                m.Tell(f"press-{outcome}", self.session.recording, event.user.id if event.user else None)
            )

    @on.register
    def _(self, event: m.TakeSeen) -> None:
        s = self.session
        if s.recording is None or event.take not in {take.id for take in s.recording.takes}:
            return
        self.change_take(event.take, mixmonitor=event.mixmonitor)
        if not self.is_current(event.take):
            return
        self.write(Step.OPENED)
        if s.state is State.PAUSED:
            self.do_mute()
        if s.state in (State.RECORDING, State.SUSPECT):
            self.arm(m.Wait.GROWTH, s.terms.limits.growth_s)
        self.apply(Trigger.SEEN)

    @on.register
    def _(self, event: m.TakeGrew) -> None:
        if self.is_current(event.take):
            self.apply(Trigger.GREW)

    @on.register
    def _(self, event: m.TakeStalled) -> None:
        if self.is_current(event.take):
            self.apply(Trigger.STALLED)

    @on.register
    def _(self, event: m.TakeRefused) -> None:
        self.change_take(event.take, cause=event.cause)
        if not self.is_current(event.take):
            return
        if self.session.state is State.STARTING:
            self.set(open_takes=self.session.open_takes - {event.take})
        if event.unavailable:
            self.answer(m.Outcome.UNAVAILABLE)
            self.set(faults=self.session.faults + 1)  # asking again at once would meet the same closed door
        self.fault()

    @on.register
    def _(self, event: m.TakeClosed) -> None:
        s = self.session
        if event.take not in s.open_takes:
            return
        self.set(open_takes=s.open_takes - {event.take})
        self.change_take(event.take, to_s=self.now.utc_s)
        if self.is_current(event.take) and s.state in ACTIVE:
            self.arm(m.Wait.LOST, s.terms.limits.lost_s)
        elif s.state is State.STOPPING and s.recording and not self.writes(s.recording):
            self.apply(Trigger.CLOSED)
        self.settle()

    @on.register
    def _(self, event: m.Announced) -> None:
        s = self.session
        if s.recording is not None and self.is_current(event.take):
            self.set(recording=replace(s.recording, announcements=(*s.recording.announcements, event.at_s)))

    @on.register
    def _(self, event: m.DeadlinePassed) -> None:
        s = self.session
        if event.wait is m.Wait.SETTLE:
            self.settle(event.take)
        elif event.take is None or not self.is_current(event.take):
            return
        elif event.wait is m.Wait.OPEN and s.state in ACTIVE and s.take and not s.take.mixmonitor:
            self.change_take(event.take, cause="file-not-opened")
            self.fault()
        elif event.wait is m.Wait.GROWTH and s.state in (State.OPENED, State.RECORDING):
            self.change_take(event.take, cause="file-not-growing")
            self.fault()
        elif event.wait is m.Wait.LOST and event.take not in s.open_takes:
            self.change_take(event.take, cause="stopped-by-another")
            self.apply(Trigger.LOST)
        elif event.wait is m.Wait.STOP and s.state is State.STOPPING:
            self.fault()
        elif event.wait is m.Wait.PAUSE:
            self.resume()

    @on.register
    def _(self, event: m.Reconsidered) -> None:  # noqa: ARG002 - the event has nothing to say but that it came
        self.cover()

    # -- what `*3` means ---------------------------------------------------------------------------------------------

    def press(self, event: m.Pressed) -> m.Outcome | None:
        """The outcome of a press, or None when it will be known later."""
        s = self.session
        leg = s.legs.get(event.leg)
        conversation = self.conversation_of(event.leg)
        if leg is None or event.user is None or not conversation:
            return m.Outcome.REFUSED
        self.leg, self.actor = replace(leg, user=event.user), Actor(ActorKind.USER, event.user.id, leg.id)
        if event.rate_hz:
            self.set(rates_hz={**s.rates_hz, leg.id: event.rate_hz})
        if (
            not event.user.online_record
            or decide([*(one for one in conversation if one.id != leg.id), self.leg]).rule is Rule.NEVER
        ):
            return m.Outcome.REFUSED
        if self.now.mono_s - s.changed_mono_s < s.terms.limits.absorb_s:
            return m.Outcome.ABSORBED
        if s.recording is not None and s.recording.rule is Rule.ALWAYS and s.state in ACTIVE:
            return self.press_always()
        self.rule = Rule.ON_DEMAND
        self.set(replies=(*s.replies, event.reply), changed_mono_s=self.now.mono_s)
        self.apply(Trigger.STOP if s.state in ACTIVE else Trigger.START)
        return None

    def press_always(self) -> m.Outcome:
        """`*3` while the call is recorded because policy says so."""
        s = self.session
        if s.terms.overrides_always is not OverridesAlways.PAUSE or s.recording is None:
            return m.Outcome.ALREADY
        if s.state is State.PAUSED:
            self.resume()
            return m.Outcome.RESUMED
        if s.state not in (State.OPENED, State.RECORDING):
            return m.Outcome.ALREADY
        pauses = (*s.recording.pauses, Interval(self.now.utc_s))
        self.set(recording=replace(s.recording, pauses=pauses), changed_mono_s=self.now.mono_s)
        self.apply(Trigger.PAUSE)
        self.write(Step.CHANGED)
        self.arm(m.Wait.PAUSE, s.terms.limits.pause_s)
        return m.Outcome.PAUSED

    def resume(self) -> None:
        """End the pause, asked for or overdue."""
        s = self.session
        if s.state is not State.PAUSED or s.recording is None:
            return
        *done, last = s.recording.pauses
        pauses = (*done, replace(last, to_s=self.now.utc_s))
        self.set(recording=replace(s.recording, pauses=pauses), changed_mono_s=self.now.mono_s)
        self.apply(Trigger.RESUME)
        self.write(Step.CHANGED)

    # -- the one rule ------------------------------------------------------------------------------------------------

    def cover(self) -> None:
        """Whoever is to be recorded in a bridge is covered by a take; whoever must not be, is not."""
        s = self.session
        conversations = [legs for legs in map(self.members, s.bridges.values()) if len(legs) >= CONVERSATION]
        for legs in conversations:
            decision = decide(legs)
            if decision.rule is Rule.NEVER and s.state in ACTIVE:
                self.apply(Trigger.STOP)
            elif decision.rule is Rule.ALWAYS:
                self.always(decision)
        s = self.session
        if s.state in ACTIVE and s.take and s.take.leg not in s.legs and conversations:
            self.leg = max(conversations[0], key=lambda leg: (leg.user is not None, not leg.is_local))
            self.apply(Trigger.MOVED)

    def always(self, decision: Decision) -> None:
        """Policy wants this call: start, or make a recording on demand a compulsory one."""
        s = self.session
        if s.state in (State.IDLE, State.FAILED, State.STOPPING):
            self.leg, self.rule, self.actor = decision.leg, Rule.ALWAYS, POLICY
            self.set(changed_mono_s=self.now.mono_s)
            self.apply(Trigger.START)
        elif s.recording is not None and s.recording.rule is not Rule.ALWAYS:
            self.set(recording=replace(s.recording, rule=Rule.ALWAYS))
            self.write(Step.CHANGED)
