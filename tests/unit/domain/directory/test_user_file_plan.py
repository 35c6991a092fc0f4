"""A user file against the tables: what it adds, changes and leaves alone, and what is in its way."""

import itertools
from dataclasses import replace

import pytest

from callrec.domain.directory.edit import Change
from callrec.domain.directory.model import (
    Context,
    ContextKind,
    FunctionKey,
    Incall,
    Line,
    Range,
    Tables,
    User,
    Voicemail,
)
from callrec.domain.directory.unique_keys import claims
from callrec.domain.directory.user_file.columns import BY_NAME
from callrec.domain.directory.user_file.csv_text import FileRefused
from callrec.domain.directory.user_file.export_rows import exported
from callrec.domain.directory.user_file.file_rules import Generate, Mode, read
from callrec.domain.directory.user_file.plan import Plan, planned
from callrec.domain.rules import RecordRules, Rule, UserId

RULES = RecordRules(out_external=Rule.NEVER)
HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"
JOHN = User(UserId("1"), "John", "Doe", "en_US", rules=RULES, username="john", password_hash=HASH, enableclient=True)
DESK = Line("desk", JOHN.id, "1000", "default", secret="hush")
DID = Incall("2050", "from-extern", JOHN.id, 20)
BOX = Voicemail("1000", "default", JOHN.id, "John Doe", "1234", email="j@example.com", attach=True)
ANN = User(UserId("2"), "Ann")
SOFT = Line("1001", ANN.id, "1001", "default", "sccp")
BARE = User(UserId("3"), "Bare", username="bare")
THERE = Tables((JOHN, ANN, BARE), (DESK, SOFT), (DID,), (BOX,))


def plan_of(text: str, there: Tables = THERE, mode: Mode = Mode.UPDATE) -> Plan:
    count = itertools.count(1)
    generate = Generate(
        line_name=lambda: f"made{next(count)}", secret=lambda: "s" * 24, mailbox_password=lambda: "739184"
    )
    return planned(read(text, mode), there, generate)


def changes_of(text: str, there: Tables = THERE) -> set[Change]:
    plan = plan_of(text, there)
    assert [] == plan.errors
    return set(plan.edit(there).changes)


def errors_of(text: str, there: Tables = THERE, mode: Mode = Mode.UPDATE) -> list[tuple[int, str, str]]:
    return [(error.line, error.column, error.reason) for error in plan_of(text, there, mode).errors]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("linename", "desk"),
        ("phonenumber|context", "1000|default"),
        ("username", "john"),
        ("linename|username", "desk|john"),
    ],
)
def test_a_row_is_found_by_what_only_one_has(key: str, value: str) -> None:
    """The empty cell takes the last name back; nothing else is touched, not even what no file can say."""
    assert {Change(JOHN, replace(JOHN, lastname=""))} == changes_of(f"{key}|lastname\n{value}|\n")


def test_what_a_user_has_set_by_phone_stays_and_is_in_nobodys_way() -> None:
    """A file cannot say it: so an update leaves it, and the same file again is still unchanged."""
    busy = replace(
        JOHN, dnd=True, forward_busy="77", voicemail_enabled=False, filter_enabled=True, agent_logged_in=True
    )
    there = replace(THERE, users=(busy, ANN, replace(BARE, forward_unconditional="0612")))
    assert {Change(busy, replace(busy, lastname="Roe"))} == changes_of("username|lastname\njohn|Roe\n", there)
    john = f"John|Doe|en_US|1|john|{HASH}|1000|default|sip|desk|hush\n"
    text = "firstname|lastname|language|enableclient|username|passwordhash|phonenumber|context|protocol|linename|linesecret\n"
    did = replace(DID, record=Rule.NEVER)
    here = replace(THERE, incalls=(did,))
    row = "username|incallexten|incallcontext|incallringseconds\njohn|2050|from-extern|7\n"
    assert {Change(did, replace(did, ring_s=7))} == changes_of(row, here)
    plan = plan_of(text + john + "Bare||||bare||||||\n", there, Mode.ADD)
    assert ([], 2) == (plan.errors, len(plan.unchanged))


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("linename|lastname\nnosuch|x\n", "linename", "must lead to a user: no user has"),
        ("username|lastname\nnosuch|x\n", "username", "must lead to a user"),
        ("phonenumber|context\n2050|from-extern\n", "phonenumber", "must lead to a user"),
        ("phonenumber|context\n1000|\n", "phonenumber", "must lead to a user"),
        ("linename|lastname\n|x\n", "linename", "must lead to a user"),
    ],
)
def test_a_row_that_leads_to_nobody_is_an_error(text: str, column: str, reason: str) -> None:
    ((line, found, said),) = errors_of(text)
    assert (2, column, True) == (line, found, said.startswith(reason))


