"""Ids: composed and taken apart in one place."""

import pytest

from callrec.domain.calls.ids import CallId, CaptureId, capture_id, is_recording_id, recording_id, recording_of
from callrec.domain.errors import Corrupt


def test_a_capture_id_names_its_recording_and_call() -> None:
    recording = recording_id(CallId("01abc"), 2)
    capture = capture_id(recording, 3)
    assert ("01abc-2", "01abc-2-3") == (recording, capture)
    assert recording == recording_of(capture)


@pytest.mark.parametrize("capture", ["", "a-1", "a-1-1-1", "A-1-1", "a-1-1\n", "a/b-1-1"])
def test_what_is_no_take_id_belongs_to_no_recording(capture: str) -> None:
    with pytest.raises(Corrupt) as caught:
        recording_of(CaptureId(capture))
    assert caught.value.code == "take-id"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("01abc-2", True), ("01abc", False), ("01abc-2-3", False), ("../x-1", False), ("01ABC-2", False)],
)
def test_a_recording_id_is_told_from_other_text(text: str, *, is_one: bool) -> None:
    assert is_recording_id(text) is is_one
