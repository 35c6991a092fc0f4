"""The store on a real Valkey: what returned is on disk, what was asked twice happens once, what is hostile stays text."""

import asyncio
import itertools
import os
import signal
import time
from dataclasses import replace

import pytest
from redis import exceptions as fault
from redis.crc import key_slot
from seeds import adding

from callrec.adapters.passwords import Argon2Passwords
from callrec.adapters.redis import keys
from callrec.adapters.redis.connection import Address, ask, translated
from callrec.adapters.redis.embedded import EmbeddedValkey
from callrec.adapters.redis.persistence import sentences
from callrec.adapters.redis.records import USER, dump_json
from callrec.adapters.redis.store import RedisStore, open_store
from callrec.app.directory.user_file.import_users import import_users
from callrec.domain.directory.model import DEFAULT_CODES, Feature, FeatureCode, Incall, Line, Tables, User, Voicemail
from callrec.domain.errors import Corrupt, Misconfigured, Refused, Unavailable
from callrec.domain.rules import RecordRules, Rule, UserId

JOHN = User(UserId("1"), "John", "Doe", username="john", rules=RecordRules(in_external=Rule.ALWAYS))
DESK = Line("desk", JOHN.id, "1000", "default", secret="hush")
TABLES = Tables(
    (JOHN, User(UserId("2"), "Ada")),
    (DESK,),
    (Incall("2050", "from-extern", JOHN.id),),
    (Voicemail("1000", "default", JOHN.id, "John Doe", "1234"),),
)
HOSTILE = [
    "a\r\nSET x y",
    "nul\0inside",
    "x" * 4096,
    "\u202egnirts\u202c \u05d0",
    "${SHELL(id)} ../../etc",
    '"}\\u0000{[callrec:*]}',
    "*3\r\n$3\r\nDEL",
]


@pytest.fixture
async def server(tmp_path_factory):
    """A running embedded server."""
    embedded = EmbeddedValkey(tmp_path_factory.mktemp("s"))
    async with embedded:
        yield embedded


@pytest.fixture
async def store(server):
    """A store with John, Ada, a line, an incall and a voicemail."""
    async with RedisStore(Address.of_socket(server.socket)) as opened:
        await opened.edit(adding(TABLES), "seed")
        yield opened


async def events(store):
    return [fields for _, fields in await ask(store._client, "XRANGE", keys.EVENTS, "-", "+")]


async def test_tables_come_back_as_they_went_in(store):
    """Every noun survives the way to JSON and back; codes nobody stored are the shipped ones."""
    assert TABLES == await store.tables()
    snapshot = await store.snapshot()
    assert (1, DEFAULT_CODES) == (snapshot.revision, snapshot.tables.codes)
    assert "0-0" != snapshot.cursor


async def test_an_empty_store_has_empty_tables(server):
    """A new server gives empty tables, at revision 0 and before any event."""
    async with RedisStore(Address.of_socket(server.socket)) as opened:
        snapshot = await opened.snapshot()
    assert (Tables(), 0, "0-0") == (snapshot.tables, snapshot.revision, snapshot.cursor)


async def test_add_is_all_or_nothing(store):
    """One number that is taken refuses all of it, by name, and nothing of it is stored."""
    more = Tables((User(UserId("3"), "Eve"),), (Line("eve", UserId("3"), "1000", "default"),))
    with pytest.raises(Refused, match="extension:1000@default") as refused:
        await store.edit(adding(more), "r2")
    assert "table-conflict" == refused.value.code
    assert TABLES == await store.tables()
    with pytest.raises(Refused, match="already taken"):
        await store.edit(adding(replace(TABLES, lines=(replace(DESK, number="1"),))), "r3")


async def test_add_refuses_what_contradicts_itself(store):
    """Two new users with one number never reach the server."""
    lines = tuple(Line(f"l{n}", UserId(f"{n}"), "7", "default") for n in (3, 4))
    with pytest.raises(Refused, match="default twice"):
        await store.edit(adding(Tables(lines=lines)), "r2")


async def test_add_once_per_request(store):
    """The same request again is no conflict with itself and adds nothing."""
    await store.edit(adding(TABLES), "seed")
    assert 1 == (await store.snapshot()).revision


