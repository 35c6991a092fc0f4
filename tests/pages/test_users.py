"""Users in a browser: found while one types, added, changed, removed; nothing typed is lost, and nothing forbidden is there."""

import re

import pytest
from api_door import ServiceUrl
from people import BILL, GEORGE, JOHN

from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.model import FunctionKey, Line, User
from callrec.domain.rules import Rule, UserId
from conftest import Someone

HOSTILE = "<img src=x onerror=alert(1)>"
PARTS = ("", "/lines", "/incalls", "/voicemails", "/services", "/keys", "/groups", "/login")


async def seen(door: ServiceUrl, *records: object) -> None:
    """Add these records, and wait until the pages know them."""
    await door.store.edit(
        Edit(tuple(Change(None, one) for one in records)), f"seed-{records!r}"[:60].encode().hex()[:90]
    )
    await door.feed.catch_up(10)


async def now(door: ServiceUrl) -> Directory:
    """The tables as they are now."""
    await door.feed.catch_up(10)
    return door.feed.directory


async def test_users_are_found_while_one_types_by_name_and_by_number(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.go("/users")
        for typed, found in (("cli", "George Clinton"), ("1002", "Bill Bush"), ("2050", "John Doe")):
            await one.page.fill("#q", typed)
            await one.page.wait_for_selector(f"#found >> text={found}")
            await one.page.wait_for_selector("text=1 user fits")
            assert await one.page.locator("#found tbody tr").count() == 1
            await one.page.wait_for_url(f"**q={typed}**")
        await one.page.fill("#q", "zzz")
        await one.page.wait_for_selector("text=No user fits")


async def test_without_scripts_the_search_is_a_form(someone: Someone) -> None:
    async with someone("administrator", java_script_enabled=False) as one:
        await one.go("/users")
        await one.page.fill("#q", "george")
        await one.page.keyboard.press("Enter")
        await one.page.wait_for_url("**/users?q=george**")
        assert "George Clinton" in await one.text("#found")
        assert "John Doe" not in await one.text("#found")


async def test_a_new_user_with_a_line_is_one_form_and_the_secret_is_shown_once(
    someone: Someone, door: ServiceUrl
) -> None:
    async with someone("administrator") as one:
        await one.go("/users")
        await one.page.click("text=Add a user")
        await one.page.fill("#firstname", "Ada")
        await one.page.fill("#lastname", "Lovelace")
        await one.page.select_option("#language", "en_US")
        await one.page.fill("#number", "1100")
        await one.page.check("#online_record")
        await one.page.fill("#box_name", "Ada Lovelace")
        await one.page.fill("#mailbox", "1100")
        await one.page.click("main form.record button.main")
        await one.page.wait_for_selector("text=Added.")
        party = (await now(door)).by_extension("1100", "default")
        assert party is not None
        assert (party.user.name, party.user.online_record, party.user.enablehint) == ("Ada Lovelace", True, True)
        shown = await one.page.locator(".secret").all_inner_texts()
        boxes = (await now(door)).voicemails_of(party.user.id)
        assert shown == [party.line.secret, boxes[0].password]
        await one.page.reload()
        assert party.line.secret not in await one.page.content()


async def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.go("/users/new")
        await one.page.fill("#firstname", HOSTILE)
        await one.page.fill("#number", "1000")
        await one.page.fill("#exten", "99")
        await one.page.click("main form.record button.main")
        assert "must" in await one.text("#exten-wrong")
        await one.page.fill("#exten", "")
        await one.page.click("main form.record button.main")
        assert "John Doe" in await one.text("#number-wrong")
        assert await one.page.input_value("#firstname") == HOSTILE
        assert await one.page.get_attribute("#number", "aria-invalid") == "true"


async def test_the_services_are_those_of_the_specification_with_the_four_rules(
    someone: Someone, door: ServiceUrl
) -> None:
    async with someone("administrator") as one:
        await one.go(f"/users/{BILL}")
        await one.page.click("nav.tabs >> text=Services")
        await one.page.uncheck("text=Enable online call recording")
        await one.page.check("#call_record")
        await one.page.select_option("text=Calls to the outside", "never")
        await one.page.fill("#forward_busy", "1000")
        await one.page.click("main form.record button.main")
        await one.page.wait_for_selector("text=Saved.")
        bill = (await now(door)).user(BILL)
        assert bill is not None
        assert (bill.online_record, bill.call_record, bill.rules.out_external) == (False, True, Rule.NEVER)
        assert (bill.forward_busy, bill.rules.in_external) == ("1000", None)
        await one.page.fill("#forward_busy", "1002")
        await one.page.click("main form.record button.main")
        assert "the user's own" in await one.text("#forward_busy-wrong")


async def test_a_stale_form_says_who_was_faster_and_loses_nothing(someone: Someone, door: ServiceUrl) -> None:
    async with someone("administrator") as one:
        await one.go(f"/users/{GEORGE}")
        await one.page.fill("#firstname", "Georgina")
        await door.store.set_user(
            GEORGE, actor="account:11", request_id="faster", firstname="Jorge", mobilephonenumber="0170"
        )
        await door.feed.catch_up(10)
        await one.page.click("main form.record button.main")
        said = await one.text("[role=alert]")
        assert re.search(r"\w+ Jones has changed this at \d\d:\d\d", said)
        assert "Jorge" in said
        assert "0170" in said
        assert await one.page.input_value("#firstname") == "Georgina"
        await one.page.fill("#mobilephonenumber", "0170")
        await one.page.fill("#firstname", "George")
        await one.page.click("main form.record button.main")
        await one.page.wait_for_selector("text=Saved.")
        george = (await now(door)).user(GEORGE)
        assert george is not None
        assert (george.firstname, george.mobilephonenumber) == ("George", "0170")


async def test_a_service_that_is_changed_by_phone_does_not_disturb_the_form_of_the_name(
    someone: Someone, door: ServiceUrl
) -> None:
    async with someone("administrator") as one:
        await one.go(f"/users/{GEORGE}")
        flag = await door.store.toggle_call_record(GEORGE, "by-phone", "phone")
        await door.feed.catch_up(10)
        await one.page.fill("#agentnumber", "2101")
        await one.page.click("main form.record button.main")
        await one.page.wait_for_selector("text=Saved.")
        george = (await now(door)).user(GEORGE)
        assert george is not None
        assert (george.call_record, george.agentnumber) == (flag, "2101")


async def test_a_line_gets_a_new_secret_that_is_shown_once(someone: Someone, door: ServiceUrl) -> None:
    async with someone("administrator") as one:
        await one.go(f"/users/{JOHN}/lines")
        await one.page.click("main th a >> text=1000")
        assert "s3cret-of-line" not in await one.page.content()
        await one.page.check("text=Make a new one, and show it once")
        await one.page.click("main form.record button.main")
        await one.page.wait_for_selector(".secret")
        party = (await now(door)).by_extension("1000", "default")
        assert party is not None
        assert await one.text(".secret") == party.line.secret != "s3cret-of-line"


async def test_what_goes_with_a_user_is_shown_before_the_removal(someone: Someone, door: ServiceUrl) -> None:
    gone = UserId("501")
    await seen(
        door,
        *(User(gone, "Gone", HOSTILE), Line("gone", gone, "1501", "default", secret="s")),
        *(FunctionKey(JOHN, 40, "user", gone, "To Gone"), FunctionKey(JOHN, 41, "customized", "1501")),
    )
    async with someone("administrator") as one:
        await one.go(f"/users/{gone}")
        await one.page.click("text=Remove this user")
        said = await one.text()
        assert HOSTILE in said
        for sentence in (
            "Line 1501 in default",
            "Key 40 (To Gone) of John Doe",
            "Key 41 of John Doe dials it",
            "Recordings stay",
        ):
            assert sentence in said
        await one.page.click("main form button.danger")
        await one.page.wait_for_selector("text=Removed.")
        assert (await now(door)).user(gone) is None
        assert [key.number for key in (await now(door)).keys_of(JOHN)] == [41]


async def test_a_form_that_is_sent_twice_adds_one_user(someone: Someone, door: ServiceUrl) -> None:
    async with someone("administrator") as one:
        await one.go("/users/new")
        await one.page.fill("#firstname", "Twice")
        form = await one.page.evaluate("() => [...new FormData(document.querySelector('form.record'))]")
        for _ in range(2):
            answer = await one.context.request.post(
                f"{one.address}/users/new", form=dict(form), headers={"Origin": one.address}
            )
            assert answer.ok
        assert [user.firstname for user in (await now(door)).users()].count("Twice") == 1


@pytest.mark.parametrize("role", ["operator", "auditor", "supervisor", "user", "listener"])
async def test_who_may_not_change_users_sees_no_button_and_reaches_no_form(someone: Someone, role: str) -> None:
    async with someone(role, may_complain=True) as one:
        may_read = role in {"operator", "auditor"}
        assert await one.go("/users") == (200 if may_read else 404)
        for path in (
            "/users/new",
            f"/users/{JOHN}/remove",
            f"/users/{JOHN}/lines/new",
            "/users/import",
            f"/users/{JOHN}/keys/copy",
        ):
            assert await one.go(path) == 404
        answer = await one.context.request.post(
            f"{one.address}/users/{JOHN}",
            form={"firstname": "x"},
            headers={"Origin": one.address, "Accept": "text/html"},
        )
        assert answer.status == 404
        if may_read:
            for part in PARTS:
                hidden = role == "operator" and part in {"/groups", "/login"}
                assert await one.go(f"/users/{JOHN}{part}") == (404 if hidden else 200)
                assert await one.page.locator("main form").count() == 0
                assert await one.page.locator("main a.main").count() == 0


async def test_the_pages_of_users_are_for_everybody(someone: Someone, door: ServiceUrl) -> None:
    """By axe, and by the places of all that can be pressed or read; with hostile and long names, in both colours."""
    who = UserId("502")
    await seen(door, User(who, HOSTILE, "W" * 120), Line("hostile", who, "1502", "default", secret="s"))
    paths = [
        "/users",
        "/users/new",
        *(f"/users/{who}{part}" for part in PARTS),
        f"/users/{who}/lines/new",
        f"/users/{who}/remove",
    ]
    for scheme, some in (("light", paths), ("dark", paths[:3])):
        async with someone("administrator", color_scheme=scheme) as one:
            for path in some:
                assert await one.go(path) == 200
                assert await one.faults() == [], path
                assert await one.misplaced() == [], path
                assert len(await one.page.content()) < 60_000


async def test_by_keyboard_alone_a_name_is_changed(someone: Someone, door: ServiceUrl) -> None:
    async with someone("administrator") as one:
        await one.go(f"/users/{BILL}")
        await one.page.focus("#lastname")
        await one.page.keyboard.press("End")
        await one.page.keyboard.type("er")
        await one.page.keyboard.press("Enter")
        await one.page.wait_for_selector("text=Saved.")
        bill = (await now(door)).user(BILL)
        assert bill is not None
        assert bill.lastname == "Busher"


async def test_back_after_a_search_shows_the_whole_page(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.go("/users")
        for typed, found in (("cli", "George Clinton"), ("bill", "Bill Bush")):
            await one.page.fill("#q", typed)
            await one.page.wait_for_selector(f"#found >> text={found}")
            await one.page.wait_for_url(f"**q={typed}**")
        await one.page.go_back()
        await one.page.wait_for_selector("#found >> text=George Clinton")
        assert await one.page.locator("nav.nav").count() == 1
        assert await one.page.input_value("#q") == "cli"


async def test_a_secret_that_was_typed_is_asked_for_again(someone: Someone) -> None:
    """A page never has it, so a form with an error comes back without it: without a word, another one would be made."""
    async with someone("administrator", java_script_enabled=False) as one:
        await one.go(f"/users/{BILL}/lines/new")
        assert "Type it again" not in await one.text()
        await one.page.fill("#number", "1000")
        await one.page.fill("#secret", "typed by hand 4711")
        await one.page.click("main form.record button.main")
        assert await one.page.locator("#number-wrong").count() == 1
        assert "Type it again" in await one.text()
        assert "typed by hand" not in await one.page.content()
