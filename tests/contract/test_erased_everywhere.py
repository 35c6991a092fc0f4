"""After an erasure nothing of a recording is left: every file below one folder is searched for its number, name and audio, and
every path too. A daemon runs with its own Valkey, and its recordings are named as XiVO names them."""

import asyncio
import http.client
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from lone_daemon import House
from stored_library import StoredLibrary, recorded

from callrec.adapters.daemon_api import DaemonApi
from callrec.adapters.disk.token import kept_token
from callrec.adapters.redis.connection import Address
from callrec.adapters.redis.store import RedisStore
from callrec.app.library.catalog import index_entry
from callrec.config import split_bind

NUMBER, NAME, REMARK = "+33198765432", "Zebulon Quagga", "she wants the blue one"
OTHER = "4242"
GONE, STAYS = "user-33198765432-1001-1795341600", "user-4242-1001-1795341601"
WAIT_S = 20.0


class Everything:
    """The folder with all that a daemon has, and what is looked for in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        stored = StoredLibrary(folder)
        noise = np.random.default_rng(7).integers(-9000, 9000, 24_000).astype(np.int16)
        self.manifest = self._made(stored, 1, NUMBER, NAME, GONE, noise)
        self._made(stored, 2, OTHER, "John Doe", STAYS, noise[::-1])
        self.audio = stored.library.folder.joinpath(f"{GONE}.wav").read_bytes()[20_000:20_064]
        for leg in folder.glob("leg-*"):
            leg.unlink()
        kept = folder / "spool" / "kept"
        kept.mkdir(parents=True)
        (kept / "c1-1-1.read.sln").write_bytes(self.audio)
        (kept / "c2-1-1.read.sln").write_bytes(b"of the other one")

    def _made(  # noqa: PLR0917 - what a recording is made of
        self, stored, nth, number, name, path, sound
    ):
        said = recorded(nth)
        first, second = said.parties
        said = replace(said, parties=(replace(first, number=number, name=name), second))
        return stored.store(nth, left=sound, recording=said, path=path)

    def holding(self, *needles: bytes) -> list[str]:
        """The files that have one of these, in their content or their path."""
        found = []
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = Path(folder) / name
                if not path.is_file():  # a socket
                    continue
                shown = str(path.relative_to(self.folder))
                content = path.read_bytes()
                if any(needle in content or needle in shown.encode() for needle in needles):
                    found.append(shown)
        return sorted(found)


@pytest.fixture
def everything(tmp_path: Path) -> Everything:
    return Everything(tmp_path)


@pytest.fixture
def house(everything: Everything) -> Iterator[House]:
    settings = {"CALLREC_NAMES": "xivo", "CALLREC_WEBHOOK_NETWORKS": "127.0.0.0/8"}
    made = House(everything.folder, settings=settings)
    made.settings["CALLREC_HTTP_BIND"] = made.environment("s")["CALLREC_HTTP_BIND"]
    yield made
    made.stop()


def until(what, says: str):
    deadline_s = time.monotonic() + WAIT_S
    while not (found := what()):
        assert time.monotonic() < deadline_s, says
        time.sleep(0.05)
    return found


def ran(house: House, *words: str, code: int = 0) -> dict:
    done = house.command(*words, "--json", state="s")
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return json.loads(done.stdout)


def get(house: House, path: str) -> bytes:
    host, port = split_bind(house.settings["CALLREC_HTTP_BIND"])
    asked = http.client.HTTPConnection(host, port, timeout=30)
    asked.request("GET", f"/api/v1{path}", headers={"Authorization": f"Bearer {kept_token(house.folder / 's')}"})
    answer = asked.getresponse()
    content = answer.read()
    assert answer.status == 200, content
    asked.close()
    return content


async def events(house: House, everything: Everything) -> None:
    """What the daemon publishes when it stores a recording."""
    async with RedisStore(Address.of_socket(house.folder / "s/valkey/valkey.sock")) as store:
        entry = index_entry(GONE, everything.manifest)
        await store.publish({"type": "recording-stored", **entry})
        await store.publish({"type": "recording", "recording": "c1-1", "call": "c1", "rule": "always", "cause": ""})


def followed(house: House) -> bool:
    """Whether the daemon has noticed the first webhook, which another process has added."""
    with closing(sqlite3.connect(house.folder / "s/webhooks.db")) as database:
        return bool(database.execute("SELECT cursor FROM stream").fetchone())


async def used(house: House, everything: Everything) -> None:
    """All that people and programs do with a recording."""
    api = DaemonApi(house.folder / "s")
    ran(house, "webhooks", "add", "crm", "http://127.0.0.1:9/away")
    until(lambda: followed(house), "the daemon does not read events for the webhook")
    until(lambda: ran(house, "recordings", "list"), "the catalogue is empty")
    await events(house, everything)
    ran(house, "recordings", "tag", "c1-1", NAME)
    ran(house, "recordings", "note", "c1-1", REMARK)
    ran(house, "recordings", "hold", "c1-1", "--reason", f"the case of {NAME}")
    ran(house, "recordings", "release", "c1-1", "--reason", f"{NAME} agrees")
    api.ask("POST", "/api/v1/recordings/c1-1/links", {"valid_h": 1})
    get(house, "/recordings/c1-1/media?format=flac")
    get(house, f"/recordings?number={quote(NUMBER)}")
    until(lambda: "webhooks.db" in " ".join(everything.holding(NUMBER[1:].encode())), "no webhook waits to be sent")


async def test_nothing_of_an_erased_number_is_left_anywhere(house: House, everything: Everything) -> None:
    house.start()
    await used(house, everything)
    digits = NUMBER[1:].encode()
    needles = (digits, NAME.encode(), everything.audio, REMARK.encode())
    before = " ".join(everything.holding(*needles))
    for place in ("monitor/user-", "catalogue.db", "webhooks.db", ".aof", "s/audit/", "annotations", "spool/kept"):
        assert place in before, f"{place} is not tried"
    assert b"c1-1" in (house.folder / "s/links.json").read_bytes()
    assert list((house.folder / "s/transcoded").iterdir())
    preview = ran(house, "recordings", "erase", "--number", NUMBER, "--preview")
    assert (preview["recordings"], preview["first"][0]["recording"]) == (1, "c1-1")
    done = ran(house, "recordings", "erase", "--number", NUMBER, "--reason", "request 12/26")
    assert (done["recordings"], done["unfinished"]) == (1, [])
    for _ in range(100):  # the server removes its former files a moment after it has said so
        if not (left := everything.holding(*needles)):
            break
        await asyncio.sleep(0.05)
    assert left == []
    assert list((house.folder / "s/transcoded").iterdir()) == []
    assert b"c1-1" not in (house.folder / "s/links.json").read_bytes()
    assert everything.holding(b"of the other one") == ["spool/kept/c2-1-1.read.sln"]
    assert [one["id"] for one in ran(house, "recordings", "list")] == ["c2-1"]
    found = ran(house, "verify", code=1)  # what was put aside is told
    assert (found["erased"], [one["code"] for one in found["findings"]]) == (1, ["kept"])


async def test_an_erased_recording_that_a_backup_brings_back_is_erased_again(
    house: House, everything: Everything, tmp_path_factory: pytest.TempPathFactory
) -> None:
    backup = tmp_path_factory.mktemp("backup") / "monitor"
    shutil.copytree(everything.folder / "monitor", backup)
    daemon = house.start()
    until(lambda: ran(house, "recordings", "list"), "the catalogue is empty")
    until(lambda: ran(house, "recordings", "erase", "c1-1", "--reason", "request 12"), "not erased")
    daemon.kill()
    daemon.wait()
    shutil.copytree(backup, everything.folder / "monitor", dirs_exist_ok=True)
    assert everything.holding(everything.audio)
    (everything.folder / "spool/kept/c1-1-1.read.sln").unlink(missing_ok=True)
    house.start()
    until(lambda: "erased-again" in house.events("s"), "it was not found")
    until(lambda: not everything.holding(everything.audio, NUMBER[1:].encode()), "it is there")
    assert [one["id"] for one in ran(house, "recordings", "list")] == ["c2-1"]
    refused = house.command("recordings", "erase", "c1-1", "--reason", "again", state="s")
    assert (refused.returncode, b"no recording" in refused.stderr) == (1, True)
