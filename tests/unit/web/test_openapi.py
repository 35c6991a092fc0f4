"""The OpenAPI document: every route is in it, everything in it is a route, and all that it refers to is there."""

import json
import re
from unittest.mock import Mock

from callrec.domain.directory.edit import Table
from callrec.domain.directory.model import Feature
from callrec.observe.health import Readiness
from callrec.observe.metrics import Metrics
from callrec.web.api.operations import operations
from callrec.web.openapi import document
from callrec.web.server import build_app
from callrec.web.use_cases import UseCases

TABLE = operations(Mock(UseCases))  # nothing is asked of them
DOCUMENT = document(TABLE)


def asked():
    """Every (method, path) of the document."""
    return {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}


def test_routes_and_document_are_the_same_both_ways():
    app = build_app(readiness=Readiness(), metrics=Metrics(), live=list, token="t", api=TABLE)
    routes = {
        (route.method, re.sub(r":[^{}]*}", "}", route.resource.canonical))
        for route in app.router.routes()
        if route.resource
    }
    assert asked() == {(method, path) for method, path in routes if path.startswith("/api/") and method != "HEAD"}


def test_every_table_and_every_feature_can_be_reached():
    listed = {path.rpartition("/")[2] for _, path in asked()}
    assert {*Table, "extensions", "lookup"} <= listed
    says = DOCUMENT["paths"]["/api/v1/extensions/{id}"]["get"]["parameters"][0]["description"]
    assert all(feature in says for feature in Feature)


def test_every_reference_leads_to_a_schema_and_every_schema_is_used():
    used = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))
    assert used == set(DOCUMENT["components"]["schemas"])


def test_operations_have_names_of_their_own_and_everything_has_words():
    operations_ = [one for methods in DOCUMENT["paths"].values() for one in methods.values()]
    assert len(operations_) == len({one["operationId"] for one in operations_})
    for one in operations_:
        assert one["summary"].endswith(".")
        assert {"401", "500", "503"} <= set(one["responses"])
        assert all(answer["description"] for answer in one["responses"].values())
        assert all(parameter["description"] for parameter in one["parameters"])


def test_every_operation_needs_a_token_or_a_session():
    assert [{"token": []}, {"session": []}] == DOCUMENT["security"]
    assert "bearer" == DOCUMENT["components"]["securitySchemes"]["token"]["scheme"]


def test_what_changes_needs_if_match_and_may_have_a_key():
    for path, methods in DOCUMENT["paths"].items():
        for method, one in methods.items():
            headers = {p["name"]: p["required"] for p in one["parameters"] if p["in"] == "header"}
            expected = {"post": {"Idempotency-Key"}, "patch": {"If-Match", "Idempotency-Key"}}
            expected["delete"] = expected["patch"]
            if "/webhooks/" in path or re.search(
                "/(prompts|account|accounts|tokens|audit|log|retention)[/a-z]*", path
            ):  # may be done twice
                continue
            if "/recordings/" in path:  # a revision in place of a key: who repeats a change reads whether it was made
                expected = {"patch": {"If-Match"}}
            if "/recording/" in path:  # repeated, it changes nothing
                expected["post"] = set()
            assert expected.get(method, set()) == set(headers) - {
                "Last-Event-ID",
                "Range",
                "If-Range",
                "If-None-Match",
            }, path
            assert headers.get("If-Match", False) == (method == "patch"), path


def test_no_answer_has_a_secret_and_no_change_requires_anything():
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if name.endswith("Shown"):
            assert not {"secret", "password", "password_hash"} & set(schema["properties"])
        if name.endswith("Change"):
            assert "required" not in schema
            assert not any("default" in field for field in schema["properties"].values())


def test_the_stream_of_events_has_no_schema_of_a_text() -> None:
    """Tools that read its events would take each for a text."""
    operation = document(TABLE)["paths"]["/api/v1/events"]["get"]
    assert operation["responses"]["200"]["content"] == {"text/event-stream": {}}
