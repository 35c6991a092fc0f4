"""Strangers with hostile names and numbers call: recordings are sound, and what strangers say stays text."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from corpus import HOSTILE, MARK
from free_cpu import calls_at_once
from soundness import assert_sound, missing_s
from trouble import (
    CODECS,
    NEAR_S,
    TALK_S,
    TONES_HZ,
    USERS,
    aftermath,
    client,
    connect,
    is_flagged,
    one,
    phone,
    product,
    settled,
    stored,
    until_lamp,
)

from callrec.adapters.passwords import Argon2Passwords
from callrec.adapters.redis.connection import ask
from callrec.adapters.redis.store import open_store
from callrec.app.directory.user_file.import_users import import_users
from callrec.domain.calls.model import Party
from callrec.domain.directory.value_checks import is_plain
from callrec.domain.errors import Refused
from callrec.protocols.ami import MAX_LINE_BYTES
from callrec_lab.audio_checks import Sound, presence
from callrec_lab.phones import PhoneCall
from callrec_lab.stack import Stack, Wishes

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

DID, FLAGGED = "2055", "1005"
OUR_NAME = re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2}/[0-9a-z]{26}-[0-9]+\.(wav|json|peaks)")
OUR_KEY = re.compile(r"callrec:[A-Za-z0-9:{}._-]+")
NUMBER = re.compile(r"[0-9A-Za-z+*#_.@-]{0,64}")
CONTROLS = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The whole product, which writes all that it knows to its log."""
    settings = {"log_level": "debug", "log_personal": "true"}
    wishes = Wishes(users=USERS, codecs=CODECS, tones_hz=TONES_HZ, settings=settings)
    async with product(tmp_path_factory.mktemp("stack"), wishes) as running:
        yield running


async def stranger(stack: Stack, name: str, number: str) -> PhoneCall | None:
    """A call from the trunk that shows this name and number, as far as SIP can carry them; None when nothing can."""
    assert stack.bank is not None
    outside = stack.bank.outside
    call = stack.bank.expect(PhoneCall(outside, stack.bank.next_leg(), DID))
    dial = [
        ("Channel", f"PJSIP/{DID}@{outside.name}"),
        ("ChannelId", call.leg),
        ("Context", "phone"),
        ("Exten", "talk"),
        ("Priority", "1"),
        ("Async", "true"),
        ("Variable", f"TONE={TONES_HZ['outside']},PHONE={outside.name}"),
        ("CallerID", f'"{name[: MAX_LINE_BYTES // 4]}" <{number[: MAX_LINE_BYTES // 4]}>'),
    ]
    try:
        await stack.bank.ami.action("Originate", dial)
    except Refused:
        return None  # a line break, a NUL or half a character: no manager takes it, ours included
    return call


def assert_only_text(stack: Stack) -> None:
    """Files have our names, the log is JSON line by line, and nobody's command was run."""
    names = [
        str(path.relative_to(stack.daemon.monitor)) for path in stack.daemon.monitor.rglob("[!.]*") if path.is_file()
    ]
    assert [name for name in names if not OUR_NAME.fullmatch(name)] == []
    log = stack.daemon.log.read_bytes()
    assert CONTROLS.search(log) is None
    lines = [json.loads(line) for line in log.splitlines()]
    assert all({"event", "level", "time"} <= line.keys() for line in lines)
    assert not Path(MARK).exists()


async def assert_only_our_keys(stack: Stack) -> None:
    """Nothing that a stranger said became a key."""
    async with client(stack) as store:
        keys = await ask(store, "KEYS", "*")
    assert [key for key in keys if not OUR_KEY.fullmatch(key)] == []


