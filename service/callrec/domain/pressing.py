"""What `*3` means: who may press, what a press changes, and what its presser is told."""

from dataclasses import replace

from callrec.domain import messages as m
from callrec.domain.lifecycle import Step
from callrec.domain.machine import Machine
from callrec.domain.model import Actor, ActorKind, Interval, Leg
from callrec.domain.policy import OverridesAlways, decide
from callrec.domain.provisioning.model import Rule
from callrec.domain.toggle import ACTIVE, State, Trigger


class Pressing(Machine):
    """A draft that obeys presses."""

    # -- what `*3` means ---------------------------------------------------------------------------------------------

    def press(self, event: m.Pressed) -> m.Outcome | None:
        """The outcome of a press, or None when it will be known later."""
        s = self.session
        leg = s.legs.get(event.leg)
        conversation = s.conversation_of(event.leg)
        if leg is None or event.user is None or not conversation or s.state is State.CLOSED:
            return m.Outcome.REFUSED
        self.leg, self.actor = replace(leg, user=event.user), Actor(ActorKind.USER, event.user.id, leg.id)
        if event.rate_hz:
            self.set(rates_hz={**s.rates_hz, leg.id: event.rate_hz})
        rule = decide([*(one for one in conversation if one.id != leg.id), self.leg]).rule
        if not event.user.online_record or rule is Rule.NEVER:
            return m.Outcome.REFUSED
        if self.now.mono_s - s.changed_mono_s < s.terms.limits.absorb_s:
            return m.Outcome.ABSORBED
        if s.recording is not None and s.recording.rule is Rule.ALWAYS and s.state in ACTIVE:
            return self.press_always(event, conversation)
        # What policy wants, be it in another conversation of this call, no press may stop.
        wanted = rule is Rule.ALWAYS or any(decide(legs).rule is Rule.ALWAYS for legs in s.conversations())
        self.rule = Rule.ALWAYS if wanted else Rule.ON_DEMAND
        self.set(replies=(*s.replies, event.reply), changed_mono_s=self.now.mono_s)
        if s.state in ACTIVE:
            self.stop()
        else:  # a leg of an unknown user is its presser's: so is the recording, which ends when they leave
            self.set(legs={**s.legs, leg.id: self.leg})
            self.apply(Trigger.START)
        return None

    def press_always(self, event: m.Pressed, conversation: list[Leg]) -> m.Outcome | None:
        """`*3` while the call is recorded because policy says so. That it is recorded is said of what is proven, and is the
        presser's own conversation: one that begins answers by how it begins, and of what has failed it is said that it has."""
        s = self.session
        if s.take is None or all(leg.id != s.take.leg for leg in conversation):
            return m.Outcome.FAILED
        if s.state is State.PAUSED:
            self.resume()
            return m.Outcome.RESUMED
        if s.state is State.STARTING:
            self.set(replies=(*s.replies, event.reply))
            return None
        if s.state is State.SUSPECT:
            return m.Outcome.FAILED
        if s.terms.overrides_always is not OverridesAlways.PAUSE:
            return m.Outcome.ALREADY
        self.pause()
        return m.Outcome.PAUSED

    def pause(self) -> None:
        """Begin a pause: the take goes on, muted."""
        s = self.session
        self.amend(pauses=(*(s.recording.pauses if s.recording else ()), Interval(self.now.utc_s)))
        self.set(changed_mono_s=self.now.mono_s)
        self.apply(Trigger.PAUSE)
        self.write(Step.CHANGED)
        self.arm(m.Wait.PAUSE, s.terms.limits.pause_s)

    def resume(self) -> None:
        """End the pause, asked for or overdue."""
        s = self.session
        if s.state is not State.PAUSED or s.recording is None:
            return
        *done, last = s.recording.pauses
        pauses = (*done, replace(last, to_s=self.now.utc_s))
        self.amend(pauses=pauses)
        self.set(changed_mono_s=self.now.mono_s)
        self.apply(Trigger.RESUME)
        self.write(Step.CHANGED)