async def test_two_writers_of_one_number(store):
    """Of two who take the same number at once, one is refused."""

    def eve(number):
        return Tables((User(UserId(number), "Eve"),), (Line(f"e{number}", UserId(number), "1234", "default"),))

    done = await asyncio.gather(
        store.edit(adding(eve("8")), "a"), store.edit(adding(eve("9")), "b"), return_exceptions=True
    )
    assert [True, False] == sorted((isinstance(each, Refused) for each in done), reverse=True)
    assert 3 == len((await store.tables()).users)


async def test_ids_are_given_once(store):
    """Reserved ids are decimal, in order, and never given again."""
    assert ["1", "2", "3"] == await store.reserve_user_ids(3)
    assert ["4"] == await store.reserve_user_ids(1)


async def test_toggle(store):
    """A toggle turns the flag, leaves the rest of the user alone, and is an event with user, function and status."""
    assert await store.toggle_call_record(JOHN.id, "t1", "user:1") is True
    assert replace(JOHN, call_record=True) == (await store.tables()).users[0]
    assert await store.toggle_call_record(JOHN.id, "t2", "user:1") is False
    assert TABLES == await store.tables()
    *_, on, off = await events(store)
    assert ("user-changed", "1", "call_record", "on", "user:1", "2") == tuple(
        on[name] for name in ("type", "user", "function", "status", "actor", "revision")
    )
    assert ("off", "3") == (off["status"], off["revision"])


async def test_toggle_once_per_request(store):
    """The same request id gives the same answer and changes nothing a second time."""
    assert [True, True] == [await store.toggle_call_record(JOHN.id, "t1", "user:1") for _ in range(2)]
    assert (await store.tables()).users[0].call_record
    with pytest.raises(Refused, match="another user"):
        await store.toggle_call_record(UserId("2"), "t1", "user:2")


async def test_concurrent_toggles_all_count(store):
    """An odd number of toggles at once leaves the flag on, and each has seen its own state."""
    seen = await asyncio.gather(*(store.toggle_call_record(JOHN.id, f"t{n}", "user:1") for n in range(21)))
    assert (11, True) == (sum(seen), (await store.tables()).users[0].call_record)


async def test_toggle_of_a_stranger(store):
    """A user who does not exist is refused, and nothing changes."""
    for stranger in ("404", "", "1 ", "*", "\ud800"):
        with pytest.raises(Refused) as refused:
            await store.toggle_call_record(UserId(stranger), "t1", "user:404")
        assert "no-such-user" == refused.value.code
    assert 1 == (await store.snapshot()).revision


async def test_a_word_given_to_a_phone_is_kept_once(store):
    """It is a change like a toggle, with its event; the same request again changes nothing, and says what the flag is."""
    word = {"on": True, "told_ms": 1_795_521_600_123, "request_id": "1:w1", "actor": "user:1"}
    assert await store.apply_fallback_change(JOHN.id, **word) is True
    assert (await store.tables()).users[0] == replace(JOHN, call_record=True)
    *_, event = await events(store)
    assert ("user-changed", "1", "call_record", "on", "user:1", "1795521600123") == tuple(
        event[name] for name in ("type", "user", "function", "status", "actor", "told_ms")
    )
    assert await store.apply_fallback_change(JOHN.id, **word) is True
    assert 2 == (await store.snapshot()).revision
    assert await store.apply_fallback_change(JOHN.id, **word | {"on": False, "request_id": "1:w2"}) is False
    with pytest.raises(Refused) as refused:
        await store.apply_fallback_change(UserId("404"), **word | {"request_id": "w3"})
    assert "no-such-user" == refused.value.code


@pytest.mark.parametrize("by", ["an administrator", "a press"])
async def test_the_last_word_stands(store, by):
    """A flag that was set after a phone was told something stays, also when it was so already, or the same request comes
    again; what a phone was told after that counts."""
    told_ms = int(time.time() * 1000) - 60_000
    word = {"on": False, "told_ms": told_ms, "actor": "user:1"}
    if by == "a press":
        assert await store.apply_fallback_change(JOHN.id, **word, request_id="before") is False
        assert await store.toggle_call_record(JOHN.id, "t1", "user:1")
    else:
        await store.toggle_call_record(JOHN.id, "t1", "user:1")
        await store.set_user(JOHN.id, actor="admin", request_id="s1", call_record=True)
    before = await store.snapshot()
    for request in ("before", "other"):
        assert await store.apply_fallback_change(JOHN.id, **word, request_id=request) is True
    assert before == await store.snapshot()
    assert (
        await store.apply_fallback_change(JOHN.id, **word | {"told_ms": told_ms + 120_000}, request_id="after") is False
    )


