"""Whose address a request comes from, whether the way is encrypted, and which page has sent it."""

from collections.abc import Mapping

import pytest
from aiohttp.test_utils import make_mocked_request

from callrec.web.clients import Clients, Way, from_own_page
from callrec.web.cookies import LOCAL, SECURE, names_of

PROXY, STRANGER, BROWSER = "10.0.0.2", "10.0.0.66", "203.0.113.9"


class Wire:
    """A transport that knows its ends."""

    def __init__(self, peer: str | None, *, tls: bool = False) -> None:
        self._told: dict[str, object] = {
            "peername": (peer, 1) if peer else None,
            "ssl_object": object() if tls else None,
        }

    def get_extra_info(self, name: str, default: object = None) -> object:
        """What the loop knows."""
        return self._told.get(name, default)


def way(peer: str | None, headers: Mapping[str, str], *, tls: bool = False) -> Way:
    request = make_mocked_request("GET", "/", headers=headers, transport=Wire(peer, tls=tls))  # type: ignore[arg-type]
    return Clients(["10.0.0.2/32", "fd00::/8"]).way(request)


def test_tls_of_our_own_is_encrypted() -> None:
    found = way(BROWSER, {"Host": "rec.example.com"}, tls=True)
    assert found == Way(BROWSER, is_encrypted=True, is_local=False, why_not="")
    assert (found.scheme, names_of(found)) == ("https", SECURE)


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080", "127.0.0.9:1"])
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_needs_no_encryption(peer: str, host: str) -> None:
    found = way(peer, {"Host": host})
    assert (found.is_local, found.is_encrypted, found.why_not) == (True, False, "")
    assert (found.scheme, names_of(found)) == ("http", LOCAL)


@pytest.mark.parametrize(
    ("peer", "headers", "says"),
    [
        (BROWSER, {"Host": "rec.example.com"}, "CALLREC_HTTP_TLS_CERT"),
        (BROWSER, {"Host": "127.0.0.1"}, "CALLREC_HTTP_TLS_CERT"),
        ("127.0.0.1", {"Host": "rec.example.com"}, "CALLREC_HTTP_TLS_CERT"),
        ("127.0.0.1", {}, "CALLREC_HTTP_TLS_CERT"),
        ("127.0.0.1", {"Host": "localhost", "Via": "1.1 x"}, "CALLREC_TRUSTED_PROXIES"),
        ("127.0.0.1", {"Host": "localhost", "X-Real-IP": BROWSER}, "CALLREC_TRUSTED_PROXIES"),
        (STRANGER, {"Host": "x", "X-Forwarded-Proto": "https"}, "CALLREC_TRUSTED_PROXIES"),
        (PROXY, {"Host": "x", "X-Forwarded-For": BROWSER}, "X-Forwarded-Proto"),
        (PROXY, {"Host": "x", "X-Forwarded-For": BROWSER, "X-Forwarded-Proto": "http"}, "X-Forwarded-Proto"),
        (PROXY, {"Host": "x", "X-Forwarded-For": BROWSER, "X-Forwarded-Proto": "https, http"}, "X-Forwarded-Proto"),
        (None, {"Host": "localhost"}, "CALLREC_HTTP_TLS_CERT"),
    ],
)
def test_on_any_other_way_no_session_can_be_used(peer: str | None, headers: dict[str, str], says: str) -> None:
    found = way(peer, headers)
    assert names_of(found) is None
    assert says in found.why_not


@pytest.mark.parametrize(
    ("said", "address"),
    [
        (BROWSER, BROWSER),
        (f"1.2.3.4, {BROWSER}", BROWSER),
        (f"1.2.3.4, {BROWSER}, {PROXY}", BROWSER),
        (f"1.2.3.4,,  {BROWSER} ", BROWSER),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        (f"{BROWSER}:4711", BROWSER),
        ("unknown", PROXY),
        (f"{BROWSER}, <script>", PROXY),
        (f"{PROXY}, {PROXY}", PROXY),
        ("", PROXY),
    ],
)
def test_a_trusted_proxy_tells_the_address_that_it_saw(said: str, address: str) -> None:
    """What stands before it in the list the client itself may have written."""
    found = way(PROXY, {"Host": "rec.example.com", "X-Forwarded-For": said, "X-Forwarded-Proto": "https"})
    assert (found.address, found.is_encrypted, names_of(found)) == (address, True, SECURE)


def test_a_stranger_tells_no_address() -> None:
    assert (
        way(STRANGER, {"Host": "x", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}).address == STRANGER
    )


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({}, None),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Origin": "https://rec.example.com"}, True),
        ({"Origin": "https://rec.example.com:443"}, True),
        ({"Origin": "https://REC.example.com"}, True),
        ({"Origin": "http://rec.example.com"}, False),
        ({"Origin": "https://rec.example.com:8443"}, False),
        ({"Origin": "https://rec.example.com.evil.example"}, False),
        ({"Origin": "https://rec.example.com@evil.example"}, False),
        ({"Origin": "https://rec.example.com/path"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Origin": "https://[rec"}, False),
        ({"Origin": "https://rec.example.com", "Sec-Fetch-Site": "cross-site"}, False),
    ],
)
def test_which_page_has_sent_it(headers: dict[str, str], own: bool | None) -> None:
    request = make_mocked_request("POST", "/", headers={"Host": "rec.example.com", **headers})
    assert from_own_page(request, Way(BROWSER, is_encrypted=True, is_local=False, why_not="")) is own


def test_a_header_that_comes_twice_is_of_no_page() -> None:
    here = Way("127.0.0.1", is_encrypted=False, is_local=True, why_not="")
    for name, value in (("Sec-Fetch-Site", "same-origin"), ("Origin", "http://localhost:8080")):
        headers = [("Host", "localhost:8080"), (name, value)]
        request = make_mocked_request("POST", "/", headers=headers)  # type: ignore[arg-type] # pairs are taken too
        assert from_own_page(request, here) is True
        twice = make_mocked_request("POST", "/", headers=[*headers, (name, value)])  # type: ignore[arg-type]
        assert from_own_page(twice, here) is False
