"""The catalogue keeps its promises with every engine: what is entered is found by each condition, in order, page by page."""

import asyncio
import contextlib
import json
import random
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from postgres_server import PostgresServer, running

from callrec.adapters.database import (
    catalogue_queries,
    catalogue_schema,
    postgres_catalogue,
    postgres_queries,
    postgres_schema,
    sqlite_catalogue,
)
from callrec.adapters.database.open_catalogue import open_catalogue
from callrec.adapters.disk.monitor_directory import MonitorLibrary
from callrec.app.library.catalog import entries, every, export, rebuild
from callrec.app.ports.library import Catalogue
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.library.annotations import Annotations
from callrec.domain.library.call_direction import CallDirection
from callrec.domain.library.manifest import Manifest, StoredState
from callrec.domain.library.search import ALL, Filter
from callrec.domain.library.search_keys import Entry, Heard
from callrec.domain.library.search_pages import Count, Cursor, Page, PageRequest, Sort
from callrec.domain.rules import Rule, UserId

NAMES = (
    "John Döe",
    "Éloïse d'Arc",
    "李小龙",
    "Bo",
    "100% sure",
    'quoted "name"',
    "under_score",
    "back\\slash",
    "*star*",
)
START_S = 1_795_900_000
ENGINES = (
    "sqlite",
    "sqlite as if it were large",
    "postgresql",
    "postgresql as if it were large",
    "postgresql without trigrams",
)
ORDERS = (Sort.NEWEST, Sort.SHORTEST), (Sort.OLDEST, Sort.LONGEST)
VERSIONS = {"sqlite": catalogue_schema.VERSION, "postgresql": postgres_schema.VERSION}


def entry(nth: int, **fields: str) -> dict[str, str]:
    """A recording with some of everything."""
    chance = random.Random(nth)  # noqa: S311 - the same at each run
    made = {
        "id": f"c{nth}-1",
        "state": chance.choice(list(StoredState)).value,
        "start_s": f"{START_S + chance.randrange(100)}.{chance.choice(('000', '250', '999'))}",
        "rule": chance.choice(list(Rule)).value,
        "numbers": json.dumps([f"10{chance.randrange(30):02}", f"+33{chance.randrange(10**6):06}"]),
        "users": json.dumps(sorted({str(chance.randrange(6)), str(chance.randrange(6))})),
        "names": json.dumps(chance.sample(NAMES, 2)),
        "direction": chance.choice(list(CallDirection)).value,
        "recorded_user": chance.choice(("", "1", "2", "3", "4")),
        "node": chance.choice(("alpha", "beta")),
        "path": f"2026/11/28/c{nth}-1",
        "length_s": chance.choice(("", "0.500", "60.000", f"{chance.randrange(9000)}.125")),
    }
    if chance.random() < 0.3:
        made["tags"] = json.dumps(chance.sample(("sale", "complaint", "Sale"), 2))
    if chance.random() < 0.2:
        made["holds"] = json.dumps(["court"])
    if chance.random() < 0.5:
        made["told"] = json.dumps([{"heard": chance.random() < 0.7}, {"heard": True}])
    return made | fields


