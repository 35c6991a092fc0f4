"""Each kind of principal is an actor of its own."""

import pytest

from callrec.domain.access.actors import actor_of
from callrec.domain.access.audit import Actor, ActorKind
from callrec.domain.access.principals import DAEMON, Principal, PrincipalKind


@pytest.mark.parametrize(
    ("principal", "actor"),
    [
        (DAEMON, Actor(ActorKind.TOKEN, "daemon")),
        (Principal(PrincipalKind.ACCOUNT, "12"), Actor(ActorKind.ACCOUNT, "12")),
        (Principal(PrincipalKind.TOKEN, "ab12"), Actor(ActorKind.TOKEN, "ab12")),
    ],
)
def test_who_asks_is_logged_by_kind_and_id(principal: Principal, actor: Actor) -> None:
    assert actor_of(principal) == actor
