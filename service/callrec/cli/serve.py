"""`callrec serve`: run the daemon."""

import asyncio
import signal
import sys


def serve() -> None:
    """Run the daemon in the foreground until SIGTERM or Ctrl-C."""
    from callrec.adapters.system import allow_open_files, has_terminal

    if not has_terminal():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the daemon handles it: starting takes a second
    from callrec.adapters.disk.restore_mark import refuse_unfinished
    from callrec.adapters.disk.token import kept_token
    from callrec.config import read_settings
    from callrec.daemon import serve as run
    from callrec.observe.logs import set_up_logs

    allow_open_files()
    settings = read_settings()
    refuse_unfinished(settings.state_dir)
    token = kept_token(settings.state_dir)
    secrets = [*settings.secrets(), token]
    # The log handler counts lost lines itself, so it needs the real stderr: the one of `complaints` hides write errors.
    close = set_up_logs(
        level=settings.log_level, personal=settings.log_personal, secrets=secrets, stream=sys.__stderr__
    )
    try:
        asyncio.run(run(settings, token))
    finally:
        close()
