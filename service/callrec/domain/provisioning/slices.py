"""Sorting that lets others run: one sort of a million texts holds the interpreter for as long as it takes.

Python gives way to another thread between two steps of its own, not inside one of its built-in functions. So the texts are
dealt into small heaps first, by a sample of themselves, and each heap is sorted alone.
"""

from bisect import bisect_left
from collections.abc import Iterable

HEAP = 512
"""About how many texts are sorted in one go: a tenth of a millisecond."""


def sorted_texts(texts: Iterable[str]) -> list[str]:
    """The texts in order."""
    every = list(texts)
    borders = sorted(every[::HEAP])
    heaps: list[list[str]] = [[] for _ in range(len(borders) + 1)]
    for text in every:
        heaps[bisect_left(borders, text)].append(text)
    return [text for heap in heaps for text in sorted(heap)]
