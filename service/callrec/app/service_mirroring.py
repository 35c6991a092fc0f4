"""What Asterisk knows of the users' services: where calls go, who is disturbed, whom queues ring; and the lamps of their keys.

The dialplan obeys this copy, so that forwards and *do not disturb* go on while the daemon or the store is away.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

from callrec.domain.provisioning.directory import Directory
from callrec.domain.provisioning.function_keys import KEY_TYPES, lamp_of
from callrec.domain.provisioning.model import Feature, FunctionKey, User, UserId
from callrec.domain.provisioning.services import is_lit

_ELSEWHERE = (Feature.CALL_RECORD, Feature.ONLINE_RECORD)
"""Whose lamps follow the flag and the live calls."""


class ServiceCopy(Protocol):
    """Asterisk's copy. Raises Unavailable, Refused."""

    async def services(self, user: UserId, now: User | None) -> None:
        """Everything that the dialplan has to know before it rings this user; None: there is no such user any more."""
        ...

    async def agent(self, number: str, *, logged_in: bool) -> None:
        """Whether queues may ring this agent."""
        ...

    async def lamp(self, extension: str, *, lit: bool) -> None:
        """The lamp that follows the hint of this extension."""
        ...


async def put(copy: ServiceCopy, id_: UserId, tables: Directory) -> None:
    """Bring one user's part in line with the tables."""
    user = tables.user(id_)
    await copy.services(id_, user)
    if user is None:
        return
    if user.agentnumber:
        await copy.agent(user.agentnumber, logged_in=user.agent_logged_in)
    for feature, key, lamp in _lamps(tables.keys_of(id_), tables):
        await copy.lamp(lamp, lit=is_lit(feature, key.destination, user, tables))


async def darken(copy: ServiceCopy, key: FunctionKey, tables: Directory) -> None:
    """A key is gone: its lamp must not go on saying what nobody keeps up to date, unless another key has it, too."""
    still = {lamp for _, _, lamp in _lamps(tables.keys_of(key.user), tables)}
    for _, _, lamp in _lamps((key,), tables):
        if lamp not in still:
            await copy.lamp(lamp, lit=False)


def concerned(users: Collection[UserId], codes: Iterable[Feature], tables: Directory) -> Iterator[UserId]:
    """Who else is to be looked at: a boss' secretaries have a lamp for the boss' filter, and a lamp is called after its code."""
    yield from tables.partners(users)
    if changed := set(codes):
        yield from (key.user for key in tables.function_keys() if KEY_TYPES[key.type].feature in changed)


def _lamps(keys: Iterable[FunctionKey], tables: Directory) -> Iterator[tuple[Feature, FunctionKey, str]]:
    codes = {code.feature: code for code in tables.codes()}
    for key in keys:
        feature = KEY_TYPES[key.type].feature
        if feature and feature not in _ELSEWHERE and (lamp := lamp_of(key, (), codes)):
            yield feature, key, lamp
