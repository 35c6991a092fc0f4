"""Forms: what a person has typed, and what is wrong with it, at its field and in words.

A form is read into the same model as the body of the API's operation, and checked by the same rules. Values that are wrong are
shown again as they were typed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from callrec.domain.directory.record_rules import RecordRefused
from callrec.domain.errors import CallrecError
from callrec.web.pages.languages import N_, translations
from callrec.web.pages.refusals import refusal_line, refusal_words
from callrec.web.pages.rule_sentences import in_words
from callrec.web.pages.site import SITE
from callrec.web.problems import POINTERS

Model = TypeVar("Model", bound=BaseModel)
WHOLE = ""
"""The field name of an error that concerns no single field."""
_WORDS: Mapping[str, str] = {
    "missing": N_("This is needed."),
    "string_too_short": N_("This is needed."),
    "string_too_long": N_("At most %(max_length)s characters, please."),
    "int_parsing": N_("This must be a whole number."),
    "int_from_float": N_("This must be a whole number."),
    "float_parsing": N_("This must be a number."),
    "finite_number": N_("This must be a number."),
    "greater_than": N_("This must be greater than %(gt)s."),
    "greater_than_equal": N_("This must be %(ge)s or more."),
    "less_than": N_("This must be less than %(lt)s."),
    "less_than_equal": N_("This must be %(le)s or less."),
    "string_pattern_mismatch": N_("This does not have the right form."),
    "extra_forbidden": N_("The form has a field that is not known here."),
    "date_from_datetime_parsing": N_("This must be a date."),
    "date_parsing": N_("This must be a date."),
    "enum": N_("Choose one of the values."),
    "literal_error": N_("Choose one of the values."),
}
"""What is said of a wrong value, by pydantic's type of the error."""


@dataclass(slots=True)
class Form:
    """Values by name as they were typed, and errors by name."""

    values: dict[str, list[str]] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    language: str = "en"
    stale: object = None
    """What there is to say when the record of the form was changed by somebody else meanwhile."""

    def value(self, name: str, otherwise: object = "") -> str:
        """What was typed in this field; `otherwise` (what there is now) while the form was not sent."""
        if name in self.values:
            return self.values[name][-1]
        return "" if otherwise is None else str(otherwise)

    def is_on(self, name: str, otherwise: object = False) -> bool:
        """Whether a box is ticked."""
        return self.value(name, str(bool(otherwise)).lower()) == "true"

    def chosen(self, name: str, otherwise: Sequence[str] = ()) -> Sequence[str]:
        """What is ticked of many boxes; `otherwise` while the form was not sent. A form that was sent without any has none."""
        return self.values.get(name, []) if self.values else otherwise

    def error(self, name: str = WHOLE) -> str:
        """What is wrong with this field; empty for nothing."""
        return " ".join(self.errors.get(name, ()))

    def add(self, name: str, sentence: str, **values: object) -> None:
        """Say of a field what is wrong; the sentence is translated when a catalogue has it."""
        said = translations(self.language).gettext(sentence)
        self.errors.setdefault(name, []).append(said % values if values else said)

    def refuse(self, error: CallrecError, fields: Mapping[str, str] | None = None) -> None:
        """Say what a use case has refused, at the field that it concerns. `fields`: the form's names for fields of the record."""
        named = fields or {}
        if isinstance(error, RecordRefused):
            for fault in error.faults:
                self.add(named.get(fault.field, fault.field), in_words(fault.reason, self.language))
            return
        name = POINTERS.get(error.code, "").lstrip("/")
        said = refusal_words(error, self.language)[0] if name else refusal_line(error, self.language)
        self.errors.setdefault(named.get(name, name), []).append(said)

    def refuse_at(self, name: str, error: CallrecError) -> None:
        """Say at this field what was refused and what to do about it."""
        self.errors.setdefault(name, []).append(refusal_line(error, self.language))

    def add_wait(self, wait_s: int) -> None:
        """Say that there were too many attempts, and for how long one has to wait."""
        said = translations(self.language).ngettext(
            "There were too many attempts. Try again in %(num)s second.",
            "There were too many attempts. Try again in %(num)s seconds.",
            wait_s,
        )
        self.errors.setdefault(WHOLE, []).append(said % {"num": wait_s})

    @property
    def is_wrong(self) -> bool:
        """Whether something is wrong."""
        return bool(self.errors)


async def typed(request: web.Request) -> Form:
    """What was typed into the form of a request. Files are left out. Raises HTTPException for a body that is too large."""
    form = blank(request)
    for name, value in (await request.post()).items():
        if isinstance(value, str):
            form.values.setdefault(name, []).append(value)
    return form


def blank(request: web.Request) -> Form:
    """A form that was not sent yet."""
    return Form(language=request.app[SITE].language(request))


def checked(
    form: Form,
    model: type[Model],
    *,
    lists: Sequence[str] = (),
    keep_empty: Sequence[str] = (),
    leave_out: Sequence[str] = (),
) -> Model | None:
    """The form as this model; None when it has wrong values, which the form then tells. A field that was left empty counts as not
    sent, but for those of `keep_empty`. `lists`: fields with many values; `leave_out`: fields that are for the page itself."""
    given: dict[str, object] = {}
    for name, values in form.values.items():
        if name in leave_out:
            continue
        if name in lists:
            given[name] = [value for value in values if value]
        elif values[-1].strip() or name in keep_empty:
            given[name] = values[-1]
    if lists:
        return validated(form, model, given)
    return _told(form, lambda: model.model_validate_strings(given))


def validated(form: Form, model: type[Model], given: Mapping[str, object]) -> Model | None:
    """These values as this model, texts read as numbers and the like; None when some are wrong, which the form then tells."""
    return _told(form, lambda: model.model_validate(given, strict=False))


def _told(form: Form, validate: Callable[[], Model]) -> Model | None:
    try:
        return validate()
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            name = str(one["loc"][0]) if one["loc"] else WHOLE
            words = _WORDS.get(one["type"])
            if words:
                form.add(name if one["type"] != "extra_forbidden" else WHOLE, words, **one.get("ctx", {}))
            else:
                form.add(name, one["msg"])
        return None
