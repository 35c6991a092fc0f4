"""What the dialplan notes beside its captures: read as it writes it, and as nothing else."""

from collections.abc import Sequence

import pytest

from callrec.adapters.asterisk.capture_notes import AstDbCaptureNotes
from callrec.domain.calls.captures.fallback_notes import CaptureNote
from callrec.domain.library.file_names import FallbackFile, Side, fallback_file
from callrec.domain.library.missed_conversations import MissedConversation
from callrec.domain.rules import Rule
from callrec.protocols.ami import Message

STEM = "always-alice@home-17.1-1795524369"


class Manager:
    """AstDB, as the manager shows it."""

    def __init__(self, *noted: tuple[str, str]) -> None:
        self.noted = list(noted)
        self.asked: list[str] = []

    async def action(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float = 1.0) -> Message:
        """See ports.Manager."""
        assert timeout_s <= 1
        self.asked.append(" ".join([name, *(f"{key}={value}" for key, value in headers)]))
        return Message(())

    async def listing(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float) -> list[Message]:
        """See ports.Manager."""
        assert timeout_s > 1
        assert name == "DBGetTree"
        wanted = "/" + "/".join(value for _, value in headers)
        return [
            Message((("Event", "DBGetTreeResponse"), ("Key", key), ("Val", val)))
            for key, val in self.noted
            if key.startswith(wanted)
        ]


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
    assert manager.asked == [f"DBDel Family=callrec/{family} Key={STEM}" for family in ("times", "capture")]


@pytest.mark.parametrize(
    ("times", "began_s", "ended_s", "tells_end"),
    [
        ("1795524369250|1795524371500", 1795524369.25, 1795524371.5, True),
        ("1795524369250|", 1795524369.25, None, True),
        ("|1795524371500", None, 1795524371.5, True),
        ("|", None, None, True),
        ("soon|1795524371500", None, None, False),
        ("1795524369|1795524371", None, None, False),
    ],
)
async def test_the_times_of_its_conversation_are_read(
    file: FallbackFile, times: str, began_s: float | None, ended_s: float | None, *, tells_end: bool
) -> None:
    manager = Manager((f"/callrec/capture/{STEM}", "bob|1002"), (f"/callrec/times/{STEM}", times))
    assert await AstDbCaptureNotes(manager).read(file) == CaptureNote(
        "bob", "1002", began_s=began_s, ended_s=ended_s, tells_end=tells_end
    )


async def test_conversations_that_nothing_recorded_are_read() -> None:
    """What is not the dialplan's is ignored."""
    manager = Manager(
        (f"/callrec/missed/{STEM}", "1795524369250|1795524371500|pbx-17.0|bob|1002|queue:support 2|"),
        ("/callrec/missed/../x", "1795524369250|1795524371500|17.0|bob|1002"),
        (f"/callrec/missed/{STEM}1", "1795524369250||17.0|bob|1002"),
    )
    notes = AstDbCaptureNotes(manager)
    (missed,) = await notes.missed()
    assert missed == MissedConversation(
        FallbackFile(Rule.ALWAYS, "alice@home", "17.1", 1795524369, Side.READ, 8000),
        CaptureNote("bob", "1002", "queue:support 2"),
        "pbx-17.0",
        1795524369.25,
        1795524371.5,
    )
    await notes.forget_missed()
    assert manager.asked == ["DBDelTree Family=callrec/missed"]


@pytest.mark.parametrize("linkedid", ["pbx_1-17.0", "click to call: 7", "a" * 149])
async def test_the_linkedid_of_a_conversation_may_be_whatever_asterisk_was_given(linkedid: str) -> None:
    """A systemname, and the ChannelId of a call that a program began, are somebody else's words."""
    manager = Manager((f"/callrec/missed/{STEM}", f"1795524369250|1795524371500|{linkedid}|bob|1002"))
    (missed,) = await AstDbCaptureNotes(manager).missed()
    assert missed.linkedid == linkedid
