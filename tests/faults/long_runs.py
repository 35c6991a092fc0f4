"""`make faults [CASE=name N=times]`: the cases of following a call many times over, as many side by side as the machine carries.

What has run stands in `.faults.json`, so that a call after an interruption (Ctrl-C, SIGTERM, SIGHUP, a crash) goes on where it
was; another commit or N begins again. A run that was interrupted has not run. Failures, with their reason, stand in
`.faults.log`, the files of each failed run in `.faults.kept`. The exit code is 1 when any run failed, 2 when something was asked
for that there is not, 3 when the product does not run, 128 and the signal's number after an interruption.
"""

import asyncio
import fcntl
import fnmatch
import hashlib
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import clock_cases  # noqa: F401 - likewise
import codec_cases  # noqa: F401 - likewise
import conference_cases  # noqa: F401 - puts its cases into the registry
import deaf_cases  # noqa: F401 - likewise
import leaving_cases  # noqa: F401 - likewise
import media_cases  # noqa: F401 - likewise
import pause_cases  # noqa: F401 - likewise
import renumbered_cases  # noqa: F401 - likewise
import ring_cases  # noqa: F401 - likewise
import rtp_cases  # noqa: F401 - likewise
import structlog
import supervisor_cases  # noqa: F401 - likewise
import tracks_cases  # noqa: F401 - likewise
import transfer_cases  # noqa: F401 - likewise
from evidence import Evidence
from followed import GAP_S, ROUGH
from following import CASES, KINDS, SEATS, Case, Scene, following_stack, prepare, run
from tally import FAILED, Tally, resume

from callrec.domain.errors import CallrecError, Refused, Unavailable
from callrec_lab.stack import Stack

