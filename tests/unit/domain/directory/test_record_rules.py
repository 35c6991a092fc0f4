"""One record's rules: each field's, and what it must find in the other tables."""

from dataclasses import replace

import pytest

from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import (
    DEFAULT_CONTEXTS,
    Context,
    ContextKind,
    Entity,
    Group,
    Incall,
    Line,
    Permission,
    Place,
    Profile,
    Role,
    Tables,
    User,
    Voicemail,
)
from callrec.domain.directory.record_rules import RecordRefused, checked
from callrec.domain.rules import PlaceKind, Rule, UserId

JOHN = User(UserId("1"), "John", "Doe", language="en_US")
MUTE = User(UserId("2"), "Mute")
DESK = Line("desk", JOHN.id, "1000", "default", secret="s3cret")
CISCO = Line("1002", JOHN.id, "1002", "default", protocol="sccp")
DID = Incall("2050", "from-extern", JOHN.id)
BOX = Voicemail("1000", "default", JOHN.id, "John Doe", "1234", "john@example.org")
OLD = Line("old", JOHN.id, "7", "default", secret="s")
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaGhhc2hoYXNo"
TABLES = Directory(Tables((JOHN, MUTE), (DESK, CISCO, OLD), (DID,), (BOX,)))


def faults(after, before=None):
    """The wrong fields, each once."""
    with pytest.raises(RecordRefused) as refused:
        checked(before, after, TABLES)
    return [fault.field for fault in refused.value.faults]


@pytest.mark.parametrize(
    "good",
    [
        JOHN,
        MUTE,
        replace(JOHN, id=UserId("9"), password_hash=HASH, username="john", enableclient=True, profileclient="agent"),
        DESK,
        CISCO,
        DID,
        BOX,
        replace(BOX, email=""),
        Context("sales", ContextKind.INTERNAL),
        Entity(2, "Sales"),
        Profile("boss"),
        Role("boss", (Permission.AUDIT_READ,)),
        Profile("p", "auditor"),
        Group("sales"),
        Group("sales", (JOHN.id,), (JOHN.id,)),
        Place(PlaceKind.QUEUE, "Support 2_.@+*#-", Rule.ALWAYS),
        Place(PlaceKind.TRUNK, "provider", Rule.NEVER),
        Place(PlaceKind.CONFERENCE, "7", Rule.NEVER),
    ],
)
def test_what_is_good_is_let_through(good):
    """It raises for what it refuses."""
    assert checked(None, good, TABLES) is None


def test_no_line_gets_the_number_that_its_users_calls_are_forwarded_to():
    """Nobody could call it; what stands there already keeps nobody from changing something else."""
    tables = Directory(replace(TABLES.tables(), users=(replace(JOHN, forward_unconditional="1007"), MUTE)))
    with pytest.raises(RecordRefused, match="must be another number: this user's calls are forwarded to it"):
        checked(DESK, replace(DESK, number="1007"), tables)
    there = replace(DESK, number="1007")
    checked(there, replace(there, secret="another"), tables)


