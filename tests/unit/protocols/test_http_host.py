"""One host has one name, however a browser or an administrator writes it."""

import pytest

from callrec.protocols.http_host import Host, host_name, parse_host


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("127.0.0.1:8080", Host("127.0.0.1", 8080)),
        ("LocalHost", Host("localhost")),
        ("rec.example.com.:443", Host("rec.example.com", 443)),
        ("[::1]", Host("::1")),
        ("[0:0::1]:8080", Host("::1", 8080)),
        ("[::1", None),
        ("[:::]", None),
        ("::1", None),
        ("a:b", None),
        ("user@host", None),
        ("a/b", None),
        ("host:123456", None),
        ("", None),
        ("a b", None),
        ("evil\u00e9", None),
    ],
)
def test_a_host_header_is_a_host_and_a_port_or_nothing(text: str, host: Host | None) -> None:
    assert parse_host(text) == host


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[::1]", "::1"),
        ("0:0:0::1", "::1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("10.0.0.1", "10.0.0.1"),
        ("PBX.local.", "pbx.local"),
    ],
)
def test_one_host_has_one_name(text: str, name: str) -> None:
    assert host_name(text) == name