@pytest.mark.parametrize(
    ("text", "column", "holder"),
    [
        ("linename|phonenumber|context\ndesk|1001|default\n", "phonenumber", "user 2, Ann"),
        ("linename|username\ndesk|bare\n", "username", "user 3, Bare"),
        ("username|phonenumber|context|protocol\nbare|1000|default|sip\n", "phonenumber", "user 1, John Doe"),
    ],
)
def test_names_say_who_is_meant_and_numbers_what_is_wanted(text: str, column: str, holder: str) -> None:
    """Somebody else has what the row would give to the one whom it means."""
    assert [(2, column, f"is taken already: by {holder}; choose another or free it")] == errors_of(text)


def test_two_rows_swap_numbers_in_an_export() -> None:
    """It has the context, too: so each row's number leads to the other user."""
    bob = User(UserId("2"), "Bob", username="bob")
    there = Tables((JOHN, bob), (DESK, soft := Line("soft", bob.id, "1001", "default", secret="y")))
    text, _ = exported(there)
    text = text.replace("|1000|", "|=|").replace("|1001|", "|1000|").replace("|=|", "|1001|")
    assert {Change(DESK, replace(DESK, number="1001")), Change(soft, replace(soft, number="1000"))} == changes_of(
        text, there
    )


def test_keys_follow_what_a_file_changes() -> None:
    """The key of an agent has the new number, that of a mailbox which the file removes goes."""
    ann = replace(ANN, agentnumber="70")
    keys = (FunctionKey(ann.id, 1, "agent_login", "70"), FunctionKey(JOHN.id, 1, "voicemail_leave", "1000"))
    there = replace(THERE, users=(JOHN, ann, BARE), keys=keys)
    text = "phonenumber|context|agentnumber\n1001|default|71\n"
    moved = Change(keys[0], replace(keys[0], destination="71"))
    assert {Change(ann, replace(ann, agentnumber="71")), moved} == changes_of(text, there)
    columns = [name for name in BY_NAME if name.startswith("voicemail")]
    text = f"username|{'|'.join(columns)}\njohn{'|' * len(columns)}\n"
    assert {Change(BOX, None), Change(keys[1], None)} == changes_of(text, there)


SALES = Context("sales", ContextKind.INTERNAL, (Range("1000", "1999"),))


def test_a_mailbox_goes_with_its_own_line_only() -> None:
    """A row about something else, or about another line, moves no mailbox; one that moves its line does."""
    shop = replace(DESK, name="shop", context="sales")
    box = replace(BOX, context="sales")
    both = Tables((JOHN,), (DESK, shop), (), (box,), contexts=(*THERE.contexts, SALES))
    assert {Change(JOHN, replace(JOHN, lastname="Roe"))} == changes_of("username|lastname\njohn|Roe\n", both)
    alone = replace(both, lines=(DESK,), voicemails=(BOX,))
    text = "username|phonenumber|context|protocol\njohn|1000|sales|sip\n"
    assert {Change(DESK, replace(DESK, context="sales")), Change(BOX, box)} == changes_of(text, alone)


def test_an_export_of_mailboxes_of_one_number_in_two_contexts_changes_nothing() -> None:
    """The context of the row says which of them it is about."""
    lines = (DESK, replace(DESK, name="shop", context="sales"))
    boxes = (BOX, replace(BOX, context="sales"))
    there = Tables((JOHN,), lines, (), boxes, contexts=(*THERE.contexts, SALES))
    assert set() == changes_of(exported(there)[0], there)


def test_a_mailbox_stays_where_another_line_of_its_user_stays() -> None:
    """Whichever of them the row is about."""
    shop = replace(DESK, name="shop", number="1007")
    there = replace(THERE, lines=(DESK, shop, SOFT), contexts=(*THERE.contexts, SALES))
    for line in (DESK, shop):
        moved = Change(line, replace(line, context="sales"))
        assert {moved} == changes_of(f"linename|context\n{line.name}|sales\n", there)