@pytest.mark.parametrize("back_s", [300, 3_600])
async def test_what_a_phone_was_told_after_the_clock_was_set_back_counts(store, back_s):
    """The flag was set by the clock of before, which is the future now: the word was dropped as older."""
    await store.toggle_call_record(JOHN.id, "t1", "user:1")
    now_ms = int(time.time() * 1000)
    await ask(store._client, "HSET", keys.CALL_RECORD_SET, JOHN.id, now_ms + back_s * 1000 - 60_000)
    word = {"on": False, "told_ms": now_ms - 5_000, "actor": "user:1"}
    assert await store.apply_fallback_change(JOHN.id, **word, request_id="after") is False


async def test_a_word_that_turned_this_very_flag_over_counts_whatever_the_clocks_say(store):
    """The instant of the flag is what the dialplan knew of it; another one is somebody else's, who may have come later."""
    assert await store.flag_set_ms(JOHN.id) == 0
    await store.toggle_call_record(JOHN.id, "t1", "user:1")
    at_ms = await store.flag_set_ms(JOHN.id)
    word = {"on": False, "told_ms": at_ms - 300_000, "actor": "user:1"}
    assert await store.apply_fallback_change(JOHN.id, **word, request_id="other", made_from_ms=at_ms - 1) is True
    assert await store.apply_fallback_change(JOHN.id, **word, request_id="this", made_from_ms=at_ms) is False


async def test_a_word_of_a_clock_that_was_ahead_keeps_no_later_one_away(store):
    """Told while the clock stood two hours ahead: what is told when it is right again is later."""
    now_ms = int(time.time() * 1000)
    ahead = {"on": True, "told_ms": now_ms + 7_200_000, "actor": "user:1"}
    assert await store.apply_fallback_change(JOHN.id, **ahead, request_id="ahead") is True
    later = {"on": False, "told_ms": int(time.time() * 1000) + 1, "actor": "user:1"}
    assert await store.apply_fallback_change(JOHN.id, **later, request_id="later") is False


async def test_a_change_of_something_else_is_no_word_about_recording(store):
    """Who gets another language while a word waits is still recorded as they were told."""
    await store.set_user(JOHN.id, actor="admin", request_id="s1", language="fr_FR")
    assert await store.apply_fallback_change(JOHN.id, on=True, told_ms=1, request_id="w1", actor="user:1") is True


@pytest.mark.parametrize("request_id", ["", "a b", "x" * 101, "a}b", "a\n"])
async def test_request_ids_are_checked(store, request_id):
    """A request id becomes part of a key: anything but plain words is refused."""
    with pytest.raises(Refused, match="request id") as refused:
        await store.toggle_call_record(JOHN.id, request_id, "user:1")
    assert refused.value.code == "request-id"


async def test_a_toggle_that_returned_is_on_disk(server, store):
    """Killed at once after the answer, the server comes back with the flag; and it was asked for its disk (WAITAOF)."""
    assert await store.toggle_call_record(JOHN.id, "t1", "user:1")
    assert 2 == (await ask(store._client, "INFO", "commandstats"))["cmdstat_waitaof"]["calls"]
    first = server.pid
    os.kill(first, signal.SIGKILL)
    async with asyncio.timeout(20):
        while server.pid in {first, None}:  # noqa: ASYNC110 - the new child's id is the event
            await asyncio.sleep(0.01)
    assert (await store.tables()).users[0].call_record


async def test_a_server_that_is_down(tmp_path):
    """Nobody behind the socket: Unavailable at once, and the outcome is known."""
    async with RedisStore(Address.of_socket(tmp_path / "none.sock")) as store:
        for attempt in (store.ping(), store.tables(), store.toggle_call_record(JOHN.id, "t", "a"), store.persistence()):
            async with asyncio.timeout(5):
                with pytest.raises(Unavailable) as down:
                    await attempt
            assert "store-unavailable" == down.value.code


