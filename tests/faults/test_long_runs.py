"""`make faults` is interrupted in the middle, in every way, and called again: each run counts once, and nothing is left running.

The product and the cases are played by this file, so that a run takes no time. The signals are real: the eighth run of a call
sends them to its own process.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import following
import long_runs
import pytest
from followed import ROUGH
from following import Case
from tally import Tally, resume

from callrec_lab.stack import Stack

FOLDER = Path(__file__).parent
RUNS = 12
DUE = 2 * RUNS
COMPLETE = {"quick": (RUNS, 0), "sore": (RUNS, RUNS)}
NTH = 8
"""The run that gets the signal."""


@dataclass
class Caller:
    """Calls `make faults` in one folder, again and again, with a product that only notes when it starts and stops."""

    out: Callable[[], str]
    at_nth: Callable[[], object] = lambda: None
    """Done in the run `NTH` of a call."""
    played: int = 0
    noted: list[str] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    part: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(pid=1, spool=Path("spool")))

    def call(self, **wishes: str) -> tuple[int, str]:
        """With these of CASE, N and AT_ONCE: the exit code, and what was printed."""
        self.played = 0
        code = long_runs.command({"N": str(RUNS), "AT_ONCE": "2", **wishes}, self.product)
        return code, self.out()

    def interrupted(self, how: signal.Signals, times: int = 1, **wishes: str) -> int:
        """The same for a call that gets this signal, and how many runs are counted after it."""
        self.at_nth = lambda: [os.kill(os.getpid(), how) for _ in range(times)]
        code, said = self.call(**wishes)
        self.at_nth = lambda: None
        done = sum(sum(one["seen"].values()) for one in kept().values())
        assert code == 128 + how
        assert f"== interrupted: {done} of " in said
        return done

    @asynccontextmanager
    async def product(self, folder: Path) -> AsyncIterator[Stack]:
        """It runs."""
        self.folders.append(folder)
        self.noted.append("started")
        try:
            yield SimpleNamespace(daemon=self.part, pbx=self.part, bank=self.part)  # type: ignore[misc] # as far as is asked
        finally:
            await asyncio.sleep(0.001)  # a stop takes its time
            self.noted.append("stopped")

    async def run(self, _stack: Stack, one: Case, _seat: int, _failed: object) -> str:
        """One run of a case."""
        self.played += 1
        if self.played == NTH:
            self.at_nth()
        return await one.play(None)  # type: ignore[arg-type] # these cases have no scene


async def quick(_scene: object) -> str:
    """Ends at once."""
    await asyncio.sleep(0.001)
    return "kept"


async def sore(_scene: object) -> str:
    """Fails by an error of any kind, and makes a failure of its being cancelled, too."""
    try:
        await asyncio.sleep(0.001)
    except asyncio.CancelledError:
        raise AssertionError("cut off") from None
    raise ValueError("sore")


async def unprepared(_stack: Stack, *, plc: bool, tracks: bool) -> None:
    """Nothing to set; none of these cases wants it."""
    assert not plc
    assert not tracks


@pytest.fixture
def caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Caller]:
    """In an empty folder, which is no checkout."""
    made = Caller(lambda: "".join(capfd.readouterr()))
    plays: Mapping[str, Callable[..., Awaitable[str]]] = {"quick": quick, "sore": sore}
    monkeypatch.setattr(long_runs, "CASES", {name: Case(name, play, False, 0.1) for name, play in plays.items()})
    monkeypatch.setattr(long_runs, "run", made.run)
    monkeypatch.setattr(long_runs, "prepare", unprepared)
    monkeypatch.chdir(tmp_path)
    yield made
    assert made.noted.count("started") == made.noted.count("stopped")
    assert not any(folder.exists() for folder in made.folders)


def kept() -> dict[str, dict[str, dict[str, int]]]:
    """What `.faults.json` holds of each case."""
    return json.loads(Path(".faults.json").read_text())["cases"]  # type: ignore[no-any-return]


def table(said: str) -> dict[str, tuple[int, int]]:
    """Runs and failed of each case, as the table shows them."""
    rows = re.findall(r"^(\S+) +(\d+) +(\d+)  ", said, re.MULTILINE)
    return {name: (int(runs), int(failed)) for name, runs, failed in rows}


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_it_stops_the_product_and_goes_on_where_it_was(
    caller: Caller, how: signal.Signals, times: int
) -> None:
    """A run that the signal cut off is none: it neither counts nor fails. A second signal does not break the stop off."""
    done = caller.interrupted(how, times)
    assert NTH - 2 <= done < DUE
    assert "cut off" not in Path(".faults.log").read_text()

    code, said = caller.call()
    assert f"== going on where the last call was interrupted: {done} of {DUE} runs are done" in said
    assert f"== {DUE - done} runs of 2 cases" in said
    assert (code, table(said)) == (1, COMPLETE)
    assert Path(".faults.log").read_text().count("== sore") == RUNS
    assert not Path(".faults.json").exists()


KILLED = """
import os, signal, sys
sys.path[:0] = sys.argv[1:]
import long_runs, test_long_runs
caller = test_long_runs.Caller(str)
long_runs.CASES = {"quick": test_long_runs.Case("quick", test_long_runs.quick, False, 0.1)}
long_runs.run, long_runs.prepare = caller.run, test_long_runs.unprepared
caller.at_nth = lambda: os.kill(os.getpid(), signal.SIGKILL)
caller.call()
"""


def test_killed_it_goes_on_where_it_was(caller: Caller, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(FOLDER), str(FOLDER.parent / "support")]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    killed = subprocess.run(command, env=environment, capture_output=True, check=False)  # noqa: S603 - our own program
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    done = kept()["quick"]["seen"]["kept"]
    assert NTH - 2 <= done < NTH
    code, said = caller.call(CASE="quick")
    assert f"{done} of {RUNS} runs are done" in said
    assert (code, table(said)) == (0, {"quick": (RUNS, 0)})


def test_a_complete_call_is_no_interrupted_one(caller: Caller) -> None:
    assert caller.call(CASE="quick")[0] == 0
    code, said = caller.call(CASE="quick")
    assert f"== {RUNS} runs of 1 cases" in said
    assert (code, table(said)) == (0, {"quick": (RUNS, 0)})


@pytest.mark.parametrize(("rough", "code"), [(1, 0), (2, 1)])
def test_wide_gaps_fail_the_call_when_there_are_more_than_one_in_twenty(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, rough: int, code: int
) -> None:
    """No single run has failed."""
    words = iter([ROUGH] * rough)

    async def play(_scene: object) -> str:
        return next(words, "kept")

    monkeypatch.setattr(long_runs, "CASES", {"quick": Case("quick", play, False, 0.1)})
    ended, said = caller.call(N="20")
    assert (ended, table(said)) == (code, {"quick": (20, 0)})
    assert f"A gap above 0.1 s in {rough} of 20 runs" in said


def test_a_call_for_other_cases_leaves_the_interrupted_one_as_it_is(caller: Caller) -> None:
    done = caller.interrupted(signal.SIGINT, CASE="quick")
    assert caller.call(CASE="sore", N="2")[0] == 1
    assert caller.call(CASE="no-such-case")[0] == 2
    assert kept() == {"quick": {"runs": RUNS, "seen": {"kept": done}}}
    code, said = caller.call(CASE="quick")
    assert (code, table(said)) == (0, {"quick": (RUNS, 0)})


def test_another_n_begins_again_and_says_so(caller: Caller) -> None:
    done = caller.interrupted(signal.SIGINT, CASE="quick")
    code, said = caller.call(CASE="quick", N="3")
    assert f"== quick begins again: it had {done} of {RUNS} runs" in said
    assert (code, table(said)) == (0, {"quick": (3, 0)})


def test_another_commit_begins_again_and_says_so(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    caller.interrupted(signal.SIGINT, CASE="quick")
    monkeypatch.setattr(long_runs, "_commit", lambda: "f" * 40)
    code, said = caller.call(CASE="quick")
    assert "== .faults.json is of another commit (no commit, now ffffffffffff): all cases begin again" in said
    assert (code, table(said)) == (0, {"quick": (RUNS, 0)})


DAMAGED = (
    b"",
    b"\xff\xfe",
    b'{"commit": "no com',
    b"[]",
    b'{"commit": "no commit", "cases": []}',
    b'{"commit": "no commit", "runs": 12, "seen": {"quick": {"kept": 3}}}',
    b'{"commit": "no commit", "cases": {"quick": {"runs": 12, "seen": {"kept": "3"}}}}',
    b'{"commit": "no commit", "cases": {"quick": {"runs": 12, "seen": {"kept": -3}}}}',
    b'{"commit": "no commit", "cases": {"quick": {"seen": {"kept": 3}}}}',
)


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_is_told_and_all_begins_again(caller: Caller, content: bytes) -> None:
    Path(".faults.json").write_bytes(content)
    code, said = caller.call(CASE="quick")
    assert re.search(r"^== \.faults\.json is damaged \(.+\): all cases begin again$", said, re.MULTILINE)
    assert (code, table(said)) == (0, {"quick": (RUNS, 0)})


def test_a_file_that_cannot_be_written_is_told(caller: Caller) -> None:
    Path(".faults.new").mkdir()
    code, said = caller.call()
    assert code == 3
    assert re.search(r"^make faults: .*\.faults\.new", said, re.MULTILINE)


def test_two_calls_at_once_do_not_count_into_one_file(caller: Caller) -> None:
    second: list[int] = []
    caller.at_nth = lambda: second.append(long_runs.command({}, caller.product))
    code, said = caller.call(CASE="quick")
    assert (code, second) == (0, [2])
    assert "make faults: another make faults runs in this folder (wait for its end, or use another checkout)" in said


@pytest.mark.parametrize("wishes", [{"N": "many"}, {"N": "0"}, {"N": "-1"}, {"AT_ONCE": "0"}])
def test_a_number_that_is_none_is_refused(caller: Caller, wishes: dict[str, str]) -> None:
    code, said = caller.call(**wishes)
    assert code == 2
    assert "give a whole number of at least 1" in said
    assert not caller.noted


def test_a_product_that_ends_by_itself_ends_the_call_and_not_every_run(caller: Caller) -> None:
    caller.at_nth = lambda: setattr(caller.part, "pid", 0)
    code, said = caller.call(CASE="quick")
    assert code == 3
    assert "make faults: the daemon has ended by itself" in said
    assert kept()["quick"]["seen"]["kept"] <= NTH + 1


def test_what_was_changed_since_the_commit_is_another_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed file, a new one, and a new one that is changed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    git = ("git", "-c", "user.name=n", "-c", "user.email=e@e")

    def commit() -> str:
        for words in (("add", "--all"), ("commit", "--quiet", "--message", "m")):
            subprocess.run([*git, *words], check=True)  # noqa: S603 - fixed words
        return long_runs._commit()

    subprocess.run(["git", "init", "--quiet"], check=True)  # noqa: S607 - the one that is found
    file, other = tmp_path / "a", tmp_path / "b"
    file.write_text("1")
    seen = [commit()]
    for path, text in ((file, "2"), (other, "1"), (other, "2")):
        path.write_text(text)
        seen.append(long_runs._commit())
    seen.append(commit())
    assert len(set(seen)) == len(seen)
    assert long_runs._commit() == seen[-1]


def test_a_tally_counts_from_where_it_was(tmp_path: Path) -> None:
    """Of a case that is complete nothing is left; a case that is not asked for now keeps its counts."""
    file = tmp_path / "tally.json"
    tally = Tally(file, "c", 2)
    for name, word in (("a", "kept"), ("a", "failed"), ("b", "kept")):
        tally.note(name, word)
    again, said = resume(file, "c", 2, ["a", "new"])
    assert [again.left(name) for name in ("a", "b", "new")] == [0, 1, 2]
    assert again.seen["a"] == {"kept": 1, "failed": 1}
    assert "2 of 2 runs are done" in said
    again.forget(["a"])
    assert resume(file, "c", 2, ["a", "b"])[0].seen == {"b": {"kept": 1}}
    again.forget(["b"])
    assert not file.exists()


@pytest.mark.parametrize(("pattern", "chosen"), [("*", ["quick"]), ("s*", []), ("sore", ["sore"])])
def test_a_case_that_is_played_alone_is_chosen_by_its_name(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, pattern: str, chosen: list[str]
) -> None:
    """It may take an hour: no pattern means it."""
    cases = dict(long_runs.CASES)
    monkeypatch.setattr(long_runs, "CASES", cases | {"sore": replace(cases["sore"], alone=True)})
    code, said = caller.call(CASE=pattern, N="1")
    assert code == (1 if "sore" in chosen else 0 if chosen else 2)
    assert list(table(said)) == chosen


@pytest.mark.parametrize("asked", ["quick, sore", "both", "s*,quick"])
def test_several_cases_are_played_in_one_run(caller: Caller, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    """By their names or patterns, or by the name of a mixture. A name that fits none is refused, whatever the others are."""
    monkeypatch.setattr(long_runs, "MIXED", {"both": ("sore", "quick")})
    code, said = caller.call(CASE=asked, N="1")
    assert (code, table(said)) == (1, {"quick": (1, 0), "sore": (1, 1)})
    assert caller.call(CASE=f"{asked},other")[0] == 2


def test_a_mixture_has_cases_that_there_are() -> None:
    for names in long_runs.MIXED.values():
        assert set(names) <= following.CASES.keys()


def test_make_faults_finds_its_cases() -> None:
    """An unknown name prints all of them, each with a sentence."""
    command = ["make", "--silent", "faults", "CASE=no-such-case"]
    said = subprocess.run(command, cwd=FOLDER.parents[1], capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    assert "make faults: there is no case 'no-such-case'" in said.stderr
    for one in following.CASES.values():
        assert one.says
        assert f"  {one.name:24} {one.says}" in said.stderr
