"""The page Audit: filters in the address, names, links, the proof, and the download."""

import csv
import io

import pytest
from api_door import ServiceUrl
from people import GEORGE, JOHN, ROLES

from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry
from conftest import Someone

HOSTILE = '<img src=x onerror="console.error(1)">'
NEW = AuditEntry(
    Action.LISTENED, Actor(ActorKind.ACCOUNT, JOHN), "c42-1", reason=HOSTILE, details="=1+1", address="192.0.2.7"
)


async def logged(door: ServiceUrl, *entries: AuditEntry) -> None:
    await door.audit_log.append(entries)


async def test_the_conditions_stand_in_the_address_and_names_are_shown(someone: Someone, door: ServiceUrl) -> None:
    await logged(door, NEW, AuditEntry(Action.LISTENED, Actor(ActorKind.ACCOUNT, GEORGE), "c43-1"))
    async with someone("auditor") as one:
        await one.go("/audit")
        await one.page.fill("[name=who]", "john doe")
        await one.page.select_option("[name=action]", "listened")
        await one.page.click("main button.main")
        await one.page.wait_for_url("**/audit?*who=john+doe*")
        shown = await one.text("tbody")
        assert "John Doe" in shown
        assert "recording heard" in shown
        assert HOSTILE in shown
        assert "c43-1" not in shown
        assert await one.page.input_value("[name=who]") == "john doe"
        assert await one.page.get_attribute("tbody a", "href") == "/recordings/c42-1"
        assert await one.page.locator("tbody img").count() == 0
        await one.page.reload()
        # it may be signed meanwhile
        assert (await one.text("tbody")).replace("\tsigned", "\tnot yet") == shown.replace("\tsigned", "\tnot yet")


async def test_what_was_refused_is_found(someone: Someone, door: ServiceUrl) -> None:
    await logged(
        door, AuditEntry(Action.REFUSED, Actor(ActorKind.ACCOUNT, GEORGE), details="putRole needs settings.change")
    )
    async with someone("auditor", java_script_enabled=False) as one:
        await one.go("/audit?outcome=refused")
        assert set(await one.page.locator("tbody tr td:nth-child(3)").all_inner_texts()) <= {"refused", "login failed"}
        assert "George Clinton" in await one.text("tbody")
        await one.go("/audit?outcome=done&who=2")
        assert "putRole" not in await one.text()


async def test_pages_follow_each_other(someone: Someone, door: ServiceUrl) -> None:
    await logged(door, *(AuditEntry(Action.SHOWN, Actor(ActorKind.DAEMON), f"many-{nth}") for nth in range(120)))
    async with someone("auditor", java_script_enabled=False) as one:
        await one.go("/audit?action=shown")
        seen: list[str] = []
        while True:
            seen += await one.page.locator("tbody tr td:nth-child(4)").all_inner_texts()
            older = one.page.locator("text=Older entries")
            if not await older.count():
                break
            await older.click()
            await one.page.wait_for_load_state()
        assert [name for name in seen if name.startswith("many-")] == [f"many-{nth}" for nth in reversed(range(120))]


async def test_the_proof_is_shown_and_the_whole_log_checked(someone: Someone, door: ServiceUrl) -> None:
    await logged(door, NEW)
    async with someone("auditor") as one:
        await one.go("/audit")
        assert "callrec/door+" in await one.text("section[aria-labelledby=is-proven]")
        await one.page.click("text=Check the whole log")
        await one.page.wait_for_selector("#proof .badge.good")
        assert "unchanged" in await one.text("#proof")


async def test_the_download_has_no_formula_and_is_an_entry(someone: Someone, door: ServiceUrl) -> None:
    await logged(door, NEW)
    async with someone("auditor") as one:
        await one.go("/audit?recording=c42-1")
        link = await one.page.get_attribute("text=Download as CSV", "href")
        answer = await one.context.request.get(one.address + str(link))
        rows = list(csv.DictReader(io.StringIO(await answer.text())))
        assert rows
        assert {row["recording"] for row in rows} == {"c42-1"}
        assert {row["details"] for row in rows} == {"'=1+1"}
        await one.go("/audit?action=audit-read")
        assert "download=true" in await one.text("tbody tr >> nth=1")


async def test_wrong_conditions_are_told_at_their_fields(someone: Someone) -> None:
    async with someone("auditor", locale="de-DE", may_complain=True) as one:  # the browser, of a day that is none
        await one.go("/audit?from=yesterday&recording=%3Cb%3E")
        assert "Datum" in await one.text("#from-wrong")
        assert await one.page.locator("#recording-wrong").count() == 1


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_reads_it_or_does_not_know_it(someone: Someone, role: str) -> None:
    may = role in {"administrator", "auditor", "operator"}
    async with someone(role, may_complain=True) as one:
        assert await one.go("/audit") == (200 if may else 404)
        assert await one.page.locator("nav a[href='/audit']").count() == may
        answer = await one.context.request.get(one.address + "/audit/entries.csv")
        assert answer.status == (200 if may else 403)


async def test_it_is_for_everybody(someone: Someone, door: ServiceUrl) -> None:
    await logged(door, NEW)
    for scheme in ("light", "dark"):
        async with someone("auditor", color_scheme=scheme) as one:
            await one.go("/audit")
            assert await one.faults() == []
            assert await one.misplaced() == []
            assert len(await one.page.content()) <= 60_000
