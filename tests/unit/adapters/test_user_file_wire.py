"""The lines between the daemon and the process for user files: progress before the outcome, and errors as they were raised."""

import pytest

from callrec.adapters.user_files.wire import head_done, head_of, progress_line, progress_of, read_head
from callrec.domain.errors import Refused


def test_lines_of_progress_are_told_apart_from_the_outcome() -> None:
    assert progress_of(progress_line("passwords", 64, 100).encode()) == ("passwords", 64, 100)
    assert progress_of(head_done(3).encode()) is None
    assert read_head(head_done(3).encode()) == 3


def test_a_refusal_is_no_progress_and_is_raised_as_it_was() -> None:
    head = head_of(Refused("file-too-large", "too large", hint="split it")).encode()
    assert progress_of(head) is None
    with pytest.raises(Refused) as refused:
        read_head(head)
    assert (refused.value.code, refused.value.hint) == ("file-too-large", "split it")
