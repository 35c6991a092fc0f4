"""The API's token: made once, its owner's only, never overwritten, and never guessed at when its file is wrong."""

import os
import stat
from pathlib import Path

import pytest

from callrec.adapters.disk.token import kept_token, token_is_there
from callrec.domain.errors import Misconfigured, Unavailable


def test_the_first_start_makes_it_and_the_next_ones_read_it(tmp_path: Path) -> None:
    made = kept_token(tmp_path / "new" / "state")
    file = tmp_path / "new" / "state" / "token"
    assert made == kept_token(tmp_path / "new" / "state") == file.read_text().strip()
    assert len(made) >= 43
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert ["token"] == [path.name for path in file.parent.iterdir()]


def test_each_state_folder_has_its_own(tmp_path: Path) -> None:
    assert kept_token(tmp_path / "a") != kept_token(tmp_path / "b")


def test_of_two_daemons_that_start_together_one_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("a" * 43)
    (tmp_path / "token").chmod(0o600)
    monkeypatch.setattr(os.path, "lexists", lambda _: False)
    assert "a" * 43 == kept_token(tmp_path)
    assert ["token"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        ("a" * 43, 0o640, "mode 640"),
        ("a" * 43, 0o602, "mode 602"),
        ("", 0o600, "is empty"),
        ("  \n", 0o600, "is empty"),
        ("short", 0o600, "contains no valid token"),
        ("a" * 20 + "\n" + "b" * 20, 0o600, "contains no valid token"),
        ("é" * 43, 0o600, "contains no valid token"),
    ],
)
def test_a_wrong_file_stops_the_start_and_stays_as_it_is(tmp_path: Path, content: str, mode: int, says: str) -> None:
    file = tmp_path / "token"
    file.write_text(content)
    file.chmod(mode)
    with pytest.raises(Misconfigured, match=says) as refused:
        kept_token(tmp_path)
    assert refused.value.code == "token-file"
    assert content == file.read_text()
    assert "chmod 600" in refused.value.hint
    assert not content.strip() or content.strip() not in str(refused.value)


def test_a_look_at_it_makes_none_and_finds_what_is_wrong(tmp_path: Path) -> None:
    assert not token_is_there(tmp_path)
    assert list(tmp_path.iterdir()) == []
    kept_token(tmp_path)
    assert token_is_there(tmp_path)
    (tmp_path / "token").chmod(0o644)
    with pytest.raises(Misconfigured, match="mode 644"):
        token_is_there(tmp_path)


def test_a_folder_or_a_link_in_its_place_is_no_token(tmp_path: Path) -> None:
    (tmp_path / "a" / "token").mkdir(parents=True)
    with pytest.raises(Misconfigured, match="is not a regular file"):
        kept_token(tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "token").symlink_to("/etc/hostname")
    with pytest.raises(Misconfigured, match="cannot be read"):
        kept_token(tmp_path / "b")
    os.mkfifo(tmp_path / "fifo", 0o600)
    (tmp_path / "c").mkdir()
    (tmp_path / "fifo").rename(tmp_path / "c" / "token")
    with pytest.raises(Misconfigured, match="is not a regular file"):
        kept_token(tmp_path / "c")


def test_a_disk_that_refuses_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="token"):
        kept_token(tmp_path / "file" / "state")
