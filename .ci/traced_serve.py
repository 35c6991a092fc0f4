"""Runs `callrec serve` and notes which functions are called between two signals: SIGUSR1 begins, SIGUSR2 writes what was seen.

`python .ci/traced_serve.py OUT python -m callrec serve`: OUT gets a line `module function` for each function of callrec that was
called. Any other command of callrec is run as it is.
"""

import signal
import sys
from pathlib import Path
from types import FrameType

from callrec.cli.app import main

seen: set[str] = set()


def _note(frame: FrameType, what: str, _argument: object) -> None:
    module = frame.f_globals.get("__name__", "")
    if what == "call" and module.startswith("callrec."):
        seen.add(f"{module} {frame.f_code.co_qualname}")


def _begin(_number: int, _frame: object) -> None:
    seen.clear()
    sys.setprofile(_note)  # the loop's thread: decisions are made there


def _write(_number: int, _frame: object) -> None:
    sys.setprofile(None)
    part = out.with_suffix(".part")
    part.write_text("\n".join(sorted(seen)))
    part.rename(out)


out = Path(sys.argv[1])
sys.argv = ["callrec", *sys.argv[sys.argv.index("callrec") + 1 :]]
if "serve" in sys.argv:
    signal.signal(signal.SIGUSR1, _begin)
    signal.signal(signal.SIGUSR2, _write)
main()
