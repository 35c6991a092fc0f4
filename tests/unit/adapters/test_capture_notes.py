"""What the dialplan notes beside its captures: read as it writes it, and as nothing else."""

from collections.abc import Sequence

import pytest

from callrec.adapters.asterisk.capture_notes import AstDbCaptureNotes
from callrec.domain.calls.captures.fallback_notes import CaptureNote
from callrec.domain.library.file_names import FallbackFile, fallback_file
from callrec.protocols.ami import Message

STEM = "always-alice@home-17.1-1795524369"


class Manager:
    """AstDB, as the manager shows it."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, str]] = []
        self.asked: list[str] = []

    async def action(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float = 1.0) -> Message:
        """See ports.Manager."""
        assert timeout_s <= 1
        self.asked.append(" ".join([name, *(f"{key}={value}" for key, value in headers)]))
        return Message(())

    async def listing(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float) -> list[Message]:
        """See ports.Manager."""
        assert timeout_s > 1
        assert (name, list(headers)) == ("DBGetTree", [("Family", "callrec/capture"), ("Key", STEM)])
        return [Message((("Event", "DBGetTreeResponse"), ("Key", key), ("Val", val))) for key, val in self.noted]


@pytest.fixture
def file() -> FallbackFile:
    found = fallback_file(f"degraded-{STEM}.write.sln16")
    assert found
    return found


@pytest.mark.parametrize(
    ("noted", "expected"),
    [
        ("bob|1002", CaptureNote("bob", "1002")),
        ("|+49301", CaptureNote("", "+49301")),
        ("bob|", CaptureNote("bob", "")),
        ("|", CaptureNote("", "")),
        ("trunk|2050|incall:2050@from-extern", CaptureNote("trunk", "2050", "incall:2050@from-extern")),
        ("||queue:support 2", CaptureNote("", "", "queue:support 2")),
        ("|2070|queue:support 2|+49301", CaptureNote("", "2070", "queue:support 2", "+49301")),
        ("|2070|queue:support 2|", CaptureNote("", "2070", "queue:support 2")),
        ("||room:7", None),
        ("||queue:a;b", None),
        ("bob", None),
        ("../x|1", None),
        ("bob|1\r\nAction: x", None),
        ("bob|" + "1" * 65, None),
    ],
)
async def test_a_note_is_read(file: FallbackFile, noted: str, expected: CaptureNote | None) -> None:
    manager = Manager()
    manager.noted = [(f"/callrec/capture/{STEM}0", "eve|9"), (f"/callrec/capture/{STEM}", noted)]
    assert await AstDbCaptureNotes(manager).read(file) == expected


async def test_where_there_is_none_there_is_none(file: FallbackFile) -> None:
    assert await AstDbCaptureNotes(Manager()).read(file) is None


async def test_it_is_forgotten_by_its_name(file: FallbackFile) -> None:
    manager = Manager()
    await AstDbCaptureNotes(manager).forget(file)
    assert manager.asked == [f"DBDel Family=callrec/capture Key={STEM}"]
