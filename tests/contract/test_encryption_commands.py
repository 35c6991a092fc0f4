"""`callrec encryption` beside a running daemon, as an operator uses it: turned on, older recordings, another key, a backup."""

import hashlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import old_recordings as old
import pytest
from daemon_client import got
from lone_daemon import START_S, House

from callrec.adapters.disk.token import kept_token
from callrec.protocols.encrypted_file import MARK
from callrec_lab.audio_checks import load, presence


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, settings={"TZ": "Europe/Berlin"})
    yield made
    made.stop()


def run(house: House, *words: str, state: str = "s", **settings: str) -> tuple[int, dict]:
    done = house.command(*words, "--json", state=state, **settings)
    assert done.returncode in {0, 1}, (words, done.stderr.decode())
    return done.returncode, json.loads(done.stdout)


def keys(house: House, *lines: str) -> Path:
    """The key file has these lines."""
    path = house.folder / "keys"
    path.touch(0o600)
    path.write_text("\n".join(lines))
    return path


def new_key(house: House, name: str) -> str:
    done = house.command("encryption", "new-key", name, state="s")
    assert done.returncode == 0
    return done.stdout.decode().strip()


def turned_on(house: House) -> None:
    house.settings |= {"CALLREC_ENCRYPTION": "on", "CALLREC_ENCRYPTION_KEYS": f"file:{house.folder / 'keys'}"}


def heard(house: House, state: str = "s") -> dict[str, bytes]:
    """What the daemon hands out of each recording."""
    ids = [one["id"] for one in run(house, "recordings", "list", state=state)[1]]
    answers = {one: got(house.folder / state, f"/recordings/{one}/media") for one in ids}
    assert {status for status, _ in answers.values()} == {200}
    return {one: body for one, (_, body) in answers.items()}


def on_disk(house: House) -> list[bytes]:
    """The contents of all files of the library with sound."""
    files = (path for path in (house.folder / "monitor").rglob("*") if path.is_file())
    return [path.read_bytes() for path in files if path.suffix not in {".json", ".key"} and path.name[0] != "."]


def ready(house: House) -> str:
    """What `/readyz` says of the master keys; empty when all is right."""
    url = f"http://127.0.0.1:{house.started['http']}/readyz"
    headers = {"Authorization": f"Bearer {kept_token(house.folder / 's')}"}
    asked = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
            body = answer.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    return str(json.loads(body)["checks"]["encryption"]["reason"])


def examined(house: House) -> dict[str, str]:
    """What the doctor says of encryption; Asterisk is not there."""
    found = json.loads(house.command("doctor", "--json", state="s").stdout)
    return next(one for one in found if one["check"] == "encryption")


def until_ready(house: House, says: str) -> None:
    deadline_s = time.monotonic() + START_S
    while says not in (found := ready(house)) or bool(found) is not bool(says):
        assert time.monotonic() < deadline_s, found
        time.sleep(0.2)


def test_older_recordings_are_encrypted_and_the_master_key_is_changed(house: House, tmp_path: Path) -> None:
    old.house(tmp_path / "old")
    house.start()
    assert run(house, "recordings", "adopt", "old")[1]["counts"]["adopted"] == 8
    before, plain = heard(house), on_disk(house)
    house.stop()

    first = new_key(house, "2026")
    keys(house, first)
    turned_on(house)
    house.start()
    assert run(house, "encryption", "status")[1]["plain"] == 8
    assert run(house, "encryption", "encrypt") == (0, {"encrypted": 8, "unchanged": 0, "findings": []})
    assert run(house, "encryption", "encrypt") == (0, {"encrypted": 0, "unchanged": 8, "findings": []})
    assert heard(house) == before
    assert all(content.startswith(MARK) for content in on_disk(house))
    assert not any(old_content[60:90] in content for old_content in plain for content in on_disk(house))
    assert run(house, "verify") == (0, {"recordings": 8, "erased": 0, "findings": []})
    logged = run(house, "audit", "list", "--action", "encrypted")[1]
    assert {one["recording"] for one in logged} == set(before)
    assert len(run(house, "audit", "list", "--subject", "encryption:recordings")[1]) == 2, "each run of the command"

    old.wav(tmp_path / "more/user-1-2-1700009999.wav", 0.7)
    assert house.command("recordings", "adopt", "more", "--link", state="s").returncode == 1
    assert run(house, "recordings", "adopt", "more")[1]["counts"]["adopted"] == 1
    assert all(content.startswith(MARK) for content in on_disk(house))
    before = heard(house)

    _rotated(house, first, before)


