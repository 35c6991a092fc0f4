"""Settings in a browser: extensions, contexts, roles, groups, accounts, tokens."""

from api_door import ServiceUrl
from people import GEORGE, JOHN, PASSWORDS_OF

from callrec.domain.access.login_limits import PER_ACCOUNT
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change, Edit, Table
from callrec.domain.directory.model import Entity, Feature, User
from callrec.domain.rules import UserId
from callrec.web.pages.settings.overview import CARDS
from conftest import Someone

HOSTILE = "<img src=x onerror=alert(1)>"
MAY = ("users.read", "users.change", "accounts.read", "accounts.change")
PATHS = tuple(
    f"/settings/{one}" for one in ("contexts", "entities", "profiles", "roles", "groups", "accounts", "tokens")
)


async def tables_of(door: ServiceUrl) -> Directory:
    """The tables as they are now."""
    await door.feed.catch_up(10)
    return door.feed.directory


async def test_a_code_is_activated_and_a_conflict_is_told_at_the_code(someone: Someone, door: ServiceUrl) -> None:
    async with someone("administrator") as one:
        await one.go("/extensions")
        row = one.page.locator("#call_record")
        await row.locator("[type=checkbox]").check()
        await row.locator("button").click()
        await one.page.wait_for_selector("text=Saved.")
        assert (await tables_of(door)).code(Feature.CALL_RECORD).enabled
        row = one.page.locator("#dnd")
        await row.locator("[name=code]").fill("*21")
        await row.locator("button").click()
        await one.page.wait_for_selector("#dnd-wrong")
        assert "already the code of forward_unconditional" in await one.text("#dnd-wrong")
        assert await one.page.locator("#dnd [name=code]").input_value() == "*21"
        assert (await tables_of(door)).code(Feature.DND).code == "*25"


async def test_a_context_is_added_changed_and_refused_while_it_has_numbers(someone: Someone, door: ServiceUrl) -> None:
    async with someone("administrator") as one:
        await one.go("/settings")
        await one.page.click("main >> text=Contexts")
        await one.page.click("text=Add a context")
        await one.page.fill("#name", "branch")
        await one.page.fill("#ranges", "3000-3999\n4000")
        await one.page.select_option("#record", "never")
        await one.page.click("main form.record button.main")
        await one.page.wait_for_selector("text=Added.")
        found = (await tables_of(door)).records(Table.CONTEXTS)["branch"]
        assert [str(one) for one in found.ranges] == ["3000-3999", "4000"]  # type: ignore[union-attr]
        await one.go("/settings/contexts/default/remove")
        assert "This cannot be removed now." in await one.text()
        assert await one.page.locator("main form").count() == 0
        await one.go("/settings/contexts/branch/remove")
        await one.page.click("main form button.danger")
        await one.page.wait_for_selector("text=Removed.")
        assert "branch" not in (await tables_of(door)).records(Table.CONTEXTS)


async def test_a_role_is_its_boxes_and_a_group_its_lines(someone: Someone, door: ServiceUrl) -> None:
    async with someone("administrator") as one:
        await one.go("/settings/roles/new")
        await one.page.fill("#name", "helpdesk")
        await one.page.check("text=See live calls")
        await one.page.check("text=See users, lines")
        await one.page.click("main form.record button.main")
        await one.page.wait_for_selector("text=Added.")
        assert await one.page.locator("[name=permissions]:checked").count() == 2
        await one.go("/settings/groups/sales")
        await one.page.fill("#members", "George Clinton (1001)\nJohn Doe\nNo Such")
        await one.page.click("main form.record button.main")
        assert "No Such" in await one.text("#members-wrong")
        await one.page.fill("#members", "George Clinton (1001)\n1000")
        await one.page.click("main form.record button.main")
        await one.page.wait_for_selector("text=Saved.")
        group = next(one for one in (await tables_of(door)).groups() if one.name == "sales")
        assert group.members == (UserId("1"), UserId("2"))


