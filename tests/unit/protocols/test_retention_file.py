"""The file of retention classes: it comes back as it was written, and a damaged one is told."""

import json

import pytest

from callrec.domain.errors import Corrupt
from callrec.domain.library.retention import Retention, RetentionClass, Space
from callrec.domain.rules import Rule, UserId
from callrec.protocols.retention_file import decode_retention, encode_retention

FULL = RetentionClass(
    "sales", (Rule.ALWAYS,), (UserId("7"),), ("from-extern",), ("sale",), 30.5, 90.0, 3, in_effect=True
)
TABLE = Retention((FULL, RetentionClass("rest")), Space(1 << 40, None), 7)


def test_it_comes_back_as_it_was_written() -> None:
    assert decode_retention(encode_retention(TABLE)) == TABLE
    assert decode_retention(encode_retention(Retention())) == Retention()


def test_the_format_is_frozen() -> None:
    assert json.loads(encode_retention(TABLE)) == {
        "schema": 1,
        "revision": 7,
        "classes": [
            {
                "name": "sales", "rules": ["always"], "users": ["7"], "contexts": ["from-extern"], "tags": ["sale"],
                "min_days": 30.5, "max_days": 90.0, "rank": 3, "in_effect": True,
            },
            {
                "name": "rest", "rules": [], "users": [], "contexts": [], "tags": [], "min_days": 0.0, "max_days": None,
                "rank": 0, "in_effect": False,
            },
        ],
        "quota_bytes": 1 << 40,
        "least_free_bytes": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[",
        b"[]",
        b'{"schema": 1}',
        b'{"schema": 2, "revision": 1, "classes": []}',
        b'{"schema": 1, "revision": 1, "classes": [{"name": "x"}]}',
    ],
)
def test_what_is_no_such_file_is_told(content: bytes) -> None:
    with pytest.raises(Corrupt) as error:
        decode_retention(content)
    assert error.value.code == "retention-unreadable"
