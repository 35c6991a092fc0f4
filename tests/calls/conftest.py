"""A real PBX and real phones, started once for all tests of this folder, on free ports."""

from collections.abc import AsyncIterator
from pathlib import Path

import arrangement
import pytest
import pytest_asyncio
from laboratory import TONES_HZ, Laboratory, example_tables

from callrec_lab.installation import Installation, find_installation
from callrec_lab.pbx import Pbx
from callrec_lab.phones import PhoneBank
from callrec_lab.stack import Stack, Wishes, start

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """Our own marker."""
    config.addinivalue_line("markers", "profile(name): needs a daemon with these settings of arrangement.PROFILES")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here share the event loop in which the PBX and the phones live; those with the same settings come together."""
    places = [place for place, item in enumerate(items) if HERE in item.path.parents]
    ours = sorted(
        (items[place] for place in places), key=lambda item: ["", *arrangement.PROFILES].index(_profile(item))
    )
    for place, item in zip(places, ours, strict=True):
        items[place] = item
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asterisk)
            if pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


def _profile(item: pytest.Item) -> str:
    marker = item.get_closest_marker("profile")
    return str(marker.args[0]) if marker else ""


@pytest.fixture(scope="session")
def installation() -> Installation:
    """An Asterisk: the machine's or the cache's, else downloaded now."""
    return find_installation(print)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lab(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Laboratory]:
    """The small PBX with the example's users, and their phones; 1001 speaks G.722, the others mu-law."""
    spool = tmp_path_factory.mktemp("spool")
    async with Pbx(installation, example_tables(), spool=spool) as pbx:
        complaints = pbx.complaints()
        async with PhoneBank(installation, pbx, codecs={"1001": "g722"}, tones_hz=TONES_HZ) as bank:
            yield Laboratory(pbx, bank, spool, complaints)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The whole product with its usual settings: daemon, store, PBX, and the phones of users.csv."""
    wishes = Wishes(
        users=arrangement.USERS, codecs=arrangement.CODECS, tones_hz=arrangement.TONES_HZ, later=arrangement.LATER
    )
    async with start(tmp_path_factory.mktemp("stack"), wishes, print) as running:
        await arrangement.lay_test_extensions(running)
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def second_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A product whose settings tests change, and whose spool is a link that they may turn away."""
    folder = tmp_path_factory.mktemp("second")
    (folder / "disk").mkdir()
    (folder / "spool").symlink_to(folder / "disk")
    first = next(iter(arrangement.PROFILES.values()))
    wishes = Wishes(users=arrangement.USERS, codecs=arrangement.CODECS, tones_hz=arrangement.TONES_HZ, settings=first)
    async with start(folder, wishes, print) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def changed(second_stack: Stack, request: pytest.FixtureRequest) -> Stack:
    """The product with the settings of the test's `profile`."""
    await arrangement.settle(second_stack, _profile(request.node))
    return second_stack
