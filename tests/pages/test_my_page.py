"""My calls: one's own recordings and the services of one's own phone."""

from api_door import ServiceUrl
from people import GEORGE, JOHN, STAFF
from shelf import store

from callrec.app.ports.asterisk import MessageCount
from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry
from callrec.domain.directory.model import DEFAULT_ROLES
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


async def test_messages_in_ones_mailbox_are_counted_as_far_as_asterisk_tells(
    someone: Someone, door: ServiceUrl
) -> None:
    async with someone("user", java_script_enabled=False) as one:
        assert await one.page.locator("#boxes").count() == 0
        door.messages = {"1000@default": MessageCount(2, 1), "1001@default": MessageCount(9, 9)}
        await one.go("/my")
        assert await one.text("[aria-labelledby=boxes]") == "My voicemail\nMailbox 1000\n2 new messages, 1 old one"
        door.messages = {}


async def test_who_has_the_permission_sees_who_else_has_heard_their_recordings(
    someone: Someone, door: ServiceUrl
) -> None:
    """Supervisors by name, holders of links as such; not oneself, and nothing of recordings of others."""
    own, other = (await store(door, 1)).recording.id, (await store(door, 2, user=GEORGE)).recording.id
    chief, john = Actor(ActorKind.ACCOUNT, STAFF["supervisor"]), Actor(ActorKind.ACCOUNT, JOHN)
    await door.audit_log.append(
        [
            AuditEntry(Action.LISTENED, chief, own),
            AuditEntry(Action.LISTENED, chief, other),
            AuditEntry(Action.DOWNLOADED, Actor(ActorKind.LINK, "7f"), own),
            AuditEntry(Action.LISTENED, john, own),
        ]
    )
    async with someone("user", may_complain=True) as one:
        assert await one.page.locator("a[href='/my/heard']").count() == 0
        assert await one.go("/my/heard") == 404
    role = next(one for one in DEFAULT_ROLES if one.name == "user")
    await door.change("/roles/user", permissions=[*role.permissions, "own.audit"])
    async with someone("user") as one:
        await one.page.click("text=Who has heard them")
        rows = [await row.inner_text() for row in await one.page.locator("tbody tr").all()]
        assert ["\t".join(row.split("\t")[1:3]) for row in rows] == [
            "holder of a link\trecording downloaded",
            "Supervisor Jones\trecording heard",
        ]
        assert await one.page.get_attribute("tbody a", "href") == f"/recordings/{own}"
        assert await one.faults() == []
        assert await one.misplaced() == []
        await one.go("/my/heard")
        assert await one.page.locator("tbody tr").count() == 2, "that it was read is an entry of its own kind"
    await door.change("/roles/user", permissions=list(role.permissions))


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
