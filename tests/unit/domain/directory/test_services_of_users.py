"""What a press of a feature's code or key comes to, for each feature and each state."""

from dataclasses import replace

import pytest

from callrec.domain.directory.directory import Directory, Party
from callrec.domain.directory.model import Feature, Line, Tables, User, Voicemail
from callrec.domain.directory.services import (
    EMPTY,
    REFUSED,
    NotDone,
    NumberWanted,
    Pressed,
    Turn,
    calls_recorded,
    has_services,
    is_lit,
    pressed,
    status,
)
from callrec.domain.rules import RecordRules, Rule, UserId

JOHN = User(UserId("1"), "John", agentnumber="2101")
BOSS = User(UserId("2"), "Boss", bosssecretary="boss")
CLERK = User(UserId("3"), "Clerk", bosssecretary="secretary")
LINES = tuple(Line(f"l{user.id}", user.id, f"100{user.id}", "default") for user in (JOHN, BOSS, CLERK))
BOX = Voicemail("1001", "default", JOHN.id, "John")
UNCONDITIONAL = Feature.FORWARD_UNCONDITIONAL


def house(*users: User, boxes: tuple[Voicemail, ...] = (BOX,)) -> Directory:
    """These in the place of the usual ones."""
    usual = {user.id: user for user in (JOHN, BOSS, CLERK)} | {user.id: user for user in users}
    return Directory(Tables(tuple(usual.values()), LINES, voicemails=boxes))


def press(
    feature: Feature, argument: str = "", presser: User = JOHN, *, entered: bool = False, others: tuple[User, ...] = ()
) -> Pressed:
    """A press of this user."""
    tables = house(presser, *others)
    (line,) = tables.lines_of(presser.id)
    return pressed(feature, argument, Party(presser, line), tables, entered=entered)


@pytest.mark.parametrize(
    ("active", "argument", "entered", "expected"),
    [
        ("", "", False, NumberWanted()),
        ("", "", True, NotDone(EMPTY)),
        ("", "1002", False, Turn(["forward-unconditional-on", "1002"], {"forward_unconditional": "1002"}, JOHN.id)),
        ("", "1002", True, Turn(["forward-unconditional-on", "1002"], {"forward_unconditional": "1002"}, JOHN.id)),
        ("", "1001", False, NotDone(REFUSED)),
        ("", "*98", False, NotDone(REFUSED)),
        ("1002", "", False, Turn(["forward-unconditional-off"], {"forward_unconditional": ""}, JOHN.id)),
        ("1002", "1002", False, Turn(["forward-unconditional-off"], {"forward_unconditional": ""}, JOHN.id)),
        ("1002", "1003", False, Turn(["forward-unconditional-on", "1003"], {"forward_unconditional": "1003"}, JOHN.id)),
    ],
)
def test_the_forward_key(active: str, argument: str, entered: bool, expected: Pressed) -> None:
    """Off while it is active; the number is asked for when there is none; no code and not oneself."""
    presser = replace(JOHN, forward_unconditional=active)
    assert press(UNCONDITIONAL, argument, presser, entered=entered) == expected


def test_one_code_ends_every_forward() -> None:
    fields = {"forward_unconditional": "", "forward_no_answer": "", "forward_busy": ""}
    assert press(Feature.FORWARDS_OFF) == Turn(["forwards-off"], fields, JOHN.id)


def test_do_not_disturb_and_the_mailbox_turn_over() -> None:
    """A mailbox that there is not is not switched."""
    assert press(Feature.DND) == Turn(["dnd-on"], {"dnd": True}, JOHN.id)
    assert press(Feature.DND, presser=replace(JOHN, dnd=True)) == Turn(["dnd-off"], {"dnd": False}, JOHN.id)
    assert press(Feature.VOICEMAIL_ENABLE) == Turn(["voicemail-off"], {"voicemail_enabled": False}, JOHN.id)
    assert press(Feature.VOICEMAIL_ENABLE, presser=BOSS) == NotDone(REFUSED)


