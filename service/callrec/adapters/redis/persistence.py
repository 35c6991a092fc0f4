"""What a server's own settings mean for what we promise to people."""

from collections.abc import Iterator, Mapping

from redis import exceptions as fault
from redis.asyncio import Redis

from callrec.adapters.redis.connection import ask

OLDEST = (6, 2)
WAITAOF_SINCE = (7, 2)


async def remark(client: Redis) -> str:
    """Sentences for readiness and `doctor`; "" when a change that returned survives a power cut."""
    facts: dict[str, str | int | float] = await ask(client, "INFO")
    try:
        syncs = (await client.config_get("appendfsync")).get("appendfsync")
    except fault.ResponseError:  # hosted servers keep CONFIG to themselves
        syncs = None
    return "; ".join(sentences(facts, syncs))


def sentences(facts: Mapping[str, str | int | float], appendfsync: str | None) -> Iterator[str]:
    """One sentence for each setting that takes something from our promises. `facts` is what INFO says."""
    version = tuple(int(part) for part in str(facts.get("redis_version", "0")).split(".")[:2])
    if version < OLDEST:
        yield f"the store is version {facts.get('redis_version')}, callrec is tested from 6.2"
    elif version < WAITAOF_SINCE:
        yield "the store has no WAITAOF (7.2): that a flag is on disk cannot be proved"
    if reason := keeps_nothing(facts):
        yield reason
    elif appendfsync == "no":
        yield "the store leaves syncing to the system (appendfsync no)"
    if facts.get("maxmemory_policy", "noeviction") != "noeviction" and facts.get("maxmemory"):
        yield f"the store may drop our keys: its maxmemory-policy is {facts['maxmemory_policy']}"
    if facts.get("role", "master") != "master":
        yield "the store is a replica: it takes no changes"


def keeps_nothing(facts: Mapping[str, str | int | float]) -> str:
    """Why a change that is made now would be lost with the server; "" when it is kept. `facts`: INFO persistence."""
    if not facts.get("aof_enabled"):
        return "the store keeps no append-only file: a flag that was just set does not survive its restart"
    if facts.get("aof_last_write_status", "ok") != "ok":
        return "the store cannot write its append-only file"
    return ""
