"""The words that metrics, logs and events share: each is used, and none is said by another way."""

import re
from pathlib import Path

import pytest

import callrec
from callrec.domain.vocabulary import AgiScript, AlarmCause, CallFact, DropReason, Outcome
from callrec.observe.metrics import OTHER, Metrics
from callrec.wiring.scripts import scripts

SERVICE = Path(callrec.__file__).parent
CODE = "\n".join(path.read_text() for path in SERVICE.rglob("*.py") if path.name != "vocabulary.py")
BESIDE = set(re.findall(r"background\.start\(.*?DropReason\.([A-Z_]+)", CODE, re.DOTALL))
"""Work beside a call."""


@pytest.mark.parametrize("outcome", Outcome)
def test_whatever_a_press_comes_to_is_a_fact(outcome: Outcome) -> None:
    assert CallFact.of_press(outcome).value == f"press-{outcome}"


def test_each_press_that_is_a_fact_is_an_outcome() -> None:
    pressed = {fact.removeprefix("press-") for fact in CallFact if fact.startswith("press-")}
    assert pressed == {outcome.value for outcome in Outcome}


def test_labels_are_small_letters_digits_and_hyphens_and_each_is_one_cause() -> None:
    labels = [cause.label for cause in AlarmCause]
    assert len(set(labels)) == len(labels)
    assert all(re.fullmatch("[a-z][a-z0-9]*(-[a-z]+)*", label) for label in labels)
    assert (AlarmCause.OPEN_CAPTURE.label, AlarmCause.DEAF_LEG.label) == ("open-take", "deaf-leg")


def test_the_scripts_that_answer_are_those_that_are_listed() -> None:
    assert set(scripts(None, None, None, None)) == set(AgiScript)  # type: ignore[arg-type] # nothing is asked


def test_what_is_done_beside_a_call_is_an_alarm_too_when_it_fails() -> None:
    """`app.background` makes one of the other."""
    assert {"DEVICE_STATE", "EXAMINE", "ORPHAN", "LATE_CAPTURE"} <= BESIDE
    assert {DropReason[name].value for name in BESIDE} <= {cause.value for cause in AlarmCause}


def test_no_cause_and_no_reason_is_a_text_of_its_own() -> None:
    assert re.findall(r'Alarm\(f?"[a-z-]+[":]|dropped\("|background\.start\([^\n]*"\)|Tell\(f?"', CODE) == []


@pytest.mark.parametrize("word", [*AlarmCause, *DropReason])
def test_each_word_is_used(word: AlarmCause | DropReason) -> None:
    """A dead label is a promise that is never kept. Causes of a capture that was not asked for are codes of errors."""
    is_code = word.startswith("ami-") and f'"{word.value}"' in CODE
    is_beside = word.name in BESIDE
    assert f"{type(word).__name__}.{word.name}" in CODE or is_code or is_beside


@pytest.mark.parametrize("cause", AlarmCause)
def test_no_alarm_is_counted_as_something_else(cause: AlarmCause) -> None:
    metrics = Metrics()
    metrics.alarm(f"{cause}: a-code")
    text = metrics.text().decode()
    assert f'callrec_alarms_total{{cause="{cause.label}"}} 1.0' in text
    assert f'cause="{OTHER}"' not in text


@pytest.mark.parametrize("reason", DropReason)
def test_nothing_that_is_dropped_is_counted_as_something_else(reason: DropReason) -> None:
    metrics = Metrics()
    metrics.dropped(reason)
    assert f'callrec_dropped_total{{what="{reason}"}} 1.0' in metrics.text().decode()


@pytest.mark.parametrize("script", AgiScript)
def test_no_script_is_counted_as_another(script: AgiScript) -> None:
    metrics = Metrics()
    metrics.agi(script, "answered", 0.1)
    assert f'script="{script}"' in metrics.text().decode()