@pytest.mark.parametrize(
    ("bad", "fields"),
    [
        (replace(JOHN, firstname=""), ["firstname"]),
        (
            replace(JOHN, firstname="a\nb", outcallerid="", bosssecretary="king"),
            ["firstname", "outcallerid", "bosssecretary"],
        ),
        (replace(JOHN, language="xx"), ["language"]),
        (replace(JOHN, language=None), ["language"]),
        (replace(JOHN, password_hash="secret"), ["password_hash"]),
        (replace(JOHN, entityid=7, profileclient="king", enableclient=True), ["entityid", "profileclient", "username"]),
        (replace(JOHN, forward_busy="1000", forward_no_answer="*98"), ["forward_no_answer", "forward_busy"]),
        (replace(DESK, number="x"), ["number", "number"]),
        (replace(DESK, number="3000"), ["number"]),
        (replace(DESK, context="nowhere"), ["context"]),
        (replace(DESK, context="from-extern"), ["context"]),
        (replace(DESK, user=UserId("7")), ["user"]),
        (replace(DESK, name="de/sk", secret=""), ["name", "secret"]),
        (replace(DESK, secret="a b"), ["secret"]),
        (replace(DESK, protocol="iax"), ["protocol"]),
        (replace(CISCO, name="x", secret="y"), ["name", "secret"]),
        (replace(DID, exten="1000", user=UserId("7"), ring_s=0), ["ring_s", "user", "exten"]),
        (replace(BOX, mailbox="", password="x", email="x", name=""), ["mailbox", "name", "password", "email"]),
        (replace(BOX, mailbox="#1"), ["mailbox"]),
        (replace(BOX, mailbox="*1", password="*1"), ["mailbox", "password"]),
        (replace(BOX, context="other"), ["context"]),
        (replace(BOX, user=MUTE.id), ["context", "user"]),
        (replace(BOX, user=UserId("7")), ["user"]),
        (Entity(0, ""), ["id", "name"]),
        (Profile("p" * 65), ["name"]),
        (Role("", (Permission.AUDIT_READ,)), ["name"]),
        (Role("boss"), ["permissions"]),
        (Role("boss", (Permission.AUDIT_READ, Permission.AUDIT_READ)), ["permissions"]),
        (Role("boss", (Permission.AUDIT_READ, Permission.USERS_READ)), ["permissions"]),
        *(
            (Place(PlaceKind.QUEUE, name, Rule.ALWAYS), ["name"])
            for name in ("", " a", "a ", "a,b", "a)", "${a}", "a/b", "a|b", "a\nb", "é", "x" * 81, 'a"b', "a\\b", "a;b")
        ),
        (Place(PlaceKind.QUEUE, "a", Rule.ON_DEMAND), ["record"]),
        (Profile("p", "no-such-role"), ["role"]),
        (Group("", (JOHN.id, JOHN.id), (UserId("7"),)), ["name", "members", "supervisors"]),
        (Place(PlaceKind.TRUNK, DESK.name, Rule.ALWAYS), ["name"]),
    ],
)
def test_everything_that_is_wrong_is_named(bad, fields):
    assert fields == faults(bad)


def test_an_error_does_not_repeat_what_was_wrong():
    with pytest.raises(RecordRefused) as refused:
        checked(None, replace(DESK, secret="top secret", name="de/sk"), TABLES)
    assert "top secret" not in f"{refused.value}{refused.value.faults}"
    assert "and 1 more" in str(refused.value)


def test_what_was_wrong_before_and_stays_as_it_was_keeps_nobody_from_a_change():
    """Its number lies outside every range since before there were any."""
    checked(OLD, replace(OLD, secret="new"), TABLES)
    assert ["number"] == faults(replace(OLD, number="8"), OLD)
    assert ["number"] == faults(OLD)


def test_a_sip_line_is_not_named_as_an_sccp_line_is_numbered():
    """Nor the other way round; but a line may become its own rival, and rivals of an older version may be changed."""
    named = replace(DESK, name="1003", number="1004")
    assert ["name"] == faults(replace(DESK, name="1002", number="1004"))
    assert ["name"] == faults(replace(DESK, name="1002"), DESK)
    tables = Directory(Tables((JOHN,), (named, replace(CISCO, name="1003", number="1003"))))
    with pytest.raises(RecordRefused, match="number must be another number: it is the name of a SIP line"):
        checked(CISCO, replace(CISCO, name="1003", number="1003"), Directory(Tables((JOHN,), (named, CISCO))))
    checked(named, Line("1003", JOHN.id, "1003", "default", protocol="sccp"), Directory(Tables((JOHN,), (named,))))
    checked(named, replace(named, secret="new"), tables)


def test_no_line_has_the_name_of_another_in_other_capitals():
    """But a line may change its own."""
    new = Line("DESK", JOHN.id, "1004", "default", secret="x")
    with pytest.raises(RecordRefused, match="name must differ from desk in more than capitals"):
        checked(None, new, TABLES)
    checked(DESK, replace(DESK, name="Desk"), TABLES)


def test_the_contexts_that_there_are_are_named():
    with pytest.raises(RecordRefused, match=DEFAULT_CONTEXTS[0].name):
        checked(None, replace(DESK, context="nowhere"), TABLES)
