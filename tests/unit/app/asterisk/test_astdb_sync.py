"""Lamps and AstDB follow the tables and the live calls, whoever is away, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from callrec.app.asterisk.astdb_sync import LOOK_S, PAUSE_S, AstDbSync
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.function_keys import bound
from callrec.domain.directory.model import Feature, FeatureCode, FunctionKey, Line, Place, Tables, User
from callrec.domain.directory.table_changes import CodeChanged, Difference, UserChanged
from callrec.domain.directory.tables_mark import Standing, TablesMark
from callrec.domain.errors import CallrecError, Refused
from callrec.domain.rules import PlaceKind, RecordRules, Rule, UserId
from callrec_lab.simulated_asterisk import ALICE, BOB, EVER, TABLES, Asterisk, FragileSpool, Heard, away, virtual


class LocalCopy:
    """The local copy of the tables, which its owner changes."""

    fresh = True

    def __init__(self) -> None:
        self.directory = Directory(TABLES)
        self.now = Standing(0)
        self.mark: TablesMark | None = None
        self.callbacks: list[Callable[[Difference], None]] = []

    def on_change(self, callback: Callable[[Difference], None]) -> None:
        """See DirectorySource."""
        self.callbacks.append(callback)

    async def standing(self, _event: str) -> Standing:
        """See DirectorySource."""
        return self.now

    def change(self, directory: Directory) -> None:
        """From now on these."""
        difference, self.directory = directory.difference(self.directory), directory
        for callback in self.callbacks:
            callback(difference)


class AstDb:
    """What the dialplan would read, by endpoint; `faults` may refuse an endpoint. It counts how often the code was written."""

    def __init__(self) -> None:
        self.always_on: dict[UserId, bool] = {}
        self.rules: dict[UserId, RecordRules] = {}
        self.owners: dict[str, tuple[UserId | None, bool]] = {}
        self.faults: dict[str, CallrecError] = {}
        self.codes = 0
        self.written: list[tuple[UserId, bool]] = []
        self.places_written: list[bool] = []
        """Whether the rules of places were compared with Asterisk's afresh, each time."""
        self.takes_s = 0.0
        """So long it takes to copy a user: a store that does not answer."""
        self.order: list[str] = []
        """In which order the code and the users' flags were written."""

    @property
    def flags(self) -> dict[str, tuple[bool, bool]]:
        """For each endpoint whether its user is recorded always, and may press."""
        return {
            name: (bool(user and self.always_on[user]), may_press) for name, (user, may_press) in self.owners.items()
        }

    async def line(self, endpoint: str, user: UserId | None, *, may_press: bool) -> None:
        """See ports.FallbackCopy."""
        if endpoint in self.faults:
            raise self.faults[endpoint]
        self.owners[endpoint] = (user, may_press)

    async def always(self, user: UserId, *, on: bool, rules: RecordRules) -> None:
        """See ports.FallbackCopy."""
        self.always_on[user], self.rules[user] = on, rules
        self.order.append(user)
        self.written.append((user, on))
        await asyncio.sleep(self.takes_s)

    async def places(self, *, afresh: bool) -> None:
        """See ports.FallbackCopy."""
        self.places_written.append(afresh)

    async def code(self) -> None:
        """See ports.FallbackCopy."""
        self.codes += 1
        self.order.append("code")


class Copy:
    """What the dialplan would obey: users, agents and lamps."""

    def __init__(self) -> None:
        self.users: dict[UserId, User | None] = {}
        self.agents: dict[str, bool] = {}
        self.device_states: dict[str, bool] = {}

    async def services(self, user: UserId, now: User | None) -> None:
        """See ServiceCopy."""
        self.users[user] = now

    async def agent(self, number: str, *, logged_in: bool) -> None:
        """See ServiceCopy."""
        self.agents[number] = logged_in

    async def device_state(self, extension: str, *, lit: bool) -> None:
        """See ServiceCopy."""
        self.device_states[extension] = lit


