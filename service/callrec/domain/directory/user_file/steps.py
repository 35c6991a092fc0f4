"""The effect of each row of a user file: a new user, a changed user, or an unchanged one."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain

from callrec.domain.directory.edit import Change
from callrec.domain.directory.frozen_record import frozen_record
from callrec.domain.directory.user_file.rows import Row
from callrec.domain.directory.user_file.update import changed_columns


@frozen_record(frozen=True, slots=True)
class Step:
    """One row of the file: a new user (`was` is None), or one who becomes another, or stays."""

    becomes: Row
    was: Row | None = None

    def changes(self) -> Iterator[Change]:
        """The records that come, go, or become others."""
        old, new = self.was.table_records() if self.was else (None,) * 4, self.becomes.table_records()
        # An unchanged record is nearly always the same object
        yield from (
            Change(one, other) for one, other in zip(old, new, strict=True) if one is not other and one != other
        )

    @property
    def is_change(self) -> bool:
        """True when any record is added, removed or changed."""
        return any(True for _ in self.changes())

    def columns(self) -> tuple[str, ...]:
        """Those in which an old user changes."""
        return tuple(changed_columns(self.was, self.becomes)) if self.was else ()


@dataclass(frozen=True, slots=True)
class StepChanges:
    """The changes of these steps, made each time that they are iterated: those of a large file would be a million objects."""

    steps: tuple[Collection[Step], ...]
    besides: tuple[Change, ...] = ()

    def __iter__(self) -> Iterator[Change]:
        for step in chain[Step].from_iterable(self.steps):
            yield from step.changes()
        yield from self.besides
