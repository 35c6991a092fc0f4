"""The columns of a mailbox on real calls: what is sent to whom, what stays, and who is asked for a password.

Everything that takes as long as a call is done once and side by side (`post`, `visits`); the tests look at what came of it.
The prompts that tell one thing from another are pure tones here: which one was played, and of which language, is heard so.
"""

import asyncio
import contextlib
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
from arrangement import manager
from conversing import together
from laboratory import TONES_HZ, Laboratory, example_tables, finish, until

from callrec.adapters.asterisk.mailboxes import AmiMailboxes
from callrec.domain.directory.model import Tables, User, Voicemail
from callrec.domain.rules import UserId
from callrec_lab.audio_checks import Sound, heard_s, longest_s, presence
from callrec_lab.installation import Installation
from callrec_lab.pbx import Pbx
from callrec_lab.phones import Busy, Phone, PhoneBank, PhoneCall

SPOKEN_S = 1.5
MAIL_S = 15.0
GREETING_S = 1.2
KEYS_S = 2.5
"""From the answer, or from other keys, to the keys that follow: the prompts' words are over, and Asterisk waits."""
MESSAGE_S = 20.0
LISTEN_S = 0.5
PROMPT_S, PROMPT_HEARD_S = 0.8, 0.6
"""How long a tone is played as a prompt, and from when on it counts as heard: speech holds no pitch for so long."""
PROMPTS_HZ = {
    "en/vm-theperson": 1800,
    "fr/vm-theperson": 2000,
    "en/vm-password": 2200,
    "fr/vm-password": 2400,
    "fr/vm-incorrect": 2600,
    "en/vm-youhave": 2800,
}
"""Who is called; the password is asked; it is wrong; what is in the mailbox, which is said to whoever is inside."""
EVE = "Bcc: eve@example.com"
JOHN, GEORGE, BILL = (UserId(str(n)) for n in (1, 2, 3))
BOXES = (
    Voicemail("1000", "default", JOHN, "Jöhn Dœ", "1234", "john@example.com", attach=True),
    Voicemail("1001", "default", GEORGE, f"George ({EVE})", "2345", "george@example.com", delete=True),
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
    greeted: dict[str, PhoneCall] = field(default_factory=dict)
    """What the caller of each mailbox heard, by its number."""

    def mail(self, recipient: str) -> EmailMessage:
        """The one message to this address."""
        (mail,) = self.sink.mails[recipient]
        return mail

    def kept(self, box: str) -> list[Path]:
        """The new messages of this mailbox."""
        return sorted((self.lab.pbx.root / "spool/voicemail/default" / box / "INBOX").glob("msg*.wav"))


def _tables() -> Tables:
    """John's prompts are English, George's French, and Bill says nothing of his."""
    tables = example_tables()
    john, george, bill = tables.users
    users: tuple[User, ...] = (john, replace(george, firstname="Geörge"), replace(bill, lastname=f"Bush, {EVE}"))
    return replace(tables, users=users, voicemails=BOXES)


def _lay_prompts(sounds: Path, rate: int = 8000) -> None:
    """In the PBX' own folder, in the place of what is installed."""
    for name, hz in PROMPTS_HZ.items():
        for installed in (sounds / name).parent.glob(f"{Path(name).name}.*"):
            installed.unlink()
        samples = 6000 * np.sin(2 * np.pi * hz / rate * np.arange(round(rate * PROMPT_S)))
        with wave.open(str(sounds / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(samples.astype("<i2").tobytes())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def post(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Post]:
    sink, spool = Sink(), tmp_path_factory.mktemp("spool")
    async with (
        listening(sink) as port,
        Pbx(installation, _tables(), spool=spool, mail=f"smtp://127.0.0.1:{port}", name="mailbox") as pbx,
        PhoneBank(installation, pbx, tones_hz=TONES_HZ) as phones,
    ):
        house = Post(Laboratory(pbx, phones, spool, pbx.complaints()), sink)
        _lay_prompts(pbx.root / "share/sounds")
        for number in CALLERS:
            await phones.phone(number).behave(Busy())
        await asyncio.gather(*(_leave(house, caller, box) for box, caller in CALLERS.items()))
        await until(lambda: len(sink.mails) == 2 and len(house.kept("1002")) == 1, timeout_s=MAIL_S)
        yield house


async def _leave(house: Post, caller: str, box: str) -> None:
    """`#` skips the rest of the greeting; then the phone's tone is the message."""
    call = await house.lab.bank.phone(caller).call(box, tone_hz=TONES_HZ[caller])
    await call.answered()
    await asyncio.sleep(GREETING_S)
    await call.press("#")
    folder = house.lab.pbx.root / "spool/voicemail/default" / box / "tmp"
    await until(lambda: any(file.stat().st_size > 1000 for file in folder.glob("*.wav")))  # it is being recorded
    await asyncio.sleep(SPOKEN_S)
    await finish(call)
    house.greeted[box] = call


def _prompts(call: PhoneCall) -> set[str]:
    """Which of PROMPTS_HZ this phone heard. After the call."""
    heard = call.heard()
    return {name for name, hz in PROMPTS_HZ.items() if longest_s(heard, hz) >= PROMPT_HEARD_S}


def _hears_message(call: PhoneCall, caller: str) -> bool:
    """Whether what this caller had said was played, by now."""
    return longest_s(call.heard(), TONES_HZ[caller]) >= SPOKEN_S - 0.3


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
    assert mail["From"].addresses[0].addr_spec == "callrec@localhost"
    assert mail["Subject"] == 'Message from "Geörge Clinton" <1001> for mailbox 1000'


def test_names_arrive_as_they_are_written(post: Post) -> None:
    mail = post.mail("john@example.com")
    assert mail["To"].addresses[0].display_name == "Jöhn Dœ"
    assert [name for name in ("Jöhn Dœ", "Geörge Clinton") if name not in _words(mail)] == []


def test_names_of_owner_and_caller_make_no_header_and_no_recipient(post: Post) -> None:
    """Both hold what would be one, if they ended a line or a quote. The mailer sends to whatever Bcc names, as sendmail -t."""
    mail = post.mail("george@example.com")
    assert set(post.sink.mails) == {"john@example.com", "george@example.com"}
    assert [(one.display_name, one.addr_spec) for one in mail["To"].addresses] == [(BOXES[1].name, BOXES[1].email)]
    assert mail["Subject"] == f'Message from "Bill Bush, {EVE}" <1002> for mailbox 1001'
    assert [name for name in mail.keys() if name in {"To", "Cc", "Bcc"}] == ["To"]  # noqa: SIM118 - a header may come twice


def test_the_attached_message_is_what_was_said(post: Post) -> None:
    (attached,) = _attached(post.mail("john@example.com"))
    sound = _sound(attached.get_content())
    begins, ends = heard_s(sound, TONES_HZ["1001"]) or (0.0, 0.0)
    assert ends - begins >= SPOKEN_S - 0.1
    assert presence(sound.between(begins, ends), TONES_HZ["1001"]) >= 0.95


def test_without_attach_only_the_words_are_sent(post: Post) -> None:
    mail = post.mail("george@example.com")
    assert (_attached(mail), mail.get_content_type(), "Bill Bush" in _words(mail)) == ([], "text/plain", True)


def test_what_is_not_to_be_deleted_stays(post: Post) -> None:
    assert len(post.kept("1000")) == 1


async def test_what_is_to_be_deleted_is_gone_after_its_mail(post: Post) -> None:
    await until(lambda: post.kept("1001") == [])


def test_without_an_address_nothing_is_sent_and_nothing_lost(post: Post) -> None:
    assert set(post.sink.mails) == {"john@example.com", "george@example.com"}
    assert len(post.kept("1002")) == 1


def test_a_caller_is_greeted_in_the_language_of_the_mailbox(post: Post) -> None:
    assert ({"en/vm-theperson"}, {"fr/vm-theperson"}) == (
        _prompts(post.greeted["1000"]),
        _prompts(post.greeted["1001"]),
    )


@dataclass(frozen=True)
class Visit:
    """An owner at their mailbox."""

    call: PhoneCall
    turned_away: bool
    """The PBX has ended it."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def visits(post: Post) -> list[Visit]:
    """At the same time: with the password after another one, with other ones only, and without any."""
    phones = post.lab.bank
    return await together(
        _visit(phones.phone("1000"), "9999#", "1234#1"),
        _visit(phones.phone("1001"), "9999#", "9999#", "9999#"),
        _visit(phones.phone("1002"), "1"),
    )


async def _visit(phone: Phone, *keys: str) -> Visit:
    """`*98`, and the keys at each prompt; until the message was heard, or the PBX hangs up."""
    call = await phone.call("*98", tone_hz=0)
    await call.answered()
    for some in keys:
        await asyncio.sleep(KEYS_S)
        await call.press(some)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(MESSAGE_S):
            while not (call.is_over or _hears_message(call, CALLERS[phone.name])):  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(LISTEN_S)
    visit = Visit(call, turned_away=call.is_over)
    await call.hangup()
    return visit


async def test_the_manager_counts_what_was_left_and_what_was_heard(post: Post, visits: list[Visit]) -> None:
    """The message of 1000 was heard meanwhile and stays as an old one; the mailbox of 1001 lost its own to a mail."""
    del visits
    async with manager(post.lab.pbx) as ami:
        counted = AmiMailboxes(ami)

        async def are(mailbox: str) -> tuple[int, int]:
            found = await counted.count(mailbox, "default")
            assert found is not None
            return found.new, found.old

        async with asyncio.timeout(MESSAGE_S):
            while await are("1000") != (0, 1):  # noqa: ASYNC110 - it is moved when the owner has hung up
                await asyncio.sleep(LISTEN_S)
        assert await are("1001") == (0, 0)
        assert await are("7777") == (0, 0)


def test_who_says_the_password_hears_the_message_also_after_a_wrong_one(visits: list[Visit]) -> None:
    assert (False, True) == (visits[0].turned_away, _hears_message(visits[0].call, "1001"))
    assert "en/vm-password" in _prompts(visits[0].call)


def test_who_says_another_one_is_told_so_and_turned_away(visits: list[Visit]) -> None:
    assert visits[1].turned_away
    assert "fr/vm-incorrect" in _prompts(visits[1].call)
    assert not _hears_message(visits[1].call, "1002")


def test_an_owner_is_asked_in_their_language(visits: list[Visit]) -> None:
    asked = [_prompts(visit.call) & {"en/vm-password", "fr/vm-password"} for visit in visits[:2]]
    assert asked == [{"en/vm-password"}, {"fr/vm-password"}]


def test_who_need_not_say_any_is_not_asked_and_hears_the_message_at_once(visits: list[Visit]) -> None:
    assert (False, True) == (visits[2].turned_away, _hears_message(visits[2].call, "1000"))
    assert _prompts(visits[2].call) == {"en/vm-youhave"}