def _rotated(house: House, first: str, before: dict[str, bytes]) -> None:
    second = new_key(house, "2027")
    keys(house, second, first)
    media = on_disk(house)
    assert run(house, "encryption", "rotate") == (0, {"rotated": 9, "unchanged": 0, "findings": []})
    assert on_disk(house) == media, "no audio is written"
    assert len(run(house, "audit", "list", "--subject", "encryption:keys")[1]) == 1
    found = run(house, "encryption", "status")[1]["keys"]
    assert [(one["key"], one["current"], one["recordings"]) for one in found] == [("2027", True, 9), ("2026", False, 0)]
    keys(house, second)
    assert run(house, "encryption", "rotate") == (0, {"rotated": 0, "unchanged": 9, "findings": []})
    house.stop()
    house.start()
    assert heard(house) == before
    assert run(house, "verify") == (0, {"recordings": 9, "erased": 0, "findings": []})
    keys(house, first)
    code, found = run(house, "encryption", "status")
    assert (code, [(one["key"], one["available"], one["recordings"]) for one in found["keys"]]) == (
        1, [("2026", True, 0), ("2027", False, 9)],
    )  # fmt: skip
    code, said = run(house, "verify", CALLREC_ENCRYPTION="off", CALLREC_ENCRYPTION_KEYS="")
    assert (code, said["findings"], [one["code"] for one in said["notes"]]) == (0, [], ["encryption-keys-away"])