ENTRIES = [entry(nth) for nth in range(400)]
CONDITIONS: dict[str, tuple[Filter, Callable[[Entry], bool]]] = {
    "user": (Filter(user=UserId("3")), lambda one: "3" in json.loads(one["users"])),
    "recorded": (
        Filter(recorded=frozenset({UserId("1"), UserId("4")})),
        lambda one: one["recorded_user"] in {"1", "4"},
    ),
    "recorded one": (Filter(recorded=frozenset({UserId("2")})), lambda one: one["recorded_user"] == "2"),
    "recorded nobody": (Filter(recorded=frozenset()), lambda _: False),
    "number": (Filter(number="1007"), lambda one: "1007" in json.loads(one["numbers"])),
    "part of a number": (
        Filter(number_part="331"),
        lambda one: any("331" in text for text in json.loads(one["numbers"])),
    ),
    "long part": (Filter(number_part="+3311"), lambda one: any("+3311" in text for text in json.loads(one["numbers"]))),
    "name": (Filter(name="ELOISE D"), lambda one: "Éloïse d'Arc" in json.loads(one["names"])),
    "short name": (Filter(name="bo"), lambda one: "Bo" in json.loads(one["names"])),
    "chinese name": (Filter(name="小龙李"), lambda _: False),
    "part of a chinese name": (Filter(name="李小龙"), lambda one: "李小龙" in json.loads(one["names"])),
    "percent": (Filter(name="100%"), lambda one: "100% sure" in json.loads(one["names"])),
    "wildcards": (Filter(name="%%%"), lambda _: False),
    "underscore": (Filter(name="r_s"), lambda one: "under_score" in json.loads(one["names"])),
    "quotes": (Filter(name='ed "n'), lambda one: 'quoted "name"' in json.loads(one["names"])),
    "backslash": (Filter(name="k\\s"), lambda one: "back\\slash" in json.loads(one["names"])),
    "star": (Filter(name="*star*"), lambda one: "*star*" in json.loads(one["names"])),
    "direction": (Filter(direction=CallDirection.INCOMING), lambda one: one["direction"] == "incoming"),
    "rule": (Filter(rule=Rule.ALWAYS), lambda one: one["rule"] == "always"),
    "state": (Filter(state=StoredState.PARTIAL), lambda one: one["state"] == "partial"),
    "node": (Filter(node="beta"), lambda one: one["node"] == "beta"),
    "tag": (Filter(tag="Sale"), lambda one: "Sale" in json.loads(one.get("tags", "[]"))),
    "held": (Filter(is_held=True), lambda one: "holds" in one),
    "not held": (Filter(is_held=False), lambda one: "holds" not in one),
    "heard": (Filter(heard=Heard.YES), lambda one: "told" in one and "false" not in one["told"]),
    "not heard": (Filter(heard=Heard.NO), lambda one: "false" in one.get("told", "")),
    "nothing announced": (Filter(heard=Heard.NONE), lambda one: "told" not in one),
    "from": (Filter(from_s=START_S + 50.25), lambda one: float(one["start_s"]) >= START_S + 50.25),
    "to": (Filter(to_s=START_S + 50.25), lambda one: float(one["start_s"]) <= START_S + 50.25),
    "least": (Filter(least_s=60), lambda one: float(one["length_s"] or 0) >= 60),
    "most": (Filter(most_s=60), lambda one: float(one["length_s"] or 0) <= 60),
}


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A server."""
    with running() as server:
        yield server


async def address(request: pytest.FixtureRequest) -> str:
    """Of a new catalogue of this engine."""
    if request.param.endswith("large"):
        large = pytest.MonkeyPatch()
        for module in (catalogue_queries, postgres_queries, postgres_catalogue):
            large.setattr(module, "FEW", 3)
        request.addfinalizer(large.undo)
    if request.param.startswith("sqlite"):
        return "sqlite:"
    server: PostgresServer = request.getfixturevalue("postgres")
    url = await server.new_database()
    if request.param == "postgresql without trigrams":
        elsewhere = "CREATE SCHEMA elsewhere; CREATE EXTENSION pg_trgm SCHEMA elsewhere"
        await server.execute(elsewhere, url.rpartition("/")[2])
    return url


@pytest_asyncio.fixture(params=ENGINES, scope="module", loop_scope="module")
async def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Catalogue]:
    """One with all entries, entered in no order."""
    async with open_catalogue(await address(request), tmp_path_factory.mktemp("filled"), "n") as opened:
        async with opened.rebuild() as rebuild:
            await rebuild.put(random.Random(1).sample(ENTRIES, len(ENTRIES)))  # noqa: S311 - the same at each run
            assert await rebuild.finish(lambda _: False) == len(ENTRIES)
        yield opened


@pytest_asyncio.fixture(params=ENGINES)
async def catalogue(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Catalogue]:
    """A new one."""
    async with open_catalogue(await address(request), tmp_path, "n") as opened:
        yield opened


def both(one: Filter, other: Filter) -> Filter:
    """Both conditions."""
    changed = {name: value for name in Filter.__slots__ if (value := getattr(other, name)) != getattr(ALL, name)}
    return replace(one, **changed)


def ids(page: Page) -> list[str]:
    return [one["id"] for one in page.entries]


async def paged(catalogue: Catalogue, wanted: Filter, sort: Sort, limit: int) -> list[Entry]:
    """All pages forwards; each page before the next one, read backwards, is the same page again."""
    page, found = await catalogue.search(wanted, PageRequest(sort, limit)), []
    assert page.previous is None
    while True:
        found += page.entries
        if page.next is None:
            return found
        cursor = Cursor.read(str(page.next), sort)
        following = await catalogue.search(wanted, PageRequest(sort, limit, cursor))
        assert following.previous is not None
        back = await catalogue.search(wanted, PageRequest(sort, limit, Cursor.read(str(following.previous), sort)))
        assert ids(back) == ids(page)
        page = following


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", CONDITIONS)
async def test_each_condition_finds_what_meets_it_and_nothing_else(filled: Catalogue, name: str) -> None:
    wanted, meets = CONDITIONS[name]
    expected = {one["id"] for one in ENTRIES if meets(one)}
    assert {one["id"] for one in await paged(filled, wanted, Sort.NEWEST, 37)} == expected
    assert await filled.count(wanted) == Count(len(expected), True)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", CONDITIONS)
async def test_two_conditions_are_both_met_in_every_order(filled: Catalogue, name: str) -> None:
    """Each pair in an order by start and in one by length; to read backwards, `paged` asks for the opposite of both."""
    one, meets = CONDITIONS[name]
    names = list(CONDITIONS)
    nth = names.index(name)
    for other, also in map(CONDITIONS.__getitem__, names[nth + 1 :]):  # each pair once
        nth += 1
        wanted = both(one, other)
        if wanted == one or both(other, one) != wanted:
            continue  # the same condition twice
        expected = {found["id"] for found in ENTRIES if meets(found) and also(found)}
        for sort in ORDERS[nth % 2]:
            found = await paged(filled, wanted, sort, 60)
            assert {entry["id"] for entry in found} == expected, (wanted, sort)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("name", [*CONDITIONS, "all"])
async def test_pages_follow_each_other_in_order_both_ways(filled: Catalogue, name: str, sort: Sort) -> None:
    wanted = CONDITIONS[name][0] if name in CONDITIONS else ALL
    found = await paged(filled, wanted, sort, 19)
    assert len(found) == len({one["id"] for one in found})
    values = [float(one["length_s" if sort.by_length else "start_s"] or 0) for one in found]
    assert values == sorted(values, reverse=sort.descends)
    assert found == list((await filled.search(wanted, PageRequest(sort, 1000))).entries)
    assert found[5:9] == list((await filled.search(wanted, PageRequest(sort, 4, skip=5))).entries)


@pytest.mark.asyncio(loop_scope="module")
async def test_an_entry_is_read_as_it_was_entered(filled: Catalogue) -> None:
    for one in ENTRIES[::40]:
        found = await filled.get(one["id"])
        assert found is not None
        assert list(found.items()) == list(one.items())
    assert await filled.get("nobody") is None
    assert await filled.get("../x\0") is None


@pytest.mark.asyncio(loop_scope="module")
async def test_many_read_at_the_same_time(filled: Catalogue) -> None:
    wanted = CONDITIONS["user"][0]
    found = await asyncio.gather(*(filled.search(wanted, PageRequest()) for _ in range(40)))
    assert len({tuple(ids(page)) for page in found}) == 1


async def test_one_entered_again_replaces_the_former_and_one_removed_is_gone(catalogue: Catalogue) -> None:
    for nth in range(1, 6):
        await catalogue.put({"id": f"r{nth}", "start_s": f"{nth}.5", "names": '["before"]', "tags": '["old"]'})
    changed = {"id": "r3", "start_s": "9.5", "names": '["after"]'}
    for _ in range(2):
        await catalogue.put(changed)
    assert ids(await catalogue.search(ALL, PageRequest())) == ["r3", "r5", "r4", "r2", "r1"]
    assert ids(await catalogue.search(Filter(name="before"), PageRequest())) == ["r5", "r4", "r2", "r1"]
    assert ids(await catalogue.search(Filter(tag="old"), PageRequest())) == ["r5", "r4", "r2", "r1"]
    assert ids(await catalogue.search(Filter(name="after"), PageRequest())) == ["r3"]
    assert [await catalogue.forget(one) for one in ("r3", "r3", "../x")] == [True, False, False]
    assert await catalogue.get("r3") is None
    assert await catalogue.count(ALL) == Count(4, True)


async def test_many_recordings_of_one_millisecond_stay_apart(catalogue: Catalogue) -> None:
    """Also two that want the same place."""
    same = [{"id": f"r{nth}", "start_s": "7.000", "numbers": '["1000"]'} for nth in range(3000)]
    async with catalogue.rebuild() as rebuild:
        for at in range(0, len(same), 500):
            await rebuild.put(same[at : at + 500])
        assert await rebuild.finish(lambda _: False) == len(same)
    found = await paged(catalogue, Filter(number="1000"), Sort.NEWEST, 700)
    assert {one["id"] for one in found} == {one["id"] for one in same}


async def test_a_count_is_exact_up_to_ten_thousand(catalogue: Catalogue) -> None:
    async with catalogue.rebuild() as rebuild:
        for first in range(0, 10_001, 1000):
            some = range(first, min(first + 1000, 10_001))
            await rebuild.put([{"id": f"r{nth}", "start_s": str(nth), "node": "n" if nth else "m"} for nth in some])
        await rebuild.finish(lambda _: False)
    assert await catalogue.count(ALL) == Count(10_000, False)
    assert await catalogue.count(Filter(node="n")) == Count(10_000, True)
    assert len([one async for one in every(catalogue)]) == 10_001


HOSTILE = (
    "",
    "\0",
    "a\udcffb",
    "\ud800",
    "'; DROP TABLE recordings; --",
    "\u202e",
    "x" * 5000,
    "\n",
    '"]',
    "\U0001f600" * 300,
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_stays_text(catalogue: Catalogue, text: str) -> None:
    """It is read back as it was, found where it can be searched, and harms nothing else."""
    lists = dict.fromkeys(("numbers", "names", "users", "tags", "holds"), json.dumps([text]))
    one = {"id": "r1", "start_s": "1", "node": text, "caller": text, "k" + text: "x", **lists}
    await catalogue.put(one)
    await catalogue.put({"id": "r2", "start_s": "2", "numbers": text, "told": text})
    assert await catalogue.get("r1") == one
    part = text[:50]
    for make in (
        lambda: Filter(name=part),
        lambda: Filter(number_part=part),
        lambda: Filter(number=part),
        lambda: Filter(tag=part, node=part, user=UserId(part)),
    ):
        with contextlib.suppress(Refused):
            page = await catalogue.search(make(), PageRequest())
            assert "r1" in ids(page) or len(text) > len(part)
    assert await catalogue.forget("r1")
    assert ids(await catalogue.search(ALL, PageRequest())) == ["r2"]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({}, "recording-id"),
        ({"id": "a b", "start_s": "1"}, "recording-id"),
        ({"id": "a", "start_s": "nan"}, "recording-start"),
        ({"id": "a", "start_s": "99999999999"}, "recording-start"),
        ({"id": "a", "start_s": "1", "x": "y" * 70_000}, "entry-too-large"),
        ({"id": "a", "start_s": "1"} | {f"f{n}": "" for n in range(300)}, "entry-too-large"),
    ],
    ids=["empty", "id", "start", "far", "long", "many"],
)
async def test_bad_entries_are_refused(catalogue: Catalogue, bad: dict[str, str], code: str) -> None:
    async with catalogue.rebuild() as rebuild:
        ((refused_entry, says),) = await rebuild.put([bad, entry(1)])
        assert (refused_entry, await rebuild.finish(lambda _: False)) == (bad, 1)
    assert says
    assert await catalogue.forget("c1-1")
    with pytest.raises(Refused) as refused:
        await catalogue.put(bad)
    assert refused.value.code == code
    assert await catalogue.count(ALL) == Count(0, True)


async def test_a_rebuild_leaves_what_it_was_given_and_what_came_meanwhile(catalogue: Catalogue) -> None:
    """What the daemon enters or removes while a rebuild is under way is newer than what the rebuild has read."""
    assert not await catalogue.is_filled()
    for nth in range(1, 6):
        await catalogue.put({"id": f"r{nth}", "start_s": str(nth), "v": "former"})
    async with catalogue.rebuild() as rebuild:
        await catalogue.put({"id": "r1", "start_s": "1", "v": "newest"})
        await catalogue.put({"id": "new", "start_s": "9", "v": "newest"})
        await catalogue.put({"id": "r5", "start_s": "5", "v": "former"})
        assert await catalogue.forget("r2")
        assert not await catalogue.forget("not-entered-yet")
        assert ids(await catalogue.search(ALL, PageRequest())) == ["new", "r5", "r4", "r3", "r1"]
        read = [{"id": f"r{nth}", "start_s": str(nth), "v": "read"} for nth in (1, 2, 3)]
        await rebuild.put([*read, {"id": "not-entered-yet", "start_s": "8"}, {"id": "only-on-disk", "start_s": "7"}])
        assert await rebuild.finish(lambda one: one["id"] == "kept") == 5
    found = {one["id"]: one.get("v") for one in (await catalogue.search(ALL, PageRequest())).entries}
    assert found == {"new": "newest", "only-on-disk": None, "r5": "former", "r3": "read", "r1": "newest"}
    assert await catalogue.is_filled()
    async with catalogue.rebuild() as rebuild:  # what was forgotten during the one before may come back now
        await rebuild.put([{"id": "r2", "start_s": "2"}])
        assert await rebuild.finish(lambda one: one["id"] == "r3") == 2


async def broken_off(catalogue: Catalogue) -> None:
    async with catalogue.rebuild() as rebuild:
        await rebuild.put([{"id": "r2", "start_s": "2"}])
        raise Unavailable("disk", "the library is gone")


async def test_a_rebuild_that_breaks_off_removes_nothing_and_the_next_one_ends(catalogue: Catalogue) -> None:
    await catalogue.put({"id": "r1", "start_s": "1"})
    with pytest.raises(Unavailable):
        await broken_off(catalogue)
    assert not await catalogue.is_filled()
    assert ids(await catalogue.search(ALL, PageRequest())) == ["r2", "r1"]
    async with catalogue.rebuild() as rebuild:
        await rebuild.put([{"id": "r2", "start_s": "2"}, {"id": "r2", "start_s": "3"}])
        assert await rebuild.finish(lambda _: False) == 1
    assert (await catalogue.get("r2") or {})["start_s"] == "3"


async def test_two_rebuilds_at_once_both_end(catalogue: Catalogue) -> None:
    some = [{"id": f"r{nth}", "start_s": str(nth)} for nth in range(50)]
    async with catalogue.rebuild() as one, catalogue.rebuild() as other:
        await asyncio.gather(one.put(some), other.put(some))
        assert await asyncio.gather(one.finish(lambda _: False), other.finish(lambda _: False)) == [50, 50]


async def test_the_bytes_of_all_are_added_up_in_parts(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries without audio count nothing, and none is left out between two parts."""
    assert await catalogue.stored_bytes() == 0
    for engine in (sqlite_catalogue, postgres_catalogue):
        monkeypatch.setattr(engine, "ADDED_UP", 3)
    sizes = ("", "5", "70", "0", "900", "1000", "20000")
    for nth, size in enumerate(sizes):
        await catalogue.put({**entry(nth), "bytes": size})
        assert await catalogue.stored_bytes() == sum(int(one or 0) for one in sizes[: nth + 1])
    without = {key: value for key, value in entry(9).items() if key != "bytes"}
    await catalogue.put(without)
    assert await catalogue.stored_bytes() == 21975


