"""The columns of a mailbox on real calls: what is sent to whom, what stays, and who is asked for a password.

Everything that takes as long as a call is done once and side by side (`post`, `visits`); the tests look at what came of it.
"""

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, Envelope
from laboratory import TONES_HZ, Laboratory, example_tables, finish, until

from callrec.domain.errors import Unavailable
from callrec.domain.provisioning.model import Tables, UserId, Voicemail
from callrec.lab.ears import Sound, heard_s, presence
from callrec.lab.installation import Installation
from callrec.lab.pbx import Pbx
from callrec.lab.phones import Busy, Phone, PhoneBank, PhoneCall

SPOKEN_S = 1.5
MAIL_S = 15.0
PROMPT_S = 3.5
MESSAGE_S = 12.0
JOHN, GEORGE, BILL = (UserId(str(n)) for n in (1, 2, 3))
BOXES = (
    Voicemail("1000", "default", JOHN, "Jöhn Dœ", "1234", "john@example.com", attach=True),
    Voicemail("1001", "default", GEORGE, "George Clinton", "2345", "george@example.com", delete=True),
    Voicemail("1002", "default", BILL, "Bill Bush", "3456", delete=True, skippass=True),
)
CALLERS = {"1000": "1001", "1001": "1002", "1002": "1000"}
"""Who leaves a message for whom: box -> caller."""


@dataclass
class Sink:
    """An SMTP server that keeps what it gets."""

    mails: dict[str, list[EmailMessage]] = field(default_factory=dict)
    """By recipient, as the envelope names them."""

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """One message."""
        message = message_from_bytes(envelope.content, policy=policy.default)
        for recipient in envelope.rcpt_tos:
            self.mails.setdefault(recipient, []).append(message)
        return "250 kept"


@asynccontextmanager
async def listening(sink: Sink) -> AsyncIterator[int]:
    """The port of the sink."""
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(sink), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@dataclass
class Post:
    """The house with its mailboxes, after everybody has left a message for another one."""

    lab: Laboratory
    sink: Sink

    def mail(self, recipient: str) -> EmailMessage:
        """The one message to this address."""
        (mail,) = self.sink.mails[recipient]
        return mail

    def kept(self, box: str) -> list[Path]:
        """The new messages of this mailbox."""
        return sorted((self.lab.pbx.root / "spool/voicemail/default" / box / "INBOX").glob("msg*.wav"))


def _tables() -> Tables:
    tables = example_tables()
    users = tuple(replace(user, language="en_US") for user in tables.users)
    return replace(tables, users=users, voicemails=BOXES)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def post(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Post]:
    sink, spool = Sink(), tmp_path_factory.mktemp("spool")
    async with (
        listening(sink) as port,
        Pbx(installation, _tables(), spool=spool, mail=f"smtp://127.0.0.1:{port}", name="mailbox") as pbx,
        PhoneBank(installation, pbx, tones_hz=TONES_HZ) as phones,
    ):
        house = Post(Laboratory(pbx, phones, spool, pbx.complaints()), sink)
        for number in CALLERS:
            await phones.phone(number).behave(Busy())
        await asyncio.gather(*(_leave(house, caller, box) for box, caller in CALLERS.items()))
        await until(lambda: len(sink.mails) == 2 and len(house.kept("1002")) == 1, timeout_s=MAIL_S)
        yield house


async def _leave(house: Post, caller: str, box: str) -> None:
    """`#` skips the greeting; then the phone's tone is the message."""
    call = await house.lab.bank.phone(caller).call(box, tone_hz=TONES_HZ[caller])
    await call.answered()
    await call.press("#")
    folder = house.lab.pbx.root / "spool/voicemail/default" / box / "tmp"
    await until(lambda: any(file.stat().st_size > 1000 for file in folder.glob("*.wav")))  # it is being recorded
    await asyncio.sleep(SPOKEN_S)
    await finish(call)


def _words(mail: EmailMessage) -> str:
    body = mail.get_body()
    return str(body.get_content()) if isinstance(body, EmailMessage) else ""


def _attached(mail: EmailMessage) -> list[EmailMessage]:
    return [part for part in mail.iter_attachments() if isinstance(part, EmailMessage)]


def _sound(content: bytes) -> Sound:
    with wave.open(io.BytesIO(content)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768
        return Sound(samples, file.getframerate())


def test_asterisk_has_nothing_to_say_against_these_files(post: Post) -> None:
    assert post.lab.boot_complaints == []


def test_a_message_is_told_to_the_address_with_who_called(post: Post) -> None:
    mail = post.mail("john@example.com")
    assert mail["To"].addresses[0].addr_spec == "john@example.com"
    assert "callrec@localhost" in mail["From"]
    assert "mailbox 1000" in mail["Subject"]
    assert "George Clinton" in _words(mail)


def test_a_name_arrives_as_it_is_written(post: Post) -> None:
    assert post.mail("john@example.com")["To"].addresses[0].display_name == "Jöhn Dœ"


def test_the_attached_message_is_what_was_said(post: Post) -> None:
    (attached,) = _attached(post.mail("john@example.com"))
    sound = _sound(attached.get_content())
    begins, ends = heard_s(sound, TONES_HZ["1001"]) or (0.0, 0.0)
    assert ends - begins >= SPOKEN_S - 0.1
    assert presence(sound.between(begins, ends), TONES_HZ["1001"]) >= 0.95


def test_without_attach_only_the_words_are_sent(post: Post) -> None:
    mail = post.mail("george@example.com")
    assert (_attached(mail), "Bill Bush" in _words(mail)) == ([], True)


def test_what_is_not_to_be_deleted_stays(post: Post) -> None:
    assert len(post.kept("1000")) == 1


async def test_what_is_to_be_deleted_is_gone_after_its_mail(post: Post) -> None:
    await until(lambda: post.kept("1001") == [])


def test_without_an_address_nothing_is_sent_and_nothing_lost(post: Post) -> None:
    assert set(post.sink.mails) == {"john@example.com", "george@example.com"}
    assert len(post.kept("1002")) == 1


@dataclass(frozen=True)
class Visit:
    """An owner at their mailbox."""

    call: PhoneCall
    turned_away: bool
    """The PBX has ended it."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def visits(post: Post) -> list[Visit]:
    """At the same time: with the password, with another one, and without."""
    phones = post.lab.bank
    return await asyncio.gather(
        _visit(phones.phone("1000"), "1234#1"),
        _visit(phones.phone("1001"), "9999#", times=3),
        _visit(phones.phone("1002"), "1"),
    )


async def _visit(phone: Phone, keys: str, *, times: int = 1) -> Visit:
    """`*98`, and the keys at each prompt."""
    call = await phone.call("*98", tone_hz=0)
    await call.answered()
    for _ in range(times):
        await asyncio.sleep(PROMPT_S)
        await call.press(keys)
    try:
        await call.ended(MESSAGE_S)
    except Unavailable:
        await call.hangup()
        return Visit(call, turned_away=False)
    return Visit(call, turned_away=True)


def test_who_says_the_password_hears_the_message(visits: list[Visit]) -> None:
    assert not visits[0].turned_away
    assert heard_s(visits[0].call.heard(), TONES_HZ["1001"]) is not None


def test_who_says_another_one_is_turned_away(visits: list[Visit]) -> None:
    assert visits[1].turned_away


def test_who_need_not_say_any_hears_the_message_at_once(visits: list[Visit]) -> None:
    assert not visits[2].turned_away
    assert heard_s(visits[2].call.heard(), TONES_HZ["1000"]) is not None
