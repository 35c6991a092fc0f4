"""My calls: one's own recordings and the services of one's own phone."""

from api_door import ServiceUrl
from people import JOHN

from conftest import Someone


async def test_the_switch_for_all_calls_is_there_while_its_code_is_switched_on(
    someone: Someone, door: ServiceUrl
) -> None:
    async with someone("user") as one:
        assert one.path == "/my"
        assert await one.page.locator("[name=call_record]").count() == 0
        await door.change("/extensions/call_record", enabled=True)
        await one.go("/my")
        await one.page.check("#call_record")
        await one.page.fill("#forward_busy", "1001")
        await one.page.click("text=Save")
        assert "Your services are changed." in await one.text("#messages")
        user = door.feed.directory.user(JOHN)
        assert user is not None
        assert (user.call_record, user.forward_busy, user.dnd) == (True, "1001", False)
        await one.page.uncheck("#call_record")
        await one.page.click("text=Save")
        assert not await one.page.is_checked("#call_record")
        await door.change("/extensions/call_record", enabled=False)


async def test_a_wrong_destination_is_said_at_its_field_and_changes_nothing(someone: Someone, door: ServiceUrl) -> None:
    async with someone("user", java_script_enabled=False) as one:
        await one.page.fill("#forward_unconditional", "<b>nowhere</b>")
        await one.page.check("#dnd")
        await one.page.click("text=Save")
        assert await one.page.get_attribute("#forward_unconditional", "aria-invalid") == "true"
        assert await one.page.input_value("#forward_unconditional") == "<b>nowhere</b>"
        user = door.feed.directory.user(JOHN)
        assert user is not None
        assert not user.dnd


async def test_a_service_whose_code_is_switched_off_is_not_taken(someone: Someone, door: ServiceUrl) -> None:
    async with someone("user") as one:
        said = await one.page.evaluate(
            """() => fetch('/my/services', {method: 'POST', body: new URLSearchParams({call_record: 'true'})})
            .then((answer) => answer.text())"""
        )
        assert "This service is switched off." in said
        user = door.feed.directory.user(JOHN)
        assert user is not None
        assert not user.call_record