def assert_as_heard(sides: list[Sound], heard: list[Sound], hz: int, lost_s: float) -> None:
    """One side of all recordings, and what the phones at its other end recorded themselves: as long, with the same tone in it,
    less what a recording says that it lacks. Who called does not say which is whose: the shortest is compared to the shortest."""
    for measure in (lambda sound: sound.length_s, lambda sound: presence(sound, hz) * sound.length_s):
        recorded_s, due_s = sorted(map(measure, sides)), sorted(map(measure, heard))
        assert recorded_s == pytest.approx(due_s, abs=NEAR_S + lost_s)


def assert_clean(party: Party) -> None:
    """As the manifest may say it."""
    assert NUMBER.fullmatch(party.number), party
    assert party.name.isprintable(), party
    assert len(party.name) <= 128


async def test_p8_callers_names_and_numbers_stay_text(stack: Stack) -> None:
    """Every trick as a name, and as a number, on calls to a user who is recorded always, as many at once as the CPU carries."""
    shown_as = [(text, "0612345678") for text in HOSTILE.values()] + [("Eve", text) for text in HOSTILE.values()]
    placed: list[PhoneCall] = []
    for first in range(0, len(shown_as), calls_at_once()):
        calls = [await stranger(stack, *one) for one in shown_as[first : first + calls_at_once()]]
        begun = [call for call in calls if call is not None]
        await asyncio.gather(*(call.answered() for call in begun))
        await asyncio.sleep(TALK_S)
        await asyncio.gather(*(call.hangup() for call in begun))
        placed += begun
    assert len(placed) > len(HOSTILE)
    await settled(stack)
    rung = [await phone(stack, FLAGGED).calls.get() for _ in placed]
    await asyncio.gather(*(call.ended() for call in rung))
    recordings = stored(stack)
    for recording in recordings:
        assert_sound(recording.manifest)
    lost_s = max(missing_s(recording.manifest) for recording in recordings)
    assert_as_heard([one.left for one in recordings], [call.heard() for call in placed], TONES_HZ[FLAGGED], lost_s)
    assert_as_heard([one.right for one in recordings], [call.heard() for call in rung], TONES_HZ["outside"], lost_s)
    for recording in recordings:
        for party in recording.manifest.recording.parties:
            assert_clean(party)
    shown = {party.name for recording in recordings for party in recording.manifest.recording.parties}
    assert HOSTILE["expression"] in shown, "no trick reached us: the test proves nothing"
    assert_only_text(stack)
    await assert_only_our_keys(stack)
    await aftermath(stack)


async def test_p8_users_names_stay_text(stack: Stack) -> None:
    """A name that the store takes is in the manifest as it is, clean; one that it does not take changes nothing."""
    async with open_store("embedded:", stack.daemon.state, join=True) as store:
        before = await store.tables()
        taken = []
        for nth, text in enumerate(HOSTILE.values()):
            content = f'entityid|firstname\n1|"{text.replace(chr(34), chr(34) * 2)}"\n'.encode("utf-8", "surrogatepass")
            try:
                imported = await import_users(
                    store, partial(bytes, content), f"hostile-{nth}", passwords=Argon2Passwords()
                )
            except Refused:
                assert await store.tables() == replace(before, users=(await store.tables()).users)
            else:
                taken += [step.becomes.user for step in imported.added]
        after = await store.tables()
    assert set(taken) <= set(after.users)
    assert all(is_plain(user.firstname) and len(user.firstname) <= 128 for user in after.users)
    assert (after.lines, after.incalls, len(after.users)) == (
        before.lines,
        before.incalls,
        len(before.users) + len(taken),
    )
    await assert_only_our_keys(stack)


async def test_p8_a_user_with_a_hostile_name_is_recorded_like_any_other(stack: Stack) -> None:
    """The worst name that the tables take, on the one who presses."""
    name = HOSTILE["expression"]
    async with open_store("embedded:", stack.daemon.state, join=True) as store:
        user = next(line.user for line in (await store.tables()).lines if line.number == "1000")
        await store.set_user(user, actor="test", request_id="hostile", firstname=name)
    there, _ = await connect(stack, "1000", "1001")
    await there.press("*3")
    await until_lamp(stack, "1000", "INUSE")
    await there.hangup()
    await settled(stack)
    recording = one(stack, "1000", "1001")
    assert recording.manifest.recording.parties[0].name == f"{name} Doe"
    assert_only_text(stack)
    await aftermath(stack)


