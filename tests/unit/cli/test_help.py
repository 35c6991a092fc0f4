"""`callrec --help` is for impatient people."""

import subprocess
import sys

HEAVY = ["redis", "aiohttp", "pydantic", "structlog", "numpy", "av", "rich", "asyncinotify", "prometheus_client"]
SCRIPT = """
import sys
from callrec.cli.app import app, main
sys.argv = ["callrec", "--help"]
try:
    main()
finally:
    print([name for name in sys.modules if name in %r])
"""


def test_help_loads_no_room_and_none_of_what_the_rooms_need() -> None:
    """What is loaded is counted: a time would depend on the machine."""
    command = [sys.executable, "-c", SCRIPT % HEAVY]
    found = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)  # noqa: S603 - our own program

    assert "doctor" in found.stdout
    assert found.stdout.splitlines()[-1] == "[]"
