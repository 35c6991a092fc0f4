"""What of a user's services has changed, under the names that XiVO's event `Feature` has for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from callrec.domain.directory.model import User
from callrec.domain.rules import UserId


class UserEventNames(StrEnum):
    """Under whose names UserEvents are sent over AMI."""

    NONE = "none"
    """No UserEvents are sent."""
    XIVO = "xivo"


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """One service of a user, as it is now. `value`: the destination of a forward."""

    user: UserId
    function: str
    on: bool
    value: str = ""


Services = tuple[ServiceChange, ...]


def services_of(user: User) -> Services:
    """All services that have a name there."""
    return (
        ServiceChange(user.id, "callrecord", user.call_record),
        ServiceChange(user.id, "dnd", user.dnd),
        ServiceChange(user.id, "incallfilter", user.filter_enabled),
        ServiceChange(user.id, "unc", bool(user.forward_unconditional), user.forward_unconditional),
        ServiceChange(user.id, "rna", bool(user.forward_no_answer), user.forward_no_answer),
        ServiceChange(user.id, "busy", bool(user.forward_busy), user.forward_busy),
    )


def changed(before: Services, now: Services) -> Iterator[ServiceChange]:
    """The services that differ."""
    return (after for former, after in zip(before, now, strict=True) if former != after)