class House:
    """A mirror at work; `words` is what users were told without us, `looks` how often that was asked for."""

    def __init__(self, folder: Path) -> None:
        self.tables, self.astdb, self.copy, self.heard = LocalCopy(), AstDb(), Copy(), Heard()
        self.device_states = Asterisk(FragileSpool(folder))
        self.lit: set[UserId] = set()
        self.words: dict[UserId, bool] = {}
        self.deaf: CallrecError | None = None
        self.looks = 0
        self.astdb_sync = AstDbSync(
            self.tables,
            self.device_states,
            self.astdb,
            self.copy,
            self.heard,
            lit=lambda: self.lit,
            apply_changes=self.apply_changes,
        )

    async def apply_changes(self) -> dict[UserId, bool]:
        """See fallback_changes."""
        self.looks += 1
        if self.deaf:
            raise self.deaf
        return dict(self.words)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """As a task."""
        task = asyncio.create_task(self.astdb_sync.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


@virtual
async def test_the_rules_of_places_are_mirrored_when_they_change_and_afresh_when_asterisk_is_back(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    async with house.running():
        house.astdb_sync.everything()
        await asyncio.sleep(0.1)
        assert house.astdb.places_written == [True]
        house.tables.change(Directory(replace(TABLES, places=(Place(PlaceKind.QUEUE, "a", Rule.ALWAYS),))))
        await asyncio.sleep(0.1)
        assert house.astdb.places_written == [True, False]
        house.tables.change(
            Directory(replace(house.tables.directory.tables(), users=(*TABLES.users, User(UserId("99"), "Zoe"))))
        )
        await asyncio.sleep(0.1)
        assert house.astdb.places_written == [True, False]


@virtual
async def test_everything_is_mirrored_when_asterisk_is_back(tmp_path: Path) -> None:
    """Flags of each endpoint, both lamps of each user; a `*3` lamp that no call has lit goes dark."""
    house = House(tmp_path)
    house.lit = {BOB.id}
    async with house.running():
        house.astdb_sync.everything()
        await asyncio.sleep(PAUSE_S)
    assert house.astdb.flags == {"alice": (False, True), "bob": (False, True), "ever": (True, True)}
    assert house.device_states.always_lit == {ALICE.id: False, BOB.id: False, EVER.id: True}
    assert house.device_states.lit == {ALICE.id: False, BOB.id: True, EVER.id: False}


@virtual
async def test_a_change_goes_before_what_is_copied_again_and_the_code_before_all(tmp_path: Path) -> None:
    """A thousand users are copied for many seconds: nobody who was told *on* waits for that, and no key finds a code missing."""
    house = House(tmp_path)
    house.astdb_sync.everything()
    house.astdb_sync.changed(house.tables.directory.apply(UserChanged(replace(EVER, call_record=False))))
    house.astdb_sync.everything()
    async with house.running():
        await asyncio.sleep(PAUSE_S)
    assert house.astdb.order == ["code", EVER.id, ALICE.id, BOB.id]


@virtual
async def test_a_change_of_one_user_writes_that_user_alone(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.running():
        house.astdb_sync.changed(house.tables.directory.apply(UserChanged(replace(ALICE, call_record=True))))
        await asyncio.sleep(PAUSE_S)
    assert house.astdb.flags == {"alice": (True, True)}
    assert house.device_states.always_lit == {ALICE.id: True}


@virtual
async def test_a_users_rules_are_mirrored_and_go_with_the_user(tmp_path: Path) -> None:
    house, rules = House(tmp_path), RecordRules(in_external=Rule.NEVER)
    async with house.running():
        house.astdb_sync.changed(house.tables.directory.apply(UserChanged(replace(ALICE, rules=rules))))
        await asyncio.sleep(PAUSE_S)
        assert house.astdb.rules == {ALICE.id: rules}
        house.tables.change(Directory(Tables(users=TABLES.users[1:], lines=TABLES.lines[1:])))
        await asyncio.sleep(PAUSE_S)
    assert house.astdb.rules[ALICE.id] == RecordRules()


@virtual
async def test_who_is_gone_loses_flags_and_lamps_unless_they_came_back(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.tables.change(Directory(Tables(users=TABLES.users[:1], lines=TABLES.lines[:1])))
    house.tables.change(Directory(Tables(users=TABLES.users[:2], lines=TABLES.lines[:2])))
    async with house.running():
        await asyncio.sleep(PAUSE_S)
    assert house.astdb.flags == {"bob": (False, True), "ever": (False, False)}
    assert house.device_states.always_lit == {BOB.id: False, EVER.id: False}


@virtual
async def test_a_line_of_another_technology_with_the_same_name_is_not_taken_for_gone(tmp_path: Path) -> None:
    """Asterisk's database has one key for both, and the user may be looked at before the line that is gone."""
    house = House(tmp_path)
    old = Line("1600", ALICE.id, "1600", "default", "sccp")
    house.tables.change(Directory(Tables(users=(ALICE,), lines=(old,))))
    house.astdb_sync.everything()
    house.tables.change(Directory(Tables(users=(ALICE,), lines=(replace(old, protocol="sip", secret="s"),))))
    async with house.running():
        await asyncio.sleep(PAUSE_S)
    assert house.astdb.flags["1600"] == (False, True)


@virtual
async def test_what_cannot_be_written_now_is_kept_and_told_once(tmp_path: Path) -> None:
    """A minute without Asterisk is one alarm; then it is all written, and the next outage is told again."""
    house = House(tmp_path)
    house.device_states.faults["always"] = away()
    async with house.running():
        house.astdb_sync.everything()
        await asyncio.sleep(60)
        assert house.heard.alarms == ["mirror: ami-down"]
        house.device_states.faults.clear()
        await asyncio.sleep(2 * PAUSE_S)
        assert len(house.device_states.always_lit) == 3
        house.device_states.faults["always"] = away()
        house.astdb_sync.everything()
        await asyncio.sleep(PAUSE_S)
    assert house.heard.alarms == ["mirror: ami-down"] * 2


@virtual
async def test_what_asterisk_refuses_for_ever_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Neither an endpoint that is gone nor one that is there."""
    house = House(tmp_path)
    house.astdb.faults = {name: Refused("ami-error", "no") for name in ("alice", "ever")}
    house.tables.change(Directory(Tables(users=TABLES.users[:2], lines=TABLES.lines[:2])))
    house.astdb_sync.everything()
    async with house.running():
        await asyncio.sleep(PAUSE_S / 2)
        assert house.astdb.flags == {"bob": (False, True)}
        house.astdb.faults.clear()
        await asyncio.sleep(PAUSE_S)
    assert house.astdb.flags == {"alice": (False, True), "bob": (False, True), "ever": (False, False)}
    assert house.heard.alarms == ["mirror: ami-error"]


@virtual
async def test_the_code_is_mirrored_with_every_change_and_new_digits_rename_every_lamp(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.running():
        house.astdb_sync.changed(house.tables.directory.apply(CodeChanged(FeatureCode(Feature.ONLINE_RECORD, "*4"))))
        await asyncio.sleep(PAUSE_S)
        assert (house.astdb.codes, house.astdb.flags) == (1, {})
        house.astdb_sync.changed(house.tables.directory.apply(CodeChanged(FeatureCode(Feature.CALL_RECORD, "*99"))))
        await asyncio.sleep(PAUSE_S)
    assert (house.astdb.codes, set(house.astdb.flags)) == (2, {"alice", "bob", "ever"})


@virtual
async def test_tables_that_were_never_loaded_are_not_mirrored(tmp_path: Path) -> None:
    """Neither users nor the code, of which only the shipped default is known: Asterisk goes on by what it has."""
    house = House(tmp_path)
    house.tables.directory = Directory(Tables())
    house.words = {ALICE.id: True}
    async with house.running():
        house.astdb_sync.everything()
        await asyncio.sleep(2 * LOOK_S)
    assert (house.astdb.codes, house.astdb.always_on, house.device_states.always_lit) == (0, {}, {})


@virtual
async def test_before_anything_is_written_it_is_known_what_users_were_told(tmp_path: Path) -> None:
    """While that cannot be asked nothing is written, and it is told once."""
    house = House(tmp_path)
    house.deaf, house.words = away(), {ALICE.id: True, EVER.id: False}
    async with house.running():
        house.astdb_sync.everything()
        await asyncio.sleep(60)
        assert (house.astdb.codes, house.astdb.always_on) == (0, {})
        house.deaf = None
        await asyncio.sleep(2 * PAUSE_S)
    assert house.heard.alarms == ["mirror: ami-down"]
    assert house.astdb.always_on == house.device_states.always_lit == {ALICE.id: True, BOB.id: False, EVER.id: False}


@virtual
async def test_what_a_user_is_told_while_others_are_copied_is_not_written_over(tmp_path: Path) -> None:
    """The dialplan found its change undone, and told its user that the outcome was not known."""
    house = House(tmp_path)
    house.astdb.takes_s = 2.0
    async with house.running():
        house.astdb_sync.everything()
        await asyncio.sleep(1.0)
        last = next(user for user in (ALICE.id, BOB.id, EVER.id) if user not in house.astdb.always_on)
        house.words = {last: True}
        await asyncio.sleep(30)
    assert house.astdb.always_on[last] is True
    assert (last, True) in house.astdb.written
    assert (last, False) not in house.astdb.written


@virtual
async def test_a_word_that_comes_later_is_found_and_repairs_what_was_written_over_it(tmp_path: Path) -> None:
    """As soon as it does not wait any more, the tables are mirrored again. Who is told nothing new is not written again."""
    house = House(tmp_path)
    async with house.running():
        house.astdb_sync.everything()
        await asyncio.sleep(PAUSE_S)
        house.words = {ALICE.id: True}
        await asyncio.sleep(LOOK_S)
        assert house.astdb.always_on[ALICE.id] is house.device_states.always_lit[ALICE.id] is True
        house.astdb.always_on.clear()
        await asyncio.sleep(2 * LOOK_S)
        assert house.astdb.always_on == {}
        house.words = {}
        await asyncio.sleep(LOOK_S)
    assert house.astdb.always_on == {ALICE.id: False}


@virtual
async def test_an_idle_mirror_without_asterisk_looks_in_vain_and_says_nothing(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.deaf = away()
    async with house.running():
        await asyncio.sleep(12 * LOOK_S)
    assert (house.looks, house.heard.alarms) == (11, [])


@virtual
async def test_services_agents_and_the_lamps_of_keys_follow_their_user(tmp_path: Path) -> None:
    """A forward key with a destination shows only that one; who has no key has no lamp; a key that goes leaves none lit."""
    house = House(tmp_path)
    any_, to_bob = (
        FunctionKey(ALICE.id, n, "forward_unconditional", to, supervision=True) for n, to in ((1, ""), (2, "5"))
    )
    silent = FunctionKey(ALICE.id, 3, "dnd")
    alice = replace(ALICE, forward_unconditional="7", dnd=True, agentnumber="2101", agent_logged_in=True)
    users = tuple(alice if user.id == ALICE.id else user for user in TABLES.users)
    device_states = [bound(ALICE.id, "*21"), bound(ALICE.id, "*21", "5")]
    async with house.running():
        house.tables.change(Directory(replace(TABLES, users=users, keys=(any_, to_bob, silent))))
        await asyncio.sleep(PAUSE_S)
        assert (house.copy.users, house.copy.agents) == ({ALICE.id: alice}, {"2101": True})
        assert house.copy.device_states == dict(zip(device_states, (True, False), strict=True))
        moved = replace(any_, number=9)
        house.tables.change(Directory(replace(TABLES, users=users, keys=(moved, to_bob, silent))))
        await asyncio.sleep(PAUSE_S)
        assert house.copy.device_states[device_states[0]]
        house.tables.change(Directory(replace(TABLES, users=users)))
        await asyncio.sleep(PAUSE_S)
        assert house.copy.device_states == dict.fromkeys(device_states, False)


@virtual
async def test_a_boss_filter_lights_the_secretarys_lamp_and_new_digits_rename_it(tmp_path: Path) -> None:
    house = House(tmp_path)
    boss, clerk = replace(ALICE, bosssecretary="boss"), replace(BOB, bosssecretary="secretary")
    key = FunctionKey(clerk.id, 1, "secretary_filter", supervision=True)
    house.tables.directory = Directory(replace(TABLES, users=(boss, clerk, EVER), keys=(key,)))
    async with house.running():
        tables = house.tables.directory
        house.astdb_sync.changed(tables.apply(UserChanged(replace(boss, filter_enabled=True))))
        await asyncio.sleep(PAUSE_S)
        assert house.copy.device_states == {bound(clerk.id, "*37"): True}
        house.astdb_sync.changed(tables.apply(CodeChanged(FeatureCode(Feature.SECRETARY_FILTER, "*38", enabled=True))))
        await asyncio.sleep(PAUSE_S)
        assert house.copy.device_states[bound(clerk.id, "*38")]
