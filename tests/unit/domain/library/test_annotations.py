"""Notes, tags, holds and the class of a recording: what may be added, by whom, and that no change is lost."""

from dataclasses import replace
from itertools import count

import pytest

from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Conflict, Refused
from callrec.domain.library.annotations import (
    MOST_HOLDS,
    MOST_NOTES,
    MOST_REASON,
    MOST_TAG,
    MOST_TAGS,
    MOST_TEXT,
    Annotations,
    By,
    Change,
    Note,
    NoteText,
    difference,
    edited,
    has_hold_of,
    held,
    held_once,
    next_revision,
    noted,
    released,
    released_of,
    retagged,
    with_class,
)

EMPTY = Annotations(RecordingId("c1-1"))


def by(author: str = "account:7", now_s: float = 100.0) -> By:
    ids = count(1)
    return By(author, now_s, lambda: f"{author}-{next(ids)}")


def after(*changes: Change, before: Annotations = EMPTY) -> Annotations:
    for change in changes:
        before = next_revision(before, change)
    return before


def refused(change: Change, before: Annotations = EMPTY) -> str:
    with pytest.raises(Refused) as caught:
        next_revision(before, change)
    return caught.value.code


def test_a_note_has_its_author_time_and_moment() -> None:
    found = after(noted("he agrees\nto the price", 12.5, by(), 60.0))
    assert found.notes == (Note("account:7-1", "he agrees\nto the price", "account:7", 100.0, 12.5),)
    assert found.revision == 1


def test_a_corrected_note_keeps_its_author_and_a_missing_one_is_removed() -> None:
    before = after(noted("first", None, by(), 60.0), noted("second", 1.0, by("account:8"), 60.0))
    first = before.notes[0]
    wanted = [NoteText("corrected", 2.0, first.id), NoteText("third")]
    found = after(edited(by=by("account:9", 200.0), length_s=60.0, notes=wanted), before=before)
    assert found.notes == (replace(first, text="corrected", at_s=2.0), Note("account:9-1", "third", "account:9", 200.0))


def test_what_is_not_named_stays() -> None:
    before = after(
        noted("a", None, by(), 1.0), retagged(["x"], []), edited(by=by(), length_s=1.0, retention_class="long")
    )
    assert after(edited(by=by(), length_s=1.0, tags=["y"]), before=before) == replace(before, revision=4, tags=("y",))
    assert after(edited(by=by(), length_s=1.0, retention_class=""), before=before).retention_class == ""


def test_tags_are_a_set_in_order() -> None:
    found = after(retagged(["vip", "Beschwerde", "vip"], []))
    assert found.tags == ("Beschwerde", "vip")
    assert after(retagged(["new"], ["vip", "unknown"]), before=found).tags == ("Beschwerde", "new")


def test_a_class_is_set_ended_or_refused() -> None:
    before = after(retagged(["x"], []), with_class("long"))
    assert (before.retention_class, before.tags) == ("long", ("x",))
    assert after(with_class(""), before=before).retention_class == ""
    assert refused(with_class("a\nb")) == "annotation"


def test_a_hold_ends_by_its_release_only() -> None:
    before = after(held("lawsuit", "AZ 12/26", by()), held("audit", "", by("account:8")))
    first, second = before.holds
    assert before.is_held
    assert (first.reason, first.reference, first.author, first.since_s) == ("lawsuit", "AZ 12/26", "account:7", 100.0)
    assert (
        after(edited(by=by(), length_s=1.0, notes=[], tags=[], retention_class=""), before=before).holds == before.holds
    )
    one = after(released(first.id), before=before)
    assert one.holds == (second,)
    assert not after(released(None), before=before).is_held
    assert refused(released(first.id), one) == "no-such-hold"
    assert refused(released(None)) == "no-such-hold"


