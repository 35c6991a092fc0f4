"""What has run of `make faults`: kept in a file after each run, so that a call after an interruption goes on where it was.

The file holds one commit and, for each case that is not complete, how many runs were asked for and what they returned:

    {"commit": "97c8...", "cases": {"deaf-refer": {"runs": 20, "seen": {"kept": 3, "failed": 1}}}}

A case whose runs are complete is taken out when it has been reported; with the last one the file goes.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

FAILED = "failed"
"""What a run is counted as that did not return a word of its own."""


class DamagedError(Exception):
    """The file is not one that `Tally` has written. Says what is wrong."""


@dataclass
class Tally:
    """How many runs of each case have returned which word, at this commit."""

    file: Path
    commit: str
    runs: int
    """Asked for, of each case."""
    seen: dict[str, Counter[str]] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    """Of cases that an earlier call has begun: how many runs it was asked for."""

    def left(self, name: str) -> int:
        """How many runs of this case are still to do."""
        return max(0, self.runs - self.done(name))

    def done(self, name: str) -> int:
        """How many have run."""
        return self.seen.get(name, Counter()).total()

    def note(self, name: str, word: str) -> None:
        """One more run of this case, kept at once. Raises OSError when the file cannot be written."""
        self.seen.setdefault(name, Counter())[word] += 1
        self.asked[name] = self.runs
        self._keep()

    def forget(self, names: Iterable[str]) -> None:
        """These cases begin again at the next call."""
        for name in names:
            self.seen.pop(name, None)
            self.asked.pop(name, None)
        self._keep()

    def _keep(self) -> None:
        if not self.seen:
            self.file.unlink(missing_ok=True)
            return
        cases = {name: {"runs": self.asked[name], "seen": seen} for name, seen in self.seen.items()}
        other = self.file.with_suffix(".new")
        other.write_text(json.dumps({"commit": self.commit, "cases": cases}), "utf-8")
        other.replace(self.file)


def resume(file: Path, commit: str, runs: int, names: Iterable[str]) -> tuple[Tally, str]:
    """The tally of a call for so many runs of these cases, and a sentence on what it takes over; empty when there is no file.

    Raises OSError when the file is there and cannot be read.
    """
    new = Tally(file, commit, runs)
    try:
        kept = _read(file.read_bytes())
    except FileNotFoundError:
        return new, ""
    except DamagedError as error:
        return new, f"{file} is damaged ({error}): all cases begin again"
    if kept.commit != commit:
        return new, f"{file} is of another commit ({kept.commit[:12]}, now {commit[:12]}): all cases begin again"
    tally = Tally(file, commit, runs, kept.seen, kept.asked)
    begun = [name for name in names if tally.done(name)]
    other = [name for name in begun if tally.asked[name] != runs]
    said = [f"{name} begins again: it had {tally.done(name)} of {tally.asked[name]} runs" for name in other]
    tally.forget(other)
    going_on = [name for name in begun if name not in other]
    if going_on:
        done = sum(map(tally.done, going_on))
        said.append(f"going on where the last call was interrupted: {done} of {runs * len(going_on)} runs are done")
    return tally, "; ".join(said)


def _read(content: bytes) -> Tally:
    """Raises DamagedError."""
    try:
        document = json.loads(content)
    except ValueError as error:
        raise DamagedError(f"no JSON: {error}") from None
    match document:
        case {"commit": str(commit), "cases": dict(cases)}:
            tally = Tally(Path(), commit, 0)
        case _:
            raise DamagedError("commit or cases are missing")
    for name, kept in cases.items():
        match kept:
            case {"runs": int(runs), "seen": dict(seen)} if all(type(n) is int and n > 0 for n in seen.values()):
                tally.asked[name], tally.seen[name] = runs, Counter(seen)
            case _:
                raise DamagedError(f"the counts of {name} are missing or wrong")
    return tally
