"""`make test` and `make check`: each test file in a pytest of its own, several of them side by side, the slowest first.

Quick files run by folders. Real calls mostly wait: files with calls fill each other's waiting, and how many run at once follows
the CPU that is free at the start. Files without calls compute: one at a time beside calls, and it gives way to them (`nice`).
Prints one line for each file, and for each failed test the end of what pytest says of it.

Each file has a temporary folder, which all that it starts inherits as TMPDIR. A process that a file left behind is found by it,
ended, and a failure. Ctrl-C and SIGTERM end every pytest in order, with all that it started.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree

from free_cpu import VARIABLE, at_once, free_cores
from pytest_server import Pytest, PytestServer, pytest_server

from callrec_lab.command_server import CPU_FILE
from callrec_lab.guard import ends_with_parent

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
SECONDS = TESTS / "support/run_seconds.json"
"""How long each file took when it was measured (`--save-times`): it gives the order."""
WITH_CALLS = ("calls", "faults", "pages/test_first_hour.py")
"""Folders and files, below tests."""
WHOLE = ("unit/*", "docs", "golden")
"""Folders of quick files: one pytest runs the folder."""
LEFT_OUT = {
    True: ("cacheprovider", "anyio", "hypothesispytest", "pytest_cov", "valkey"),
    False: ("cacheprovider", "pytest_cov"),
}
"""Plugins of pytest that take a part of its start and are not used here, with calls and without."""
WARM = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Plugins whose modules are imported before pytest can rewrite their assertions."""
NICE = 5
"""A quarter of a core, where a program at normal priority wants all of it; nothing would be left at 19."""
FILE_S = 1500.0
"""Where other programs want both cores, the slowest file takes ten minutes."""
END_S = 45.0
"""How long an interrupted pytest has to stop what it started."""
LEFT_S = 5.0
"""How long a process may outlive its pytest."""
MOST_AGAIN = 40
"""Of more failed files than this a second run would only take time."""
FAILURE_LINES, CAPTURED_LINES, WIDTH = 30, 10, 160
"""So much is printed of one failed test: what it says, the end of its traceback, and the end of what it printed and logged."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one pytest runs: a file or a folder, relative to the checkout."""

    path: str
    has_calls: bool
    only: tuple[str, ...] = ()
    """The tests of it that are run; empty for all."""


@dataclass(slots=True)
class Result:
    """What became of a job."""

    job: Job
    tests: int = 0
    failures: dict[str, list[str]] = field(default_factory=dict)
    """By test, or by path when the whole job failed: the lines to print."""
    skipped: list[str] = field(default_factory=list)
    wall_s: float = 0.0
    cpu_s: float = 0.0

    def __str__(self) -> str:
        state = "FAILED" if self.failures else "ok"
        skipped = f" ({len(self.skipped)} skipped)" if self.skipped else ""
        return f"{state:6} {self.tests:5} tests {self.wall_s:4.0f} s, CPU {self.cpu_s:5.1f} s  {self.job.path}{skipped}"


def jobs_below(paths: Iterable[str]) -> list[Job]:
    """The jobs of these files and folders, the slowest first; what was never measured comes before all others."""
    found = {}
    for given in paths:
        path = (ROOT / given).resolve()
        for file in [path] if path.is_file() else path.rglob("test_*.py"):
            folders = file.relative_to(TESTS).parents
            whole = next((TESTS / one for one in folders if any(one.match(quick) for quick in WHOLE)), file)
            name = str((path if path.is_relative_to(whole) else whole).relative_to(ROOT))
            has_calls = any(file.is_relative_to(TESTS / one) for one in WITH_CALLS)
            found[name] = Job(name, has_calls)
    seconds = json.loads(SECONDS.read_text("utf-8")) if SECONDS.is_file() else {}
    return sorted(found.values(), key=lambda job: (-seconds.get(job.path, FILE_S), job.path))


# -- one job -----------------------------------------------------------------------------------------------------------


