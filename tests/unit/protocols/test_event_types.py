"""The table of event types names everything that the daemon tells."""

import json
from pathlib import Path

from callrec.domain.vocabulary import CallFact
from callrec.protocols.event_types import BY_NAME, CALL_FACTS, TYPES, Kind

GOLDEN = Path(__file__).parents[2] / "golden" / "formats"


def test_each_fact_of_a_call_is_a_type() -> None:
    """A new fact needs its sentence in CALL_FACTS."""
    assert set(CALL_FACTS) == set(CallFact)
    assert {fact.value for fact in CallFact} <= set(BY_NAME)


def test_a_type_comes_once_and_so_does_each_of_its_fields() -> None:
    assert len(BY_NAME) == len(TYPES)
    for one in TYPES:
        names = [field.name for field in one.fields]
        assert len(set(names)) == len(names)
        assert not {"type", "at_s"} & set(names), "the entry's own"


def test_a_stored_recording_is_told_with_all_of_its_index_entry() -> None:
    """A new field of the entry needs its line in the table."""
    entries = json.loads((GOLDEN / "index.json").read_text())
    assert {name for entry in entries for name in entry} <= {field.name for field in BY_NAME["recording-stored"].fields}


def test_no_type_shows_a_record_of_the_tables() -> None:
    """They have secrets: line secrets, passwords of mailboxes, password hashes."""
    assert not [one.name for one in TYPES for field in one.fields if field.name in {"record", "records"}]


def test_an_example_is_of_its_kind() -> None:
    kinds = {Kind.TEXT: str, Kind.INTEGER: int, Kind.NUMBER: float, Kind.TEXTS: list, Kind.OBJECTS: list}
    for field in (field for one in TYPES for field in one.fields):
        assert isinstance(field.example, kinds[field.kind]), field.name
