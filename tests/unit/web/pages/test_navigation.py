"""The navigation: in its order, what the person may reach."""

from unittest.mock import Mock

from callrec.domain.access.principals import DAEMON, Principal, PrincipalKind
from callrec.domain.directory.model import DEFAULT_ROLES, Permission
from callrec.domain.rules import UserId
from callrec.web.pages.navigation import TITLES, home, reachable
from callrec.web.pages.table import pages
from callrec.web.use_cases import UseCases

TABLE = pages(Mock(UseCases))
ME, OTHER = UserId("7"), UserId("8")


def principal(role: str, *supervised: UserId) -> Principal:
    permissions = next(
        (frozenset(one.permissions) for one in DEFAULT_ROLES if one.name == role), frozenset[Permission]()
    )
    return Principal(PrincipalKind.ACCOUNT, ME, permissions, ME, frozenset(supervised))


def test_every_entry_is_a_page_in_the_order_of_the_titles() -> None:
    shown = [entry.path for entry in reachable(TABLE, DAEMON)]
    assert shown == [path for path in TITLES if path in shown]
    assert {"/my", "/recordings"} <= set(shown)


def test_a_person_sees_what_they_may_reach() -> None:
    assert [entry.path for entry in reachable(TABLE, principal("user"))] == ["/my", "/recordings"]
    assert reachable(TABLE, principal("none")) == []


def test_the_page_that_is_shown_is_marked_also_below_its_path() -> None:
    here = {entry.path: entry.is_here for entry in reachable(TABLE, DAEMON, "/recordings/c1-1")}
    assert [path for path, is_here in here.items() if is_here] == ["/recordings"]


def test_the_first_page_is_that_of_ones_own_calls_unless_there_are_others_to_see() -> None:
    found = {role: home(TABLE, principal(role)) for role in ("administrator", "listener", "user", "none")}
    assert found == {"administrator": "/recordings", "listener": "/recordings", "user": "/my", "none": "/account"}
    assert home(TABLE, principal("supervisor", OTHER)) == "/recordings"
    assert home(TABLE, principal("supervisor")) == "/my"
