"""users_voicemail.conf."""

from dataclasses import replace

import pytest
from conf_tables import BOX, TABLES, site

from callrec.domain.directory.model import Tables, Voicemail
from callrec.protocols.asterisk_conf import render
from callrec.protocols.asterisk_conf.voicemail import voicemail

EVE = "eve@example.org"


def with_box(**fields: object) -> str:
    box: Voicemail = replace(BOX, **fields)  # type: ignore[arg-type]  # a test's words
    return voicemail(site(replace(TABLES, voicemails=(box,))))


def test_a_mailbox_has_its_options_and_may_lack_a_password() -> None:
    assert with_box() == "[default]\n1000 => 1234,John Doe,john@example.org,,attach=yes|delete=no\n\n"
    assert "1000 => ,John Doe" in with_box(password="")


def test_a_message_is_deleted_after_its_notification_and_not_without_one() -> None:
    assert "delete=yes" in with_box(delete=True)
    assert "delete=no" in with_box(delete=True, email="")


def test_without_mailboxes_there_is_nothing() -> None:
    assert voicemail(site(Tables())) == ""


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Doe, John", "Doe John"),
        ("Desk #3 [a=b|c]", "Desk #3 [a=b|c]"),
        ("Doe; Jr.", "Doe\\; Jr."),
        (f"John\nBcc: {EVE}", f"John Bcc: {EVE}"),
        (f"John\rBcc: {EVE}", f"John Bcc: {EVE}"),
        (f'John" <{EVE}>, "', f"John {EVE}"),
        ("John\\", "John"),
        ("${SHELL(id)}", "SHELL(id)"),
        ("${}", ""),
    ],
)
def test_a_name_costs_nobody_the_mailbox_and_ends_no_quotes_no_line_and_no_value(name: str, written: str) -> None:
    """Asterisk writes it into To, between quotes."""
    assert f"1000 => 1234,{written},john@example.org,," in with_box(name=name)


@pytest.mark.parametrize("value", [f"{BOX.email}\nBcc: {EVE}", *(f"{BOX.email}{sign}{EVE}" for sign in ",|> ;")])
def test_what_would_make_a_header_or_a_recipient_is_in_no_file(value: str) -> None:
    """Asterisk writes it into To. However it came into the tables: imports and the API refuse it before."""
    hostile = replace(BOX, mailbox="1001", user=TABLES.users[1].id, email=value)
    rendered = render(replace(TABLES, voicemails=(BOX, hostile)))
    assert [("1001@default", "voicemailemail")] == [(one.row, one.column) for one in rendered.left_out]
    (text,) = [file.text for file in rendered.files if file.name == "users_voicemail.conf"]
    assert (1, False) == (text.count(" => ") - 1, EVE in text)  # John's, and the stamp's
