"""Whether Asterisk has the trunks and queues at which rules hang: a rule at a misspelt name does nothing, and says nothing.

A queue may be made later, or come from Asterisk's database when it is first called, and a trunk may be of another technology than
PJSIP: so an unknown name is no error. A conference exists only while it lasts.
"""

from collections.abc import Collection

from callrec.app.doctor.endpoint_checks import ASK_S, Endpoints
from callrec.app.doctor.findings import Finding, Verdict
from callrec.app.ports.asterisk import Manager
from callrec.domain.errors import Refused
from callrec.domain.rules import PlaceKind

CHECK = "places with rules"
_SHOWN = 5


async def look_at_places(ami: Manager, endpoints: Endpoints, places: Collection[tuple[PlaceKind, str]]) -> Finding:
    """`places`: kind and name of each trunk, queue and conference with a rule. Raises as the link does."""
    queues = await _queues(ami) if any(kind is PlaceKind.QUEUE for kind, _ in places) else set()
    trunks = set(await endpoints.names()) if any(kind is PlaceKind.TRUNK for kind, _ in places) else set()
    unknown = [
        f"{kind} {name}"
        for kind, name in sorted(places)
        if (kind is PlaceKind.QUEUE and name.lower() not in queues) or (kind is PlaceKind.TRUNK and name not in trunks)
    ]
    if not unknown:
        return Finding(CHECK, Verdict.OK, f"Asterisk has the queues and trunks; {len(places)} rules")
    shown = ", ".join(unknown[:_SHOWN]) + (f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else "")
    says = f"Asterisk does not have these now: {shown}. Compare their names: callrec places list"
    return Finding(CHECK, Verdict.UNSEEN, says)


async def _queues(ami: Manager) -> set[str]:
    try:
        lines = await ami.listing("QueueSummary", timeout_s=ASK_S)
    except Refused:  # app_queue is not loaded
        return set()
    return {name.lower() for line in lines if (name := line.get("Queue"))}
