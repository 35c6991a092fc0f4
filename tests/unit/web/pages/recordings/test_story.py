"""A manifest in words."""

from dataclasses import replace
from datetime import UTC

import pytest
from stored_library import BEGAN_S, recorded

from callrec.domain.calls.model import (
    Actor,
    ActorKind,
    Control,
    ControlStep,
    Hearing,
    Missing,
    NotHeard,
    Pause,
    Recording,
    Told,
)
from callrec.domain.library.manifest import SCHEMA, Manifest, StoredState
from callrec.domain.rules import Rule, UserId
from callrec.web.pages.languages import locale_of, translations
from callrec.web.pages.recordings.story import Sentence, Story
from callrec.web.pages.view import View

NAMES = {"7": "John Doe", "account:12": "Ann <Admin>"}
CALL = recorded(1, 60)
FIRST, SECOND = (party.leg for party in CALL.parties)
PRESSED = Actor(ActorKind.USER, UserId("7"), FIRST)


def story(recording: Recording, state: StoredState = StoredState.SOUND, language: str = "en") -> list[Sentence]:
    view = View(language, locale_of(language), UTC, "", None, "", "/", static=str)
    told = Story(view, translations(language).gettext, lambda one: NAMES.get(one, NAMES.get(f"account:{one}", "")))
    return told.of(Manifest(SCHEMA, state, recording))


def texts(recording: Recording, kind: str, state: StoredState = StoredState.SOUND) -> list[str]:
    return [str(one.text) for one in story(recording, state) if one.kind == kind]


@pytest.mark.parametrize(
    ("recording", "why"),
    [
        (CALL, "It was recorded because a rule says that these calls of John Doe are always recorded."),
        (
            replace(CALL, parties=(), captures=()),
            "It was recorded because a rule says that these calls of this user are always recorded.",
        ),
        (
            replace(CALL, rule_origin="incall:2050@from-extern"),
            "It was recorded because calls to 2050 are always recorded.",
        ),
        (
            replace(CALL, rule_origin="queue:help"),
            "It was recorded because calls in the queue help are always recorded.",
        ),
        (
            replace(CALL, rule=Rule.ON_DEMAND, actor=PRESSED),
            "It was recorded because John Doe asked for it by phone at 10:00:00.",
        ),
        (
            replace(CALL, rule=Rule.ON_DEMAND, actor=replace(PRESSED, user=None)),
            "It was recorded because a participant asked for it by phone at 10:00:00.",
        ),
        (
            replace(CALL, rule=Rule.ON_DEMAND, actor=Actor(ActorKind.OPERATOR)),
            "It was recorded because it was asked for at 10:00:00.",
        ),
    ],
)
def test_it_says_why_the_call_was_recorded(recording: Recording, why: str) -> None:
    assert texts(recording, "why") == [why]


def test_it_says_who_has_heard_that_they_are_recorded() -> None:
    assert texts(CALL, "told") == ["Nothing was announced to the participants."]
    hearings = (
        Hearing(FIRST, Told.TONE, BEGAN_S, BEGAN_S + 2, cause=""),
        Hearing(SECOND, Told.TONE, BEGAN_S, None, cause=NotHeard.ON_HOLD),
    )
    assert texts(replace(CALL, hearings=hearings), "told") == [
        "John Doe (1000) has heard at 10:00:02 that the call is recorded.",
        "It is not proven that George Clinton (1001) has heard that the call is recorded: they held the call.",
    ]


def test_it_says_what_was_paused_and_whether_that_is_proven() -> None:
    pauses = (Pause(BEGAN_S + 8, BEGAN_S + 20), Pause(BEGAN_S + 30, None, is_proven=False))
    told = story(replace(CALL, pauses=pauses))
    assert [(str(one.text), one.is_bad) for one in told if one.kind == "pause"] == [
        ("It was paused from 10:00:08 to 10:00:20 (0:12); nothing of that was kept.", False),
        ("It was to be paused from 10:00:30 to 10:01:00, but Asterisk has not confirmed it.", True),
    ]


def test_it_says_who_has_changed_it_and_names_stay_text() -> None:
    controls = (
        ControlStep(Control.PAUSE, BEGAN_S + 1, Actor(ActorKind.OPERATOR, asker="account:12"), "<i>card</i>"),
        ControlStep(Control.RESUME, BEGAN_S + 2, Actor(ActorKind.SYSTEM)),
    )
    assert texts(replace(CALL, controls=controls, end_reason="opted-out"), "change") == [
        "Ann &lt;Admin&gt; paused it at 10:00:01. (&lt;i&gt;card&lt;/i&gt;)",
        "callrec resumed it at 10:00:02.",
        "It ended because a participant did not want to be recorded.",
    ]


def test_it_says_what_is_missing_and_that_nothing_is() -> None:
    missing = (Missing(BEGAN_S + 5, BEGAN_S + 9, "asterisk-died"), Missing(BEGAN_S + 10, BEGAN_S + 11, "odd: cause"))
    assert texts(CALL, "whole") == ["Nothing is missing: all of it is there, from beginning to end."]
    assert texts(replace(CALL, missing=missing), "missing", StoredState.PARTIAL) == [
        "Sound is missing from 10:00:05 to 10:00:09 (0:04): Asterisk ended during the call.",
        "Sound is missing from 10:00:10 to 10:00:11 (0:01): odd: cause.",
    ]
    assert texts(replace(CALL, cause=""), "missing", StoredState.PARTIAL) == [
        "Something of it is missing: the cause is not known."
    ]
    assert texts(replace(CALL, cause="file-not-opened"), "missing", StoredState.FAILED) == [
        "There is no audio, though it should have been recorded: Asterisk opened no file."
    ]
    assert texts(CALL, "whole", StoredState.UNANSWERED) == [
        "The call was not answered, so there was nothing to record."
    ]


def test_it_speaks_the_language_of_the_viewer() -> None:
    assert str(story(CALL, language="fr")[-1].text) == "Rien ne manque : tout est là, du début à la fin."


def test_of_an_adopted_recording_only_what_its_name_says_is_told() -> None:
    adopted = story(replace(CALL, rule=None, actor=Actor(ActorKind.OPERATOR)), StoredState.ADOPTED)
    assert [(one.kind, str(one.text)) for one in adopted] == [
        ("why", "Another program recorded it. What is told here is what its file's name says."),
        ("whole", "Whether something is missing is not known."),
    ]