async def test_a_probe_changes_nothing(catalogue: Catalogue) -> None:
    await catalogue.put({"id": "r1", "start_s": "1"})
    await catalogue.probe()
    assert await catalogue.count(ALL) == Count(1, True)


async def test_a_purge_takes_nothing_but_what_removed_entries_have_left(catalogue: Catalogue) -> None:
    for nth in range(3):
        await catalogue.put(ENTRIES[nth])
    assert await catalogue.forget(ENTRIES[1]["id"])
    await catalogue.purge()
    await catalogue.purge()
    assert (await catalogue.count(ALL)).number == 2
    assert await catalogue.get(ENTRIES[0]["id"]) == ENTRIES[0]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "postgresql without trigrams"])
async def test_a_filled_catalogue_goes_down_to_each_version_and_up_and_finds_the_same(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str
) -> None:
    """More entries than a step of a migration takes at once; each condition finds what it found before."""
    request.param = engine
    where, versions = await address(request), VERSIONS[engine.partition(" ")[0]]
    many = [*ENTRIES, *(entry(nth) for nth in range(400, 1300))]
    async with open_catalogue(where, tmp_path, "n") as catalogue:
        async with catalogue.rebuild() as rebuild:
            for at in range(0, len(many), 500):
                assert not await rebuild.put(many[at : at + 500])
            await rebuild.finish(lambda _: False)
        before = await whole(catalogue)
    for version in range(1, versions + 1):
        async with open_catalogue(where, tmp_path, "n") as catalogue:
            await catalogue.migrate(version)
        async with open_catalogue(where, tmp_path, "n") as catalogue:
            assert await whole(catalogue) == before, version


