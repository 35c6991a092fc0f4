"""What the daemon asks of the operating system."""

import resource
from collections.abc import Iterator

import pytest

from callrec.adapters.system import allow_open_files


@pytest.fixture
def hard() -> Iterator[int]:
    """The hard limit of open files; the soft one is smaller meanwhile."""
    former = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, former[1]))
    yield former[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, former)


def test_the_soft_limit_of_open_files_is_raised_to_the_hard_one(hard: int) -> None:
    for _ in range(2):
        allow_open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


def test_where_the_limit_cannot_be_raised_the_daemon_starts(hard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: int, __: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    with monkeypatch.context() as patch:
        patch.setattr(resource, "setrlimit", forbidden)
        allow_open_files()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (200, hard)
