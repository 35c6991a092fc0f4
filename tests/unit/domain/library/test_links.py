"""Links to recordings: valid for a while, ended by revoking, and never usable by who reads their file."""

import pytest

from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Refused
from callrec.domain.library import links
from callrec.domain.library.links import KEPT_S, MOST_LINKS_S, Link, digest_of, with_link, without_link

ONE = Link("k1", digest_of("token"), RecordingId("c1-1"), "account:7", 1000.0, 2000.0, 93.0)


def test_a_link_is_valid_from_its_making_to_its_end() -> None:
    assert [ONE.is_valid(now_s) for now_s in (999.9, 1000.0, 1999.9, 2000.0)] == [False, True, True, False]
    (revoked,) = without_link([ONE], "k1", 1500.0)
    assert not revoked.is_valid(1400.0)
    assert (ONE.ended_s, revoked.ended_s) == (2000.0, 1500.0)
    assert without_link([revoked], "k1", 1600.0) == (revoked,), "its end stays"


def test_of_the_token_a_digest_is_kept() -> None:
    assert len(digest_of("token")) == 64
    assert digest_of("token") == ONE.token_sha256 != digest_of("Token")
    assert digest_of("\udcff") != digest_of("?")


def refused(link: Link, *, length_s: float = 100.0) -> str:
    with pytest.raises(Refused) as caught:
        with_link([], link, length_s)
    return caught.value.code


def test_what_may_not_be_linked() -> None:
    too_long = Link("k", "d", RecordingId("c"), "m", 0.0, MOST_LINKS_S + 1)
    assert refused(too_long) == refused(Link("k", "d", RecordingId("c"), "m", 5.0, 5.0)) == "link"
    assert refused(ONE, length_s=92.9) == "link"
    assert with_link([], ONE, 93.0) == (ONE,)


def test_links_that_ended_long_ago_are_dropped_and_others_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    later = Link("k2", "d", RecordingId("c"), "m", 2000.0 + KEPT_S, 3000.0 + KEPT_S)
    assert with_link([ONE], later, 1.0) == (later,)
    earlier = Link("k2", "d", RecordingId("c"), "m", 1999.0 + KEPT_S, 3000.0 + KEPT_S)
    assert with_link([ONE], earlier, 1.0) == (ONE, earlier)
    monkeypatch.setattr(links, "MOST_LINKS", 1)
    with pytest.raises(Refused) as caught:
        with_link([ONE], earlier, 1.0)
    assert caught.value.code == "too-many-links"


def test_only_a_known_link_is_revoked() -> None:
    with pytest.raises(Refused) as caught:
        without_link([ONE], "other", 1.0)
    assert caught.value.code == "no-such-link"
    other = Link("k2", "d", RecordingId("c"), "m", 0.0, 1.0)
    assert without_link([other, ONE], "k1", 1500.0)[0] is other
