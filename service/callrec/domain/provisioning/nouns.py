"""`@noun(frozen=True, slots=True)`: a dataclass that nobody changes, made as fast as one that may be changed.

The type checker takes it for the frozen dataclass that it looks like, and refuses an assignment to any field. At run time nobody
watches: a frozen dataclass makes a function call for each field, which is 3.9 us for a user of 25 fields where plain assignments
take 0.8, and a large user file makes half a million of such records (docs/performance.md).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as noun
else:
    import functools
    from dataclasses import dataclass

    def noun(*, frozen, slots):
        """See above."""
        return functools.partial(dataclass, unsafe_hash=frozen, slots=slots)


__all__ = ["noun"]
