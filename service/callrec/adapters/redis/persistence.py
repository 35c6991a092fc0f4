"""Checks a server's settings: whether confirmed changes survive a crash and a power cut."""

from collections.abc import Iterator, Mapping

from redis import exceptions as fault
from redis.asyncio import Redis

from callrec.adapters.redis.connection import ask

OLDEST = (6, 2)
WAITAOF_SINCE = (7, 2)


async def remark(client: Redis) -> str:
    """Sentences for readiness and `doctor`; "" when every confirmed change survives a power cut."""
    facts: dict[str, str | int | float] = await ask(client, "INFO")
    try:
        syncs = (await client.config_get("appendfsync")).get("appendfsync")
    except fault.ResponseError:  # hosted servers often refuse CONFIG
        syncs = None
    return "; ".join(sentences(facts, syncs))


def sentences(facts: Mapping[str, str | int | float], appendfsync: str | None) -> Iterator[str]:
    """One sentence for each setting that weakens a promise. `facts`: the answer to INFO."""
    version = tuple(int(part) for part in str(facts.get("redis_version", "0")).split(".")[:2])
    if version < OLDEST:
        yield f"the store is version {facts.get('redis_version')}, callrec is tested from 6.2"
    elif version < WAITAOF_SINCE:
        yield "the store has no WAITAOF (new in 7.2), so callrec cannot check that a flag is on disk"
    if reason := keeps_nothing(facts):
        yield reason
    elif appendfsync == "no":
        yield "the store does not sync its file (appendfsync no)"
    if facts.get("maxmemory_policy", "noeviction") != "noeviction" and facts.get("maxmemory"):
        yield f"the store may drop callrec's keys: its maxmemory-policy is {facts['maxmemory_policy']}"
    if facts.get("role", "master") != "master":
        yield "the store is a replica, which takes no changes"


def keeps_nothing(facts: Mapping[str, str | int | float]) -> str:
    """The reason why a restart of the server would lose a change that is made now; "" when there is none. `facts`: INFO
    persistence."""
    if not facts.get("aof_enabled"):
        return (
            "the store keeps no append-only file, so a flag that was just set does not survive a restart of the store"
        )
    if facts.get("aof_last_write_status", "ok") != "ok":
        return "the store cannot write its append-only file"
    return ""
