"""What `--record` says: the rule of a place."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from callrec.domain.rules import Rule

NO_RULE = "none"


def said_record(record: str | None, *, or_none: bool = True) -> "Rule | None":
    """The rule that was typed: None for `none`, and where nothing was. Raises BadParameter; also for `none` unless `or_none`."""
    from callrec.domain.rules import Rule

    if record is None or (or_none and record == NO_RULE):
        return None
    if record not in {Rule.ALWAYS, Rule.NEVER}:
        words = f"one of always, never, {NO_RULE}" if or_none else "one of always, never"
        raise typer.BadParameter(words, param_hint="--record")
    return Rule(record)
