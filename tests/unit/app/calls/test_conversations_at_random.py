"""Legs of several calls that come, meet, part and hang up in any order; what must be true of all calls together.

`tests/model` plays with one call and every event it can hear. Here the events are those of an Asterisk in order, and the engine
has to find out by itself whose they are.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from callrec.domain.calls.ids import LegId
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import Direction
from callrec.domain.calls.policy import decide
from callrec.domain.calls.session import ACTIVE, Session
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Line, User
from callrec.domain.errors import CallrecError
from callrec.domain.rules import RecordRules, Rule, UserId
from callrec.protocols.ami import Message
from callrec_lab.simulated_asterisk import TABLES, Stage, VirtualLoop, event

SILENT = User(UserId("4"), "Silent", online_record=True, rules=RecordRules(*[Rule.NEVER] * 4))
SHY = User(UserId("6"), "Shy", call_record=True, rules=RecordRules(out_external=Rule.NEVER))
LINES = (Line("silent", SILENT.id, "1004", "default"), Line("shy", SHY.id, "1006", "default"))
PHONES = ("alice", "bob", "ever", "silent", "shy", "trunk")
BRIDGES = ("b1", "b2", "b3")
MOST_LEGS = 7
SETTLED_S = 12
NUMBERS = st.integers(0, 9)
ACTIONS = st.tuples(
    st.sampled_from(
        ("call", "call", "comes", "local", "enters", "enters", "enters", "leaves", "goes", "presses", "listed", "waits")
    ),
    NUMBERS,
    NUMBERS,
    st.booleans(),
)
Action = tuple[str, int, int, bool]


class World:
    """What is so in Asterisk, and the engine that is told of it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        stage.directory = stage.call_router.endpoints = Directory(
            replace(TABLES, users=(*TABLES.users, SILENT, SHY), lines=(*TABLES.lines, *LINES))
        )
        self.phones: dict[str, str] = {}
        self.linkedids: dict[str, str] = {}
        self.made: set[str] = set()
        self.where: dict[str, str] = {}
        self.talked: set[str] = set()
        self.presses: list[asyncio.Task[str]] = []
        self.count = 0

    async def does(self, action: Action) -> None:  # noqa: C901 - one case for each kind of action
        """One thing happens."""
        what, first, second, third = action
        leg = sorted(self.phones)[first % len(self.phones)] if self.phones else ""
        match what:
            case "call" if len(self.phones) < MOST_LEGS - 1:
                caller = self.comes(PHONES[first % len(PHONES)], "")
                called = self.comes(PHONES[second % len(PHONES)], caller)
                for one in (caller, called):
                    self.enters(one, f"of {caller}", leaves_first=True)
            case "comes" if len(self.phones) < MOST_LEGS:
                self.comes(PHONES[second % len(PHONES)], leg if third else "")
            case "local" if leg and len(self.phones) < MOST_LEGS - 1:
                halves = [self.comes(f"Local/9@q-{self.count};{half}", leg) for half in (1, 2)]
                self.enters(halves[0], self.where.get(leg, "b1"), leaves_first=True)
                self.enters(halves[1], BRIDGES[second % len(BRIDGES)], leaves_first=True)
            case "enters" if leg:
                bridges = sorted({*self.where.values(), *BRIDGES})
                self.enters(leg, bridges[second % len(bridges)], leaves_first=third)
            case "leaves" if leg in self.where:
                self.leaves(leg)
            case "goes" if leg:
                self.goes(leg)
            case "presses" if leg:
                self.presses.append(asyncio.create_task(self.press(leg)))
            case "listed":
                self.listed()
            case "waits":
                await self.settles(second)
        await self.stage.passes(0.1)

    def say(self, name: str, leg: str, **more: str) -> None:
        """A manager event."""
        self.stage.call_router.asterisk(self.told(name, leg, **more))

    def told(self, name: str, leg: str, **more: str) -> Message:
        """What is told of a leg."""
        phone = self.phones[leg]
        channel = {"Channel": phone} if phone.startswith("Local/") else {}
        return event(name, leg, phone, linkedid=self.linkedids[leg], **channel, **more)

    def comes(self, phone: str, born_of: str) -> str:
        """A channel is new: of a call's own, or one that another leg calls."""
        self.count += 1
        leg = f"{self.count}.1"
        self.phones[leg], self.linkedids[leg] = phone, self.linkedids.get(born_of, leg)
        if self.linkedids[leg] == leg:
            self.made.add(leg)
        self.say("Newchannel", leg)
        return leg

    def enters(self, leg: str, bridge: str, *, leaves_first: bool) -> None:
        """Into a bridge; a swap tells of the leaving behind it."""
        former = self.where.get(leg)
        if former == bridge:
            return
        if former and leaves_first:
            self.leaves(leg)
        self.where[leg] = bridge
        there = [one for one, where in self.where.items() if where == bridge]
        self.say("BridgeEnter", leg, BridgeUniqueid=bridge)
        if former and not leaves_first:
            self.say("BridgeLeave", leg, BridgeUniqueid=former)
        if len(there) > 1:
            self.talked.update(there)
            oldest = min((self.linkedids[one] for one in there), key=float)
            self.linkedids.update(
                dict.fromkeys(there, oldest)
            )  # channel.c: a bridge's oldest gives its Linkedid to all

    def leaves(self, leg: str) -> None:
        """Out of its bridge: on hold, parked."""
        self.say("BridgeLeave", leg, BridgeUniqueid=self.where.pop(leg))

    def goes(self, leg: str) -> None:
        """Its recorders go with it."""
        if leg in self.where:
            self.leaves(leg)
        for capture in [capture for capture in self.stage.asterisk.running if self.leg_of(capture) == leg]:
            self.stage.asterisk.close(capture)
        self.say("Hangup", leg)
        del self.phones[leg], self.linkedids[leg]

    async def press(self, leg: str) -> str:
        """`*3`, by the phone's user."""
        party = self.stage.directory.by_endpoint(f"PJSIP/{self.phones[leg]}")
        try:
            return await self.stage.call_router.press(LegId(leg), party.user if party else None, 8000)
        except CallrecError as error:
            return error.code

    def listed(self) -> None:
        """The link was lost for a moment: nothing was missed, and all is told again."""
        channels = [self.told("CoreShowChannel", leg, BridgeId=self.where.get(leg, "")) for leg in self.phones]
        self.stage.call_router.hold_events()
        self.stage.call_router.resync(channels, (), asterisk_restarted=False)

    async def settles(self, seconds: int = SETTLED_S) -> None:
        """Files grow, deadlines come."""
        for _ in range(seconds):
            for capture in self.stage.asterisk.running:
                self.stage.asterisk.grow(capture)
            await self.stage.passes(1)

    def leg_of(self, capture: str) -> str:
        """On which leg a capture is."""
        captures = (one for entry in reversed(self.stage.journal.entries) for one in entry.recording.all_captures)
        return next(one.leg for one in captures if one.id == capture)

    # -- what is true when all has settled ---------------------------------------------------------------------------

    def check(self) -> None:
        """Whoever talks in one bridge is in one call; it is recorded when its legs' rules say so, and by one recorder."""
        asterisk = self.stage.asterisk
        recorded = [self.leg_of(one) for one in asterisk.running if one not in asterisk.partner_captures]
        partners = {self.leg_of(one) for one in asterisk.running if one in asterisk.partner_captures}
        sessions = self.stage.call_router.live()
        for bridge in set(self.where.values()):
            legs = {leg for leg, where in self.where.items() if where == bridge}
            if len(legs) > 1:
                calls = [session for session in sessions if legs & set(session.legs)]
                assert 1 == len(calls), f"{legs} talk, and are in {len(calls)} calls"
                self.check_conversation(calls[0], legs, recorded)
        for session in sessions:
            ours = [leg for leg in recorded if leg in session.legs]
            assert len(ours) <= 1, "two recorders in one call"
            assert session.state in ACTIVE or not ours, f"recorded in {session.state}"
        assert set(recorded) <= {leg for session in sessions for leg in session.legs}, "a recorder that is nobody's"
        talking = {leg.id for session in sessions for legs in session.conversations() for leg in legs}
        assert partners <= talking - set(recorded), "a partner is captured who talks with no recorded user"
        assert self.stage.call_router.lit() == {user for user, lit in self.stage.asterisk.lit.items() if lit}

    def check_conversation(self, session: Session, legs: set[str], recorded: Sequence[str]) -> None:
        """By the rules of all its legs, each on the side that it was on first; a Local channel leads on to more of them."""
        assert {leg for leg in legs if session.legs[LegId(leg)].direction is Direction.OUT} == legs & self.made
        known = session.conversation_of(LegId(min(legs)))
        wanted, in_it = decide(known).rule, {leg.id for leg in known} & set(recorded)
        if wanted is Rule.NEVER:
            assert not in_it, "never is recorded"
        if wanted is Rule.ALWAYS:
            assert session.state in ACTIVE, f"policy's call is {session.state}"
            assert in_it or len(session.conversations()) > 1, "policy's call is left alone"

    def check_end(self, ended_s: float) -> None:
        """Nothing is left and nothing is lost."""
        stage = self.stage
        assert ([], {}, [], []) == (
            list(stage.call_router.live()),
            stage.asterisk.running,
            stage.heard.defects,
            stage.heard.lost,
        )
        begun = {entry.recording.captures[-1].id for entry in stage.journal.entries if entry.step is Step.INTENT}
        begun |= stage.asterisk.partner_captures
        assert sorted(begun) == sorted(capture.id for one in stage.handed for capture in one.all_captures)
        captures = [capture for one in stage.handed for capture in one.all_captures]
        vain = [capture.id for capture in captures if capture.from_s == capture.to_s and capture.from_s < ended_s]
        assert not vain, f"begun in vain: {vain}"
        for one in stage.handed:
            if one.cause.startswith("unanswered"):
                assert not self.talked & {party.leg for party in one.parties}, "it was answered"


async def _assert_whole(actions: Sequence[Action], folder: Path) -> None:
    world = World(Stage(folder))
    async with world.stage.running():
        for action in actions:
            await world.does(action)
        await world.settles()
        world.check()
        ended_s = world.stage.clock.now().utc_s
        for leg in list(world.phones):
            world.goes(leg)
        await world.settles()
        assert "no-outcome" not in await asyncio.gather(*world.presses)
        world.check_end(ended_s)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.lists(ACTIONS, min_size=8, max_size=40))
def test_whoever_talks_together_is_in_one_call_and_nothing_is_lost(actions: Sequence[Action]) -> None:
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_assert_whole(actions, Path(folder)))
