"""From the request for a pause to its proof, with 60 recorded calls: the HTTP answer comes when Asterisk has confirmed that every
recorder of the call is muted, so it is the whole of what a payment page waits for.

One call after the other is paused over the API and resumed, in turn with the peer: the same `MixMonitorMute` sent by hand over
a manager connection, which proves and notes nothing. Goal: p99 250 ms.
"""

import asyncio
import json
import statistics
import time

import aiohttp

from bench import part, quiet
from bench.calls import ACTION_S, CALLED, CALLER, end, manager, place, stack
from callrec_lab.stack import Stack

GOAL_MS = 250
CALLS, ROUNDS = 60, 5
BETWEEN_S = 0.05
"""Between two requests: the tones of the pause before are played meanwhile."""
REASON = {"reason": "card number"}


async def _recorded_legs(running: Stack) -> list[str]:
    """The channels of the callers, which have the recorders."""
    shown = (await running.pbx.cli("core show channels concise")).splitlines()
    return [name for line in shown if (name := line.split("!")[0]).startswith(f"PJSIP/{running.line(CALLER)}-")]


async def _measure(running: Stack) -> dict[str, object]:
    """Pauses and their peers, in milliseconds."""
    daemon = running.daemon
    api = f"http://127.0.0.1:{daemon.http}/api/v1/calls"
    ours_ms: list[float] = []
    resumed_ms: list[float] = []
    by_hand_ms: list[float] = []
    async with manager(running) as by_manager, aiohttp.ClientSession(headers=daemon.authorization) as http:

        async def control(call: str, verb: str) -> float:
            since_s = time.monotonic()
            async with http.post(f"{api}/{call}/recording/{verb}", json=REASON) as answer:
                said = await answer.json()
                assert answer.status == 200, said
            return 1000 * (time.monotonic() - since_s)

        async def by_hand(channel: str) -> float:
            since_s = time.monotonic()
            what = [("Channel", channel), ("Direction", "both"), ("State", "0")]
            await by_manager.action("MixMonitorMute", what, timeout_s=ACTION_S)
            return 1000 * (time.monotonic() - since_s)

        async with http.get(api, params={"limit": CALLS}) as answer:
            calls = [one["id"] for one in (await answer.json())["items"]]
        legs = await _recorded_legs(running)
        assert len(calls) == len(legs) == CALLS, (len(calls), len(legs))
        for _ in range(ROUNDS):
            for call, leg in zip(calls, legs, strict=True):
                by_hand_ms.append(await by_hand(leg))
                ours_ms.append(await control(call, "pause"))
                await asyncio.sleep(BETWEEN_S)
                resumed_ms.append(await control(call, "resume"))
    return _figures(ours_ms, resumed_ms, by_hand_ms)


def _figures(ours_ms: list[float], resumed_ms: list[float], by_hand_ms: list[float]) -> dict[str, object]:
    median_ms, peer_ms = statistics.median(ours_ms), statistics.median(by_hand_ms)
    return {
        "calls": CALLS,
        "pauses": len(ours_ms),
        "pause_median_ms": round(median_ms, 1),
        "pause_p99_ms": round(part(ours_ms, 0.99), 1),
        "goal_p99_ms": GOAL_MS,
        "resume_p99_ms": round(part(resumed_ms, 0.99), 1),
        "by_hand_median_ms": round(peer_ms, 1),
        "by_hand_p99_ms": round(part(by_hand_ms, 0.99), 1),
        "ratio_to_by_hand": round(median_ms / peer_ms, 2),
    }


async def measure_all() -> dict[str, object]:
    """All calls live, recorded by rule."""
    async with stack("") as running:
        await (await running.phone(CALLER).call("*26")).ended()
        calls = await place(running, CALLS, CALLED)
        await asyncio.sleep(2.0)
        try:
            return await _measure(running)
        finally:
            await end(calls)


def run() -> dict[str, object]:
    """The results; about two minutes."""
    quiet()
    return asyncio.run(measure_all())


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
