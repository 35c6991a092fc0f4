"""Function keys in a browser: completed, ordered, checked at each key, drawn, printed and copied."""

from api_door import ServiceUrl
from people import BILL, GEORGE, JOHN

from callrec.app.ports.asterisk import KnownNumber
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.model import FunctionKey, Line, User
from callrec.domain.rules import UserId
from conftest import Someone

HOSTILE = "<b>John</b>"


async def tables_of(door: ServiceUrl) -> Directory:
    """The tables as they are now."""
    await door.feed.catch_up(10)
    return door.feed.directory


async def keys_of(door: ServiceUrl, user: UserId) -> dict[int, tuple[str, str, str, bool]]:
    """The stored keys by number."""
    keys = (await tables_of(door)).keys_of(user)
    return {key.number: (key.type, key.destination, key.label, key.supervision) for key in keys}


async def test_a_key_is_made_by_the_beginning_of_a_name_and_drawn_as_it_will_look(
    someone: Someone, door: ServiceUrl
) -> None:
    async with someone("administrator") as one:
        await one.go(f"/users/{BILL}/keys")
        await one.page.locator("[name='destination.0']").press_sequentially("cli", delay=20)
        await one.page.wait_for_selector("#people option", state="attached")
        assert await one.page.get_attribute("#people option", "value") == "George Clinton (1001)"
        await one.page.fill("[name='destination.0']", "George Clinton (1001)")
        await one.page.check("[name='supervision.0']")
        await one.page.click("text=Add a key")
        assert await one.page.input_value("[name='number.1']") == "2"
        assert "Not saved yet." in await one.text()
        await one.page.select_option("[name='type.1']", "customized")
        await one.page.fill("[name='destination.1']", "0123")
        await one.page.fill("[name='label.1']", HOSTILE)
        await one.page.click("text=Save the keys")
        await one.page.wait_for_selector("text=The keys are saved.")
        assert await keys_of(door, BILL) == {
            1: ("user", str(GEORGE), "", True),
            2: ("customized", "0123", HOSTILE, False),
        }
        picture = await one.page.locator(".phone li").all_inner_texts()
        assert picture[0].startswith("1 · George Clinton")
        assert picture[1] == f"2 · {HOSTILE}"
        await one.page.click("text=Sheet to print")
        assert (
            await one.page.locator("tbody tr").nth(0).inner_text()
            == "1\tGeorge Clinton\tUser\tGeorge Clinton (1001)\t1001\t1001"
        )


async def test_a_destination_of_usual_length_is_seen_whole(someone: Someone) -> None:
    """And all of a key is on the screen: nothing has to be scrolled to."""
    for language in ("en-GB", "de-DE"):
        async with someone("administrator", locale=language) as one:
            await one.go(f"/users/{BILL}/keys")
            field = one.page.locator("[name='destination.0']")
            await field.fill("Maximiliane Mustermann (1001)")
            for width in (360, 700, 800, 1000, 1160, 1280, 1400):
                await one.page.set_viewport_size({"width": width, "height": 800})
                assert await field.evaluate("field => field.scrollWidth - field.clientWidth") == 0, width
                table = one.page.locator("#keys .scroll")
                assert await table.evaluate("table => table.scrollWidth - table.clientWidth") == 0, width


async def test_keys_change_places_by_buttons_with_and_without_scripts(someone: Someone, door: ServiceUrl) -> None:
    who = UserId("601")
    dnd, out = FunctionKey(who, 3, "dnd"), FunctionKey(who, 7, "customized", "0123")
    await door.store.edit(Edit(tuple(Change(None, made) for made in (User(who, "Order"), dnd, out))), "order")
    await tables_of(door)
    for with_scripts in (True, False):
        async with someone("administrator", java_script_enabled=with_scripts) as one:
            await one.go(f"/users/{who}/keys")
            first = await one.page.input_value("[name='type.0']")
            await one.page.locator("[value='down.0']").focus()
            await one.page.keyboard.press("Enter")
            if not with_scripts:
                await one.page.wait_for_selector("text=Not saved yet.")
            assert await one.page.input_value("[name='type.1']") == first
            assert [await one.page.input_value(f"[name='number.{at}']") for at in (0, 1)] == ["3", "7"]
            await one.page.click("text=Save the keys")
            await one.page.wait_for_selector("text=The keys are saved.")
            assert (await keys_of(door, who))[7][0] == first
    async with someone("administrator") as one:
        await one.go(f"/users/{who}/keys")
        first = await one.page.input_value("[name='type.0']")
        grip = await one.page.locator(".grip").first.bounding_box()
        other = await one.page.locator("#keys tbody tr").nth(1).bounding_box()
        assert grip
        assert other
        await one.page.mouse.move(grip["x"] + 5, grip["y"] + 5)
        await one.page.mouse.down()
        await one.page.mouse.move(grip["x"] + 5, other["y"] + other["height"] - 3, steps=5)
        await one.page.mouse.up()
        assert await one.page.input_value("[name='type.1']") == first


