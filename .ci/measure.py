"""`make measure`: how large the parts are that everybody reads, and how many modules one press of `*3` passes.

The press is a real one: a call between two phones of the test PBX, with the daemon under a profiler. Functions that are called in
five seconds without a press (heartbeat, health) are left out. docs/ARCHITECTURE.md has the figures.
"""

import ast
import asyncio
import os
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from callrec.observe.logs import set_up_logs
from callrec_lab.stack import Wishes, start

HERE = Path(__file__).parent
SERVICE = HERE.parent / "service"
PRODUCT = SERVICE / "callrec"
LONG_LINES = 40
WORDS = re.compile(r"\b(?:nobody|whoever|whom|anew)\b", re.IGNORECASE)
QUIET_S = 5.0
PATIENCE_S = 5.0
READ = ("domain/calls", "app/calls", "app/library/finalize/finalizer.py")
"""What a newcomer reads first."""


def modules(*places: str) -> Iterator[Path]:
    """The modules at these places below service/callrec."""
    for place in places:
        path = PRODUCT / place
        yield from [path] if path.is_file() else path.rglob("*.py")


def lines(paths: Iterable[Path]) -> int:
    """All lines, with comments and docstrings."""
    return sum(len(path.read_text().splitlines()) for path in paths)


def long_functions() -> list[str]:
    """Functions of more than `LONG_LINES` lines, without their docstring."""
    found = []
    for path in sorted(SERVICE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            first = node.body[0]
            told = _lines_of(first) if ast.get_docstring(node) else 0
            length = _lines_of(node) - told
            if length > LONG_LINES:
                found.append(f"{path.relative_to(SERVICE)}:{node.lineno} {node.name}, {length}")
    return found


def _lines_of(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def fullest_folder() -> tuple[str, int]:
    """The folder of `app` with the most modules."""
    counted = Counter(path.parent for path in modules("app") if path.name != "__init__.py")
    folder, count = counted.most_common(1)[0]
    return str(folder.relative_to(PRODUCT)), count


def _called(pid: int, out: Path) -> set[str]:
    """What the daemon has called since SIGUSR1. Raises TimeoutError."""
    os.kill(pid, signal.SIGUSR2)
    until_s = time.monotonic() + PATIENCE_S
    while not out.exists():
        if time.monotonic() > until_s:
            raise TimeoutError(f"the daemon has not written {out}")
        time.sleep(0.02)
    found = set(out.read_text().splitlines())
    out.unlink()
    return found


async def press() -> list[str]:
    """The modules that a press of `*3` passes, from FastAGI's request to the tone."""
    with tempfile.TemporaryDirectory(prefix="callrec-measure-") as folder:
        found = await _press_in(Path(folder))
    quiet, pressed = found
    return sorted({one.split()[0].removeprefix("callrec.") for one in pressed - quiet})


async def _press_in(folder: Path) -> list[set[str]]:
    """What is called in a second of a call: first without a press, then with one."""
    out = folder / "called"
    traced = (sys.executable, str(HERE / "traced_serve.py"), str(out))
    async with start(folder, Wishes(as_callrec=traced), lambda _line: None) as stack:
        call = await (await stack.phone("1000").call("1001")).answered()
        found = []
        for keys in ("", "*3"):
            await asyncio.sleep(QUIET_S)
            os.kill(stack.daemon.pid, signal.SIGUSR1)
            if keys:
                await call.press(keys)
            await asyncio.sleep(QUIET_S)
            found.append(await asyncio.to_thread(_called, stack.daemon.pid, out))
        await call.hangup()
    return found


def main() -> None:
    """Print each figure with its aim."""
    set_up_logs(level="error", personal=False)
    folder, count = fullest_folder()
    passed = asyncio.run(press())
    long = long_functions()
    worded = [path for path in SERVICE.rglob("*.py") for line in path.read_text().splitlines() if WORDS.search(line)]
    figures = (
        ("lines of domain/calls, app/calls and finalize", lines(modules(*READ)), "2,500"),
        ("lines of app/recovery", lines(modules("app/recovery")), ""),
        ("lines of wiring", lines(path for path in [*modules("wiring"), PRODUCT / "daemon.py"]), ""),
        ("lines of app/dialplan", lines(modules("app/dialplan")), ""),
        ("modules that a press of *3 passes", len(passed), "18"),
        (f"most modules in a folder of app ({folder})", count, "10"),
        (f"functions over {LONG_LINES} lines", len(long), "0"),
        ("lines with nobody, whoever, whom, anew", len(worded), "0"),
    )
    for name, figure, aim in figures:
        print(f"{figure:>6,}  {name}" + (f" (aim {aim})" if aim else ""))
    print("\nThe press:", ", ".join(passed))
    for one in long:
        print("long:", one)
    for path, times in Counter(worded).most_common(10):
        print(f"words: {path.relative_to(SERVICE)}, {times} lines")


if __name__ == "__main__":
    main()
