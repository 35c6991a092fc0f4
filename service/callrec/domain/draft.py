"""The session while one event changes it: its legs and parties, its recordings, and the commands so far."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from callrec.domain import messages as m
from callrec.domain.lifecycle import Entry, Step
from callrec.domain.model import (
    POLICY,
    BridgeId,
    Direction,
    Instant,
    Leg,
    LegId,
    Party,
    Recording,
    Take,
    TakeId,
    within,
)
from callrec.domain.naming import recording_id
from callrec.domain.provisioning.model import Rule
from callrec.domain.session import CONVERSATION, Entered, Session
from callrec.domain.toggle import State
from callrec.domain.vocabulary import AlarmCause, CallFact


class Draft:
    """One event's work: the session as it changes, and the commands so far."""

    def __init__(self, session: Session, now: Instant, happened: Instant) -> None:
        self.session = session
        self.now = now
        self.happened = happened
        """When the event came about: at or before `now`, at which we get to do something about it."""
        self.commands: list[m.Command] = []
        # For whom and why a recording begins, set by whoever applies START or MOVED.
        self.actor = POLICY
        self.rule = Rule.ALWAYS
        self.leg: Leg | None = None
        self.why = ""
        """What an alarm says."""

    def set(self, **changes: Any) -> None:  # type: ignore[explicit-any]  # dataclasses.replace checks the names
        """Change fields of the session."""
        self.session = replace(self.session, **changes)

    def amend(self, **changes: Any) -> None:  # type: ignore[explicit-any]  # dataclasses.replace checks the names
        """Change fields of the current recording."""
        recording = self.session.recording
        self.set(recording=replace(recording, **changes) if recording else None)

    # -- the call ----------------------------------------------------------------------------------------------------

    def appear(self, leg: Leg) -> None:
        """The leg is there."""
        s = self.session
        began_s = s.began_s or self.happened.utc_s
        self.set(legs={**s.legs, leg.id: leg}, seen={**s.seen, leg.id: leg}, began_s=began_s)

    def enter(self, event: m.Bridged) -> None:
        """The leg is in this bridge, and in no other."""
        s, leg = self.session, event.leg
        if leg.id not in s.bridges.get(event.bridge, ()):
            times = s.entered[leg.id].times if leg.id in s.entered else 0
            entered = {**s.entered, leg.id: Entered(times + 1, self.now.utc_s)}
            # The partner on hold is in the former bridge: `*2` sends Hold, and Unhold only when the leg comes back there
            # (bridge_basic.c: hold, unhold).
            self.set(entered=entered, held=s.held - {leg.id})
        elsewhere = {key: tuple(one for one in legs if one != leg.id) for key, legs in s.bridges.items()}
        members = (*elsewhere.pop(event.bridge, ()), leg.id)
        self.appear(leg)
        self.set(bridges={**{key: legs for key, legs in elsewhere.items() if legs}, event.bridge: members})
        if event.rate_hz:
            self.set(rates_hz={**s.rates_hz, leg.id: event.rate_hz})
        if not leg.is_local:
            self.join(leg)
        if len(members) >= CONVERSATION:
            self.set(answered=True)

    def join(self, leg: Leg) -> None:
        """The leg takes part in the conversation from now on."""
        if not any(party.leg == leg.id and party.to_s is None for party in self.session.parties):
            user = leg.user.id if leg.user else None
            self.set(parties=(*self.session.parties, Party(leg.id, user, leg.number, leg.name, self.happened.utc_s)))

    def leave(self, leg: LegId, bridge: BridgeId | None) -> None:
        """The leg is out of this bridge (None: of all)."""
        s = self.session
        left = {
            key: tuple(one for one in legs if one != leg or (bridge is not None and key != bridge))
            for key, legs in s.bridges.items()
        }
        self.set(bridges={key: legs for key, legs in left.items() if legs}, parked=s.parked - {leg})
        if not any(leg in legs for legs in left.values()):  # late news of a bridge that it has changed for another
            self.part({leg})

    def part(self, legs: Collection[LegId]) -> None:
        """These legs take part in the conversation no more."""
        self.set(
            parties=tuple(
                replace(party, to_s=max(party.from_s, self.happened.utc_s))
                if party.leg in legs and party.to_s is None
                else party
                for party in self.session.parties
            )
        )

    # -- the recording -----------------------------------------------------------------------------------------------

    def new_recording(self, rule: Rule) -> Recording:
        """An empty recording, of which there was none before."""
        s = self.session
        nth = s.recordings + 1
        self.set(recordings=nth, faults=0)
        return Recording(
            recording_id(s.call, nth),
            s.call,
            s.linkedid,
            s.node,
            rule,
            self.actor,
            self.happened.utc_s,
            mono_s=self.happened.mono_s,
        )

    def change_take(self, take: TakeId, *, mixmonitor: str = "", cause: str = "", to_s: float | None = None) -> None:
        """Note what became known about a take, wherever its recording is by now. What is already known stays.

        News that come late may tell of an end before its beginning: it never began then.
        """

        def end_of(one: Take) -> float | None:
            return max(to_s, one.from_s) if one.to_s is None and to_s is not None else one.to_s

        def changed(recording: Recording) -> Recording:
            takes = (
                replace(one, mixmonitor=one.mixmonitor or mixmonitor, cause=one.cause or cause, to_s=end_of(one))
                if one.id == take
                else one
                for one in recording.takes
            )
            return replace(recording, takes=tuple(takes))

        s = self.session
        self.set(
            recording=changed(s.recording) if s.recording else None,
            set_aside=tuple(changed(recording) for recording in s.set_aside),
        )

    def with_parties(self, recording: Recording) -> Recording:
        """The recording with those who were there: the presser first, or the caller; the others as they came."""
        end_s = self.now.utc_s if recording.to_s is None else recording.to_s
        present = [
            party
            for party in self.session.parties
            if party.from_s <= end_s and (party.to_s is None or party.to_s >= recording.from_s)
        ]
        caller = {leg.id for leg in self.session.seen.values() if leg.direction is Direction.OUT}
        firsts = {recording.actor.leg} if recording.actor.leg else caller
        first = next((party for party in present if party.leg in firsts), None)
        if first is not None:
            present = [first, *(party for party in present if party is not first)]
        return replace(recording, parties=tuple(present) or recording.parties)

    def ended(self, recording: Recording) -> Recording:
        """The recording as intake gets it: every time has its end, and nothing begins before the recording or outlasts it."""
        now_s = self.now.utc_s
        is_explained = bool(recording.parties) and not recording.takes  # the explanation says who
        recording = recording if is_explained else self.with_parties(recording)
        to_s = max(recording.from_s, now_s if recording.to_s is None else recording.to_s)
        return replace(
            recording,
            to_s=to_s,
            takes=tuple(replace(take, to_s=now_s) if take.to_s is None else take for take in recording.takes),
            parties=tuple(
                replace(party, to_s=to_s if party.to_s is None else min(party.to_s, to_s))
                for party in recording.parties
            ),
            pauses=within(recording.pauses, recording.from_s, to_s),
            waiting=within(recording.waiting, recording.from_s, to_s),
        )

    def write(self, at: Step) -> None:
        """Journal the current recording."""
        if self.session.recording:
            self.set(recording=self.with_parties(self.session.recording))
            self.commands.append(m.Write(Entry(at, self.session.recording)))

    def settle(self, take: TakeId | None = None) -> None:
        """Hand over what was set aside and is closed; at its deadline (`take`) also what no living recorder can write to.

        Files of a recorder that lives in spite of its stop are stopped again, once; then its leg's end is waited for.
        """
        s = self.session
        waiting = []
        for recording in s.set_aside:
            overdue = take is not None and any(one.id == take for one in recording.takes)
            growing = [one for one in recording.takes if s.may_grow(one)]
            if not s.is_written(recording) or (overdue and not growing):
                self.deliver(recording)
                continue
            waiting.append(recording)
            if overdue:
                self.commands += [m.Alarm(AlarmCause.TAKE_NOT_CLOSING, one.id) for one in growing]
                self.commands += [m.CloseTake(one) for one in growing]
        self.set(set_aside=tuple(waiting))

    def await_files(self, leg: LegId) -> None:
        """The leg is gone: what was set aside with a take on it can be handed over soon."""
        for recording in self.session.set_aside:
            if any(take.leg == leg for take in recording.takes):
                self.commands.append(m.Arm(m.Wait.SETTLE, recording.takes[-1].id, self.session.terms.limits.settle_s))

    def deliver(self, recording: Recording) -> None:
        """The recording is complete: journal it as ended, and give it to intake."""
        done = self.ended(recording)
        self.commands += [m.Write(Entry(Step.ENDED, done)), m.HandOver(done), m.Tell(CallFact.RECORDING_ENDED, done)]

    def answer(self, outcome: m.Outcome) -> None:
        """Answer the dialogues that wait."""
        self.commands += [m.Reply(reply, outcome) for reply in self.session.replies]
        self.set(replies=())

    def announce(self, outcome: m.Outcome) -> None:
        """Let the parties hear it, when somebody pressed for it. On a leg that is gone nothing is played."""
        s = self.session
        if s.recording and s.take and s.take.leg in s.legs and s.recording.rule is Rule.ON_DEMAND:
            self.commands.append(m.Announce(s.take, outcome))

    def lamps(self) -> None:
        """The `*3` lamps of the users in the recorded conversation are lit, and nobody else's."""
        s = self.session
        recorded = s.take.leg if s.take and s.state is State.RECORDING else None
        lit = tuple(dict.fromkeys(leg.user.id for leg in s.company(recorded) if leg.user))
        for users, wanted in (
            (tuple(user for user in s.lit if user not in lit), False),
            (tuple(user for user in lit if user not in s.lit), True),
        ):
            if users:
                self.commands.append(m.Light(users, wanted))
        self.set(lit=lit)

    def silence(self, leg: LegId) -> None:
        """The leg is gone: its recorders have nothing to write any more, whenever Asterisk closes their files."""
        s = self.session
        recordings = (*s.set_aside, *([s.recording] if s.recording else []))
        for take in (take for recording in recordings for take in recording.takes):
            if take.leg == leg and take.id in s.open_takes:
                self.change_take(take.id, to_s=self.happened.utc_s)

    def mark(self, take: TakeId, cause: str) -> None:
        """Note why this take does not hold what it should, and what an alarm will say."""
        self.why = cause
        self.change_take(take, cause=cause)

    def arm(self, wait: m.Wait, after_s: float) -> None:
        """A deadline for the current take."""
        take = self.session.take
        self.commands.append(m.Arm(wait, take.id if take else None, after_s))
