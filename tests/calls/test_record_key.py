"""The key of always-record: it does what `*26` does, on its user's own phone, and its lamp is called what it dials."""

from arrangement import phone, until_lamp, user_id
from listening import said

from callrec.adapters.redis.store import open_store
from callrec.domain.directory.function_keys import bound
from callrec.domain.rules import UserId
from callrec_lab.phones import PhoneCall
from callrec_lab.stack import Stack

OWNER, OTHER = "1030", "1031"


async def press(stack: Stack, number: str, key: str) -> PhoneCall:
    """A key dials from a phone that is idle; until the PBX hangs up."""
    call = await phone(stack, number).call(key, tone_hz=0)
    await call.ended()
    return call


async def flags(stack: Stack) -> dict[str, bool]:
    """Both users' flags as they are in the store."""
    async with open_store("embedded:", stack.daemon.state, join=True) as store:
        tables = await store.tables()
    by_id = {user.id: user.call_record for user in tables.users}
    return {number: by_id[UserId(user_id(stack, number))] for number in (OWNER, OTHER)}


async def test_the_key_turns_its_users_flag_over_and_lights_its_lamp(stack: Stack) -> None:
    """Once on, once off, with the words of `*26`."""
    key = bound(UserId(user_id(stack, OWNER)), "*26")
    for word, state in (("on", "INUSE"), ("off", "NOT_INUSE")):
        call = await press(stack, OWNER, key)
        assert said(call.heard()) == ("en", word)
        assert await flags(stack) == {OWNER: word == "on", OTHER: False}
        await until_lamp(stack, OWNER, "26", state)


async def test_the_key_works_before_asterisk_knows_it(stack: Stack) -> None:
    """Just after the first start, or with many users after any, Asterisk's copy is not complete: the daemon does it."""
    key = bound(UserId(user_id(stack, OWNER)), "*26")
    for word in ("on", "off"):
        await stack.pbx.cli(f"database del callrec/lamp {user_id(stack, OWNER)}")
        assert said((await press(stack, OWNER, key)).heard()) == ("en", word)
        assert await flags(stack) == {OWNER: word == "on", OTHER: False}


async def test_a_key_works_for_nobody_else(stack: Stack) -> None:
    """Another user who dials it changes nothing: neither the owner's flag nor their own."""
    call = await press(stack, OTHER, bound(UserId(user_id(stack, OWNER)), "*26"))
    assert call.heard().length_s == 0
    assert await flags(stack) == {OWNER: False, OTHER: False}