async def test_every_fault_stands_at_its_key_and_nothing_is_lost(someone: Someone, door: ServiceUrl) -> None:
    before = await keys_of(door, GEORGE)
    async with someone("administrator") as one:
        await one.go(f"/users/{GEORGE}/keys")
        await one.page.fill("[name='destination.0']", "Jones")
        await one.page.click("text=Add a key")
        await one.page.fill("[name='number.1']", "900")
        await one.page.fill("[name='destination.1']", "John Doe (1000)")
        await one.page.click("text=Add a key")
        await one.page.select_option("[name='type.2']", "customized")
        await one.page.fill("[name='destination.2']", "letters")
        await one.page.click("text=Save the keys")
        await one.page.wait_for_selector(".wrong-row")
        assert "may be" in await one.text("[id='destination.0-wrong']")
        assert "1 to 250" in await one.text("[id='number.1-wrong']")
        assert await one.page.input_value("[name='destination.2']") == "letters"
        await one.page.fill("[name='destination.0']", "John Doe (1000)")
        await one.page.fill("[name='number.1']", "2")
        await one.page.click("text=Save the keys")
        await one.page.wait_for_selector("[id='destination.2-wrong']")
        assert "key 1 does the same" in await one.text("[id='destination.1-wrong']")
        assert "must be at most 40 digits" in await one.text("[id='destination.2-wrong']")
        assert await keys_of(door, GEORGE) == before


async def test_what_a_lamp_cannot_show_is_told(someone: Someone, door: ServiceUrl) -> None:
    hidden, owner = UserId("602"), UserId("603")
    records = (
        *(User(hidden, "Hidden", enablehint=False), Line("hidden", hidden, "1602", "default", secret="s")),
        *(User(owner, "Owner"), FunctionKey(owner, 1, "user", hidden, supervision=True)),
        *(FunctionKey(owner, 2, "forward_unconditional", supervision=True), FunctionKey(owner, 3, "call_record")),
    )
    await door.store.edit(Edit(tuple(Change(None, made) for made in records)), "lamps")
    await tables_of(door)
    async with someone("administrator") as one:
        await one.go(f"/users/{owner}/keys")
        said = await one.text()
        assert "Hidden has no supervision: the lamp stays dark." in said
        assert "Asks for the number when it is pressed" in said
        assert "The service is not activated among the extensions" in said
        assert await one.page.locator("select[name='type.0'] option[disabled]").count() == 5
        await one.page.click("text=Types that cannot be chosen")
        assert "Listen to online calls: supervisors listen by the PBX's own code" in await one.text()


async def test_keys_of_numbers_are_asked_of_asterisk_and_lamps_without_a_hint_are_told(
    someone: Someone, door: ServiceUrl
) -> None:
    """Errors stand in place and in the language of the page."""
    owner = UserId("617")
    records = (User(owner, "Dials"), Line("dials", owner, "1607", "default", "sip", "secret"))
    await door.store.edit(Edit(tuple(Change(None, made) for made in records)), "numbers")
    await tables_of(door)
    door.dialplan = {"5000@default": KnownNumber(True, ""), "701@default": KnownNumber(True, "park:701@pbx-own")}
    try:
        async with someone("administrator", locale="de-DE", java_script_enabled=False) as one:
            await one.go(f"/users/{owner}/keys")
            for at, (kind, number) in enumerate((("conference", "5000"), ("parking_position", "701"), ("queue", "6"))):
                if at:
                    await one.page.click("[value=add]")
                await one.page.fill(f"[name='number.{at}']", str(at + 1))
                await one.page.select_option(f"[name='type.{at}']", kind)
                await one.page.fill(f"[name='destination.{at}']", number)
                if kind != "queue":
                    await one.page.check(f"[name='supervision.{at}']")
            await one.page.select_option("[name='type.2']", "user")
            await one.page.click("button.main[value=save]")
            said = await one.text("[id='destination.2-wrong']")
            assert said.startswith("Kein Benutzer hat die Nummer, Leitung oder ID '6'")
            await one.page.select_option("[name='type.2']", "queue")
            await one.page.click("button.main[value=save]")
            assert await one.text("[id='destination.2-wrong']") == "diese Anlage hat keine Nummer 6"
            assert await one.page.locator(".wrong-row").count() == 1
            await one.page.click("[value='remove.2']")
            await one.page.click("button.main[value=save]")
            said = await one.text()
            assert "Taste 1: Die Nummer hat keinen Hint" in said
            assert "Taste 2:" not in said
        assert (await keys_of(door, owner))[2][:2] == ("parking_position", "701")
    finally:
        door.dialplan = {}


