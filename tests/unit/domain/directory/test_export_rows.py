"""An export makes the same users again, and says what it leaves out."""

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from seeds import tables_of

from callrec.domain.directory.model import FunctionKey, Incall, Line, Tables, User, Voicemail
from callrec.domain.directory.outcallerid import is_showable
from callrec.domain.directory.user_file.columns import BY_NAME, COLUMNS
from callrec.domain.directory.user_file.csv_text import records
from callrec.domain.directory.user_file.export_rows import exported, template
from callrec.domain.directory.user_file.file_rules import Generate, Mode, parse, read
from callrec.domain.directory.user_file.plan import planned
from callrec.domain.directory.value_checks import is_plain
from callrec.domain.rules import RecordRules, Rule, UserId

HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"
JOHN = User(
    UserId("1"), "=John", "-|\"Doe'", "en_US", call_record=True, online_record=True, outcallerid="'+33 1", agentnumber="7",
    mobilephonenumber="+331", bosssecretary="boss", enablehint=False, enablexfer=False, enableclient=True,
    username="=john;,", password_hash=HASH, profileclient="agent", entityid=1,
)  # fmt: skip
DESK = Line("desk", JOHN.id, "1000", "default", secret="'=|hush\"")
DID = Incall("2050", "from-extern", JOHN.id, 20)
BOX = Voicemail("1000", "default", JOHN.id, "@John", "1234", "=j@example.com", attach=True, delete=True, skippass=True)
ANN = User(UserId("2"), "'Ann")
SOFT = Line("1001", ANN.id, "1001", "default", "sccp")
THERE = Tables((JOHN, ANN), (DESK, SOFT), (DID,), (BOX,), codes=())


def generate() -> Generate:
    count = itertools.count(1)
    return Generate(line_name=lambda: f"made{next(count)}", secret=lambda: "s" * 24, mailbox_password=lambda: "739184")


def imported(text: str) -> Tables:
    """The tables that the file makes of nothing; ids count from 1."""
    rows = [row.with_id(UserId(str(nth))) for nth, row in enumerate(parse(text, generate()), start=1)]
    return tables_of(rows)


def test_an_export_is_imported_to_the_same_tables() -> None:
    """Formulas, quotes, separators, hashes and every flag included."""
    text, remarks = exported(THERE)
    assert ([], THERE) == (remarks, imported(text))


def test_an_export_changes_nothing_where_it_comes_from() -> None:
    """Neither as new users nor as an update."""
    text, _ = exported(THERE)
    for mode in Mode:
        plan = planned(read(text, mode), THERE, generate())
        assert ([], [], [], 2) == (plan.errors, plan.new, plan.changed, len(plan.unchanged))


def test_an_export_without_secrets_has_none_and_updates() -> None:
    text, _ = exported(THERE, secrets=False)
    (_, names), *_ = records(text)
    assert not any(BY_NAME[name].secret for name in names)
    assert not any(secret in text for secret in ("hush", "1234", "argon2"))
    assert 2 == len(planned(read(text, Mode.UPDATE), THERE, generate()).unchanged)


def test_what_no_file_can_say_is_told() -> None:
    two = (DESK, replace(DESK, name="other", number="1009"))
    ruled = replace(JOHN, dnd=True, rules=RecordRules(in_internal=Rule.ALWAYS))
    odd = User(UserId("3"), " Odd", language="xx", enableclient=True)
    open_line = Line("open", odd.id, "1005", "default")
    lost = Voicemail("7", "elsewhere", odd.id, "Lost", "1")
    keys = (FunctionKey(JOHN.id, 1, "dnd"), FunctionKey(JOHN.id, 2, "pickup"))
    tables = Tables(
        (ruled, odd),
        (*two, open_line),
        (replace(DID, record=Rule.NEVER), replace(DID, exten="1")),
        (BOX, lost),
        keys=keys,
    )
    _, remarks = exported(tables)
    assert [
        (
            "1",
            "left out: lines but the first, incalls but the first, function keys, rules, services, record of the incall",
        ),
        ("3", "line 3, username must have a value when enableclient is 1"),
        ("3", "line 3, password must have a value when enableclient is 1"),
        ("3", f"line 3, firstname must be {BY_NAME['firstname'].check.says}"),
        ("3", f"line 3, language must be {BY_NAME['language'].check.says}"),
        ("3", "line 3, voicemailmailbox is not in the line's context"),
        ("3", "line 3, linesecret is empty: an import makes one"),
    ] == [(remark.user, remark.says) for remark in remarks]


def test_the_template_is_a_good_file_with_every_column() -> None:
    (_, names), (_, cells) = records(template())
    assert [column.name for column in COLUMNS] == names
    assert [2] == [step.becomes.at_line for step in planned(read(template()), Tables(), generate()).new]
    assert {"agentnumber", "password", "linesecret", "callerid", "passwordhash"} == {
        name for name, cell in zip(names, cells, strict=True) if not cell
    }


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda text: is_plain(text) and text == text.strip()
)


@given(TEXT, TEXT, TEXT.filter(is_showable))
def test_any_name_comes_back(first: str, last: str, caller: str) -> None:
    there = Tables((User(UserId("1"), first, last, outcallerid=caller),), codes=())
    assert there == imported(exported(there)[0])
