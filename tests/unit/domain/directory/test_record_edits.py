"""What one record takes along, and what must not be done."""

from dataclasses import replace

import pytest

from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.model import (
    DEFAULT_CONTEXTS,
    DEFAULT_ENTITIES,
    DEFAULT_ROLES,
    Context,
    ContextKind,
    Entity,
    FunctionKey,
    Group,
    Incall,
    Line,
    Permission,
    Profile,
    Range,
    Role,
    Tables,
    User,
    Voicemail,
)
from callrec.domain.directory.record_edits import changing, creating, removing
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

JOHN = User(UserId("1"), "John", "Doe", language="en_US", profileclient="agent")
EVE = User(UserId("2"), "Eve")
DESK = Line("desk", JOHN.id, "1000", "default", secret="s")
SECOND = Line("second", JOHN.id, "1001", "default", secret="s")
DID = Incall("2050", "from-extern", JOHN.id)
BOX = Voicemail("1000", "default", JOHN.id, "John Doe", "1234")
SALES = Context("sales", ContextKind.INTERNAL, (Range("3000", "3099"),))
CONTEXTS = (*DEFAULT_CONTEXTS, SALES)
AUDITOR = Role("reader", (Permission.AUDIT_READ,))
PROFILES = (Profile("agent"), Profile("spare"))


def directory(*lines, **others):
    return Directory(Tables((JOHN, EVE), lines, (DID,), (BOX,), contexts=CONTEXTS, profiles=PROFILES, **others))


TABLES = directory(DESK)


@pytest.mark.parametrize(
    "table_record", [replace(EVE, id=UserId("3")), SECOND, Entity(2, "Sales"), Profile("new"), AUDITOR]
)
def test_a_new_record_is_one_change(table_record):
    assert Edit((Change(None, table_record),)) == creating(table_record, TABLES)


def test_a_new_context_is_checked_by_its_own_rules():
    new = Context("new", ContextKind.INTERNAL)
    assert Edit((Change(None, new),)) == creating(new, TABLES)
    with pytest.raises(Refused, match="must be a context's name"):
        creating(replace(new, name="a b"), TABLES)


@pytest.mark.parametrize("table_record", [replace(DESK, number="1005"), SALES, Profile("agent"), *DEFAULT_ENTITIES])
def test_what_is_there_already_is_taken(table_record):
    with pytest.raises(Refused, match="already taken"):
        creating(table_record, TABLES)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (EVE, replace(EVE, firstname="Eva")),
        (DESK, replace(DESK, name="front")),
        (DID, replace(DID, user=EVE.id)),
        (SALES, replace(SALES, ranges=())),
        (Entity(1, "default"), Entity(1, "Main")),
        (Profile("spare"), Profile("other")),
        (DEFAULT_ROLES[1], AUDITOR),
    ],
)
def test_a_record_becomes_another(before, after):
    assert Edit((Change(before, after),)) == changing(before, after, TABLES)
    assert not changing(before, before, TABLES)


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (DID, replace(DID, exten="3000"), "record-refused"),
        (Profile("spare"), Profile("agent"), "table-conflict"),
        (Profile("agent"), Profile("new"), "profile-in-use"),
        (DESK, replace(DESK, user=EVE.id), "line-in-use"),
        (DESK, replace(DESK, context="sales", number="3000"), "line-in-use"),
        (DEFAULT_CONTEXTS[0], replace(DEFAULT_CONTEXTS[0], ranges=()), "context-in-use"),
    ],
)
def test_what_must_not_become_another(before, after, code):
    with pytest.raises(Refused) as refused:
        changing(before, after, TABLES)
    assert code == refused.value.code


def test_a_user_takes_keys_along_also_those_of_others_that_call_them():
    """A key that calls nobody would be left otherwise; what others have besides stays."""
    own, to_john = FunctionKey(JOHN.id, 1, "call_record"), FunctionKey(EVE.id, 2, "user", JOHN.id)
    tables = directory(DESK, keys=(own, to_john, FunctionKey(EVE.id, 3, "customized", JOHN.id)))
    gone = [change.before for change in removing(JOHN, tables).changes]
    assert [own, to_john] == [table_record for table_record in gone if isinstance(table_record, FunctionKey)]


def test_a_mailbox_and_an_agent_number_take_the_keys_along_that_lead_there():
    agent = replace(JOHN, agentnumber="5001")
    leave, login = FunctionKey(JOHN.id, 1, "voicemail_leave", "1000"), FunctionKey(JOHN.id, 2, "agent_login", "5001")
    tables = Directory(Tables((agent, EVE), (DESK,), (), (BOX,), keys=(leave, login)))
    assert Edit((Change(BOX, None), Change(leave, None))) == removing(BOX, tables)
    other = replace(agent, agentnumber="5002")
    follows = Change(login, replace(login, destination="5002"))
    assert Edit((Change(agent, other), follows)) == changing(agent, other, tables)


