"""Asterisk's copy of the users' services: forwards, *do not disturb*, agents in queues, and the device states of their keys.

The dialplan uses this copy, so that forwards and *do not disturb* work also without the daemon or the store.
"""

from collections.abc import Collection, Iterable, Iterator

from callrec.app.ports.asterisk import ServiceCopy
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.function_keys import KEY_TYPES, blf_of
from callrec.domain.directory.model import Feature, FunctionKey
from callrec.domain.directory.services import is_lit
from callrec.domain.rules import UserId

_ELSEWHERE = (Feature.CALL_RECORD, Feature.ONLINE_RECORD)
"""Features whose device states follow the flag and the live calls; they are set elsewhere."""


async def put(copy: ServiceCopy, id_: UserId, tables: Directory) -> None:
    """Copy one user's services and device states."""
    user = tables.user(id_)
    await copy.services(id_, user)
    if user is None:
        return
    if user.agentnumber:
        await copy.agent(user.agentnumber, logged_in=user.agent_logged_in)
    for feature, key, device_state in _device_states(tables.keys_of(id_), tables):
        await copy.device_state(device_state, lit=is_lit(feature, key.destination, user, tables))


async def darken(copy: ServiceCopy, key: FunctionKey, tables: Directory) -> None:
    """After a key was removed: switch its device state off, unless another key has the same one."""
    still = {device_state for _, _, device_state in _device_states(tables.keys_of(key.user), tables)}
    for _, _, device_state in _device_states((key,), tables):
        if device_state not in still:
            await copy.device_state(device_state, lit=False)


def concerned(users: Collection[UserId], codes: Iterable[Feature], tables: Directory) -> Iterator[UserId]:
    """Further users to copy: a boss' secretaries have a key for the boss' filter, and a device state's name has its code."""
    yield from tables.partners(users)
    if changed := set(codes):
        yield from (key.user for key in tables.function_keys() if KEY_TYPES[key.type].feature in changed)


def _device_states(keys: Iterable[FunctionKey], tables: Directory) -> Iterator[tuple[Feature, FunctionKey, str]]:
    codes = {code.feature: code for code in tables.codes()}
    for key in keys:
        feature = KEY_TYPES[key.type].feature
        if feature and feature not in _ELSEWHERE and (device_state := blf_of(key, (), codes)):
            yield feature, key, device_state
