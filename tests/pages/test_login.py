"""Logging in and out in a browser: the way in for every role, and nothing before it."""

import pytest
from api_door import ServiceUrl
from people import PASSWORDS_OF, ROLES, STAFF

from callrec.domain.access.second_factor import SecondFactor, code_at
from conftest import Someone


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_logs_in_and_sees_the_pages_that_it_reaches(someone: Someone, role: str) -> None:
    async with someone(role) as one:
        links = await one.page.locator("header nav a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
        assert await one.page.locator("h1").count() == 1
        for link in links:
            assert await one.go(link) == 200
            assert await one.page.locator("header nav [aria-current=page]").count() == 1


async def test_logging_out_ends_the_session(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.page.click("text=Log out")
        await one.page.wait_for_url("**/login?done=out")
        assert "You have logged out." in await one.text("#messages")
        await one.go("/account")
        assert one.path == "/login?next=/account"


async def test_the_login_leads_back_to_the_page_that_was_asked_for(someone: Someone) -> None:
    async with someone() as one:
        await one.log_in("administrator", PASSWORDS_OF["administrator"], "/account?done=ended")
        assert one.path == "/account?done=ended"


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/%5cevil.example"])
async def test_the_login_leads_to_no_other_site(someone: Someone, there: str) -> None:
    async with someone() as one:
        await one.log_in("administrator", PASSWORDS_OF["administrator"], f"/login?next={there}")
        assert one.page.url.startswith(one.address)


async def test_a_wrong_password_is_said_and_the_name_stays(someone: Someone) -> None:
    async with someone() as one:
        await one.go("/login")
        await one.page.fill("[name=username]", '<b>"mallory"')
        await one.page.fill("[name=password]", "guessed")
        await one.page.click("main button")
        assert "The user name or the password is wrong." in await one.text("[role=alert]")
        assert await one.page.input_value("[name=username]") == '<b>"mallory"'
        assert await one.page.input_value("[name=password]") == ""


async def test_without_scripts_and_by_keyboard_alone_somebody_logs_in(someone: Someone) -> None:
    async with someone(java_script_enabled=False) as one:
        await one.go("/login")
        await one.page.wait_for_selector("[name=username]:focus")
        await one.page.keyboard.type("administrator")
        await one.page.keyboard.press("Tab")
        await one.page.keyboard.type(PASSWORDS_OF["administrator"])
        await one.page.keyboard.press("Enter")
        await one.page.wait_for_url(lambda url: "/login" not in url)
        assert await one.page.locator(".person").count() == 1


async def test_an_account_with_a_second_factor_is_asked_for_its_code_after_the_password(
    someone: Someone, door: ServiceUrl
) -> None:
    secret = "JBSWY3DPEHPK3PXP"
    logins = door.logins
    await logins.put_second_factor(STAFF["supervisor"], SecondFactor(secret, confirmed=True), None)
    try:
        async with someone() as one:
            await one.go("/login")
            await one.page.fill("[name=username]", "supervisor")
            await one.page.fill("[name=password]", PASSWORDS_OF["supervisor"])
            await one.page.click("main button")
            await one.page.wait_for_selector("[name=code]")
            assert PASSWORDS_OF["supervisor"] not in await one.page.content()
            await one.page.fill("[name=code]", "000000")
            await one.page.click("main button")
            assert "This code is wrong" in await one.text()
            await one.page.fill("[name=code]", code_at(secret, int(door.clock() // 30)))
            await one.page.click("main button")
            await one.page.wait_for_url(lambda url: "/login" not in url)
    finally:
        await logins.put_second_factor(STAFF["supervisor"], None, await logins.second_factor(STAFF["supervisor"]))


async def test_a_link_on_another_site_needs_no_second_login(someone: Someone) -> None:
    """The cookie is SameSite=Strict: browsers leave it out of the first request."""
    async with someone("administrator") as one:
        await one.page.route(
            "http://elsewhere.test/",
            lambda route: route.fulfill(body=f'<a href="{one.address}/account?t=1">x</a>', content_type="text/html"),
        )
        await one.page.goto("http://elsewhere.test/")
        await one.page.click("a")
        await one.page.wait_for_url(f"{one.address}/account?t=1")
        await one.page.wait_for_selector("h1")
        assert one.path == "/account?t=1"


async def test_the_pages_of_the_login_and_the_account_are_for_everybody(someone: Someone) -> None:
    """By axe, and by the places of all that can be pressed or read."""
    for scheme in ("light", "dark"):
        async with someone(color_scheme=scheme) as one:
            await one.go("/login")
            assert await one.faults() == []
            assert await one.misplaced() == []
            await one.log_in("administrator", PASSWORDS_OF["administrator"], "/account")
            assert await one.faults() == []
            assert await one.misplaced() == []


async def test_what_is_forbidden_looks_like_what_is_not_there(someone: Someone) -> None:
    async with someone("user", may_complain=True) as one:
        assert await one.go("/nothing/of/this") == 404
        absent = await one.text()
    async with someone() as one:
        for path in ("/nothing/of/this", "/account"):
            await one.go(path)
            assert one.path == f"/login?next={path}"
    assert "There is no such page, or it is not open to you." in absent


@pytest.mark.parametrize(
    ("locale", "title"), [("fr-CA", "Se connecter"), ("de-DE", "Anmelden"), ("es", "Iniciar sesión"), ("ja", "Log in")]
)
async def test_the_page_speaks_the_language_of_the_browser(someone: Someone, locale: str, title: str) -> None:
    async with someone(locale=locale) as one:
        await one.go("/login")
        assert await one.page.inner_text("h1") == title
        assert await one.page.get_attribute("html", "lang") == {"ja": "en"}.get(locale, locale[:2])


async def test_who_sent_a_form_without_a_session_is_told_that_nothing_was_done(someone: Someone) -> None:
    async with someone("administrator", java_script_enabled=False) as one:
        await one.go("/users/1")
        await one.page.fill("#mobilephonenumber", "0170")
        await one.context.clear_cookies()
        await one.page.click("main form.record button.main")
        assert "what you sent was not done" in await one.text("[role=alert]")
        await one.page.fill("[name=username]", "administrator")
        await one.page.fill("[name=password]", PASSWORDS_OF["administrator"])
        await one.page.click("main button")
        assert one.path == "/users/1"
        assert await one.page.input_value("#mobilephonenumber") == ""
        await one.context.clear_cookies()
        await one.page.click("header form button")
        assert await one.page.locator("[role=alert]").count() == 0, "who logs out has lost nothing"
