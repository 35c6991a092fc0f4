"""One's own account in a browser: the language of the pages, the password, the second factor."""

from collections.abc import AsyncIterator

import pytest_asyncio
from api_door import ServiceUrl
from people import JOHN, PASSWORDS_OF
from visitors import Visitor

from callrec.domain.access.audit import Action
from callrec.domain.access.second_factor import STEP_S, code_at
from conftest import Someone

NEW = "a longer password"


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def as_before(door: ServiceUrl) -> AsyncIterator[None]:
    """John's account is for the next test what it was."""
    user = door.feed.directory.user(JOHN)
    assert user is not None
    yield
    await door.change(f"/users/{JOHN}", page_language="", password_hash=user.password_hash)
    await door.logins.put_second_factor(JOHN, None, await door.logins.second_factor(JOHN))


async def log_in_with_code(one: Visitor, code: str) -> None:
    await one.go("/login")
    await one.page.fill("[name=username]", "user")
    await one.page.fill("[name=password]", PASSWORDS_OF["user"])
    await one.page.click("main button")
    await one.page.wait_for_selector("[name=code]")
    await one.page.fill("[name=code]", code)
    await one.page.click("main button")


async def test_the_language_is_remembered_for_the_account_and_not_for_the_browser(someone: Someone) -> None:
    async with someone("user") as one:
        await one.go("/account")
        await one.page.select_option("#page_language", "de")
        await one.page.click("text=Use this language")
        assert "Die Seiten sprechen in jedem Browser diese Sprache" in await one.text("#messages")
        assert await one.page.get_attribute("html", "lang") == "de"
        await one.page.fill("[name=present]", "wrong")
        await one.page.fill("[name=password]", NEW)
        await one.page.click("text=Passwort ändern")
        assert "Das ist nicht Ihr jetziges Passwort." in await one.text(), "errors of forms speak it too"
    async with someone("user", locale="fr-FR", java_script_enabled=False) as one:
        assert await one.page.get_attribute("html", "lang") == "de"
        await one.page.click(".person button")
        assert await one.page.get_attribute("html", "lang") == "fr", "without an account it is the browser's"
        await one.log_in("user", PASSWORDS_OF["user"], "/account")
        await one.page.select_option("#page_language", "")
        await one.page.click("text=Diese Sprache verwenden")
        assert "Les pages parlent la langue du navigateur." in await one.text("#messages")


async def test_a_new_password_needs_the_present_one_and_ends_all_sessions(someone: Someone) -> None:
    async with someone("user") as other, someone("user", java_script_enabled=False) as one:
        await one.go("/account")
        for present, password, says in (
            ("wrong", NEW, "This is not your present password."),
            (PASSWORDS_OF["user"], "short", "8 to 64 characters"),
        ):
            await one.page.fill("#present", present)
            await one.page.fill("#password", password)
            await one.page.click("text=Change the password")
            assert says in await one.text(".wrong")
            assert await one.page.input_value("#present") == await one.page.input_value("#password") == ""
        await one.page.fill("#present", PASSWORDS_OF["user"])
        await one.page.fill("#password", NEW)
        await one.page.click("text=Change the password")
        assert "Your password is changed. Log in with it." in await one.text("#messages")
        await one.log_in("user", NEW)
        assert one.path == "/my"
        await other.go("/account")
        assert other.path == "/login?next=/account"


async def test_a_second_factor_is_set_up_confirmed_and_turned_off(someone: Someone, door: ServiceUrl) -> None:
    """The secret is shown once; before a code was shown nothing changes; to turn it off both proofs are needed."""
    async with someone("user", java_script_enabled=False) as one:
        await one.go("/account")
        await one.page.fill("#factor-present", "wrong")
        await one.page.click("text=Set up a second factor")
        assert "This is not your present password." in await one.text(".wrong")
        await one.page.fill("#factor-present", PASSWORDS_OF["user"])
        await one.page.click("text=Set up a second factor")
        secret = (await one.text("#secret")).replace(" ", "")
        address = await one.page.input_value("#address")
        assert address.startswith("otpauth://totp/callrec%20")
        assert f"secret={secret}&" in address
        await one.page.fill("[name=code]", "000000")
        await one.page.click("text=Confirm")
        assert "This code is wrong." in await one.text(".wrong")
        assert secret not in (await one.page.content()).replace(" ", "")
        await one.page.fill("[name=code]", code_at(secret, int(door.clock() // STEP_S)))
        await one.page.click("text=Confirm")
        assert "From now on a code is asked for" in await one.text("#messages")
    door.clock.now_s += STEP_S
    async with someone() as one:
        await log_in_with_code(one, code_at(secret, int(door.clock() // STEP_S)))
        await one.page.wait_for_url("**/my")
        await one.go("/account")
        door.clock.now_s += STEP_S
        good = code_at(secret, int(door.clock() // STEP_S))
        for present, code, says in (
            ("wrong", good, "This is not your present password."),
            (PASSWORDS_OF["user"], "000000", "This code is wrong"),
        ):
            await one.page.fill("#factor-present", present)
            await one.page.fill("#code", code)
            await one.page.click("text=Turn the second factor off")
            assert says in await one.text(".wrong")
        assert await one.faults() == []
        assert await one.misplaced() == []
        await one.page.fill("#factor-present", PASSWORDS_OF["user"])
        await one.page.fill("#code", good)
        await one.page.click("text=Turn the second factor off")
        assert "The password alone is enough" in await one.text("#messages")
    said = [entry.details for entry in door.audit.entries if entry.action is Action.ACCOUNT_CHANGED]
    assert said[-3:] == ["second factor made", "second factor confirmed", "second factor removed"]


async def test_whose_role_wants_a_second_factor_is_led_to_it_and_cannot_turn_it_off(
    someone: Someone, door: ServiceUrl
) -> None:
    await door.change("/roles/user", second_factor=True)
    try:
        async with someone("user") as one:
            assert one.path == "/account"
            assert "Your role wants a second factor." in await one.text("main .message")
            await one.page.fill("#factor-present", PASSWORDS_OF["user"])
            await one.page.click("text=Set up a second factor")
            secret = (await one.text("#secret")).replace(" ", "")
            assert await one.faults() == []
            assert await one.misplaced() == []
            await one.page.fill("[name=code]", code_at(secret, int(door.clock() // STEP_S)))
            await one.page.click("text=Confirm")
            assert "Each login asks for a code" in await one.text()
            assert await one.page.locator("text=Turn the second factor off").count() == 0
            assert await one.go("/my") == 200
            door.clock.now_s += STEP_S
            code = code_at(secret, int(door.clock() // STEP_S))
            body = {"present": PASSWORDS_OF["user"], "code": code}
            answer = await one.context.request.post(
                f"{one.address}/api/v1/account/second-factor/remove",
                data=body,
                headers={"Origin": one.address, "Sec-Fetch-Site": "same-origin"},
            )
            assert (answer.status, (await answer.json())["code"]) == (409, "second-factor")
    finally:
        await door.change("/roles/user", second_factor=False)