async def test_a_server_that_hangs(server, store):
    """A stopped process answers nobody: Unavailable soon, and nothing had been sent."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(5):
            with pytest.raises(Unavailable) as down:
                await store.toggle_call_record(JOHN.id, "t1", "user:1")
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert "store-unavailable" == down.value.code
    assert not (await store.tables()).users[0].call_record
    assert await store.toggle_call_record(JOHN.id, "t1", "user:1")


class Cutter:
    """A socket before the server's that passes everything on, but cuts the line instead of passing a toggle's answer."""

    def __init__(self, server, path):
        self.server, self.path, self.cutting = server, path, True

    async def __aenter__(self):
        self._listening = await asyncio.start_unix_server(self._serve, self.path)
        return self

    async def __aexit__(self, *_):
        self._listening.close()

    async def _serve(self, reader, writer):
        there_reader, there_writer = await asyncio.open_unix_connection(self.server.socket)
        marks = itertools.count()

        async def ask_through():
            while sent := await reader.read(65536):
                there_writer.write(sent)
                if b"EVAL" in sent and self.cutting:
                    next(marks)
                    await there_reader.read(1)
                    return

        async def answer_through():
            while got := await there_reader.read(65536):
                writer.write(got)

        asking = asyncio.create_task(ask_through())
        answering = asyncio.create_task(answer_through())
        try:
            await asyncio.wait([asking, answering], return_when=asyncio.FIRST_COMPLETED)
        finally:
            asking.cancel()
            answering.cancel()
            await asyncio.wait([asking, answering])
            there_writer.close()
            writer.close()


async def test_an_answer_that_is_lost(server, store, tmp_path_factory):
    """The line breaks after the question: the outcome is unknown; the same request again says it, and it happened once."""
    path = tmp_path_factory.mktemp("c") / "cut.sock"
    async with Cutter(server, path) as cutter, RedisStore(Address.of_socket(path)) as behind:
        with pytest.raises(Unavailable) as lost:
            await behind.toggle_call_record(JOHN.id, "t1", "user:1")
        assert "store-outcome-unknown" == lost.value.code
        cutter.cutting = False
        assert await behind.toggle_call_record(JOHN.id, "t1", "user:1") is True
    assert 2 == (await store.snapshot()).revision


async def test_a_server_that_keeps_nothing(store):
    """Without an append-only file toggles work, and readiness says what they are worth."""
    assert "" == await store.persistence()
    await ask(store._client, "CONFIG SET", "appendonly", "no")
    assert await store.toggle_call_record(JOHN.id, "t1", "user:1") is True
    assert "no append-only file" in await store.persistence()


GOOD = {"redis_version": "7.2.4", "aof_enabled": 1, "maxmemory": 0, "maxmemory_policy": "allkeys-lru", "role": "master"}


@pytest.mark.parametrize(
    ("other", "appendfsync", "word"),
    [
        ({"redis_version": "6.0.9"}, "always", "tested from 6.2"),
        ({"redis_version": "6.2.14"}, "always", "no WAITAOF"),
        ({"aof_enabled": 0}, "always", "no append-only file"),
        ({"aof_last_write_status": "err"}, "always", "cannot write"),
        ({}, "no", "appendfsync no"),
        ({"maxmemory": 5}, None, "may drop callrec's keys: its maxmemory-policy is allkeys-lru"),
        ({"role": "slave"}, "everysec", "is a replica"),
    ],
)
def test_remarks(other, appendfsync, word):
    """Each setting that takes something from our promises is one sentence; a good server has none."""
    (sentence,) = sentences(GOOD | other, appendfsync)
    assert word in sentence
    assert [] == list(sentences(GOOD, appendfsync="everysec"))


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (fault.NoPermissionError("NOPERM"), Misconfigured, "store-login"),
        (fault.ReadOnlyError("replica"), Unavailable, "store-read-only"),
        (fault.ResponseError("MISCONF disk"), Unavailable, "store-read-only"),
        (
            fault.ResponseError("ERR Error running script (call to f_1): @user_script:1: -READONLY You cannot"),
            Unavailable,
            "store-read-only",
        ),
        (fault.ResponseError("ERR ACL failure in script: User u has no permissions"), Misconfigured, "store-login"),
        (fault.ResponseError("unknown command"), Unavailable, "store-refused-command"),
        (fault.ConnectionError(""), Unavailable, "store-unavailable"),
    ],
)
def test_errors_are_ours(error, kind, code):
    """What the client library raises becomes one of our four kinds."""
    ours = translated(error, "the store")
    assert (kind, code) == (type(ours), ours.code)


async def test_a_server_that_is_full(store):
    """Out of memory means: takes no changes now; nothing was changed."""
    await ask(store._client, "CONFIG SET", "maxmemory", "1")
    with pytest.raises(Unavailable) as full:
        await store.toggle_call_record(JOHN.id, "t1", "user:1")
    assert "store-read-only" == full.value.code
    await ask(store._client, "CONFIG SET", "maxmemory", "0")
    assert TABLES == await store.tables()


async def test_foreign_keys_and_records(store):
    """Somebody else's value under our keys is Corrupt, and is not repeated in the error."""
    await ask(store._client, "HSET", keys.USERS, "7", '{"id": "7", "firstname": 5, "secret": "word"}')
    with pytest.raises(Corrupt, match="firstname") as corrupt:
        await store.tables()
    assert corrupt.value.code == "store-record"
    assert "word" not in str(corrupt.value)
    await ask(store._client, "DEL", keys.USERS)
    await ask(store._client, "SET", keys.USERS, "x")
    with pytest.raises(Corrupt, match="other values") as refused:
        await store.toggle_call_record(JOHN.id, "t1", "user:1")
    assert refused.value.code == "store-keys"


