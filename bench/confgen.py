"""Rendering Asterisk's files for 10,000 users, each with a line, a mailbox and an incoming number; `python -m bench.confgen`.

One process, one core, no disk: the best of some rounds, in CPU seconds. There is no peer: what XiVO did took a database. How long
Asterisk itself takes to read the result depends on it alone; docs/confgen.md says what was measured.
"""

import time

from callrec.domain.directory.model import Incall, Line, Tables, User, Voicemail
from callrec.domain.rules import UserId
from callrec.protocols.asterisk_conf import render

USERS = 10_000
ROUNDS = 5


def site(users: int = USERS) -> Tables:
    """So many users with all that they can have."""
    ids = [UserId(str(number)) for number in range(1, users + 1)]
    return Tables(
        users=tuple(User(one, f"First{one}", f"Last{one}", "fr_FR", outcallerid=f'"ACME" <0{one}>') for one in ids),
        lines=tuple(Line(f"line{one}", one, str(100_000 + int(one)), "default", "sip", "s" * 20) for one in ids),
        incalls=tuple(Incall(str(200_000 + int(one)), "from-extern", one, 20) for one in ids),
        voicemails=tuple(
            Voicemail(str(100_000 + int(one)), "default", one, f"First{one}", "1234", f"{one}@example.org")
            for one in ids
        ),
    )


def run() -> dict[str, object]:
    """Seconds for all four files, and how large they are."""
    tables, used_s = site(), []
    for _ in range(ROUNDS):
        began_s = time.process_time()
        rendered = render(tables)
        used_s.append(time.process_time() - began_s)
    return {
        "users": USERS,
        "render_s": round(min(used_s), 3),
        "slowest_render_s": round(max(used_s), 3),
        "bytes": sum(len(file.text.encode()) for file in rendered.files),
        "left_out": len(rendered.left_out),
    }


if __name__ == "__main__":
    for name, result in run().items():
        print(name, result)