async def test_a_token_is_shown_once_and_ends_when_it_is_removed(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.go("/settings/tokens/new")
        await one.page.fill("#name", "CRM")
        await one.page.check("text=See all recordings in lists")
        await one.page.click("main form.record button.main")
        token = await one.text(".secret")
        asking = {"Authorization": f"Bearer {token}"}
        asked = await one.context.request.get(f"{one.address}/api/v1/recordings", headers=asking)
        assert asked.status == 200
        await one.page.reload()
        assert token not in await one.page.content()
        await one.page.click("[aria-label='Remove CRM']")
        await one.page.click("main button.danger")
        await one.page.wait_for_selector("text=The token is removed")
        assert (await one.context.request.get(f"{one.address}/api/v1/recordings", headers=asking)).status == 401


async def test_an_account_gets_a_password_once_shown_and_is_logged_out_everywhere(
    someone: Someone, door: ServiceUrl
) -> None:
    async with someone("listener") as victim, someone("administrator") as one:
        who = (await tables_of(door)).by_username("listener")
        assert who is not None
        await one.go("/settings/accounts")
        await one.page.click("main >> text=listener")
        await one.page.click("text=Log out everywhere")
        await one.page.wait_for_selector("text=The sessions have ended.")
        await victim.go("/account")
        assert victim.path.startswith("/login")
        await one.page.fill("#password", "x")
        await one.page.click("text=Set the password")
        assert "characters" in await one.text("#password-wrong")
        await one.page.click("text=Set the password")
        password = await one.text(".secret")
        await victim.log_in("listener", password)
        assert victim.path != "/login"
        await one.page.fill("#password", PASSWORDS_OF["listener"])
        await one.page.click("text=Set the password")
        await one.page.wait_for_selector("text=The password is changed")


async def test_a_locked_account_is_unlocked(someone: Someone, door: ServiceUrl) -> None:
    """Strangers who guessed lock out browsers that are new to the account, until an administrator ends that."""
    for nth in range(PER_ACCOUNT + 1):
        await door.ask("POST", "/login", {"username": "listener", "password": f"guess {nth}"}, Authorization="")
    async with someone("administrator") as one:
        await one.go("/settings/accounts")
        assert "locked" in await one.text("tbody tr:has-text('listener')")
        await one.page.click("tbody a:text-is('listener')")
        assert "have to wait" in await one.text("main .message.bad")
        await one.page.click("text=Unlock")
        assert "The account is unlocked." in await one.text("#messages")
        assert await one.page.locator("main .message.bad").count() == 0
    async with someone("listener") as one:
        assert one.path == "/recordings"


async def test_a_login_is_given_in_the_users_form(someone: Someone, door: ServiceUrl) -> None:
    async with someone("administrator") as one:
        await one.go(f"/users/{GEORGE}/login")
        await one.page.check("#enableclient")
        await one.page.click("main form.record button.main")
        assert "must have a value" in await one.text("#username-wrong")
        await one.page.fill("#username", "george")
        await one.page.select_option("#profileclient", "users")
        await one.page.click("main form.record button.main")
        await one.page.wait_for_selector("text=Saved.")
        george = (await tables_of(door)).user(GEORGE)
        assert george is not None
        assert (george.enableclient, george.username, george.profileclient) == (True, "george", "users")


async def test_names_in_lists_and_choices_stay_text_and_the_pages_are_for_everybody(
    someone: Someone, door: ServiceUrl
) -> None:
    records = (Entity(66, HOSTILE), User(UserId("666"), HOSTILE, entityid=66))
    await door.store.edit(Edit(tuple(Change(None, made) for made in records)), "hostile-settings")
    await tables_of(door)
    async with someone("administrator") as one:
        for path in (
            "/users/666",
            "/settings/entities/66",
            "/extensions",
            "/settings",
            "/settings/roles/new",
            *PATHS[4:],
        ):
            assert await one.go(path) == 200
            assert await one.page.locator("main img").count() == 0
            assert await one.faults() == [], path
            assert await one.misplaced() == [], path
        await one.go("/settings/entities")
        assert HOSTILE in await one.text()


async def test_who_may_only_read_sees_no_form(someone: Someone) -> None:
    async with someone("auditor", may_complain=True) as one:
        for path in ("/extensions", "/settings", *PATHS, "/settings/roles/user", "/settings/contexts/default"):
            assert await one.go(path) == 200
            assert await one.page.locator("main form").count() == 0, path
        for path in PATHS[:5]:
            assert await one.go(f"{path}/new") == 404


async def test_a_name_is_never_translated(someone: Someone, door: ServiceUrl) -> None:
    """Also one that is a word of ours; the words of choices are told to those, too, who may change nothing."""
    await door.ask("POST", "/profiles", {"name": "Supervisor", "role": "user"})
    async with someone("administrator", locale="de-DE", java_script_enabled=False) as one:
        await one.go(f"/users/{JOHN}/login")
        assert "Supervisor" in await one.page.locator("#profileclient option").all_inner_texts()
        await one.go("/settings/profiles")
        assert "Supervisor" in await one.page.locator("tbody th").all_inner_texts()
        await one.go("/settings/contexts")
        assert "Nummern von Benutzern" in await one.text("tbody")
    async with someone("auditor", locale="de-DE", java_script_enabled=False) as one:
        await one.go("/settings/contexts/default")
        shown = await one.text("dl.facts")
        assert "Nummern von Benutzern" in shown
        assert "wie die Regeln der Benutzer sagen" in shown
        await one.go(f"/users/{JOHN}")
        assert "Nein" in await one.text("dl.facts")
        assert "\nno" not in await one.text("dl.facts")
        await one.go("/settings/roles/listener")
        assert "Alle Aufnahmen anhören" in await one.text("dl.facts")
    await door.ask("DELETE", "/profiles/Supervisor", If_Match="*")


async def test_an_account_that_may_do_more_has_no_buttons_for_others(someone: Someone, door: ServiceUrl) -> None:
    """They would be refused; that is said in the language of the page when somebody sends one all the same."""
    before = (await door.ask("GET", "/roles/operator")).json["permissions"]
    await door.change("/roles/operator", permissions=[*MAY, "own.list", "own.listen"])
    boss = next(user for user in door.feed.directory.users() if user.username == "administrator")
    try:
        async with someone("operator", locale="de-DE", may_complain=True) as one:
            await one.go(f"/settings/accounts/{boss.id}")
            assert await one.page.locator("main form").count() == 0
            assert "darf mehr als Sie" in await one.text()
            await one.go(f"/users/{boss.id}")
            assert await one.page.locator("main form").count() == 1
            assert await one.page.locator(f"a[href='/users/{boss.id}/remove']").count() == 0
            await one.go(f"/users/{boss.id}/login")
            assert await one.page.locator("main form").count() == 0
            await one.go(f"/settings/accounts/{JOHN}")
            assert await one.page.locator("main form").count() == 1, "the weaker one's password"
            german = {"Origin": one.address, "Accept": "text/html", "Accept-Language": "de"}
            answer = await one.context.request.post(
                f"{one.address}/settings/accounts/{boss.id}/password", headers=german, form={"password": ""}
            )
            assert answer.status == 403
            assert "Das gäbe Rechte, die Sie selbst nicht haben." in await answer.text()
    finally:
        await door.change("/roles/operator", permissions=before)


async def test_a_problem_is_told_in_the_language_of_the_page(someone: Someone) -> None:
    """What has no words there is told by its kind, with the English text below, marked as such."""
    async with someone("administrator", locale="de-DE", may_complain=True) as one:
        assert await one.go("/users?cursor=x") == 422
        assert "In dieser Adresse oder in diesem Formular stimmt etwas nicht." in await one.text()
        assert "The parameters are wrong" in await one.text("main p[lang=en]")
        assert await one.faults() == []
    async with someone("administrator", may_complain=True) as one:
        await one.go("/users?cursor=x")
        assert (await one.text()).count("The parameters are wrong") == 1


async def test_every_card_of_the_settings_leads_to_a_page(someone: Someone) -> None:
    async with someone("administrator", java_script_enabled=False) as one:
        await one.go("/settings")
        assert await one.page.locator("main .card").count() == len(CARDS)
        for path in await one.page.locator("main .card a").evaluate_all("all => all.map(one => one.pathname)"):
            assert await one.go(path) == 200
