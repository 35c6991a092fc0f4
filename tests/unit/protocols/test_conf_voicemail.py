"""users_voicemail.conf."""

from dataclasses import replace

from conf_tables import BOX, TABLES, house

from callrec.domain.provisioning.model import Tables, Voicemail
from callrec.protocols.asterisk_conf.voicemail import voicemail


def with_box(**fields: object) -> str:
    box: Voicemail = replace(BOX, **fields)  # type: ignore[arg-type]  # a test's words
    return voicemail(house(replace(TABLES, voicemails=(box,))))


def test_a_mailbox_has_its_options_and_may_lack_a_password() -> None:
    assert with_box() == "[default]\n1000 => 1234,John Doe,john@example.org,,attach=yes|delete=no\n\n"
    assert "1000 => ,John Doe" in with_box(password="")


def test_a_message_is_deleted_after_its_notification_and_not_without_one() -> None:
    assert "delete=yes" in with_box(delete=True)
    assert "delete=no" in with_box(delete=True, email="")


def test_without_mailboxes_there_is_nothing() -> None:
    assert voicemail(house(Tables())) == ""
