"""`callrec recordings adopt` beside a running daemon, as an operator uses it."""

import json
from collections.abc import Iterator
from pathlib import Path

import old_recordings as old
import pytest
from daemon_client import got
from lone_daemon import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, settings={"TZ": "Europe/Berlin"})
    yield made
    made.stop()


def run(house: House, *words: str) -> tuple[int, dict]:
    done = house.command(*words, "--json", state="s")
    assert done.returncode in {0, 1}, done.stderr.decode()
    return done.returncode, json.loads(done.stdout)


def test_old_recordings_are_adopted_found_heard_and_proven(house: House, tmp_path: Path) -> None:
    files = old.house(tmp_path / "old")
    before = {path: path.read_bytes() for path in files.values()}
    house.start()
    assert run(house, "recordings", "adopt", "old", "--dry-run")[1]["counts"]["would-be-adopted"] == 8
    code, said = run(house, "recordings", "adopt", "old")
    assert (code, said["counts"]["adopted"]) == (0, 8)
    assert run(house, "recordings", "adopt", "old")[1]["counts"] == {
        "adopted": 0, "already-there": 8, "not-adopted": 0, "would-be-adopted": 0,
    }  # fmt: skip
    assert {path: path.read_bytes() for path in files.values()} == before
    assert [one["state"] for one in run(house, "recordings", "list", "--state", "adopted")[1]] == ["adopted"] * 8
    ids = {one["file"].rpartition("/")[2].partition("-")[0]: one["recording"] for one in said["files"]}
    state = tmp_path / "s"
    status, media = got(state, f"/recordings/{ids['user']}/media")
    assert (status, media) == (200, before[files["xivo"]])
    status, media = got(state, f"/recordings/{ids['q']}/media?format=wav")
    assert (status, media[:4], len(media)) == (200, b"RIFF", 44 + 2 * 8000)
    status, shown = got(state, f"/recordings/{ids['out']}")
    assert (status, json.loads(shown)["rule"], json.loads(shown)["direction"]) == (200, "", "outgoing")
    for recording in ids.values():
        assert got(state, f"/recordings/{recording}/marks")[0] == 200
        assert got(state, f"/recordings/{recording}/waveform")[0] == 200
    logged = run(house, "audit", "list", "--action", "adopted")[1]
    assert {one["recording"] for one in logged if one["recording"]} == set(ids.values())
    assert run(house, "verify") == (0, {"recordings": 8, "erased": 0, "findings": []})
    assert run(house, "rebuild") == (0, {"recordings": 8, "findings": []})


def test_files_that_are_not_understood_end_the_command_with_1_and_say_why(house: House, tmp_path: Path) -> None:
    old.wav(tmp_path / "old/user-1000-1001-1700000000.wav")
    old.wav(tmp_path / "old/holiday \x1b[31m.wav")
    house.start()
    done = house.command("recordings", "adopt", "old", state="s")
    assert done.returncode == 1
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "\x1b" not in out
    assert "adopt-name" in out
    assert "adopted: 1, not-adopted: 1" in err


def test_without_a_daemon_nothing_is_half_done(house: House, tmp_path: Path) -> None:
    """What lies in the library already is entered by the next run."""
    old.wav(tmp_path / "old/user-1000-1001-1700000000.wav")
    assert house.command("recordings", "adopt", "old", state="s").returncode == 3
    house.start()
    assert run(house, "recordings", "adopt", "old")[1]["counts"]["already-there"] == 1
    assert len(run(house, "recordings", "list")[1]) == 1
    assert run(house, "verify") == (0, {"recordings": 1, "erased": 0, "findings": []})


def test_a_time_zone_that_is_none_is_a_usage_error(house: House, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    done = house.command("recordings", "adopt", "old", "--timezone", "Mars/Olympus", state="s")
    assert (done.returncode, b"Mars/Olympus" in done.stderr) == (2, True)