def test_nobody_gets_the_number_that_their_calls_are_forwarded_to() -> None:
    """Nobody could call it."""
    away = replace(JOHN, forward_busy="1500")
    there = replace(THERE, users=(away, ANN, BARE))
    text = "linename|phonenumber|context\ndesk|{}|default\n"
    assert [(2, "phonenumber", "must be another number: this user's calls are forwarded to it")] == errors_of(
        text.format(1500), there
    )
    assert [] == errors_of(text.format(1501), there)
    already = replace(there, lines=(replace(DESK, number="1500"), SOFT))
    assert [] == errors_of("linename|lastname\ndesk|Roe\n", already)


def test_no_mailbox_stays_where_its_user_has_no_line_any_more() -> None:
    """A row holds one mailbox, and a second one cannot follow the line; unless another line stays."""
    second = replace(BOX, mailbox="1009")
    there = replace(THERE, voicemails=(BOX, second), contexts=(*THERE.contexts, SALES))
    moved = "username|phonenumber|context|protocol\njohn|1000|sales|sip\n"
    ((line, column, reason),) = errors_of(moved, there)
    assert (2, "context", True) == (
        line,
        column,
        reason.startswith("must leave a line in default: this user's mailbox 1009"),
    )
    removed = "username|phonenumber|context|protocol|linename|linesecret\njohn|||||\n"
    assert "phonenumber" in [column for _, column, _ in errors_of(removed, replace(there, voicemails=(second, BOX)))]
    assert [] == errors_of(moved, replace(there, lines=(DESK, SOFT, replace(DESK, name="other", number="1008"))))[1:]


def test_a_line_of_nobody_leads_to_nobody() -> None:
    there = Tables(lines=(DESK,))
    assert [(2, "linename")] == [one[:2] for one in errors_of("linename|lastname\ndesk|x\n", there)]


def test_a_column_of_an_update_is_authoritative() -> None:
    """Defaults come back where cells are empty; a value is what it says."""
    text = (
        "username|enableclient|language|voicemailattach|voicemailemail|incallringseconds|callrecord\njohn|||0||45|1\n"
    ).replace("|||0", "|0|fr_FR|0")
    became = replace(JOHN, enableclient=False, language="fr_FR", call_record=True)
    assert {
        Change(JOHN, became),
        Change(BOX, replace(BOX, attach=False, email="")),
        Change(DID, replace(DID, ring_s=45)),
    } == changes_of(text)
    assert {Change(DID, replace(DID, ring_s=30))} == changes_of("username|incallringseconds\njohn|\n")


def test_empty_secrets_and_line_names_keep_what_is_stored() -> None:
    """What an export without secrets, or a spreadsheet, leaves empty is not lost."""
    text = "username|linename|linesecret|voicemailpassword|password|passwordhash\njohn|||||\n"
    assert (set(), [2]) == (changes_of(text), [step.becomes.at_line for step in plan_of(text).unchanged])


def test_a_section_is_added() -> None:
    text = "username|phonenumber|context|protocol\nbare|1500|default|sip\n"
    plan = plan_of(text)
    line = Line("made1", BARE.id, "1500", "default", secret="s" * 24)
    assert [Change(None, line)] == list(plan.edit(THERE).changes)
    (step,) = plan.changed
    assert (True, ("phonenumber", "context", "protocol", "linename", "linesecret")) == (
        step.becomes.made_secret,
        step.columns(),
    )


def test_a_section_whose_columns_are_all_there_and_empty_is_removed() -> None:
    text = "username|incallexten|incallcontext|incallringseconds\njohn|||\nbare|||\n"
    assert {Change(DID, None)} == changes_of(text)


def test_a_section_with_a_column_missing_is_not_removed() -> None:
    assert ["incallexten", "incallcontext"] == [
        column for _, column, _ in errors_of("username|incallexten|incallcontext\njohn||\n")
    ]


def test_the_rules_between_columns_hold_for_what_a_user_becomes() -> None:
    """A mailbox needs its line and its language; the client needs its login, which may be stored already."""
    gone = "username|phonenumber|context|protocol|linename|linesecret|language\njohn||||||\n"
    assert ["language", "phonenumber"] == [column for _, column, _ in errors_of(gone)]
    assert ["password"] == [column for _, column, _ in errors_of("username|enableclient\nbare|1\n")]
    assert {Change(BARE, replace(BARE, enableclient=True, password_hash=HASH))} == changes_of(
        f"username|enableclient|passwordhash\nbare|1|{HASH}\n"
    )
    both = f"username|password|passwordhash\njohn|hush|{HASH}\n"
    assert ["password"] == [column for _, column, _ in errors_of(both)]


