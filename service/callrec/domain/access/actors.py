"""The actor of an audit entry, for each kind of principal."""

from callrec.domain.access.audit import Actor, ActorKind
from callrec.domain.access.principals import Principal, PrincipalKind


def actor_of(principal: Principal) -> Actor:
    """Who asks, as the audit log says it: the daemon's own token is the token `daemon`."""
    if principal.kind is PrincipalKind.DAEMON:
        return Actor(ActorKind.TOKEN, "daemon")
    return Actor(ActorKind.ACCOUNT if principal.kind is PrincipalKind.ACCOUNT else ActorKind.TOKEN, principal.id)
