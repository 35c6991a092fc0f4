"""Accounts and tokens of a daemon that runs: commands, the API over https, and its cookie."""

import asyncio
import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from lone_daemon import House

from callrec.config import split_bind
from callrec.web.cookies import SECURE

FILES = Path(__file__).parents[1] / "support" / "tls"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    for name in ("spool", "monitor"):
        (tmp_path / name).mkdir()
    tls = {"CALLREC_HTTP_TLS_CERT": str(FILES / "certificate.pem"), "CALLREC_HTTP_TLS_KEY": str(FILES / "key.pem")}
    made = House(tmp_path, settings=tls)
    made.settings["CALLREC_HTTP_BIND"] = made.environment("s")["CALLREC_HTTP_BIND"]
    made.start()
    yield made
    made.stop()


def said(house: House, line: str) -> dict[str, object]:
    """The JSON that this command prints."""
    done = house.command(*line.split(), "--json", state="s")
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


async def test_an_account_logs_in_over_https_and_a_program_has_its_token(house: House) -> None:
    password = said(house, "accounts set alice --role administrator --generate-password")["new_password"]
    token = said(house, "accounts token crm --permission calls.read --days 1")["token"]
    _, port = split_bind(house.settings["CALLREC_HTTP_BIND"])
    url, trusting = (
        f"https://127.0.0.1:{port}/api/v1",
        ssl.create_default_context(cafile=str(FILES / "certificate.pem")),
    )
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trusting.check_hostname = False
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=trusting), cookie_jar=aiohttp.CookieJar(unsafe=True)
    ) as http:
        login = {"username": "alice", "password": password}
        async with http.post(f"{url}/login", json=login) as answer:
            assert (answer.status, (await answer.json())["role"]) == (200, "administrator")
            cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith(f"{SECURE.session}=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"} == set(cookie.split("; ")[1:])
        async with http.get(f"{url}/users") as answer:
            assert (answer.status, [one["username"] for one in (await answer.json())["items"]]) == (200, ["alice"])
        program = {"Authorization": f"Bearer {token}"}
        async with http.get(f"{url}/calls", headers=program) as answer:
            assert answer.status == 200
        async with http.get(f"{url}/users", headers=program) as answer:
            assert answer.status == 403
        (row,) = await asyncio.to_thread(said, house, "accounts list")
        assert (row["sessions"], row["locked_s"], row["enabled"]) == (1, 0, True)
        (session,) = await asyncio.to_thread(said, house, "accounts sessions alice")
        assert session["address"] == "127.0.0.1"
        assert await asyncio.to_thread(said, house, "accounts sessions alice --end") == {"ended": 1}
        async with http.get(f"{url}/users") as answer:
            assert answer.status == 401
        (listed,) = await asyncio.to_thread(said, house, "accounts tokens")
        assert (listed["name"], listed["permissions"], bool(listed["used"])) == ("crm", ["calls.read"], True)
        removed = await asyncio.to_thread(house.command, "accounts", "token", str(listed["id"]), "--remove", state="s")
        assert removed.returncode == 0, removed.stderr
        async with http.get(f"{url}/calls", headers=program) as answer:
            assert answer.status == 401
    log = house.log("s").read_text()
    assert str(password) not in log
    assert str(token) not in log