def test_a_password_is_left_for_later() -> None:
    """Everything else is compared first: the stored hash stands until then."""
    plan = plan_of("username|password|lastname\njohn|hush|Roe\nbare|quiet|\n")
    assert ([("john", "hush")], [("bare", "quiet")]) == (
        [(step.becomes.user.username, step.becomes.password) for step in plan.changed],
        [(step.becomes.user.username, step.becomes.password) for step in plan.unchanged],
    )
    assert HASH == plan.changed[0].becomes.user.password_hash


def test_the_protocol_changes_name_and_secret() -> None:
    """An SCCP line is named after its number and has no secret; a SIP line gets both."""
    sccp = replace(DESK, name="1000", protocol="sccp", secret="")
    assert {Change(DESK, sccp)} == changes_of("username|protocol\njohn|sccp\n")
    sip = replace(SOFT, name="made1", protocol="sip", secret="s" * 24)
    assert {Change(SOFT, sip)} == changes_of("phonenumber|context|protocol\n1001|default|sip\n")
    assert ["linename"] == [column for _, column, _ in errors_of("username|linename|protocol\njohn|new|sccp\n")]


def test_numbers_may_be_swapped_in_one_file() -> None:
    text = "username|linename|phonenumber|context\njohn|desk|1500|default\n"
    assert {Change(DESK, replace(DESK, number="1500"))} == changes_of(text)
    two = replace(THERE, lines=(DESK, Line("soft", ANN.id, "1001", "default", secret="x")), voicemails=())
    swap = "linename|phonenumber\ndesk|1001\nsoft|1000\n"
    assert {"1000", "1001"} == {change.after.number for change in changes_of(swap, two)}


def test_what_somebody_else_has_is_taken() -> None:
    found = errors_of("linename|phonenumber\ndesk|1001\n")
    assert [(2, "phonenumber", "is taken already: by user 2, Ann; choose another or free it")] == found
    two = replace(THERE, lines=(DESK, Line("soft", ANN.id, "1001", "default", secret="x")))
    twice = errors_of("linename|phonenumber\ndesk|1700\nsoft|1700\n", two)
    assert [(3, "phonenumber", "must be unique: line 2 has it already")] == twice


def test_two_rows_for_one_user_are_an_error() -> None:
    ((line, _, reason),) = errors_of("linename|username|lastname\ndesk|john|x\n|john|y\n")
    assert (3, "must be this user's only row: line 2 is user 1, John Doe, too") == (line, reason)


def test_the_site_is_asked_about_what_is_new_only() -> None:
    """A user whose number lies outside since then may be renamed, and not moved to another such number."""
    narrow = replace(THERE, contexts=(Context("default", ContextKind.INTERNAL, (Range("7000", "7999"),)),))
    assert {Change(JOHN, replace(JOHN, lastname="Roe"))} == changes_of("linename|lastname\ndesk|Roe\n", narrow)
    assert ["phonenumber"] == [one[1] for one in errors_of("linename|phonenumber\ndesk|1005\n", narrow)]
    assert ["entityid"] == [one[1] for one in errors_of("linename|entityid\ndesk|77\n")]


def test_a_user_with_several_lines_says_which() -> None:
    """When the file has columns of lines at all."""
    second = Line("second", JOHN.id, "1002", "default", secret="x")
    there = replace(
        THERE,
        lines=(*THERE.lines, second),
        incalls=(DID, Incall("2051", "from-extern", JOHN.id)),
        voicemails=(BOX, replace(BOX, mailbox="1002")),
    )
    assert {Change(second, replace(second, number="1003"))} == changes_of("linename|phonenumber\nsecond|1003\n", there)
    assert {Change(second, replace(second, secret="y"))} == changes_of(
        "phonenumber|context|linesecret\n1002|default|y\n", there
    )
    assert {Change(JOHN, replace(JOHN, lastname=""))} == changes_of("username|lastname\njohn|\n", there)
    assert {Change(there.incalls[1], replace(there.incalls[1], ring_s=9))} == changes_of(
        "username|incallexten|incallcontext|incallringseconds\njohn|2051|from-extern|9\n", there
    )
    assert {Change(there.voicemails[1], replace(there.voicemails[1], name="J"))} == changes_of(
        "username|voicemailmailbox|voicemailname\njohn|1002|J\n", there
    )
    text = "username|linesecret|incallringseconds|voicemailattach\njohn|z|9|1\n"
    assert [
        ("linename", "must be one of this user's: there is more than one line"),
        ("incallexten", "must be one of this user's: there is more than one incoming number"),
        ("voicemailmailbox", "must be one of this user's: there is more than one voicemail"),
    ] == [one[1:] for one in errors_of(text, there)]


