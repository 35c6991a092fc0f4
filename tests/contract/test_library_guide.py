"""docs/guides/library.md, command by command as it is written, beside a daemon: a person who knows nothing else gets through."""

import json
import re
import shlex
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import old_recordings as old
import pytest
from lone_daemon import START_S, House
from stored_library import StoredLibrary, recorded, tone

GUIDE = Path(__file__).parents[2] / "docs/guides/library.md"
NUMBER = "+33123456789"


def commands(section: str) -> list[str]:
    """The lines of a section's blocks of code, without remarks."""
    text = GUIDE.read_text("utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [re.split(r"\s+# ", line)[0] for block in blocks for line in block.splitlines()]
    return [line for line in lines if re.match(r"(callrec|python3) [^|]*$", line)]


@dataclass
class Reader:
    """Types the guide's commands, with these words in place of those that stand for something. `said`: what each printed."""

    house: House
    words: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    def types(self, line: str, state: str = "s", **settings: str) -> str:
        """What the command prints; it ends well."""
        program, *words = shlex.split(
            re.sub("|".join(map(re.escape, self.words)), lambda found: self.words[found[0]], line)
        )
        if program == "python3":
            done = subprocess.run([sys.executable, *words], cwd=self.house.folder, capture_output=True, check=False)  # noqa: S603 - the guide's
        else:
            done = self.house.command(*words, state=state, **settings)
        assert done.returncode == 0, (line, done.stdout.decode(), done.stderr.decode())
        self.said[line] = done.stdout.decode()
        return self.said[line]

    def does(self, section: str) -> list[str]:
        """What each command of the section prints."""
        return [self.types(line) for line in commands(section)]

    def json(self, *words: str, state: str = "s") -> dict:
        """What another command says, for the test."""
        done = self.house.command(*words, "--json", state=state)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Three recordings of user 7 with user 8, and one of user 9 with a number outside."""
    stored, sound = StoredLibrary(tmp_path), {"left": tone(440, 1.5), "right": tone(1000, 1.5)}
    for nth in (1, 2, 3):
        stored.store(nth, recording=recorded(nth, 1.5), **sound)
    fourth = recorded(4, 1.5)
    first, other = fourth.parties
    parties = (replace(first, user="9"), replace(other, user=None, number=NUMBER, name="Caller"))
    stored.store(4, recording=replace(fourth, parties=parties), **sound)
    house = House(tmp_path, settings={"TZ": "Europe/Berlin"})
    house.start()
    reading = Reader(house, {"ID": "c1-1"})
    deadline_s = time.monotonic() + START_S
    while [one["signed"] for one in reading.json("audit", "list", "--action", "adopted") if one["recording"]] != [
        True
    ] * 4:
        assert time.monotonic() < deadline_s, house.log("s").read_text()
        time.sleep(0.1)
    yield reading
    house.stop()


def test_a_recording_is_found_heard_proven_held_released_and_erased(reader: Reader, tmp_path: Path) -> None:
    """By its first commands alone; each look and each change is in the audit log."""
    found, count, shown, _ = reader.does("Find")
    assert ("c1-1" in found, count.strip(), "1001" in shown) == (True, "4", True)
    _, link = reader.does("Hear")
    with zipfile.ZipFile(tmp_path / "call.zip") as archive:
        (name,) = [one for one in archive.namelist() if one.endswith(".wav")]
        assert archive.read(name) == next((tmp_path / "monitor").rglob("c1-1.wav")).read_bytes()
    assert "/shared/" in link
    *_, looks = reader.does("Prove")
    assert all(action in looks for action in ("adopted", "exported", "link-made"))

    _, holds, held, preview, done = reader.does("Hold")
    assert ("lawsuit" in holds, "c1-1" in held) == (True, True)
    assert all(re.search(r"recordings +2\n", said) and re.search(r"unchanged +1\n", said) for said in (preview, done))
    assert {one["id"] for one in reader.json("recordings", "list", "--held")} == {"c1-1", "c2-1", "c3-1"}
    (hold,) = reader.json("recordings", "annotations", "c1-1")["holds"]
    reader.words["HOLD"] = hold["id"]
    reader.does("Release")
    assert {one["id"] for one in reader.json("recordings", "list", "--held")} == {"c2-1", "c3-1"}
    would, _ = reader.does("Erase")
    assert "c4-1" in would
    assert list((tmp_path / "monitor").rglob("c4-1*")) == []
    assert reader.json("verify") == {"recordings": 3, "erased": 1, "findings": []}
    logged = {one["action"] for one in reader.json("audit", "list")}
    assert {"shown", "listed", "exported", "link-made", "held", "released", "erased"} <= logged


def test_classes_old_recordings_and_a_backup_work_as_written(reader: Reader, tmp_path: Path) -> None:
    """Retention, adoption, backup; and the restore into an empty installation."""
    *first, preview, enable, _ = commands("Retention")
    for line in (*first, preview):
        reader.types(line)
    due = reader.json("retention", "preview", "short")["recordings"]  # as old as the clock of this machine says
    reader.words["--expected 0"] = f"--expected {due}"
    reader.types(enable)
    assert "short" in reader.types("callrec retention list")
    reader.types("callrec retention disable short")  # so that nothing goes meanwhile

    old.house(tmp_path / "old")
    reader.words |= {"/var/spool/asterisk/monitor": str(tmp_path / "old"), "/mnt/backups": str(tmp_path / "backups")}
    assert "adopt" in reader.does("Old recordings of XiVO, FreePBX and Wazo")[0]
    before = reader.json("recordings", "list")
    assert len([one for one in before if one["state"] == "adopted"]) == 8
    *made, restore = commands("Backup and restore")
    for line in made:
        reader.types(line)
    reader.house.stop()
    there = {f"CALLREC_{name}_DIR": str(tmp_path / "there" / name.lower()) for name in ("MONITOR", "SPOOL", "PROMPTS")}
    reader.types(restore, "t", **there)
    reader.house.settings |= there
    assert reader.json("recordings", "list", state="t") == before


def test_every_command_of_the_guide_is_typed_by_one_of_these_tests() -> None:
    sections = ("Find", "Hear", "Prove", "Hold", "Release", "Erase", "Retention", "Backup and restore")
    typed = sum(len(commands(one)) for one in (*sections, "Old recordings of XiVO, FreePBX and Wazo"))
    lines = re.findall(r"^(?:callrec|python3) [^|\n]*$", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert len(lines) == typed > 25
