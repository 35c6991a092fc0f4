"""users_pjsip.conf."""

from dataclasses import replace

import pytest
from asterisk_reading import Section, by_name
from conf_tables import BOX, JOHN, LINE, TABLES, john, site

from callrec.domain.directory.model import Group, Tables
from callrec.protocols.asterisk_conf.pjsip import pjsip


def endpoint(tables: Tables) -> Section:
    """John's."""
    return by_name(pjsip(site(tables)))["1000"][0]


def variables(tables: Tables) -> list[str]:
    return [value for name, value in endpoint(tables).rows if name == "set_var"]


def test_a_line_becomes_an_endpoint_its_credentials_and_its_address() -> None:
    assert pjsip(site(replace(TABLES, users=(JOHN,), lines=(LINE,), incalls=()))).splitlines() == [
        "[1000](user)",
        "context = default",
        'callerid = "John Doe" <1000>',
        "auth = 1000",
        "aors = 1000",
        "language = en_US",
        "mailboxes = 1000@default",
        "set_var = CALLREC_TRANSFER=T",
        "set_var = TRANSFER_CONTEXT=default",
        "set_var = CALLREC_MAILBOX=1000@default",
        "",
        "[1000](user-auth)",
        "username = 1000",
        "password = secret",
        "",
        "[1000](user-aor)",
        "",
    ]


def test_names_of_all_alphabets_fit() -> None:
    assert 'callerid = "Zoë O\'Brien" <1001>' in pjsip(site(TABLES))


def test_a_name_with_commas_and_other_signs_is_shown_as_it_is() -> None:
    assert endpoint(john(lastname="Doe, Jr. [#1|a=b]")).get("callerid") == '"John Doe, Jr. [#1|a=b]" <1000>'


def test_a_line_without_language_or_mailbox_says_nothing_of_them() -> None:
    rows = dict(by_name(pjsip(site(TABLES)))["zoe"][0].rows)
    assert "language" not in rows
    assert "mailboxes" not in rows


def test_a_secret_is_escaped_where_it_would_begin_a_comment() -> None:
    tables = replace(TABLES, lines=(replace(LINE, secret='a;b"c\\;--'),))
    assert 'password = a\\;b"c\\\\;--' in pjsip(site(tables))


def test_who_may_not_transfer_has_neither_the_keys_nor_refer() -> None:
    tables = john(enablexfer=False)
    assert endpoint(tables).get("allow_transfer") == "no"
    assert "CALLREC_TRANSFER=T" not in variables(tables)


@pytest.mark.parametrize(
    ("outcallerid", "said"),
    [
        ("default", []),
        ("anonymous", ["CALLREC_OUT=anonymous"]),
        ("0123", ["CALLREC_OUT_NUMBER=0123"]),
        ('"ACME" <0123>', ["CALLREC_OUT_NAME=ACME", "CALLREC_OUT_NUMBER=0123"]),
        ("ACME", ["CALLREC_OUT_NAME=ACME"]),
    ],
)
def test_the_trunk_sees_what_outcallerid_says(outcallerid: str, said: list[str]) -> None:
    assert [one for one in variables(john(outcallerid=outcallerid)) if one.startswith("CALLREC_OUT")] == said


def test_an_own_mailbox_may_ask_for_no_password() -> None:
    assert "CALLREC_SKIPPASS=s" not in variables(TABLES)
    assert "CALLREC_SKIPPASS=s" in variables(replace(TABLES, voicemails=(replace(BOX, skippass=True),)))


def test_a_member_of_groups_may_take_their_calls_and_a_supervisor_of_them_may_not() -> None:
    groups = (Group("sales", (JOHN.id,)), Group("Über uns", (), (JOHN.id,)))
    assert "named_call_group" not in pjsip(site(TABLES))
    (endpoint, *_) = by_name(pjsip(site(replace(TABLES, groups=groups))))["1000"]
    said = dict(endpoint.rows)
    assert (said["named_call_group"], said["named_pickup_group"]) == ("sales", "sales")


def test_an_sccp_line_is_no_endpoint() -> None:
    assert "1002" not in by_name(pjsip(site(TABLES)))