def test_errors_of_all_kinds_are_told_together() -> None:
    """Of a row that breaks a column's rule also what it breaks between columns, and of others what is taken."""
    text = "username|language|enableclient|agentnumber\njohn|xx|1|\nbare||1|\nnosuch|||y\n"
    assert [(2, "language"), (4, "agentnumber"), (3, "password"), (4, "username")] == [
        one[:2] for one in errors_of(text)
    ]


def test_an_update_needs_a_column_that_leads_to_users() -> None:
    for header in ("lastname", "phonenumber|lastname", "context|lastname"):
        with pytest.raises(FileRefused, match="a row is found by it"):
            read(f"{header}\nx|y\n", Mode.UPDATE)


def test_adding_compares_with_who_is_there() -> None:
    """Equal rows are left alone, others are new or in somebody's way, with all errors beside each other."""
    header = "firstname|lastname|phonenumber|context|protocol|entityid\n"
    text = f"{header}Ann||1001|default|sccp|\nEve||1000|default|sip|9\nBo||1700|default|sip|\n"
    plan = plan_of(text, mode=Mode.ADD)
    assert [2] == [step.becomes.at_line for step in plan.unchanged]
    assert [(3, "entityid"), (3, "phonenumber")] == [(error.line, error.column) for error in plan.errors]
    assert [("Eve", ()), ("Bo", ())] == [(step.becomes.user.firstname, step.columns()) for step in plan.new]


def test_bare_users_are_compared_as_a_whole() -> None:
    there = Tables((User(UserId("1"), "Ada"),))
    plan = plan_of("firstname|lastname\nAda|\nAda|Byron\n", there, Mode.ADD)
    assert ([2], [3]) == tuple([step.becomes.at_line for step in steps] for steps in (plan.unchanged, plan.new))
    assert UserId("1") == plan.unchanged[0].was.user.id


def test_bare_users_who_are_alike_are_as_many_as_the_file_has() -> None:
    """Each stands for one row. What a row says of recording counts, too."""
    there = Tables((User(UserId("1"), "Room"), User(UserId("2"), "Room", call_record=True)))
    plan = plan_of("firstname|callrecord\nRoom|\nRoom|1\nRoom|\nRoom|\n", there, Mode.ADD)
    assert {2: "1", 3: "2"} == {step.becomes.at_line: step.was.user.id for step in plan.unchanged if step.was}
    assert [4, 5] == [step.becomes.at_line for step in plan.new]


def test_merging_changes_who_is_there_and_adds_the_others() -> None:
    header = "firstname|lastname|phonenumber|context|protocol\n"
    plan = plan_of(
        f"{header}Jon|Doe|1000|default|sip\nEve||1500|default|sip\nAnn||1001|default|sccp\n", mode=Mode.MERGE
    )
    assert [] == plan.errors
    assert [("Jon", "1")] == [(step.becomes.user.firstname, step.becomes.user.id) for step in plan.changed]
    assert [("Eve", "made1")] == [(s.becomes.user.firstname, s.becomes.line.name) for s in plan.new if s.becomes.line]
    assert [4] == [step.becomes.at_line for step in plan.unchanged]
    assert {"1", ""} == {change.after.id for change in plan.edit(THERE).changes if isinstance(change.after, User)}