@pytest.mark.parametrize(
    "change",
    [
        noted("", None, by(), 1.0),
        noted(" \n", None, by(), 1.0),
        noted("x" * (MOST_TEXT + 1), None, by(), 1.0),
        noted("\x1b[2J", None, by(), 1.0),
        noted("\u202eevil", None, by(), 1.0),
        noted("x", -0.1, by(), 1.0),
        noted("x", 1.1, by(), 1.0),
        noted("x", float("nan"), by(), 1.0),
        edited(by=by(), length_s=1.0, notes=[NoteText("x", id="unknown")]),
        edited(by=by(), length_s=1.0, notes=[NoteText("x", id="a"), NoteText("y", id="a")]),
        edited(by=by(), length_s=1.0, notes=[NoteText("x")] * (MOST_NOTES + 1)),
        edited(by=by(), length_s=1.0, retention_class="Long Term"),
        edited(by=by(), length_s=1.0, retention_class="x" * 41),
        retagged([""], []),
        retagged([" x"], []),
        retagged(["a,b"], []),
        retagged(["x" * (MOST_TAG + 1)], []),
        retagged(["a\nb"], []),
        retagged([str(nth) for nth in range(MOST_TAGS + 1)], []),
        held("", "", by()),
        held("  ", "", by()),
        held("x" * (MOST_REASON + 1), "", by()),
        held("x", "a\x00b", by()),
    ],
)
def test_what_is_not_allowed_changes_nothing(change: Change) -> None:
    assert refused(change) == "annotation"


def test_holds_are_bounded() -> None:
    full = after(*(held(f"case {nth}", "", by(f"a{nth}")) for nth in range(MOST_HOLDS)))
    assert refused(held("one more", "", by()), full) == "annotation"


def test_a_change_of_an_older_revision_is_refused_and_none_is_no_revision() -> None:
    one = after(retagged(["a"], []))
    with pytest.raises(Conflict) as caught:
        next_revision(one, retagged(["b"], []), expected=0)
    assert caught.value.code == "annotations-changed"
    assert next_revision(one, retagged(["b"], []), expected=1).revision == 2
    assert next_revision(one, retagged(["a"], ["z"])) is one


def test_the_audit_log_gets_what_changed_and_no_texts() -> None:
    before = after(
        noted("secret", None, by(), 9.0),
        noted("gone", None, by("b"), 9.0),
        retagged(["old"], []),
        held("why", "AZ 1", by("h")),
    )
    wanted = [NoteText("secret!", None, "account:7-1"), NoteText("new")]
    changed = edited(by=by("c"), length_s=9.0, notes=wanted, tags=["vip"], retention_class="long")
    assert difference(before, after(changed, before=before)) == (
        "+tag vip, -tag old, +note c-1, -note b-1, note account:7-1, class long"
    )
    assert difference(before, after(released(None), before=before)) == "-hold h-1 AZ 1"
    assert difference(before, after(held("x", "", by("i")), before=before)) == "+hold i-1"
    named = after(edited(by=by(), length_s=1.0, retention_class="long"))
    assert difference(named, after(edited(by=by(), length_s=1.0, retention_class=""), before=named)) == "class none"


def test_a_case_holds_a_recording_once_and_is_released_by_its_reference() -> None:
    once = after(held_once("lawsuit", "AZ 1", by()))
    assert after(held_once("lawsuit", "AZ 1", by()), before=once) is once
    both = after(held_once("another", "AZ 2", by()), before=once)
    assert [one.reference for one in both.holds] == ["AZ 1", "AZ 2"]
    assert (has_hold_of(both, "AZ 2"), has_hold_of(once, "AZ 2"), has_hold_of(once, ""), has_hold_of(EMPTY, "")) == (
        True, False, True, False,
    )  # fmt: skip
    assert [one.reference for one in after(released_of("AZ 1"), before=both).holds] == ["AZ 2"]
    assert not after(released_of(""), before=both).is_held
    assert after(released_of("AZ 3"), before=both) is both
