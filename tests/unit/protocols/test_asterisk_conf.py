"""Tables become configuration files, and no value can become anything but a value."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.errors import Refused
from callrec.domain.provisioning.model import (
    Feature,
    FeatureCode,
    FunctionKey,
    Incall,
    Line,
    Tables,
    User,
    UserId,
    Voicemail,
)
from callrec.protocols.asterisk_conf import extensions, pjsip, users_files, voicemail

ONE, TWO = UserId("1"), UserId("2")
JOHN = User(ONE, "John", "Doe", "en_US")
LINE = Line("1000", ONE, "1000", "default", "sip", "secret")
BOX = Voicemail("1000", "default", ONE, "John Doe", "1234", "john@example.org", attach=True)
TABLES = Tables(
    users=(JOHN, User(TWO, "Zoë", "O'Brien")),
    lines=(LINE, replace(LINE, name="zoe", user=TWO, number="1001")),
    incalls=(Incall("2050", "from-extern", ONE, 20), Incall("2051", "from-extern", TWO)),
    voicemails=(BOX,),
)


def test_a_line_becomes_an_endpoint_its_credentials_and_its_address() -> None:
    assert pjsip(replace(TABLES, lines=(LINE,))).splitlines() == [
        "[1000](user)",
        "context = default",
        'callerid = "John Doe" <1000>',
        "auth = 1000",
        "aors = 1000",
        "language = en_US",
        "mailboxes = 1000@default",
        "",
        "[1000](user-auth)",
        "username = 1000",
        "password = secret",
        "",
        "[1000](user-aor)",
    ]


def test_names_of_all_alphabets_fit() -> None:
    assert 'callerid = "Zoë O\'Brien" <1001>' in pjsip(TABLES)


def test_numbers_ring_their_endpoint_and_have_lamps() -> None:
    lines = extensions(TABLES).splitlines()
    assert lines[:6] == [
        "[default]",
        "include => pbx-inside",
        "exten => 1000,hint,PJSIP/1000",
        "exten => 1000,1,Gosub(pbx-user,s,1(1000,30,1000@default,tT))",
        " same => n,Hangup()",
        "exten => *7351***226,hint,Custom:*7351***226",
    ]
    assert "exten => *7351***23,hint,Custom:*7351***23" in lines


def test_the_key_of_always_record_works_on_its_users_own_phones_only() -> None:
    tables = replace(TABLES, lines=(LINE, replace(LINE, name="two", number="1005")))
    lines = extensions(tables).splitlines()
    at = lines.index("exten => *7351***226,1,Gosub(callrec-who,s,1)")
    assert lines[at + 1 : at + 3] == [
        ' same => n,GotoIf($["${GOSUB_RETVAL}" = "1000" | "${GOSUB_RETVAL}" = "two"]?callrec-codes,${CALLREC_ALWAYS_CODE},1)',
        " same => n,Congestion(3)",
    ]


def test_what_a_customized_key_supervises_has_a_lamp_once() -> None:
    """A number that has a hint of its own keeps it, and what nobody supervises gets none."""
    keys = (
        FunctionKey(ONE, 1, "customized", "5551", supervision=True),
        FunctionKey(ONE, 2, "customized", LINE.number, supervision=True),
        FunctionKey(ONE, 3, "customized", "5552"),
        FunctionKey(ONE, 4, "call_record", supervision=True),
    )
    text = extensions(replace(TABLES, keys=(*keys, replace(keys[0], number=9))))
    assert text.count("exten => 5551,hint,Custom:5551") == 1
    assert "5552" not in text
    assert f"exten => {LINE.number},hint,Custom" not in text
    with pytest.raises(Refused):
        extensions(replace(TABLES, keys=(replace(keys[0], destination="55\nexten"),)))


def test_incoming_numbers_ring_the_users_line_without_the_callers_right_to_transfer() -> None:
    text = extensions(TABLES)
    assert "exten => 2050,1,Gosub(pbx-user,s,1(1000,20,1000@default,t))" in text
    assert "exten => 2051,1,Gosub(pbx-user,s,1(zoe,30,,t))" in text


def test_an_incoming_number_of_a_user_without_a_sip_line_is_congested() -> None:
    tables = replace(TABLES, lines=(replace(LINE, protocol="sccp"),), incalls=(Incall("2050", "from-extern", ONE),))
    assert "exten => 2050,1,Congestion(5)" in extensions(tables)
    assert pjsip(tables) == ""


def test_both_contexts_exist_without_any_table() -> None:
    assert extensions(Tables()) == "[default]\ninclude => pbx-inside\n\n[from-extern]\n"
    assert voicemail(Tables()) == ""


def test_two_lines_of_a_user_have_the_lamps_once() -> None:
    tables = replace(TABLES, lines=(LINE, replace(LINE, name="two", number="1005")))
    assert extensions(tables).count("hint,Custom:*7351***226") == 1


def test_a_mailbox_has_its_options_and_may_lack_a_password() -> None:
    assert voicemail(TABLES) == "[default]\n1000 => 1234,John Doe,john@example.org,,attach=yes|delete=no\n"
    assert "1000 => ,John Doe" in voicemail(replace(TABLES, voicemails=(replace(BOX, password=""),)))


def test_all_files_are_made_at_once() -> None:
    assert set(users_files(TABLES)) == {"users_pjsip.conf", "users_extensions.conf", "users_voicemail.conf"}


@pytest.mark.parametrize(
    ("tables", "code"),
    [
        (replace(TABLES, lines=(LINE, LINE)), "twice"),
        (replace(TABLES, lines=(LINE, replace(LINE, name="other"))), "twice"),
        (replace(TABLES, voicemails=(BOX, BOX)), "twice"),
        (replace(TABLES, incalls=TABLES.incalls[:1] * 2), "twice"),
        (replace(TABLES, users=()), "line-without-user"),
        (replace(TABLES, lines=(replace(LINE, name="Trunk"),)), "line-name-reserved"),
        (replace(TABLES, lines=(replace(LINE, name="anonymous"),)), "line-name-reserved"),
        (replace(TABLES, lines=(replace(LINE, context="general"),)), "context-reserved"),
        (replace(TABLES, lines=(replace(LINE, context="callrec-online"),)), "context-reserved"),
        (replace(TABLES, lines=(replace(LINE, context="from-extern"),)), "context-mixed"),
        (replace(TABLES, lines=(replace(LINE, secret="a\n[trunk]"),)), "value-unfit"),
        (replace(TABLES, users=(User(ONE, "${SHELL(id)}"), TABLES.users[1])), "value-unfit"),
        (replace(TABLES, codes=(FeatureCode(Feature.CALL_RECORD, "*26,1,System(id)"),)), "value-unfit"),
    ],
)
def test_what_does_not_fit_is_refused(tables: Tables, code: str) -> None:
    with pytest.raises(Refused) as caught:
        users_files(tables)
    assert caught.value.code == code


def test_a_refusal_does_not_repeat_the_secret() -> None:
    with pytest.raises(Refused) as caught:
        pjsip(replace(TABLES, lines=(replace(LINE, secret="hush;hush"),)))
    assert "hush" not in str(caught.value)


_HOSTILE = st.one_of(
    st.text(max_size=60), st.sampled_from(["a\r\nb", "a;b", '"', "<>", "${X}", "a,b", "[x]", "#include x"])
)
_SECTION = re.compile(r"\[[A-Za-z0-9_-]+\](\((user|user-auth|user-aor)\))?")
_ROW = re.compile(r"(context|callerid|auth|aors|language|mailboxes|username|password) = \S[^\x00-\x1f;]*")


@given(first=_HOSTILE, secret=_HOSTILE, name=_HOSTILE, number=_HOSTILE, language=_HOSTILE)
def test_whatever_the_values_the_files_keep_their_shape(
    first: str, secret: str, name: str, number: str, language: str
) -> None:
    """Either the tables are refused, or each line of the file is one that a decent table could have made."""
    tables = Tables(
        users=(User(ONE, first, language=language or None),), lines=(Line(name, ONE, number, "default", "sip", secret),)
    )
    try:
        files = users_files(tables)
    except Refused:
        return
    lines = [line for line in files["users_pjsip.conf"].split("\n") if line]
    assert all(_SECTION.fullmatch(line) or _ROW.fullmatch(line) for line in lines)
    assert len(lines) <= 10