def test_merging_the_same_file_again_changes_nothing() -> None:
    """Also users who have nothing but a name: as many as there are rows."""
    header = "firstname|phonenumber|context|protocol\n"
    text = f"{header}Room|||\nRoom|||\nEve|1500|default|sip\n"
    first = plan_of(text, mode=Mode.MERGE)
    assert 3 == len(first.new)
    rows = [step.becomes.with_id(UserId(str(70 + nth))) for nth, step in enumerate(first.new)]
    there = replace(
        THERE,
        users=(*THERE.users, *(row.user for row in rows)),
        lines=(*THERE.lines, *(row.line for row in rows if row.line)),
    )
    again = plan_of(text, there, Mode.MERGE)
    assert ([], [], [], 3) == (again.errors, again.new, again.changed, len(again.unchanged))
    assert not again.edit(there)


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("linename|phonenumber|context|protocol\nnew|1500|default|sip\n", [(2, "firstname")]),
        (
            "firstname|phonenumber|context|protocol|incallexten|incallcontext\nE|1500|default|sip|2050|from-extern\n",
            [(2, "incallexten")],
        ),
        ("firstname|phonenumber|context|protocol\nE|1500|default|sip\nF|1500|default|sip\n", [(3, "phonenumber")]),
        ("firstname|phonenumber|context|protocol\nJ|1000|default|sip\nK|1000|default|sip\n", [(3, "")]),
        ("firstname|phonenumber|context|protocol\nE|9000|default|sip\n", [(2, "phonenumber")]),
    ],
)  # fmt: skip
def test_what_merging_refuses(text: str, errors: list[tuple[int, str]]) -> None:
    """New users lack something, take somebody's number, or are there twice; their numbers must be the site's."""
    assert errors == [one[:2] for one in errors_of(text, mode=Mode.MERGE)]


def test_merging_needs_a_column_that_leads_to_users() -> None:
    with pytest.raises(FileRefused, match="a row is found by it"):
        read("firstname\nA\n", Mode.MERGE)


def test_a_number_of_nobodys_line_is_taken_all_the_same() -> None:
    text = "firstname|phonenumber|context|protocol\nEve|1000|default|sip\n"
    assert ["is taken already: by user 1, who does not exist; choose another or free it"] == [
        one[2] for one in errors_of(text, Tables(lines=(DESK,)), Mode.ADD)
    ]


def test_a_plans_edit_leaves_no_claim_twice() -> None:
    """What the tables are after an edit has every key once: the store would refuse anything else."""
    plan = plan_of("firstname|phonenumber|context|protocol\nEve|1700|default|sip\nBo|1701|default|sip\n", mode=Mode.ADD)
    taken = [claim[:2] for claim in claims(THERE)]
    taken += [claim[:2] for change in plan.edit(THERE).changes for claim in change.claims_after()]
    assert len(taken) == len(set(taken))


_LINES = "firstname|phonenumber|context|protocol|linename\n"
_SIP_TAKEN, _SCCP_TAKEN = (
    "must be another name: it is the number of an SCCP line",
    "must be another number: it is the name of a SIP line",
)


@pytest.mark.parametrize(
    ("mode", "text", "errors"),
    [
        (Mode.ADD, _LINES + "A|1500|default|sip|1001\n", [(2, "linename", f"{_SIP_TAKEN}: that of user 2, Ann")]),
        (
            Mode.ADD,
            _LINES + "A|1500|default|sip|1600\nB|1600|default|sccp|\nC|1700|default|sccp|\n",
            [(3, "phonenumber", f"{_SCCP_TAKEN}: line 2 has it")],
        ),
        (Mode.UPDATE, "username|linename\njohn|1001\n", [(2, "linename", f"{_SIP_TAKEN}: that of user 2, Ann")]),
        (Mode.UPDATE, "phonenumber|context|protocol|linename\n1000|default|sccp|\n", []),
    ],
)
def test_a_sip_line_is_not_named_as_an_sccp_line_is_numbered(
    mode: Mode, text: str, errors: list[tuple[int, str, str]]
) -> None:
    """Asterisk's database would take the two for one phone."""
    assert errors == errors_of(text, mode=mode)


def test_rows_may_give_such_names_up_to_each_other_and_old_rivals_may_be_changed() -> None:
    """John's line is named as Ann's is numbered since before that was refused."""
    old = replace(DESK, name="1001")
    rivals = replace(THERE, lines=(old, SOFT))
    assert [] == errors_of("linename|lastname\n1001|Roe\n", rivals)
    there = replace(THERE, users=(JOHN, replace(ANN, username="ann"), BARE))
    rows = ["ann|1005|default|sip|ann", "john|1000|default|sip|1001"]
    for order in (rows, rows[::-1]):
        assert [] == errors_of("\n".join(("username|phonenumber|context|protocol|linename", *order, "")), there)
