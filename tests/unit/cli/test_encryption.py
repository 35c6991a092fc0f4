"""`callrec encryption` and `recordings adopt --link`: what they refuse before anything is done."""

from pathlib import Path

import pytest

from callrec.cli import adoption, encryption
from callrec.domain.errors import CallrecError, Refused, Unavailable


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that encrypts."""
    monkeypatch.chdir(tmp_path)
    key = tmp_path / "keys"
    key.touch(0o600)
    key.write_text(f"2026 {bytes(range(32)).hex()}")
    for name in ("monitor", "state", "spool"):
        monkeypatch.setenv(f"CALLREC_{name.upper()}_DIR", str(tmp_path / name))
        (tmp_path / name).mkdir()
    monkeypatch.setenv("CALLREC_ENCRYPTION", "on")
    monkeypatch.setenv("CALLREC_ENCRYPTION_KEYS", f"file:{key}")
    return tmp_path


def refusal(work: object) -> CallrecError:
    with pytest.raises(CallrecError) as caught:
        work()  # type: ignore[operator]
    return caught.value


@pytest.mark.parametrize("command", [encryption.encrypt, encryption.rotate])
@pytest.mark.usefixtures("folder")
def test_another_system_user_changes_nothing(command: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callrec.cli.encryption.os.geteuid", lambda: 4_000_000)
    error = refusal(lambda: command(as_json=True))  # type: ignore[operator]
    assert (type(error), error.code) == (Refused, "encryption-owner")


@pytest.mark.usefixtures("folder")
def test_older_recordings_are_encrypted_only_when_new_ones_are_and_beside_the_daemon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    error = refusal(lambda: encryption.encrypt(as_json=True))
    assert (type(error), error.code) == (Unavailable, "daemon-away")
    monkeypatch.setenv("CALLREC_ENCRYPTION", "off")
    assert refusal(lambda: encryption.encrypt(as_json=True)).code == "encryption-off"


def test_a_link_to_a_plain_file_is_refused(folder: Path) -> None:
    error = refusal(lambda: adoption.adopt(folder, timezone="", link=True, dry_run=True, as_json=True))
    assert error.code == "encryption-link"