async def run(job: Job, folder: Path, server: PytestServer, *, gives_way: bool = False) -> Result:
    """Run it below this folder, which is gone afterwards. When cancelled, ends the pytest in order."""
    result, since_s = Result(job), time.monotonic()
    try:
        pytest = _started(job, folder, server, gives_way=gives_way)
        try:
            async with asyncio.timeout(FILE_S):
                code, result.cpu_s = await pytest.ended()
            result.cpu_s += _counted(folder)
            _read(result, folder, code)
        except TimeoutError:
            await _interrupt(pytest)
            result.failures[job.path] = [f"did not end within {FILE_S:.0f} s", *_tail(folder / "out")]
        except asyncio.CancelledError:
            await _interrupt(pytest)
            raise
        finally:
            left = await _left_behind(folder)
        if left:
            result.failures[job.path] = ["left processes behind:", *left]
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    result.wall_s = time.monotonic() - since_s
    return result


def _started(job: Job, folder: Path, server: PytestServer, *, gives_way: bool) -> Pytest:
    """A pytest in a session of its own, so that Ctrl-C reaches it by us; when we are killed, the kernel interrupts it."""
    left_out = [word for name in LEFT_OUT[job.has_calls] for word in ("-p", f"no:{name}")]
    told = (f"--basetemp={folder / 't'}", f"--junitxml={folder / 'report.xml'}", "--tb=short", *left_out)
    logs = ("--override-ini", "junit_logging=all", "--override-ini", "junit_log_passing_tests=false")
    folder.mkdir()
    out = folder / "out"
    out.touch()
    return server.start(
        ("--quiet", *WARM, *told, *logs, *(job.only or [job.path])),
        os.environ | {"TMPDIR": str(folder), CPU_FILE: str(folder / "cpu")},
        out,
        NICE if gives_way else 0,
    )


async def _interrupt(pytest: Pytest) -> None:
    """Have it tear down what it set up, and end; by force when it does not."""
    await pytest.signal(signal.SIGINT)
    try:
        async with asyncio.timeout(END_S):
            await pytest.ended()
    except TimeoutError:
        await pytest.signal(signal.SIGKILL)
        await pytest.ended()


async def _left_behind(folder: Path) -> list[str]:
    """The command lines of processes of this job that do not end. They are killed, and gone at the end."""
    left = await _still_there(folder, LEFT_S)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await _still_there(folder, END_S)
    return list(left.values())


async def _still_there(folder: Path, limit_s: float) -> dict[int, str]:
    """Wait until the processes of this job are gone, for so long; returns the others."""
    deadline_s = time.monotonic() + limit_s
    while (left := _processes(folder)) and time.monotonic() < deadline_s:  # noqa: ASYNC110 - no event of a grandchild's end
        await asyncio.sleep(0.1)
    return left


def _processes(folder: Path) -> dict[int, str]:
    """By process id, the command line of each process that inherited this TMPDIR, or works or prints below it: the store does not
    inherit it, and a fork of another process has not inherited it from the kernel's point of view."""
    mark, found = f"TMPDIR={folder}\0".encode(), {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is not ours
            places = (process / "cwd").readlink(), (process / "fd/1").readlink()
            if mark in (process / "environ").read_bytes() or any(place.is_relative_to(folder) for place in places):
                words = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(process.name)] = words.decode("utf-8", "replace").strip()
    return found


