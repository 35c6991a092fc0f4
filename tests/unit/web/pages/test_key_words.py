"""What is refused of function keys is told in each language of the pages."""

import ast
from pathlib import Path

import pytest

from callrec.app.directory import dialled_numbers
from callrec.domain.directory import function_keys, key_sets
from callrec.domain.directory.key_sets import KeyFault
from callrec.domain.directory.model import FunctionKey
from callrec.domain.rules import UserId
from callrec.web.pages.languages import LANGUAGES
from callrec.web.pages.users.key_words import REFUSED, KeyRow, refused_key

OTHERS = sorted(set(LANGUAGES) - {"en"})
NOT_OF_FORMS = {
    "key-pattern": "only for the digits of a key's hint",
    "key-destination": "has words by what the type takes",
}


def codes() -> set[str]:
    """The codes with which the rules of keys refuse, read from their source."""
    calls = [
        node
        for module in (function_keys, key_sets)
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused"
    ]
    return {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}  # type: ignore[misc]


def test_each_code_of_the_rules_of_keys_has_words() -> None:
    assert {"key-number", "key-sccp"} <= codes()
    assert codes() - NOT_OF_FORMS.keys() == REFUSED.keys()


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("kind", [name for name, one in function_keys.KEY_TYPES.items() if one.served])
def test_a_wrong_destination_of_each_type_is_told_in_the_language(kind: str, language: str) -> None:
    fault = KeyFault(0, 1, "destination", "the destination is wrong")
    assert refused_key(fault, KeyRow("1", kind, "x"), language) != fault.reason
    assert refused_key(fault, KeyRow("1", kind, "x"), "en") == fault.reason


def test_a_refusal_names_the_other_key_or_the_number() -> None:
    row = KeyRow("2", "queue", "6000")
    key = FunctionKey(UserId("1"), 2, "queue", "6000")
    said = refused_key(KeyFault(0, 2, "destination", dialled_numbers.says(key)), row, "de")
    assert said == "diese Anlage hat keine Nummer 6000"
    twin = KeyFault(0, 2, "destination", "key 1 does the same as key 2 would", "key-twice")
    assert refused_key(twin, row, "fr") == "la touche 1 fait la même chose que la touche 2"
    again = KeyFault(0, 2, "number", "2 is there twice: each key has its own number", "key-number")
    assert refused_key(again, row, "es").startswith("2 aparece dos veces")
