"""The documents for receivers describe what is sent."""

import json
from collections.abc import Iterator

import jsonschema_rs
import pytest

from callrec.protocols.event_documents import asyncapi, event_schema, example
from callrec.protocols.event_messages import message_of
from callrec.protocols.event_types import TYPES, EventType

SCHEMA = event_schema()
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA, validate_formats=True)
DOCUMENT = asyncapi("1.2.3")


def references(inside: object) -> Iterator[str]:
    if isinstance(inside, dict):
        yield from (value for name, value in inside.items() if name == "$ref" and isinstance(value, str))
    for one in inside.values() if isinstance(inside, dict) else inside if isinstance(inside, list) else ():
        yield from references(one)


def test_the_schema_is_a_json_schema() -> None:
    assert jsonschema_rs.meta.is_valid(SCHEMA)


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
def test_an_example_is_valid_and_of_one_type_only(kind: EventType) -> None:
    assert [] == list(VALIDATOR.iter_errors(example(kind)))


@pytest.mark.parametrize("kind", [one for one in TYPES if one.in_stream], ids=lambda kind: kind.name)
def test_what_is_made_of_an_entry_is_valid(kind: EventType) -> None:
    values = {field.name: field.example for field in kind.fields}
    entry = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    made = message_of("1795899680250-0", {"type": kind.name, **entry})
    assert made
    assert json.loads(made.text)["data"] == values
    assert VALIDATOR.is_valid(json.loads(made.text))


def test_fields_and_values_of_later_versions_are_valid() -> None:
    later = example(TYPES[0])
    later["data"] = {"rule": "of-tomorrow", "new": [1]}
    assert VALIDATOR.is_valid({**later, "new": 1})


def test_an_event_without_its_required_field_is_not_valid() -> None:
    assert not VALIDATOR.is_valid({**example(TYPES[0]), "type": "recording-stored", "data": {}})


def test_every_reference_of_the_documents_leads_somewhere() -> None:
    for document in (SCHEMA, DOCUMENT):
        for reference in references(document):
            found: object = document
            for part in reference.removeprefix("#/").split("/"):
                assert isinstance(found, dict)
                found = found[part]


def test_asyncapi_has_every_way_with_its_types() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    channels = DOCUMENT["channels"]
    assert isinstance(channels, dict)
    assert channels["stream"]["address"] == "callrec:events"
    assert set(channels["stream"]["messages"]) == {one.name for one in TYPES if one.in_stream}
    assert set(channels["serverSentEvents"]["messages"]) - set(channels["stream"]["messages"]) == {"events-missed"}
