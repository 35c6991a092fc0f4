"""What the use cases need of the outside stands in one place."""

from pathlib import Path

APP = Path(__file__).resolve().parents[3] / "service" / "callrec" / "app"


def test_all_protocols_are_ports() -> None:
    """A reader finds every promise of an adapter in app/ports, by column."""
    elsewhere = [
        path.relative_to(APP).as_posix()
        for path in sorted(APP.rglob("*.py"))
        if "(Protocol)" in path.read_text() and path.parent != APP / "ports"
    ]
    assert elsewhere == []