async def whole(catalogue: Catalogue) -> list[object]:
    """The export, and what each condition finds."""
    found = [await catalogue.search(wanted, PageRequest(limit=50)) for wanted, _ in CONDITIONS.values()]
    counts = [await catalogue.count(wanted) for wanted, _ in CONDITIONS.values()]
    return [export([one async for one in every(catalogue)]), list(map(ids, found)), counts]


async def test_p4_the_library_alone_makes_the_catalogue_byte_for_byte(catalogue: Catalogue, tmp_path: Path) -> None:
    """In each engine: from sidecars and what was added to recordings; again, when the catalogue was lost or has other things."""
    shutil.copytree(Path(__file__).parents[1] / "golden/today/monitor", tmp_path / "monitor")
    library = MonitorLibrary(tmp_path / "monitor")
    path, manifest = next((path, one) for path, one in library.sidecars() if isinstance(one, Manifest))
    before = Annotations(manifest.recording.id)
    library.annotate(path, before, replace(before, revision=1, tags=("sale",), retention_class="long"))
    expected = export(entries(library))
    assert b'"sale' in expected
    await rebuild(library, catalogue)
    assert export([one async for one in every(catalogue)]) == expected
    await catalogue.put(entry(1))
    await catalogue.put({**entry(2), "id": manifest.recording.id})
    await rebuild(library, catalogue)
    assert export([one async for one in every(catalogue)]) == expected