def test_evidence_of_an_encrypted_library_over_the_api_is_heard_and_checks_itself(house: House, tmp_path: Path) -> None:
    """Of a recording that was encrypted later, and of one that was encrypted when it was stored: its audio is plain, and the
    script in the bundle says so of the whole, with neither callrec nor the master key."""
    house.start()
    stored = [_adopted(house, tmp_path / "old/user-1000-1001-1700000000.wav", hz=440)]
    house.stop()
    keys(house, new_key(house, "2026"))
    turned_on(house)
    house.start()
    assert run(house, "encryption", "encrypt")[1]["encrypted"] == 1
    stored.append(_adopted(house, tmp_path / "new/user-1000-1001-1700000100.wav", hz=1000))
    for (recording, original), hz in zip(stored, (440, 1000), strict=True):
        status, bundle = got(house.folder / "s", f"/recordings/{recording}/evidence")
        assert status == 200, bundle
        folder = tmp_path / recording
        zipfile.ZipFile(BytesIO(bundle)).extractall(folder)
        (media,) = folder.glob("*.wav")
        assert media.read_bytes() == original
        left, _ = load(media)
        assert presence(left, hz) > 0.9
        assert presence(left, 1440 - hz) == 0
        assert _checks_itself(folder)
        flipped = bytearray(original)
        flipped[len(flipped) // 2] ^= 1
        media.write_bytes(flipped)
        assert not _checks_itself(folder)


def _adopted(house: House, file: Path, hz: float) -> tuple[str, bytes]:
    """The id of a recording of this one file, and the file's content."""
    content = old.wav(file, 2.0, channels=2, hz=hz).read_bytes()
    assert run(house, "recordings", "adopt", str(file.parent))[1]["counts"]["adopted"] == 1
    heard_now = {hashlib.sha256(body).digest(): one for one, body in heard(house).items()}
    return heard_now[hashlib.sha256(content).digest()], content


def _checks_itself(folder: Path) -> bool:
    check = [sys.executable, "-I", "-S", "check.py"]
    return subprocess.run(check, cwd=folder, env={}, check=False, capture_output=True).returncode == 0  # noqa: S603 - ours


def test_a_daemon_without_its_key_starts_tells_and_goes_on_when_it_has_it(house: House, tmp_path: Path) -> None:
    turned_on(house)
    house.start()
    until_ready(house, "cannot be read")
    assert "master-keys-away" in house.events("s")
    assert examined(house)["verdict"] == "closed"
    path = keys(house, "2026 tooshort")
    until_ready(house, "bytes in place of 32")
    keys(house, new_key(house, "2026"))
    path.chmod(0o644)
    until_ready(house, "every user")
    path.chmod(0o600)
    until_ready(house, "")
    assert "master-keys-back" in house.events("s")
    old.wav(tmp_path / "old/user-1-2-1700000000.wav")
    assert run(house, "recordings", "adopt", "old")[1]["counts"]["adopted"] == 1
    assert (examined(house)["verdict"], "2026" in examined(house)["says"]) == ("ok", True)
    assert not any(line.split()[1].encode() in house.log("s").read_bytes() for line in path.read_text().splitlines())


def test_the_commands_say_what_is_missing(house: House, tmp_path: Path) -> None:
    (tmp_path / "monitor").mkdir()
    assert house.command("encryption", "rotate", state="s").returncode == 3
    keys(house, new_key(house, "2026"))
    off = {"CALLREC_ENCRYPTION_KEYS": f"file:{tmp_path / 'keys'}"}
    done = house.command("encryption", "encrypt", state="s", **off)
    assert (done.returncode, b"CALLREC_ENCRYPTION is off" in done.stderr) == (1, True)
    turned_on(house)
    done = house.command("encryption", "encrypt", state="s")
    assert (done.returncode, b"the daemon does not run" in done.stderr) == (3, True)
    done = house.command("encryption", "new-key", "../x", state="s")
    assert done.returncode == 2
    for wrong in ("", "/etc/keys", "vault:x", "env:1", new_key(house, "2026")):
        done = house.command("verify", state="s", CALLREC_ENCRYPTION="on", CALLREC_ENCRYPTION_KEYS=wrong)
        assert (done.returncode, b"CALLREC_ENCRYPTION_KEYS" in done.stderr) == (2, True), wrong
        assert not wrong or wrong.encode() not in done.stderr


def test_a_backup_has_the_keys_and_what_was_erased_stays_erased(house: House, tmp_path: Path) -> None:
    old.house(tmp_path / "old")
    keys(house, new_key(house, "2026"))
    turned_on(house)
    house.start()
    assert run(house, "recordings", "adopt", "old")[1]["counts"]["adopted"] == 8
    one, *others = sorted(heard(house))
    before = heard(house)
    assert run(house, "backup", "backups")[1]["recordings"] == 8
    assert run(house, "recordings", "erase", one, "--reason", "request 1")[0] == 0
    assert list((tmp_path / "monitor").rglob(f"{one}*")) == []
    assert run(house, "backup", "backups", "--verify") == (0, {"recordings": 8, "findings": []}), "its copies are whole"
    erased = tmp_path / "s/erased.db"
    house.stop()
    elsewhere = {f"CALLREC_{name}_DIR": str(tmp_path / "elsewhere" / name) for name in ("MONITOR", "SPOOL", "PROMPTS")}
    code, said = run(house, "restore", "backups", "--erased", str(erased), state="t", **elsewhere)
    assert (code, said["recordings"], said["erased"]) == (0, 7, [one])
    assert list((tmp_path / "elsewhere").rglob(f"{one}*")) == []
    house.settings |= elsewhere
    house.start("t")
    assert heard(house, "t") == {other: before[other] for other in others}
    assert run(house, "verify", state="t") == (0, {"recordings": 7, "erased": 1, "findings": []})