async def test_p8_hostile_files_in_spool_and_library_are_left_alone(stack: Stack, tmp_path: Path) -> None:
    """Names that are not ours, links that lead away, folders and pipes with our names: nothing is followed, read or removed."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"\x01\x02" * 40_000)
    spool, planted = stack.daemon.spool, []
    names = [text.replace("/", "\u2215").replace("\0", "")[:80] for text in HOSTILE.values()]
    for name in names:
        file = spool / name.encode("utf-8", "replace").decode()
        file.write_bytes(b"Eve")
        planted.append(file)
    for side in ("read", "write"):
        link = spool / f"01aaaaaaaaaaaaaaaaaaaaaaaa-1-1.{side}.sln"
        link.symlink_to(secret)
        folder = spool / f"01bbbbbbbbbbbbbbbbbbbbbbbb-1-1.{side}.sln"
        folder.mkdir()
        far = spool / f"degraded-always-..-1.1-1795341600.{side}.sln"
        far.symlink_to(secret)
        planted += [link, folder, far]
    sidecar = stack.daemon.monitor / "eve.json"
    sidecar.write_text('{"schema": 1, "media": {"name": "../../../../etc/passwd"}}')
    before = len(stored_ids(stack))
    await stack.daemon.kill()
    await stack.daemon.start()
    await stack.daemon.ready()
    there, _ = await connect(stack, "1002", "1003")
    await there.press("*3")
    await until_lamp(stack, "1002", "INUSE")
    await there.hangup()
    code, said = await stack.daemon.callrec("verify")
    assert code == 1
    assert "eve" in said
    assert all(file.is_symlink() or file.exists() for file in planted)
    assert secret.read_bytes() == b"\x01\x02" * 40_000
    for file in planted:
        file.rmdir() if file.is_dir() and not file.is_symlink() else file.unlink()
    sidecar.unlink()
    await settled(stack)
    assert len(stored_ids(stack)) == before + 1
    assert_only_text(stack)
    await aftermath(stack)


def stored_ids(stack: Stack) -> set[str]:
    """The recordings that have a sidecar of ours."""
    return {path.stem for path in stack.daemon.monitor.glob("*/*/*/*.json")}


BAD_FILES = {
    "a header that nobody knows": ("entityid|firstname|shoesize\n1|Eve|42\n", "shoesize"),
    "no header": ("1|Eve|Adams\n", "line 1"),
    "one bad row of three": (
        "entityid|firstname|phonenumber|context|protocol\n1|Good|1500|default|sip\n1||1501|default|sip\n1|Fine|1502|default|sip\n",
        "firstname",
    ),
    "a number that is taken": ("entityid|firstname|phonenumber|context|protocol\n1|Eve|1000|default|sip\n", "1000"),
    "a control character": ("entityid|firstname\n1|E\x00ve\n", "NUL"),
}


@pytest.mark.parametrize(("content", "named"), BAD_FILES.values(), ids=BAD_FILES)
async def test_a_bad_user_file_is_refused_as_a_whole(stack: Stack, tmp_path: Path, content: str, named: str) -> None:
    """The error names the place; nothing is changed, and the daemon did not notice."""
    file = tmp_path / "users.csv"
    file.write_text(content)
    async with open_store("embedded:", stack.daemon.state, join=True) as store:
        before = await store.tables()
        code, said = await stack.daemon.callrec("users", "import", str(file))
        assert code == 1
        assert named in said
        assert "Traceback" not in said
        assert await store.tables() == before
    assert await is_flagged(stack, FLAGGED)
    assert (await stack.daemon.get("/readyz"))[0] == 200
    assert phone(stack, "1000").calls.empty()
