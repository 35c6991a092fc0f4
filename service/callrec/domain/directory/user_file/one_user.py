"""A new user with line, incoming number and voicemail, by the rules of a user file with one row."""

from collections.abc import Mapping

from callrec.domain.directory.edit import Edit
from callrec.domain.directory.model import Tables
from callrec.domain.directory.user_file.columns import COLUMNS
from callrec.domain.directory.user_file.csv_text import FileRefused, escaped, written
from callrec.domain.directory.user_file.file_rules import read
from callrec.domain.directory.user_file.plan import planned
from callrec.domain.directory.user_file.rows import Generate, Row
from callrec.domain.directory.user_file.steps import Step
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId


def new_user(values: Mapping[str, str], tables: Tables, identity: UserId, generate: Generate) -> tuple[Edit, Row]:
    """The edit that adds the user with these values of columns, and their row with what was generated. Raises FileRefused with
    each wrong column, Refused (`table-conflict`) when a user has all these values already."""
    names = [column.name for column in COLUMNS if column.name in values]
    cells = [escaped(name, " ".join(values[name].splitlines())) for name in names]
    plan = planned(read(written([names, cells])), tables, generate)
    if plan.errors:
        raise FileRefused(plan.errors)
    if plan.unchanged:
        user = plan.unchanged[0].becomes.user
        message = f"user {user.id}, {user.name}, has exactly these values"
        raise Refused("table-conflict", message, hint="nothing was changed: give this user another name or a number")
    row = plan.new[0].becomes.with_id(identity)
    plan.new[0] = Step(row)
    return plan.edit(tables), row
