"""Forms: what was typed, and what is wrong with it at its field."""

import pytest
from pydantic import BaseModel, Field

from callrec.domain.directory.record_rules import Fault, RecordRefused
from callrec.domain.errors import Refused
from callrec.web.api.annotations import NoteAdded
from callrec.web.pages.forms import Form, checked


class Order(BaseModel):
    """Something to fill in."""

    name: str = Field(min_length=1, max_length=5)
    count: int = Field(1, ge=1, le=9)
    parts: list[str] = []
    loud: bool = False


def filled(language: str = "en", **fields: str | list[str]) -> Form:
    return Form({name: [value] if isinstance(value, str) else value for name, value in fields.items()}, {}, language)


def test_a_form_becomes_the_model_of_the_api() -> None:
    form = filled(text="hello", at_s="3.5")
    assert checked(form, NoteAdded) == NoteAdded(text="hello", at_s=3.5)
    assert not form.is_wrong


def test_what_was_left_empty_has_the_default_of_the_model() -> None:
    assert checked(filled(text="hello", at_s=""), NoteAdded) == NoteAdded(text="hello")
    assert checked(filled(name="x", count=" "), Order) == Order(name="x")


def test_a_box_that_is_not_ticked_is_false_and_the_last_value_counts() -> None:
    assert checked(filled(name="x", loud=["false", "true"]), Order) == Order(name="x", loud=True)
    form = filled(loud=["false", "true"])
    assert (form.is_on("loud"), filled(loud=["false"]).is_on("loud", otherwise=True), Form().is_on("loud", True)) == (
        *(True, False, True),
    )


def test_a_field_with_many_values_is_a_list() -> None:
    made = checked(filled(name="x", parts=["a", "", "b"]), Order, lists=("parts",))
    assert made == Order(name="x", parts=["a", "b"])


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({}, {"name": "This is needed."}),
        ({"name": "too long"}, {"name": "At most 5 characters, please."}),
        ({"name": "x", "count": "ten"}, {"count": "This must be a whole number."}),
        ({"name": "x", "count": "10"}, {"count": "This must be 9 or less."}),
        ({"name": "x", "loud": "maybe"}, {"loud": "Input should be a valid boolean, unable to interpret input"}),
    ],
)
def test_each_error_stands_at_its_field_in_words(fields: dict[str, str], errors: dict[str, str]) -> None:
    form = filled(**fields)
    assert checked(form, Order) is None
    assert {name: form.error(name) for name in form.errors} == errors


def test_the_words_are_those_of_the_language() -> None:
    form = filled("de", name="zu lang")
    checked(form, Order)
    assert form.error("name") == "Höchstens 5 Zeichen, bitte."


def test_a_field_that_the_api_does_not_know_is_an_error_of_the_whole_form() -> None:
    form = filled(text="x", more="y")
    assert checked(form, NoteAdded) is None
    assert form.error() == "The form has a field that is not known here."
    assert checked(filled(text="x", more="y"), NoteAdded, leave_out=("more",)) == NoteAdded(text="x")


def test_what_a_use_case_refuses_stands_at_the_field_that_it_concerns() -> None:
    form = Form()
    form.refuse(RecordRefused([Fault("forward_busy", "must be a number")]))
    form.refuse(Refused("key-label", "the label is too long"))
    form.refuse(Refused("context-in-use", "the context has users", hint="remove them first"))
    assert form.error("forward_busy") == "must be a number"
    assert form.error("label") == "the label is too long"
    assert form.error() == "the context has users: remove them first"


def test_a_refusal_can_have_another_field_in_the_form() -> None:
    form = Form()
    form.refuse(Refused("annotation", "no"), {"": "text"})
    assert (form.error("text"), form.error()) == ("no", "")


def test_what_was_typed_is_shown_again_and_else_what_there_is_now() -> None:
    assert filled(name="<b>").value("name", "old") == "<b>"
    assert (Form().value("name", "old"), Form().value("name", None), Form().value("name", 3)) == ("old", "", "3")


def test_what_a_use_case_refuses_is_told_in_the_language_of_the_page() -> None:
    """In English with its values and what to do; in other languages without them."""
    refused = Refused("webhook-types", "there is no type of event 'x'", hint="there are recording-stored")
    said = {}
    for language in ("en", "de", "fr", "es"):
        form = filled(language)
        form.refuse(refused)
        (said[language],) = [one for errors in form.errors.values() for one in errors]
    assert said["en"].startswith("there is no type of event 'x'")
    assert said["de"] == "Diesen Ereignistyp gibt es nicht."
    assert len(set(said.values())) == len(said)


@pytest.mark.parametrize(
    ("language", "wait_s", "said"),
    [
        ("en", 1, "There were too many attempts. Try again in 1 second."),
        ("en", 30, "There were too many attempts. Try again in 30 seconds."),
        ("de", 1, "Es gab zu viele Versuche. Versuchen Sie es in 1 Sekunde noch einmal."),
        ("fr", 30, "Trop de tentatives. Réessayez dans 30 secondes."),
    ],
)
def test_how_long_one_has_to_wait_is_told(language: str, wait_s: int, said: str) -> None:
    form = filled(language)
    form.add_wait(wait_s)
    assert form.error() == said
