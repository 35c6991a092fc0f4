"""Sorting in small steps, between which other threads can run.

Python switches threads between its own instructions, but not within a built-in function such as a sort of a million texts. So the
texts are first distributed into small heaps, by a sample of them, and each heap is sorted separately.
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
