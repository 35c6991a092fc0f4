"""Own prompts on a real disk."""

import stat
import wave
from pathlib import Path

import pytest

from callrec.adapters.disk.prompt_folder import DiskPrompts
from callrec.domain.errors import Unavailable
from callrec.domain.prompts import RATE_HZ

SECOND = b"\x10\x00" * RATE_HZ


def test_a_prompt_is_found_by_its_name_and_language_alone(tmp_path: Path) -> None:
    """Asterisk plays it by its path without the ending."""
    prompts = DiskPrompts(tmp_path / "prompts")
    assert (prompts.every(), prompts.find("dnd-on", "fr"), prompts.read("dnd-on", "fr")) == ([], None, None)
    prompts.put("dnd-on", "fr", SECOND)
    found = prompts.find("dnd-on", "fr")
    assert found is not None
    assert (found.name, found.language, found.length_s) == ("dnd-on", "fr", 1.0)
    assert found.path == str(tmp_path / "prompts/fr/callrec/dnd-on")
    assert prompts.find("dnd-on", "default") is None
    assert prompts.every() == [found]


def test_it_is_a_file_that_asterisk_plays_and_may_read(tmp_path: Path) -> None:
    """Beside it lies a silent sound that is longer."""
    prompts = DiskPrompts(tmp_path / "prompts")
    prompts.put("dnd-on", "fr", SECOND)
    found = prompts.find("dnd-on", "fr")
    assert found is not None
    for path, frames, samples in ((found.path, RATE_HZ, SECOND), (found.silence, 12_000, bytes(24_000))):
        with wave.open(f"{path}.wav") as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE_HZ)
            assert (file.getnframes(), file.readframes(frames)) == (frames, samples)
        assert stat.S_IMODE(Path(f"{path}.wav").stat().st_mode) == 0o644
    for folder in (tmp_path / "prompts", tmp_path / "prompts/fr", tmp_path / "prompts/fr/callrec"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_a_new_one_takes_the_place_of_the_former_one_as_a_whole(tmp_path: Path) -> None:
    """Who has opened the former one reads it to its end; nothing else is left in the folder."""
    prompts = DiskPrompts(tmp_path)
    prompts.put("dnd-on", "fr", SECOND)
    with (tmp_path / "fr/callrec/dnd-on.wav").open("rb") as playing:
        prompts.put("dnd-on", "fr", SECOND * 2)
        assert len(playing.read()) == 44 + len(SECOND)
    assert [one.length_s for one in prompts.every()] == [2.0]
    assert sorted(file.name for file in (tmp_path / "fr/callrec").iterdir()) == ["dnd-on.silence.wav", "dnd-on.wav"]


def test_after_its_removal_there_is_none(tmp_path: Path) -> None:
    prompts = DiskPrompts(tmp_path)
    prompts.put("dnd-on", "fr", SECOND)
    assert prompts.remove("dnd-on", "fr")
    assert not prompts.remove("dnd-on", "fr")
    assert (prompts.every(), list((tmp_path / "fr/callrec").iterdir())) == ([], [])


def test_what_an_operator_lays_beside_them_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "fr/callrec").mkdir(parents=True)
    (tmp_path / "fr/callrec/welcome.wav").write_bytes(b"RIFF")
    (tmp_path / "README").write_text("ours")
    assert DiskPrompts(tmp_path).every() == []


def test_a_disk_that_refuses_is_unavailable_and_leaves_the_former_one(tmp_path: Path) -> None:
    prompts = DiskPrompts(tmp_path)
    (tmp_path / "fr").write_text("a file where the folder should be")
    with pytest.raises(Unavailable, match="writing"):
        prompts.put("dnd-on", "fr", SECOND)
