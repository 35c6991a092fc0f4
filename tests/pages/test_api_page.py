"""The page API: every operation and every type of event, with its anchor and the permission that it needs."""

import pytest
from api_door import ServiceUrl
from people import ROLES

from callrec.protocols.event_types import TYPES
from conftest import Someone


async def test_every_operation_has_its_anchor_and_its_permission(someone: Someone, door: ServiceUrl) -> None:
    """As the OpenAPI document has them."""
    document = (await door.ask("GET", "/openapi.json")).json
    tags: dict[str, dict[str, str]] = {}
    for ways in document["paths"].values():
        for said in ways.values():
            tags.setdefault(said["tags"][0], {})[said["operationId"]] = said["description"]
    tags.pop("document")
    async with someone("administrator") as one:
        await one.go("/api")
        for part, operations in tags.items():
            for name in operations:
                assert await one.page.locator(f"li#{name} a").count() == 1
            await one.go(f"/api?part={part}")
            for name, says in operations.items():
                card = await one.page.locator(f"section[aria-labelledby='{name}']").inner_text()
                for permission in says.split("`")[1::2]:
                    assert permission in card
            targets = await one.page.locator("main a[href^='#']").evaluate_all(
                "all => all.filter(a => !document.getElementById(a.hash.slice(1))).map(a => a.hash)"
            )
            assert targets == []
            await one.go("/api")


async def test_every_type_of_event_is_there(someone: Someone) -> None:
    async with someone("auditor", java_script_enabled=False) as one:
        await one.go("/api")
        await one.page.click("text=Events: by stream")
        for kind in TYPES:
            assert await one.page.locator(f"#event-{kind.name}").count() == 1


async def test_a_link_to_an_operation_leads_there(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.go("/api")
        await one.page.click("li#startRecording a")
        await one.page.wait_for_url("**/api?part=calls#startRecording")
        assert await one.page.evaluate("() => document.querySelector(':target').id") == "startRecording"


@pytest.mark.parametrize("role", ROLES)
async def test_only_who_may_read_settings_sees_it(someone: Someone, role: str) -> None:
    async with someone(role, may_complain=True) as one:
        assert await one.go("/api") == (200 if role in {"administrator", "auditor"} else 404)


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api?part=calls",
        "/api?part=recordings",
        "/api?part=recordings&objects=yes",
        "/api?part=stream-of-events",
    ],
)
async def test_it_is_for_everybody(someone: Someone, path: str) -> None:
    for scheme in ("light", "dark"):
        async with someone("administrator", color_scheme=scheme, locale="de-DE") as one:
            await one.go(path)
            assert await one.faults() == []
            assert await one.misplaced() == []
            assert len(await one.page.content()) <= 60_000


async def test_a_part_that_does_not_exist_is_not_there(someone: Someone) -> None:
    async with someone("administrator", may_complain=True) as one:
        assert await one.go("/api?part=<b>x") == 404