async def test_older_records_have_defaults(store):
    """A record of a writer that knew fewer fields, or more, is read; a toggle of it works."""
    await ask(store._client, "HSET", keys.USERS, "7", '{"id": "7", "firstname": "Old", "shoesize": 46}')
    assert User(UserId("7"), "Old") == (await store.tables()).users[-1]
    assert await store.toggle_call_record(UserId("7"), "t1", "user:7") is True


async def test_set_user(store):
    """Single fields change, the rest stays; wrong values are refused before anything is sent."""
    rules = RecordRules(out_external=Rule.NEVER)
    changed = await store.set_user(
        JOHN.id, actor="cli", request_id="s1", call_record=True, rules=rules, language="fr_FR"
    )
    assert replace(JOHN, call_record=True, rules=rules, language="fr_FR") == changed == (await store.tables()).users[0]
    cleared = await store.set_user(JOHN.id, actor="cli", request_id="s2", language=None, lastname="")
    assert (None, "") == (cleared.language, cleared.lastname)
    assert "language lastname" == (await events(store))[-1]["function"]
    with pytest.raises(Refused) as refused:
        await store.set_user(JOHN.id, actor="cli", request_id="s3", lastname="a\nb")
    assert refused.value.code == "user-field"
    with pytest.raises(Refused, match="actor") as refused:
        await store.set_user(JOHN.id, actor="a\nb", request_id="s3", lastname="ab")
    assert refused.value.code == "actor"


async def test_set_code(store):
    """A code moves and switches on; digits of another feature, stored or shipped, are refused."""
    await store.set_code(Feature.CALL_RECORD, "*27", enabled=True, actor="cli")
    assert FeatureCode(Feature.CALL_RECORD, "*27", enabled=True) == (await store.tables()).codes[0]
    for taken in ("*27", "*3"):
        other = Feature.ONLINE_RECORD if taken == "*27" else Feature.CALL_RECORD
        with pytest.raises(Refused, match="already the code of") as refused:
            await store.set_code(other, taken, enabled=True)
        assert refused.value.code == "feature-code-taken"
    for bad in ("", "26a", "*" * 41, "*2\n"):
        with pytest.raises(Refused, match="not a feature code") as refused:
            await store.set_code(Feature.CALL_RECORD, bad, enabled=True)
        assert refused.value.code == "feature-code"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_stays_text(store, text):
    """Whatever a name holds, it is read back as it was, through the toggle's JSON too, and makes no key."""
    before = set(await ask(store._client, "KEYS", "*"))
    eve = User(UserId("3"), text, text)
    await store.edit(adding(Tables((eve,))), "eve")
    assert await store.toggle_call_record(eve.id, "t1", "user:3")
    assert replace(eve, call_record=True) == (await store.tables()).users[-1]
    await store.publish({"type": "test", "name": text})
    assert text == (await events(store))[-1]["name"]
    new = set(await ask(store._client, "KEYS", "*")) - before
    ours = {keys.request("eve"), keys.request("t1"), keys.CALL_RECORD_SET}
    assert ours == new