STATE, LOG, LOCK, KEPT = (Path(f".faults.{kind}") for kind in ("json", "log", "lock", "kept"))
START_S = 20.0
STORED_S = 2.0
"""What a run takes beside its playing: calls begin, a recording is stored and listened to."""
USUAL_RUNS = 20
ROUGH_SHARE = 0.05
SEATS_PER_CORE = 5
"""Ten calls at once take a fifth of two cores: they mostly wait."""
MIXED = {
    "transfers": (
        *("deaf-refer", "deaf-replaces", "deaf-star-1", "deaf-star-2", "deaf-parking", "deaf-twice"),
        *("blind-manager", "blind-star-1-twice", "attended-while-ringing", "consultation-while-ringing"),
    ),
}
"""Cases that are played in turn in one run, by the name that asks for them: `transfers`, N=20, is 200 of all kinds."""
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Product = Callable[[Path], AbstractAsyncContextManager[Stack]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a call asks for."""

    names: tuple[str, ...]
    """Of cases, or patterns of them."""
    runs: int
    """Of each case."""
    seats: int
    """So many at a time."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Wanted":
        """From CASE, N and AT_ONCE. Raises Refused."""
        usual = min(SEATS, SEATS_PER_CORE * (os.cpu_count() or 1))
        runs, seats = _count(environment, "N", USUAL_RUNS), _count(environment, "AT_ONCE", usual)
        asked = (name.strip() for name in (environment.get("CASE") or "*").split(","))
        names = tuple(one for name in asked for one in MIXED.get(name, (name,)))
        return cls(names, runs, min(SEATS, seats))

    def cases(self) -> list[Case]:
        """Those whose name fits. Raises Refused when a name fits none."""
        chosen = {name: self._fitting(name) for name in self.names}
        for name in (name for name, fitting in chosen.items() if not fitting):
            known = "\n".join(f"  {one.name:24} {one.says}" for one in CASES.values())
            raise Refused("case", f"there is no case {name!r}", hint=f"the cases are\n{known}")
        wanted = {one.name for fitting in chosen.values() for one in fitting}
        return [one for one in CASES.values() if one.name in wanted]

    @staticmethod
    def _fitting(name: str) -> list[Case]:
        fitting = (one for one in CASES.values() if fnmatch.fnmatch(one.name, name))
        return [one for one in fitting if not one.alone or one.name == name]


def _count(environment: Mapping[str, str], name: str, usual: int) -> int:
    said = environment.get(name) or str(usual)
    if not said.isdecimal() or int(said) < 1:
        raise Refused("count", f"{name} is {said!r}", hint="give a whole number of at least 1")
    return int(said)


def command(environment: Mapping[str, str], product: Product = following_stack) -> int:
    """Play what is asked for; returns the exit code."""
    try:
        wanted = Wanted.of(environment)
        chosen = wanted.cases()
        with LOCK.open("w", encoding="utf-8") as lock:
            _take(lock.fileno())
            tally = _begun(wanted, chosen)
            return asyncio.run(_play_all(wanted, chosen, tally, product))
    except CallrecError as error:
        print(f"make faults: {error}", file=sys.stderr)
        return 2 if isinstance(error, Refused) else 3
    except OSError as error:
        print(f"make faults: {error}", file=sys.stderr)
        return 3


def _take(lock: int) -> None:
    """Two calls would count into one file."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        hint = "wait for its end, or use another checkout"
        raise Refused("in-use", "another make faults runs in this folder", hint=hint) from None


def _begun(wanted: Wanted, chosen: list[Case]) -> Tally:
    """What an earlier call has left; prints what of it counts."""
    tally, said = resume(STATE, _commit(), wanted.runs, [one.name for one in chosen])
    if said:
        print(f"== {said}", flush=True)
    if not tally.seen:
        LOG.unlink(missing_ok=True)
        shutil.rmtree(KEPT, ignore_errors=True)
    return tally


async def _play_all(wanted: Wanted, chosen: list[Case], tally: Tally, product: Product) -> int:
    """All that is left; prints how long it will take, what each run returned, and the table."""
    left = sum(tally.left(one.name) for one in chosen)
    work_s = sum(tally.left(one.name) * (one.length_s + STORED_S) for one in chosen)
    minutes = math.ceil((START_S + work_s / wanted.seats) / 60)
    print(f"== {left} runs of {len(chosen)} cases, {wanted.seats} at a time: about {minutes} min", flush=True)
    async with _interruptible() as interrupted:
        if left:
            await _play_left(chosen, tally, wanted.seats, product)
    failed = _table(chosen, tally)
    if interrupted and any(tally.left(one.name) for one in chosen):
        done, due = sum(tally.done(one.name) for one in chosen), wanted.runs * len(chosen)
        print(f"== interrupted: {done} of {due} runs are done; the same call goes on there", flush=True)
        return 128 + interrupted[0]
    tally.forget(one.name for one in chosen)
    return 1 if failed else 0


@asynccontextmanager
async def _interruptible() -> AsyncIterator[list[signal.Signals]]:
    """The first of `ENDINGS` cancels the block, and stands in the list after it. The block stops the product: later ones change
    nothing, so that nothing is left running."""
    loop, block = asyncio.get_running_loop(), asyncio.current_task()
    assert block is not None
    came: list[signal.Signals] = []
    endings = [how for how in ENDINGS if signal.getsignal(how) is not signal.SIG_IGN]  # nohup ignores SIGHUP

    def end(how: signal.Signals) -> None:
        came.append(how)
        if len(came) == 1:
            block.cancel()
        print(f"\n== {how.name}: hanging up, and stopping the product", flush=True)

    for how in endings:
        loop.add_signal_handler(how, end, how)
    try:
        yield came
    except (asyncio.CancelledError, Exception) as error:
        if not came:
            raise
        block.uncancel()
        if not isinstance(error, asyncio.CancelledError):
            print(f"== {error}", flush=True)
    finally:
        for how in endings:
            loop.remove_signal_handler(how)


async def _play_left(cases: list[Case], tally: Tally, seats: int, product: Product) -> None:
    with tempfile.TemporaryDirectory(prefix="callrec-faults-") as folder:
        evidence = Evidence(KEPT)
        async with product(Path(folder)) as stack, evidence.of_spool(stack.daemon.spool):
            for plc, tracks in KINDS:
                chosen = [one for one in cases if (one.plc, one.tracks) == (plc, tracks) and tally.left(one.name)]
                if chosen:
                    await prepare(stack, plc=plc, tracks=tracks)
                    await _play(stack, chosen, tally, seats, evidence)


async def _play(stack: Stack, cases: list[Case], tally: Tally, seats: int, evidence: Evidence) -> None:
    """The cases in turn, so that each has run some times when the call is interrupted."""
    waiting = [one for nth in range(tally.runs) for one in cases if nth < tally.left(one.name)]
    total, done, since_s = len(waiting), 0, time.monotonic()

    async def sit(seat: int) -> None:
        nonlocal done
        while waiting:
            one = waiting.pop(0)
            word = await _run(stack, one, seat, evidence)
            tally.note(one.name, word)
            done += 1
            print(f"{done:5}/{total} {time.monotonic() - since_s:5.0f} s  {one.name}: {word}", flush=True)
            _must_run(stack)

    try:
        async with asyncio.TaskGroup() as group:
            for seat in range(seats):
                group.create_task(sit(seat))
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


async def _run(stack: Stack, one: Case, seat: int, evidence: Evidence) -> str:
    """What one run returned. One that was cancelled has not failed, whatever the case made of that."""
    task = asyncio.current_task()
    assert task is not None

    def keep(scene: Scene, error: Exception) -> None:
        if not task.cancelling():
            evidence.keep(one.name, scene, error)

    try:
        return await run(stack, one, seat, keep)
    except Exception as error:  # a task boundary: the other runs are still worth playing
        if task.cancelling():
            raise asyncio.CancelledError from error
        _log(one, error)
        return FAILED


def _log(one: Case, error: BaseException) -> None:
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"== {one.name}\n{''.join(traceback.format_exception(error))}\n")


def _must_run(stack: Stack) -> None:
    """Without one of them every further run would fail, and say nothing of its case."""
    parts = {
        "the daemon": stack.daemon.pid,
        "Asterisk": stack.pbx.pid,
        "the phones' Asterisk": stack.bank and stack.bank.pid,
    }
    gone = [name for name, pid in parts.items() if not pid]
    if gone:
        raise Unavailable(
            "product-ended", f"{gone[0]} has ended by itself", hint=f"the last failure in {LOG} may say why"
        )


def _table(cases: list[Case], tally: Tally) -> int:
    """Prints case, runs, failed and what was seen; the number of failed runs."""
    print(f"\n{'case':24} {'runs':>5} {'failed':>7}  seen")
    for one in cases:
        seen = tally.seen.get(one.name, Counter())
        words = ", ".join(f"{word} {count}" for word, count in sorted(seen.items()) if word != FAILED)
        print(f"{one.name:24} {seen.total():5} {seen[FAILED]:7}  {words}")
    failed = sum(tally.seen.get(one.name, Counter())[FAILED] for one in cases)
    if failed:
        print(f"Why they failed: {LOG}")
    return failed + _too_rough(cases, tally)


def _too_rough(cases: list[Case], tally: Tally) -> int:
    """1 when a gap was wider than it may be in more than one of twenty runs, which is printed."""
    seen = [tally.seen.get(one.name, Counter()) for one in cases]
    rough = sum(count for one in seen for word, count in one.items() if word.startswith(ROUGH))
    runs = sum(one.total() for one in seen)
    if not rough:
        return 0
    print(f"A gap above {GAP_S:g} s in {rough} of {runs} runs")
    return int(rough > ROUGH_SHARE * runs)


def _commit() -> str:
    """The commit, and a digest of what was changed since, new files included; `no commit` without git."""
    try:
        commit = _git("rev-parse", "HEAD").decode().strip()
        changed = _git("diff", "HEAD")
        new = _git("ls-files", "--others", "--exclude-standard", "-z").split(b"\0")
        changed += b"".join(name + Path(os.fsdecode(name)).read_bytes() for name in new if name)
    except (OSError, subprocess.CalledProcessError):
        return "no commit"
    return f"{commit}-{hashlib.sha256(changed).hexdigest()[:12]}" if changed else commit


def _git(*words: str) -> bytes:
    command = ["git", *words]
    return subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603 - fixed words


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    sys.exit(command(os.environ))
