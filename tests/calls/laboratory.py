"""What the tests with real calls share: the example's tables, and the laboratory in which they run."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from callrec.domain.provisioning.model import Incall, Line, Tables, User, UserId, Voicemail
from callrec.lab.pbx import Pbx
from callrec.lab.phones import PhoneBank

TONES_HZ = {"1000": 440, "1001": 1000, "1002": 1400, "outside": 700}
"""Each phone says its own tone; the confirmation tones and the music on hold are others."""


@dataclass(frozen=True, slots=True)
class Laboratory:
    """What a test of this folder stands in."""

    pbx: Pbx
    bank: PhoneBank
    spool: Path
    boot_complaints: list[str]


def example_tables() -> Tables:
    """The specification's three users, with an incoming number and a mailbox for the first."""
    people = (("1", "John", "Doe", "en_US"), ("2", "George", "Clinton", "fr_FR"), ("3", "Bill", "Bush", None))
    first = UserId("1")
    return Tables(
        users=tuple(User(UserId(i), one, two, language, online_record=True) for i, one, two, language in people),
        lines=tuple(
            Line(f"100{n}", UserId(str(n + 1)), f"100{n}", "default", "sip", f"secret-of-100{n}") for n in range(3)
        ),
        incalls=(Incall("2050", "from-extern", first),),
        voicemails=(Voicemail("1000", "default", first, "John Doe", "1234"),),
    )


async def until(what: Callable[[], bool], *, timeout_s: float = 5.0) -> None:
    """Wait for something that sends no event, such as a file that another process closes."""
    async with asyncio.timeout(timeout_s):
        while not what():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.02)
