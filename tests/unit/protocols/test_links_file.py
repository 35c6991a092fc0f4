"""The file of links: read as it was written, and nothing else is taken for one."""

import pytest

from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Corrupt
from callrec.domain.library.links import Link
from callrec.protocols.links_file import decode_links, encode_links

LINKS = (
    Link("k1", "d" * 64, RecordingId("c1-1"), "account:7", 1000.5, 2000.0, 93.0, 1500.0),
    Link("k2", "e" * 64, RecordingId("c1-1"), "token:daemon", 1000.5, 2000.0),
)


@pytest.mark.parametrize("links", [LINKS, ()])
def test_it_is_read_as_it_was_written(links: tuple[Link, ...]) -> None:
    assert decode_links(encode_links(links)) == links


def test_an_older_file_may_lack_moment_and_revocation() -> None:
    old = (
        b'{"schema":1,"links":[{"id":"k","token_sha256":"d","recording":"c","maker":"m","made_s":1.0,"expires_s":2.0}]}'
    )
    assert decode_links(old) == (Link("k", "d", RecordingId("c"), "m", 1.0, 2.0),)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b'{"schema":2,"links":[]}', b'{"schema":0,"links":[]}', b'{"schema":1,"links":[{}]}', b"\xff"],
)
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(Corrupt) as caught:
        decode_links(content)
    assert caught.value.code == "links-unreadable"
