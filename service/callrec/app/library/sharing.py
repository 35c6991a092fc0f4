"""Links to recordings that need no login: made, listed, revoked with a permission, used by holders. Each step is in the audit
log first."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from callrec.app.library.media.logged_access import Asker, Looks
from callrec.app.library.media.sources import Sources
from callrec.app.ports.calls import Clock
from callrec.app.ports.media import LinkStore
from callrec.domain.access.audit import Action
from callrec.domain.access.principals import Principal, PrincipalKind
from callrec.domain.directory.model import Permission
from callrec.domain.library.links import Link, digest_of, no_such_link, with_link, without_link

USER = frozenset({Permission.RECORDINGS_LISTEN})
"""What a link permits, for its recording."""


@dataclass(frozen=True, slots=True)
class SharingPorts:
    """What it uses. `new_id` makes ids of links, `new_token` their tokens; `may_share` tells whether a link's maker
    (`account:12`, `token:ab12`) may share recordings now."""

    sources: Sources
    looks: Looks
    store: LinkStore
    clock: Clock
    new_id: Callable[[], str]
    new_token: Callable[[], str]
    may_share: Callable[[str], Awaitable[bool]]


class Sharing:
    """The use case. The links are read once; one daemon changes them."""

    def __init__(self, ports: SharingPorts) -> None:
        self._ports = ports
        self._links: tuple[Link, ...] | None = None
        self._lock = asyncio.Lock()

    async def make(self, recording: str, asker: Asker, valid_s: float, at_s: float | None = None) -> tuple[Link, str]:
        """A new link and its token, which is shown once. Raises as `Sources.stored`, and Refused (`link`,
        `too-many-links`)."""
        stored = await self._ports.sources.stored(recording, asker, Permission.RECORDINGS_SHARE)
        media, now_s = stored.manifest.media, self._ports.clock.now().utc_s
        token, identity = self._ports.new_token(), self._ports.new_id()
        recorded = stored.manifest.recording.id
        link = Link(identity, digest_of(token), recorded, asker.name, now_s, now_s + valid_s, at_s)
        async with self._lock:
            links = with_link(await self._every(), link, media.length_s if media else 0.0)
            details = f"valid for {valid_s:g} s"
            await self._ports.looks.told(asker, Action.LINK_MADE, recorded, f"link:{link.id}", details=details)
            await self._kept(links)
        return link, token

    async def of(self, recording: str, asker: Asker) -> tuple[Link, ...]:
        """The links of a recording, also those that ended lately. Raises as `Sources.stored`."""
        stored = await self._ports.sources.stored(recording, asker, Permission.RECORDINGS_SHARE)
        async with self._lock:
            every = await self._every()
        await self._ports.looks.told(asker, Action.SHOWN, stored.manifest.recording.id)
        return tuple(one for one in every if one.recording == stored.manifest.recording.id)

    async def revoke(self, recording: str, link: str, asker: Asker) -> Link:
        """End a link; it may be repeated. Raises as `Sources.stored`, and Refused (`no-such-link`)."""
        stored = await self._ports.sources.stored(recording, asker, Permission.RECORDINGS_SHARE)
        async with self._lock:
            before, recorded = await self._every(), stored.manifest.recording.id
            is_there = any(one.id == link and one.recording == recorded for one in before)
            after = without_link(before, link, self._ports.clock.now().utc_s) if is_there else before
            if after == before:
                await self._ports.looks.told(asker, Action.SHOWN, recorded)
            else:
                await self._ports.looks.told(asker, Action.LINK_REVOKED, recorded, f"link:{link}")
                await self._kept(after)
            if not is_there:
                raise no_such_link()
            return next(one for one in after if one.id == link)

    async def forget(self, recordings: Collection[str]) -> None:
        """Remove the links of these recordings. Raises Unavailable, Corrupt."""
        gone = frozenset(recordings)
        async with self._lock:
            every = await self._every()
            left = tuple(one for one in every if one.recording not in gone)
            if left != every:
                await self._kept(left)

    async def used(self, token: str, address: str) -> tuple[Link, Asker]:
        """The valid link with this token, and who uses it. Raises Refused (`no-such-link`), the same whatever is wrong, also when
        its maker may not share recordings any more; Unavailable."""
        digest = digest_of(token)
        async with self._lock:
            every = await self._every()
        now_s = self._ports.clock.now().utc_s
        link = next((one for one in every if one.token_sha256 == digest), None)
        if link is None or not link.is_valid(now_s) or not await self._ports.may_share(link.maker):
            raise no_such_link()
        return link, Asker(Principal(PrincipalKind.LINK, link.id, USER), address)

    async def _every(self) -> tuple[Link, ...]:
        if self._links is None:
            self._links = await asyncio.to_thread(self._ports.store.read)
        return self._links

    async def _kept(self, links: tuple[Link, ...]) -> None:
        await asyncio.to_thread(self._ports.store.write, links)
        self._links = links
