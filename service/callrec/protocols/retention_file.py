"""The file `retention.json` in the state folder: retention classes and limits of space. Frozen by tests/golden."""

import json

from pydantic import FiniteFloat, TypeAdapter, ValidationError
from typing_extensions import NotRequired, TypedDict  # noqa: UP035 - pydantic needs it below Python 3.12

from callrec.domain.errors import Corrupt
from callrec.domain.library.retention import Retention, RetentionClass, Space
from callrec.domain.rules import Rule, UserId

SCHEMA = 1


class ClassFormat(TypedDict):
    """A class."""

    name: str
    rules: tuple[Rule, ...]
    users: tuple[str, ...]
    contexts: tuple[str, ...]
    tags: tuple[str, ...]
    min_days: FiniteFloat
    max_days: NotRequired[FiniteFloat | None]
    rank: int
    in_effect: bool


class RetentionFormat(TypedDict):
    """The file."""

    schema: int
    revision: int
    classes: tuple[ClassFormat, ...]
    quota_bytes: NotRequired[int | None]
    least_free_bytes: NotRequired[int | None]


_FILE = TypeAdapter(RetentionFormat)


def encode_retention(table: Retention) -> bytes:
    """The file's bytes: UTF-8 JSON, a final newline."""
    classes = tuple(
        ClassFormat(
            name=one.name, rules=one.rules, users=one.users, contexts=one.contexts, tags=one.tags, min_days=one.min_days,
            max_days=one.max_days, rank=one.rank, in_effect=one.in_effect,
        )
        for one in table.classes
    )  # fmt: skip
    out: RetentionFormat = {
        "schema": SCHEMA,
        "revision": table.revision,
        "classes": classes,
        "quota_bytes": table.space.quota_bytes,
        "least_free_bytes": table.space.least_free_bytes,
    }
    return json.dumps(out, indent=1, allow_nan=False).encode() + b"\n"


def decode_retention(content: bytes) -> Retention:
    """Read the file. Raises Corrupt (`retention-unreadable`)."""
    try:
        read = _FILE.validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise _unreadable(f"{place}: {first['msg']}") from error
    if read["schema"] != SCHEMA:
        raise _unreadable(f"it has schema {read['schema']}, and this callrec knows {SCHEMA}")
    classes = tuple(
        RetentionClass(
            one["name"], one["rules"], tuple(map(UserId, one["users"])), one["contexts"], one["tags"], one["min_days"],
            one.get("max_days"), one["rank"], one["in_effect"],
        )
        for one in read["classes"]
    )  # fmt: skip
    return Retention(classes, Space(read.get("quota_bytes"), read.get("least_free_bytes")), read["revision"])


def _unreadable(says: str) -> Corrupt:
    hint = "restore retention.json from a backup, or remove it and set the classes again"
    return Corrupt("retention-unreadable", f"the retention classes cannot be read: {says}", hint=hint)
