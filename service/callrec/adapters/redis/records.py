"""The nouns as JSON, as they stand in the hashes; a field that an older writer left out has its default.

Whole tables are read at every start, import and export: msgspec reads what is sound, three times as fast as pydantic, whose word
counts for all else.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Generic, TypeVar, get_type_hints

import msgspec
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from callrec.domain.errors import Corrupt, Refused
from callrec.domain.provisioning.model import (
    Context,
    Entity,
    FeatureCode,
    FunctionKey,
    Incall,
    Line,
    Profile,
    Role,
    User,
    Voicemail,
)

Noun = TypeVar("Noun")


class Record(Generic[Noun]):
    """One noun's way to JSON and back."""

    def __init__(self, noun: type[Noun]) -> None:
        self._name = noun.__name__.lower()
        self._adapter = TypeAdapter(noun)
        self._to_json = self._adapter.serializer.to_json
        self._read = _reader(noun)

    def dump(self, value: Noun) -> str:
        """The record, without fields that are what they are by default: most of them, in most records. Raises Refused for text
        that cannot be written as UTF-8 (a lone surrogate)."""
        return self._json(value, exclude_defaults=True)

    def whole(self, value: Noun) -> str:
        """The record with all its fields: so it can be compared, and changed field by field. Raises Refused."""
        return self._json(value, exclude_defaults=False)

    def _json(self, value: Noun, *, exclude_defaults: bool) -> str:
        try:
            return self._to_json(value, exclude_defaults=exclude_defaults).decode()
        except (PydanticSerializationError, UnicodeEncodeError):
            raise Refused("text-not-storable", f"a {self._name} holds characters that no UTF-8 text can have") from None

    def load(self, text: str) -> Noun:
        """Raises Corrupt, without repeating what stands there."""
        try:
            return self._read(text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):  # the last: thousands of brackets in a field
            return self._load_slowly(text)

    def _load_slowly(self, text: str) -> Noun:
        try:
            return self._adapter.validate_json(text)
        except (ValidationError, UnicodeEncodeError) as error:
            where = "; ".join(".".join(map(str, e["loc"])) for e in getattr(error, "errors", list)()[:3])
            raise Corrupt("store-record", f"a {self._name} in the store cannot be read: {where or 'no JSON'}") from None


def _reader(noun: type[Noun]) -> Callable[[str], Noun]:
    """From JSON to a noun, checked as its fields are declared, and made by its own constructor."""
    hints = get_type_hints(noun)
    spec = [
        (one.name, hints[one.name]) if one.default is MISSING else (one.name, hints[one.name], one.default)
        for one in fields(noun)  # type: ignore[arg-type] # all nouns are dataclasses
    ]
    decode, values = msgspec.json.Decoder(msgspec.defstruct(noun.__name__, spec)).decode, msgspec.structs.astuple
    return lambda text: noun(*values(decode(text)))


USER = Record(User)
LINE = Record(Line)
INCALL = Record(Incall)
VOICEMAIL = Record(Voicemail)
CODE = Record(FeatureCode)
CONTEXT = Record(Context)
ENTITY = Record(Entity)
PROFILE = Record(Profile)
KEY = Record(FunctionKey)
ROLE = Record(Role)


def dump_json(value: Mapping[str, object] | list[dict[str, str]] | list[str]) -> str:
    """An argument of a script. Raises Refused for a lone surrogate: Lua's reader would call it broken."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused("text-not-storable", "a value holds characters that no UTF-8 text can have") from None
    return text