async def test_lone_surrogates(store):
    """No user can have what no UTF-8 has; an event keeps it, so that a recording is never missing."""
    with pytest.raises(Refused, match="UTF-8 cannot represent") as refused:
        await store.edit(adding(Tables((User(UserId("3"), "\ud800"),))), "r2")
    assert refused.value.code == "text-not-storable"
    with pytest.raises(Refused, match="UTF-8 cannot represent") as refused:
        await store.edit(adding(Tables(lines=(Line("x", UserId("\udfff"), "1", "d"),))), "r2")
    assert refused.value.code == "text-not-storable"
    await store.publish({"type": "test", "name": "a\udcffb"})
    assert "a\udcffb" == (await events(store))[-1]["name"]
    with pytest.raises(Refused, match="UTF-8 cannot represent") as refused:
        dump_json({"x": "\ud800"})
    assert refused.value.code == "text-not-storable"
    with pytest.raises(Corrupt):
        USER.load('{"id": "1", "firstname": "\ud800"}')


async def test_the_index_of_earlier_versions_is_removed_once(store):
    """The catalogue has it. Nothing else goes; a removal that broke off is begun again."""
    await store.publish({"type": "test"})
    before = set(await ask(store._client, "KEYS", "*"))
    for number in range(2500):
        await ask(store._client, "HSET", f"callrec:recording:{{r{number}}}", "id", f"r{number}")
        await ask(store._client, "ZADD", "callrec:recordings", number, f"r{number}")
    await ask(store._client, "ZADD", "callrec:recordings:rebuilding", "1", "left-over")
    await ask(store._client, "DEL", "callrec:recording:{r7}")
    assert await store.drop_former_index() == 2501
    assert set(await ask(store._client, "KEYS", "*")) == before
    assert await store.drop_former_index() == 0


@pytest.mark.parametrize("event", [{"x": "y" * 70_000}, {f"f{n}": "" for n in range(300)}], ids=["long", "many"])
async def test_an_event_of_a_size_that_none_has_is_refused(store, event):
    with pytest.raises(Refused) as refused:
        await store.publish({"type": "test"} | event)
    assert refused.value.code == "entry-too-large"


async def test_events_need_a_type(store):
    """An event without a type is refused."""
    with pytest.raises(Refused, match="type") as refused:
        await store.publish({"user": "1"})
    assert refused.value.code == "event-type"


async def test_import_on_the_real_store(store):
    """A file is added in one change, and again changes nothing: what the importer's own test has from its table in memory."""
    file = b"firstname|lastname|phonenumber|context|protocol\nGeorge|Clinton|1001|default|sip\n"
    await ask(store._client, "SET", keys.LAST_USER_ID, 2)
    done = await import_users(store, lambda: file, "i1", passwords=Argon2Passwords(), actor="cli")
    assert ["3"] == [step.becomes.user.id for step in done.added]
    assert (2,) == (await import_users(store, lambda: file, "i2", passwords=Argon2Passwords())).unchanged
    assert 2 == (await store.snapshot()).revision


def test_tables_and_events_share_a_slot():
    """On a cluster one script may change any table together with the stream."""
    names = (keys.USERS, keys.LINES, keys.CLAIMS, keys.REVISION, keys.LAST_USER_ID, keys.request("x"))
    assert {key_slot(keys.EVENTS.encode())} == {key_slot(name.encode()) for name in names}


@pytest.mark.parametrize("url", ["sentinel://a", "redis+cluster://a", "http://a", "", "redis://a:port"])
async def test_urls_we_do_not_speak(url, tmp_path):
    """Sentinel and cluster are to come; everything else is a mistake."""
    with pytest.raises(Misconfigured) as refused:
        async with open_store(url, tmp_path):
            pass
    assert refused.value.code == "store-url"


@pytest.mark.usefixtures("store")
async def test_a_store_by_url(server, tmp_path):
    """An outside server by unix:// is the same store; its password never shows in a message."""
    async with open_store(f"unix://{server.socket}", tmp_path) as outside:
        assert TABLES == await outside.tables()
    async with open_store(f"unix://user:sesame@{server.socket}", tmp_path) as outside:
        with pytest.raises(Misconfigured) as refused:
            await outside.ping()
    assert "store-login" == refused.value.code
    async with open_store("redis://user:sesame@127.0.0.1:1/0", tmp_path) as outside:
        with pytest.raises(Unavailable) as down:
            await outside.ping()
    assert "sesame" not in str(refused.value) + str(down.value)
