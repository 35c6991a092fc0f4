"""Ends the laboratory's processes together with the process that started them, even when that one is killed."""

import shutil


def ends_with_parent(how: str) -> tuple[str, ...]:
    """The prefix of a command by which the kernel sends it this signal (`KILL`, `TERM`) when the thread that started it has
    ended; empty on a machine without `setpriv`. The process id is still the command's."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", how, "--") if setpriv else ()
