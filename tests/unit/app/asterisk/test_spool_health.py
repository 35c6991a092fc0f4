"""What is known of the spool: from the first recorder that failed until Asterisk has written a probe that we can read."""

from pathlib import Path

import pytest

from callrec.app.asterisk.spool_health import NOT_WRITTEN, SANDBOX, UNREADABLE, SpoolHealth
from callrec.domain.calls.commands import Alarm
from callrec.domain.errors import Unavailable
from callrec.domain.library.captures import SpoolTrouble
from callrec_lab.simulated_asterisk import FragileSpool


class Alarms:
    """What was told, and nothing else of an observer."""

    def __init__(self) -> None:
        self.causes: list[str] = []

    def alarmed(self, alarm: Alarm, _call: str) -> None:
        """Note it."""
        self.causes.append(alarm.cause)


class Probe:
    """Asterisk's answers in order; the last one stays. An error: it cannot be asked."""

    def __init__(self, *answers: SpoolTrouble | Unavailable | None) -> None:
        self.answers = list(answers)
        self.looks = 0

    async def look(self) -> SpoolTrouble | None:
        """The next one."""
        self.looks += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Unavailable):
            raise answer
        return answer


TROUBLE = SpoolTrouble(NOT_WRITTEN, "no file came", "mend it")


async def looks(health: SpoolHealth, times: int) -> list[str]:
    """What is wrong after each of so many looks."""
    found = []
    for _ in range(times):
        await health.look()
        found.append(health.trouble)
    return found


async def test_without_a_failure_asterisk_is_not_asked(tmp_path: Path) -> None:
    probe, alarms = Probe(TROUBLE), Alarms()
    health = SpoolHealth(FragileSpool(tmp_path), probe, alarms)  # type: ignore[arg-type] # an observer's alarms alone
    assert await looks(health, 2) == ["", ""]
    assert (probe.looks, alarms.causes) == (0, [])


async def test_a_failure_stays_until_a_probe_came_back(tmp_path: Path) -> None:
    """Asterisk may be away meanwhile, or say something else."""
    probe, alarms = Probe(Unavailable("ami-down", "away"), TROUBLE, None), Alarms()
    health = SpoolHealth(FragileSpool(tmp_path), probe, alarms)  # type: ignore[arg-type] # an observer's alarms alone
    health.failed(NOT_WRITTEN, "take x has no files")
    first = f"take x has no files: {SANDBOX}"
    assert await looks(health, 4) == [first, "no file came: mend it", "", ""]
    assert (probe.looks, alarms.causes) == (3, ["spool: file-not-written"])


async def test_legs_that_may_not_be_read_are_found_without_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One alarm, and no probe as long as they lie there."""
    spool, probe, alarms = FragileSpool(tmp_path), Probe(None), Alarms()
    answers = ["c1-1-1.read.sln (nobody:nogroup 0600) may not be read by root"] * 2 + [""]
    monkeypatch.setattr(spool, "unreadable", lambda: answers.pop(0) if len(answers) > 1 else answers[0])
    health = SpoolHealth(spool, probe, alarms)  # type: ignore[arg-type] # an observer's alarms alone
    first, second, third = await looks(health, 3)
    assert first == second
    assert first.startswith("c1-1-1.read.sln (nobody:nogroup 0600) may not be read by root: put callrec's user")
    assert (third, probe.looks, alarms.causes) == ("", 1, [f"spool: {UNREADABLE}"])