async def test_keys_are_copied_to_others_after_it_was_shown_what_happens(someone: Someone, door: ServiceUrl) -> None:
    giver, taker, sccp = UserId("604"), UserId("605"), UserId("606")
    records = (
        *(
            User(giver, "Giver"),
            User(taker, "Taker"),
            User(sccp, "Skinny"),
            Line("1606", sccp, "1606", "default", "sccp"),
        ),
        *(FunctionKey(giver, 1, "dnd"), FunctionKey(giver, 2, "customized", "0123"), FunctionKey(taker, 2, "dnd")),
    )
    await door.store.edit(Edit(tuple(Change(None, made) for made in records)), "copies")
    await tables_of(door)
    async with someone("administrator") as one:
        await one.go(f"/users/{giver}/keys/copy")
        await one.page.fill("#targets", "Taker\nSkinny (1606)")
        await one.page.uncheck("#keep")
        await one.page.click("text=Show what happens")
        await one.page.wait_for_selector("text=Copy to 2 users")
        assert "1: an SCCP phone has customized keys only" in await one.text()
        await one.page.click("text=Copy to 2 users")
        await one.page.wait_for_selector("text=The keys are copied.")
        assert {number: key[0] for number, key in (await keys_of(door, taker)).items()} == {1: "dnd", 2: "customized"}
        assert list(await keys_of(door, sccp)) == [2]


async def test_why_a_key_is_not_copied_is_told_in_the_language_of_the_page(someone: Someone, door: ServiceUrl) -> None:
    """Also that the PBX does not have its number for the phones of the new owner."""
    giver, taker = UserId("618"), UserId("619")
    records = (
        *(User(giver, "Spender"), User(taker, "Nehmer"), Line("taker", taker, "1619", "default", "sip", "secret")),
        *(FunctionKey(giver, 1, "dnd"), FunctionKey(giver, 2, "queue", "6000"), FunctionKey(taker, 1, "phone_status")),
    )
    await door.store.edit(Edit(tuple(Change(None, made) for made in records)), "reasons")
    await tables_of(door)
    door.dialplan = {"5000@default": KnownNumber(True, "")}
    try:
        async with someone("administrator", locale="de-DE", java_script_enabled=False) as one:
            await one.go(f"/users/{giver}/keys/copy")
            await one.page.fill("#targets", "Nehmer")
            await one.page.click("[name=do][value=look]")
            said = await one.text()
            assert "1: Taste 1 ist belegt" in said
            assert "2: diese Anlage hat keine Nummer 6000" in said
            await one.page.click("[name=do][value=copy]")
            assert list(await keys_of(door, taker)) == [1]
    finally:
        door.dialplan = {}


async def test_a_stale_form_of_keys_says_who_was_faster(someone: Someone, door: ServiceUrl) -> None:
    who = UserId("607")
    await door.store.edit(Edit((Change(None, User(who, "Busy")),)), "busy")
    await tables_of(door)
    async with someone("administrator") as one:
        await one.go(f"/users/{who}/keys")
        await one.page.fill("[name='destination.0']", "John Doe (1000)")
        await door.store.edit(Edit((Change(None, FunctionKey(who, 9, "dnd")),)), "busy-2", actor=f"account:{JOHN}")
        await tables_of(door)
        await one.page.click("text=Save the keys")
        await one.page.wait_for_selector("text=John Doe has changed this at")
        assert await one.page.input_value("[name='destination.0']") == "John Doe (1000)"
        assert list(await keys_of(door, who)) == [9]


async def test_the_pages_of_keys_are_for_everybody(someone: Someone, door: ServiceUrl) -> None:
    who = UserId("608")
    keys = [FunctionKey(who, n, "customized", f"01{n}", "W" * 32) for n in range(1, 9)]
    await door.store.edit(Edit(tuple(Change(None, made) for made in (User(who, HOSTILE), *keys))), "fair")
    await tables_of(door)
    async with someone("administrator") as one:
        for path in ("keys", "keys/sheet", "keys/copy"):
            assert await one.go(f"/users/{who}/{path}") == 200
            assert await one.faults() == []
            assert await one.misplaced() == []


async def test_the_names_of_the_buttons_stay_with_their_places(someone: Someone, door: ServiceUrl) -> None:
    """As the numbers do, also after two moves, by buttons and by drag alike."""
    who = UserId("690")
    keys = tuple(
        FunctionKey(who, number, kind) for number, kind in ((3, "dnd"), (7, "call_record"), (9, "forwards_off"))
    )
    await door.store.edit(Edit(tuple(Change(None, made) for made in (User(who, "Named"), *keys))), "named")
    await tables_of(door)
    async with someone("administrator") as one:
        await one.go(f"/users/{who}/keys")
        named = (
            "rows => rows.map(row => [...row.querySelectorAll('button')].map(one => one.getAttribute('aria-label')))"
        )
        before = await one.page.eval_on_selector_all("#keys tbody tr", named)
        assert before[0] == ["Move key 3 up", "Move key 3 down", "Remove key 3"]
        await one.page.click("[value='down.0']")
        await one.page.click("[value='down.1']")
        assert await one.page.input_value("[name='type.2']") == "dnd"
        assert await one.page.eval_on_selector_all("#keys tbody tr", named) == before
