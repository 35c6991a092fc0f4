"""The records as JSON, as the hashes have them; a field that an older version did not write gets its default.

Whole tables are read at every start, import and export. msgspec reads valid records, three times as fast as pydantic; pydantic
reads the others, and decides whether they are valid.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Generic, TypeVar, cast, get_type_hints

import msgspec
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from callrec.adapters.redis import record_codec as to
from callrec.adapters.redis import record_formats as stored
from callrec.domain.errors import Corrupt, Refused

TableRecord = TypeVar("TableRecord")
Stored = TypeVar("Stored")


class Record(Generic[TableRecord]):
    """Converts one type of records to JSON and back, through the class with their names in Redis."""

    def __init__(
        self,
        word: str,
        stored: type[Stored],
        out: Callable[[TableRecord], Stored],
        back: Callable[[Stored], TableRecord],
    ) -> None:
        self._word, self._out = word, out
        self._back = cast("Callable[[object], TableRecord]", back)  # it only gets objects of the class `stored`
        self._adapter = TypeAdapter[object](stored)
        self._to_json = self._adapter.serializer.to_json
        self._read = _reader(stored)

    def dump(self, value: TableRecord) -> str:
        """The record without fields that have their default, which are most fields of most records. Raises Refused for text that
        cannot be written as UTF-8 (a lone surrogate)."""
        return self._json(value, exclude_defaults=True)

    def whole(self, value: TableRecord) -> str:
        """The record with all its fields, to compare it or to change single fields. Raises Refused."""
        return self._json(value, exclude_defaults=False)

    def _json(self, value: TableRecord, *, exclude_defaults: bool) -> str:
        try:
            return self._to_json(self._out(value), exclude_defaults=exclude_defaults).decode()
        except (PydanticSerializationError, UnicodeEncodeError):
            raise Refused("text-not-storable", f"a {self._word} has characters that UTF-8 cannot represent") from None

    def load(self, text: str) -> TableRecord:
        """The record in this JSON. Raises Corrupt, whose message does not repeat the JSON: it may contain secrets."""
        try:
            return self._back(self._read(text))
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):  # the last: thousands of brackets in a field
            return self._load_slowly(text)

    def _load_slowly(self, text: str) -> TableRecord:
        try:
            return self._back(self._adapter.validate_json(text))
        except (ValidationError, UnicodeEncodeError) as error:
            where = "; ".join(".".join(map(str, e["loc"])) for e in getattr(error, "errors", list)()[:3])
            raise Corrupt("store-record", f"a {self._word} in the store cannot be read: {where or 'no JSON'}") from None


def _reader(stored: type[object]) -> Callable[[str], object]:
    """From JSON to an object with the fields of `stored`, checked as they are declared there."""
    hints = get_type_hints(stored)
    spec = [
        (one.name, hints[one.name]) if one.default is MISSING else (one.name, hints[one.name], one.default)
        for one in fields(stored)  # type: ignore[arg-type] # all of them are dataclasses
    ]
    return msgspec.json.Decoder(msgspec.defstruct(stored.__name__, spec)).decode


USER = Record("user", stored.UserRecord, to.user_out, to.user_in)
LINE = Record("line", stored.LineRecord, to.line_out, to.line_in)
INCALL = Record("incall", stored.IncallRecord, to.incall_out, to.incall_in)
VOICEMAIL = Record("voicemail", stored.VoicemailRecord, to.voicemail_out, to.voicemail_in)
CODE = Record("feature code", stored.CodeRecord, to.code_out, to.code_in)
CONTEXT = Record("context", stored.ContextRecord, to.context_out, to.context_in)
ENTITY = Record("entity", stored.EntityRecord, to.entity_out, to.entity_in)
PROFILE = Record("profile", stored.ProfileRecord, to.profile_out, to.profile_in)
KEY = Record("function key", stored.KeyRecord, to.key_out, to.key_in)
ROLE = Record("role", stored.RoleRecord, to.role_out, to.role_in)
PLACE = Record("place", stored.PlaceRecord, to.place_out, to.place_in)
GROUP = Record("group", stored.GroupRecord, to.group_out, to.group_in)


def dump_json(value: Mapping[str, object] | list[dict[str, str]] | list[str]) -> str:
    """An argument of a script. Raises Refused for a lone surrogate, which Lua's JSON reader rejects."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused("text-not-storable", "a value has characters that UTF-8 cannot represent") from None
    return text