def _read(result: Result, folder: Path, code: int) -> None:
    """What pytest reported, into the result."""
    report = folder / "report.xml"
    if not report.is_file():
        result.failures[result.job.path] = [f"pytest ended with {code} and no report", *_tail(folder / "out")]
        return
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - our own file
        result.tests += 1
        name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
        if (skipped := case.find("skipped")) is not None:
            result.skipped.append(skipped.get("message", ""))
        failed = next((one for kind in ("failure", "error") if (one := case.find(kind)) is not None), None)
        if failed is not None:
            outs = [(case.findtext(out) or "").splitlines() for out in ("system-out", "system-err")]
            said = [line for lines in outs for line in lines if line and not line.startswith("-----")]
            message = failed.get("message", "").splitlines()
            trace = (failed.text or "").splitlines() or message
            name += " afterwards" if name in result.failures else ""  # its fixtures failed, too
            first = message[:1] if len(trace) > FAILURE_LINES else []  # with CI set, pytest shortens no comparison
            result.failures[name] = [*first, *trace[len(first) - FAILURE_LINES :], *said[-CAPTURED_LINES:]]
    if code and not result.failures:
        result.failures[result.job.path] = [f"pytest ended with {code}", *_tail(folder / "out")]


def _counted(folder: Path) -> float:
    """What commands and daemons took that the command server ran for a job."""
    file = folder / "cpu"
    return sum(map(float, file.read_text("ascii").split())) if file.is_file() else 0.0


def _tail(file: Path) -> list[str]:
    return file.read_text("utf-8", "replace").splitlines()[-FAILURE_LINES - CAPTURED_LINES :]


# -- all of them -------------------------------------------------------------------------------------------------------


async def run_all(jobs: list[Job], *, calls: int, computing: int) -> tuple[list[Result], float]:
    """Run these, so many with calls and so many without at once; each is printed when it has ended. Returns the results, and the
    CPU seconds that they took with all that they started."""
    results: list[Result] = []
    numbers = iter(range(len(jobs)))
    any_calls = any(job.has_calls for job in jobs)

    async def work(top: Path, *queues: deque[Job]) -> None:
        for waiting in queues:
            while waiting:
                await do(waiting.popleft(), top)

    async def do(job: Job, top: Path) -> None:
        gives_way = any_calls and not job.has_calls
        result = await run(job, top / str(next(numbers)), server, gives_way=gives_way)
        results.append(result)
        print(result, flush=True)
        for name, lines in result.failures.items():
            print(f"-- {name}", *(f"   {line[:WIDTH]}" for line in lines), sep="\n", flush=True)

    async with _folder() as top, pytest_server() as server, asyncio.TaskGroup() as workers:
        with_calls, without = (deque(job for job in jobs if job.has_calls is kind) for kind in (True, False))
        for nth in range(calls):
            # beside calls one file at a time computes; when there are no more of them, as many as there are cores
            workers.create_task(work(top, with_calls, *([without] if nth < computing - 1 else [])))
        for _ in range(1 if any_calls and computing else computing):
            workers.create_task(work(top, without))
    return results, server.cpu_s


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    """A folder with a short name: sockets are made below it. Servers that refuse root run below it as another user."""
    folder = Path(tempfile.mkdtemp(prefix="callrec-tests-"))
    folder.chmod(0o711)  # noqa: ASYNC240 - once, at the start
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def interruptible(jobs: list[Job], calls: int, computing: int) -> tuple[list[Result], float]:
    """As `run_all`; SIGINT, SIGTERM and SIGHUP cancel it. Raises CancelledError then."""
    running = asyncio.create_task(run_all(jobs, calls=calls, computing=computing))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, running.cancel)
    return await running


def summed_up(results: list[Result], wall_s: float, cpu_s: float) -> str:
    """The last lines."""
    failed = [name for result in results for name in result.failures]
    tests = sum(result.tests for result in results)
    skipped = sum(len(result.skipped) for result in results)
    took = f"{wall_s // 60:.0f} min {wall_s % 60:02.0f} s, {cpu_s:.0f} s of CPU"
    head = f"== {tests} tests, {skipped} skipped, {len(failed)} failed: {took}"
    reasons = sorted({f"skipped: {why}" for result in results for why in result.skipped})
    return "\n".join([*(f"failed: {name}" for name in failed), *reasons, head])


