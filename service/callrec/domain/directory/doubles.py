"""Finds keys that occur twice among the millions of numbers and names of a large user file, with eight bytes for each."""

from array import array
from collections.abc import Hashable

_PARTS = 64
"""The hashes are compared in so many parts, one after the other, since a set of all of them would take ten times their size."""


class Doubles:
    """The hashes of keys. When no hash occurs twice, no key does; otherwise the keys with these hashes must be compared."""

    def __init__(self) -> None:
        self._parts = [array("q") for _ in range(_PARTS)]

    def add(self, key: Hashable) -> None:
        """Add a key."""
        hashed = hash(key)
        self._parts[hashed % _PARTS].append(hashed)

    def suspects(self) -> frozenset[int]:
        """The hashes that occur more than once: of equal keys, or (in one of millions of files) of different ones."""
        found: set[int] = set()
        for part in self._parts:
            seen: set[int] = set(part)
            if len(seen) != len(part):
                for hashed in part:
                    if hashed in seen:
                        seen.remove(hashed)
                    else:
                        found.add(hashed)
        return frozenset(found)
