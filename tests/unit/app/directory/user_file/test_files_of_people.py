"""User files as spreadsheets, other PBXs and people make them: what is understood, and what is refused in one sentence."""

import codecs

import pytest

from callrec.app.directory.user_file.file_text import decoded
from callrec.app.directory.user_file.import_users import GENERATE
from callrec.domain.directory.model import Tables
from callrec.domain.directory.user_file.file_rules import Mode, read
from callrec.domain.directory.user_file.plan import Plan, planned
from callrec.domain.errors import Refused

HEADER = "entityid;firstname;lastname;phonenumber;context;protocol;linename;language;onlinerecord"
ANN = "1;Ann;Bee;1103;default;sip;ann;en_US;1"

ONE_USER = {
    "rows of separators only": f"{HEADER}\r\n{ANN}\r\n;;;;;;;;\r\n;;;;;;;;\r\n;;;;;;;;\r\n",
    "a line that names the separator": f"sep=;\r\n{HEADER}\r\n{ANN}\r\n",
    "tabs": f"{HEADER}\r\n{ANN}\r\n".replace(";", "\t"),
    "trailing empty columns": f"{HEADER};;;\r\n{ANN};;;\r\n",
    "capitals and blanks in the header": (
        "EntityID| FirstName |LastName|PhoneNumber|Context|Protocol|LineName|Language|OnlineRecord\n"
        "1|Ann|Bee|1103|default|sip|ann|en_US|1\n"
    ),
}
BOOLEANS = """\
entityid|firstname|phonenumber|context|protocol|enablehint|enablexfer|callrecord|onlinerecord
1|Ann|1109|default|sip|Y|True|yes|on
1|Ben|1110|default|sip|N|False|no|off
"""
ENDPOINTS = """\
entityid|firstname|lastname|phonenumber|context|protocol|linename|language|onlinerecord
1|Alice|A|1104|default|sip|Alice|en_US|1
1|Bob|B|1105|default|sip|bob.smith|en_US|1
1|Carl|C|1106|default|sip|ACME-1106|en_US|1
1|Dora|D|1107|default|sip|1107@tenant1|en_US|1
1|Emil|E|1108|default|sip|sip+emil|en_US|1
"""
NO_PASSWORD = """\
entityid|firstname|lastname|language|phonenumber|context|protocol|voicemailname|voicemailmailbox
1|John|Doe|en_US|1111|default|sip|John Doe|1111
"""


SHARED = """\
entityid|firstname|language|phonenumber|context|protocol|agentnumber|voicemailname|voicemailmailbox|voicemailpassword
1|Ann|en_US|1112|default|sip|2000|Sales|1112|1234
1|Ben|en_US|1113|default|sip|2000|Sales|1112|1234
"""


def plan_of(content: bytes, there: Tables | None = None) -> Plan:
    """What an import of these bytes would do."""
    return planned(read(decoded(content), Mode.ADD), there or Tables(), GENERATE)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("kind", ONE_USER)
def test_what_a_spreadsheet_writes_is_understood(kind: str, encoding: str) -> None:
    """Excel's `Unicode text` is UTF-16 with a mark and tabs."""
    plan = plan_of(ONE_USER[kind].encode(encoding))
    assert [] == plan.errors
    ((user, line, *_),) = (step.becomes.table_records() for step in plan.new)
    assert ("Ann Bee", "en_US", True) == (user.name, user.language, user.online_record)
    assert line
    assert ("1103", "ann") == (line.number, line.name)


def test_utf_16_without_its_mark_is_refused_with_the_way_out() -> None:
    content = ONE_USER["tabs"].encode("utf-16").removeprefix(codecs.BOM_UTF16_LE)
    with pytest.raises(Refused, match="NUL character") as refused:
        plan_of(content)
    assert "utf-16" in refused.value.hint


def test_booleans_as_xivo_took_them() -> None:
    plan = plan_of(BOOLEANS.encode())
    assert [] == plan.errors
    flags = [
        (u.enablehint, u.enablexfer, u.call_record, u.online_record) for u in (step.becomes.user for step in plan.new)
    ]
    assert [(True,) * 4, (False,) * 4] == flags


def test_endpoints_of_an_existing_pbx() -> None:
    plan = plan_of(ENDPOINTS.encode())
    assert [] == plan.errors
    lines = [step.becomes.line for step in plan.new]
    assert ["Alice", "bob.smith", "ACME-1106", "1107@tenant1", "sip+emil"] == [line.name for line in lines if line]


def test_names_that_differ_in_capitals_only_are_refused() -> None:
    """In one file, and against the lines that are there; a name may change its own capitals."""
    header, *rows = ENDPOINTS.splitlines(keepends=True)
    twice = header + rows[0] + rows[1].replace("bob.smith", "alice")
    assert ["line 3, linename: 'alice' must differ from Alice in more than capitals: line 2 has it"] == [
        str(error) for error in plan_of(twice.encode()).errors
    ]
    (step,) = plan_of((header + rows[0]).encode()).new
    row = step.becomes
    assert row.line
    there = Tables(users=(row.user,), lines=(row.line,))
    (error,) = plan_of((header + rows[1].replace("bob.smith", "ALICE")).encode(), there).errors
    assert error.reason.startswith("must differ from Alice in more than capitals: that of user")
    capitals = "linename|phonenumber|context\nALICE|1104|default\n"
    assert [] == planned(read(capitals, Mode.UPDATE), there, GENERATE).errors


def test_what_two_users_shared_in_xivo_is_refused_with_the_reason_and_the_way_out() -> None:
    agent, box = (str(error) for error in plan_of(SHARED.encode()).errors)
    assert agent.startswith(
        "line 3, agentnumber: '2000' must be unique: line 2 has it already; unlike in XiVO, an agent number belongs to one user"
    )
    assert agent.endswith("give the other user another number")
    assert box.startswith(
        "line 3, voicemailmailbox: '1112' must be unique: line 2 has it already; unlike in XiVO, a mailbox belongs to one user"
    )
    assert box.endswith("leave the voicemail columns of the other row empty")
    followed = SHARED.replace("1113|default|sip|2000|Sales|1112|1234", "1113|default|sip|2001|||")
    assert [] == plan_of(followed.encode()).errors


def test_a_missing_mailbox_password_is_made_of_digits() -> None:
    plan = plan_of(NO_PASSWORD.encode())
    assert [] == plan.errors
    (step,) = plan.new
    assert step.becomes.voicemail
    assert step.becomes.made_password
    assert step.becomes.voicemail.password.isdecimal()
    made = [GENERATE.mailbox_password() for _ in range(200)]
    assert {6} == {len(one) for one in made}
    assert all(len(set(one)) >= 4 for one in made)
    assert len(set(made)) > 190, "they are random"