def times(results: list[Result]) -> str:
    """A table, the slowest first."""
    rows = sorted(results, key=lambda result: -result.wall_s)
    return "\n".join(f"{row.wall_s:6.1f} s, CPU {row.cpu_s:6.1f} s  {row.job.path}" for row in rows)


def save_times(results: list[Result]) -> None:
    """Keep how long each took, beside what is known of others that are still there."""
    old = json.loads(SECONDS.read_text("utf-8")) if SECONDS.is_file() else {}
    kept = {path: seconds for path, seconds in old.items() if (ROOT / path).exists()}
    new = kept | {result.job.path: round(result.wall_s) for result in results}
    SECONDS.write_text(json.dumps(dict(sorted(new.items())), indent=1) + "\n", "utf-8")


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """So many processes that only compute, at normal priority; they end with this one."""
    command = [*ends_with_parent("KILL"), sys.executable, "-c", "while True: pass"]
    started = [subprocess.Popen(command, start_new_session=True) for _ in range(loops)]  # noqa: S603 - our own words
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def main() -> int:
    """0 when every test passed."""
    options = argparse.ArgumentParser(description="Run test files side by side.")
    options.add_argument("paths", nargs="*", default=["tests"], help="files and folders; all tests without any")
    options.add_argument(
        "--at-once", type=int, default=0, help="how many files with calls; follows the free CPU without"
    )
    options.add_argument("--times", action="store_true", help="print how long each file took")
    options.add_argument("--save-times", action="store_true", help=f"keep it in {SECONDS.relative_to(ROOT)}: the order")
    options.add_argument("--loaded", type=int, default=0, help="so many times, beside a busy loop for each core")
    chosen = options.parse_args()
    cores = os.cpu_count() or 1
    with busy(cores if chosen.loaded else 0):
        codes = [once(chosen, cores) for _ in range(chosen.loaded or 1)]
    if chosen.loaded:
        print(f"== {codes.count(0)} of {len(codes)} runs passed beside {cores} busy loops")
    return max(codes)


def once(chosen: argparse.Namespace, cores: int) -> int:
    """One run of all that was chosen; 1 when a test failed, 130 when it was interrupted."""
    jobs = jobs_below(chosen.paths)
    if any_calls := any(job.has_calls for job in jobs):
        free = free_cores()
        calls, computing = chosen.at_once or at_once(free), cores
        os.environ[VARIABLE] = str(calls)
        print(f"== {calls} files with calls at once: {free:.1f} of {cores} cores are free", flush=True)
    else:
        calls, computing = 0, cores + 1  # some wait for a disk or a deadline
    since_s = time.monotonic()
    try:
        results, cpu_s = asyncio.run(interruptible(jobs, calls, computing))
    except asyncio.CancelledError:
        print("== interrupted; everything is stopped")
        raise SystemExit(130) from None
    if chosen.times:
        print(times(results))
    if chosen.save_times:
        save_times(results)
    print(summed_up(results, time.monotonic() - since_s, cpu_s), flush=True)
    again = [_failed_tests(result) for result in results if result.failures]
    if not again or not any_calls or chosen.loaded or len(again) > MOST_AGAIN:
        return 1 if again else 0
    print(
        "== These once more, one after the other. A failure that does not come again is worth a look, too", flush=True
    )
    return _again(again)


def _failed_tests(result: Result) -> Job:
    """The tests of a file that failed, or all of it when the file as a whole did."""
    are_tests = all("::" in name for name in result.failures)
    return replace(result.job, only=tuple(result.failures) if are_tests else ())


def _again(jobs: list[Job]) -> int:
    """1 when a test fails again where nothing else runs."""
    os.environ[VARIABLE] = "1"
    since_s = time.monotonic()
    try:
        results, cpu_s = asyncio.run(interruptible(jobs, 1, 0 if all(job.has_calls for job in jobs) else 1))
    except asyncio.CancelledError:
        raise SystemExit(130) from None
    print(summed_up(results, time.monotonic() - since_s, cpu_s), flush=True)
    return 1 if any(result.failures for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