def test_a_user_takes_everything_along():
    changes = removing(JOHN, TABLES).changes
    assert [JOHN, DESK, DID, BOX] == [change.before for change in changes]
    assert {None} == {change.after for change in changes}


@pytest.mark.parametrize("table_record", [BOX, DID, SALES, Profile("spare")])
def test_what_nobody_needs_goes_alone(table_record):
    assert Edit((Change(table_record, None),)) == removing(table_record, TABLES)


def test_an_entity_that_nobody_belongs_to_goes():
    entities = (*DEFAULT_ENTITIES, Entity(2, "Sales"))
    assert removing(entities[1], directory(DESK, entities=entities))
    with pytest.raises(Refused, match="2 users have default") as refused:
        removing(entities[0], directory(DESK, entities=entities))
    assert refused.value.code == "entity-in-use"


@pytest.mark.parametrize(
    ("table_record", "code"),
    [
        (DESK, "line-in-use"),
        (DEFAULT_CONTEXTS[0], "context-in-use"),
        (DEFAULT_ENTITIES[0], "entity-last"),
        (Profile("agent"), "profile-in-use"),
    ],
)
def test_what_somebody_needs_stays(table_record, code):
    with pytest.raises(Refused) as refused:
        removing(table_record, TABLES)
    assert code == refused.value.code


def test_the_last_profile_stays():
    with pytest.raises(Refused, match="the only one") as refused:
        removing(Profile("agent"), Directory(Tables(profiles=PROFILES[:1])))
    assert refused.value.code == "profile-last"


def test_a_role_that_may_change_settings_stays():
    """Otherwise nobody could change roles any more."""
    administrator, listener, *_ = DEFAULT_ROLES
    weaker, second = replace(administrator, permissions=(Permission.USERS_READ,)), replace(administrator, name="second")
    for attempt in (lambda: removing(administrator, TABLES), lambda: changing(administrator, weaker, TABLES)):
        with pytest.raises(Refused, match=r"administrator is the only role with settings\.change") as refused:
            attempt()
        assert refused.value.code == "role-last"
    assert changing(administrator, replace(administrator, name="admin"), TABLES)
    assert removing(listener, TABLES)
    two = directory(DESK, roles=(*DEFAULT_ROLES, second))
    assert changing(administrator, weaker, two)
    assert removing(second, two)


def test_a_role_of_a_profile_stays_under_its_name():
    user = next(role for role in DEFAULT_ROLES if role.name == "user")
    tables = directory(DESK, roles=DEFAULT_ROLES)
    assert removing(user, tables)
    named = Directory(Tables(profiles=(Profile("agent", "user"),)))
    for attempt in (lambda: removing(user, named), lambda: changing(user, replace(user, name="person"), named)):
        with pytest.raises(Refused, match="the profile agent has the role user") as refused:
            attempt()
        assert refused.value.code == "role-in-use"
    assert changing(user, replace(user, permissions=(Permission.OWN_LIST,)), named)


def test_a_profile_in_use_may_get_another_role_and_keeps_its_name():
    agent = Profile("agent")
    assert changing(agent, replace(agent, role="user"), TABLES)
    with pytest.raises(Refused, match=r"^one user has agent"):
        changing(agent, replace(agent, name="operator"), TABLES)


def test_who_goes_leaves_their_groups():
    both = Group("both", (JOHN.id, EVE.id), (JOHN.id,))
    led, other = Group("led", (), (JOHN.id,)), Group("other", (EVE.id,), (EVE.id,))
    changes = removing(JOHN, directory(groups=(both, led, other))).changes
    assert [one for one in changes if isinstance(one.before, Group)] == [
        Change(both, Group("both", (EVE.id,))),
        Change(led, Group("led")),
    ]


def test_a_line_may_go_while_another_one_keeps_the_mailbox():
    assert Edit((Change(DESK, None),)) == removing(DESK, directory(DESK, SECOND))
    elsewhere = replace(SECOND, context="sales", number="3000")
    with pytest.raises(Refused, match="mailbox 1000"):
        removing(DESK, directory(DESK, elsewhere))
    assert removing(elsewhere, directory(DESK, elsewhere))


def test_a_key_comes_and_moves_by_the_rules_of_keys():
    """It may take another number; what another key does already it may not do."""
    one, other = FunctionKey(JOHN.id, 1, "dnd"), FunctionKey(JOHN.id, 2, "phone_status")
    tables = directory(DESK, keys=(one, other))
    moved = replace(one, number=7)
    assert Edit((Change(one, moved),)) == changing(one, moved, tables)
    with pytest.raises(Refused, match="key 2 does the same as key 1 would"):
        changing(one, replace(one, type="phone_status"), tables)
    with pytest.raises(Refused, match="key 1 does the same as key 3 would"):
        creating(replace(one, number=3), tables)
    new = FunctionKey(JOHN.id, 3, "parking")
    assert Edit((Change(None, new),)) == creating(new, tables)
