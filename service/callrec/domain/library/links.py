"""Links to one recording that need no login: they name who made them, expire, and can be revoked.

A link is known by its `id`; only who has its token can use it. Of the token only a digest is kept, so that reading the
file of links can use one.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Refused

MOST_LINKS = 10_000
MOST_LINKS_S = 90 * 86400.0
"""How long a link may be valid at most."""
KEPT_S = 30 * 86400.0
"""How long a link is listed after its end."""
TOKEN_BYTES = 24
"""Random bytes of a token."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link. `made_s`, `expires_s`, `revoked_s`: Unix times."""

    id: str
    token_sha256: str
    recording: RecordingId
    maker: str
    """`account:12`, `token:daemon`."""
    made_s: float
    expires_s: float
    at_s: float | None = None
    """The moment of the recording that it leads to, in seconds from the beginning."""
    revoked_s: float | None = None

    def is_valid(self, now_s: float) -> bool:
        """Whether it leads to its recording now."""
        return self.revoked_s is None and self.made_s <= now_s < self.expires_s

    @property
    def ended_s(self) -> float:
        """When it ends, or has ended."""
        return self.expires_s if self.revoked_s is None else min(self.revoked_s, self.expires_s)


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def with_link(links: Iterable[Link], link: Link, length_s: float) -> tuple[Link, ...]:
    """These and one more, without those that have ended long ago. Raises Refused (`link`, `too-many-links`)."""
    lasts_s = link.expires_s - link.made_s
    if not 0 < lasts_s <= MOST_LINKS_S:
        raise Refused("link", f"a link is valid for at most {MOST_LINKS_S / 86400:g} days")
    if link.at_s is not None and not 0 <= link.at_s <= length_s:
        raise Refused("link", f"a link's moment must lie in the recording, from 0 to {length_s:.3f} s")
    kept = [one for one in links if link.made_s - one.ended_s < KEPT_S]
    if len(kept) >= MOST_LINKS:
        raise Refused("too-many-links", f"there are {MOST_LINKS} links", hint="revoke links that are not needed")
    return (*kept, link)


def without_link(links: Iterable[Link], link: str, now_s: float) -> tuple[Link, ...]:
    """These, with this one revoked; one that was revoked before keeps its time. Raises Refused (`no-such-link`)."""
    every = tuple(links)
    if all(one.id != link for one in every):
        raise no_such_link()
    return tuple(replace(one, revoked_s=now_s) if one.id == link and one.revoked_s is None else one for one in every)


def no_such_link() -> Refused:
    """The same for a link that never was, has expired, or was revoked."""
    return Refused("no-such-link", "there is no such link, or it has expired or was revoked")