def test_the_filter_is_the_boss_own_or_that_of_a_secretarys_boss() -> None:
    on = Turn(["filter-on"], {"filter_enabled": True}, BOSS.id)
    other = User(UserId("4"), "Other", bosssecretary="boss")
    assert on == press(Feature.SECRETARY_FILTER, presser=BOSS) == press(Feature.SECRETARY_FILTER, "1002", BOSS)
    assert on == press(Feature.SECRETARY_FILTER, presser=CLERK)
    assert on == press(Feature.SECRETARY_FILTER, "1002", CLERK, others=(other,))
    assert NotDone(REFUSED) == press(Feature.SECRETARY_FILTER, "", CLERK, others=(other,))
    assert NotDone(REFUSED) == press(Feature.SECRETARY_FILTER, "1003", BOSS)
    assert NotDone(REFUSED) == press(Feature.SECRETARY_FILTER)
    assert NotDone(REFUSED) == press(Feature.SECRETARY_FILTER, presser=BOSS, others=(replace(CLERK, entityid=2),))
    is_on = replace(BOSS, filter_enabled=True)
    assert press(Feature.SECRETARY_FILTER, presser=is_on).says == ["filter-off"]


@pytest.mark.parametrize(
    ("feature", "is_in", "expected"),
    [
        (Feature.AGENT_LOGIN, False, True),
        (Feature.AGENT_LOGIN, True, True),
        (Feature.AGENT_LOGOFF, True, False),
        (Feature.AGENT_TOGGLE, True, False),
        (Feature.AGENT_TOGGLE, False, True),
    ],
)
def test_an_agent_logs_in_and_out(feature: Feature, is_in: bool, expected: bool) -> None:
    for argument in ("", "2101"):
        turn = press(feature, argument, replace(JOHN, agent_logged_in=is_in))
        assert turn == Turn([f"agent-{'on' if expected else 'off'}"], {"agent_logged_in": expected}, JOHN.id)
    assert press(feature, "2102") == press(feature, presser=BOSS) == NotDone(REFUSED)


def test_what_turns_nothing_is_refused() -> None:
    assert press(Feature.PICKUP, "1002") == NotDone(REFUSED)


def test_the_status_says_what_is_not_as_usual() -> None:
    assert press(Feature.PHONE_STATUS) == Turn(["status-quiet"])
    busy = replace(JOHN, call_record=True, dnd=True, forward_busy="1002", voicemail_enabled=False, agent_logged_in=True)
    assert has_services(busy)
    assert not has_services(replace(JOHN, call_record=True))
    assert status(busy) == ["call-recording-on", "dnd-on", "forward-busy-on", "1002", "voicemail-off", "agent-on"]


@pytest.mark.parametrize(
    ("flag", "rules", "recorded"),
    [
        (False, (None,) * 4, "off"),
        (True, (None,) * 4, "on"),
        (False, (Rule.ALWAYS,) * 4, "on"),
        (True, (Rule.NEVER,) * 4, "off"),
        (True, (None, None, Rule.NEVER, None), "some"),
        (False, (Rule.ALWAYS, None, Rule.ON_DEMAND, None), "some"),
        (True, (Rule.ON_DEMAND,) * 4, "on"),
    ],
)
def test_the_status_says_which_calls_are_recorded(flag: bool, rules: tuple[Rule | None, ...], recorded: str) -> None:
    """Of none it is said where the user can change that."""
    john = replace(JOHN, call_record=flag, rules=RecordRules(*rules))
    assert calls_recorded(john) == recorded
    assert status(john, says_off=True)[0] == f"call-recording-{recorded}"
    assert (status(john)[0] == "status-quiet") == (recorded == "off")
    assert ("status-quiet" in status(john, says_off=True)) == (recorded == "off")


def test_lamps() -> None:
    """Any forward lights the key without a destination; the boss' filter lights the secretary's key too."""
    john, boss = replace(JOHN, forward_unconditional="1002", dnd=True), replace(BOSS, filter_enabled=True)
    tables = house(john, boss)
    lit = [is_lit(UNCONDITIONAL, to, john, tables) for to in ("", "1002", "1003")]
    assert lit == [True, True, False]
    assert is_lit(Feature.DND, "", john, tables)
    assert not is_lit(Feature.FORWARD_BUSY, "", john, tables)
    assert is_lit(Feature.SECRETARY_FILTER, "", boss, tables)
    assert is_lit(Feature.SECRETARY_FILTER, "", CLERK, tables)
    assert not is_lit(Feature.SECRETARY_FILTER, "", CLERK, house())
    assert is_lit(Feature.AGENT_LOGIN, "2101", replace(JOHN, agent_logged_in=True), tables)
