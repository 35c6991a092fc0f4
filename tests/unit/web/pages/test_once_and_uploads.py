"""Secrets are shown once, and uploaded files are kept for a while: both for one person, and never many."""

import os

import pytest

from callrec.domain.errors import Refused
from callrec.web.pages.records import one_time_secrets
from callrec.web.pages.records.one_time_secrets import OnceShown, Secret
from callrec.web.pages.users import uploads
from callrec.web.pages.users.uploads import LARGEST_BYTES, MOST, Uploads

SECRETS = [Secret("Line secret", "desk", "hush")]


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now_s


def test_a_ticket_leads_to_its_secrets_once_and_for_its_person_alone() -> None:
    shown = OnceShown(Clock())
    ticket = shown.keep("account:1", SECRETS)
    assert shown.take(ticket, "account:2") == ()
    assert shown.take(ticket, "account:1") == SECRETS
    assert shown.take(ticket, "account:1") == ()


def test_secrets_that_were_not_looked_at_are_forgotten_in_time_and_in_number() -> None:
    clock = Clock()
    shown = OnceShown(clock)
    late = shown.keep("a", SECRETS)
    clock.now_s += one_time_secrets.KEPT_S
    assert shown.take(late, "a") == ()
    first, *_, last = [shown.keep("a", SECRETS) for _ in range(one_time_secrets.MOST + 1)]
    assert shown.take(first, "a") == ()
    assert shown.take(last, "a") == SECRETS


async def test_an_upload_is_found_by_its_person_until_it_is_forgotten() -> None:
    kept = Uploads(Clock())
    ticket = kept.keep("a", "users.csv", [b"first", b"name"])
    found = kept.find(ticket, "a")
    assert found.content() == b"firstname"
    assert [piece async for piece in found.chunks()] == [b"firstname"]
    with pytest.raises(Refused) as refused:
        kept.find(ticket, "b")
    assert refused.value.code == "no-such-record"
    kept.forget(ticket, "a")
    with pytest.raises(Refused):
        kept.find(ticket, "a")
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(found.file)


def test_uploads_have_bounds_and_one_that_is_imported_is_never_dropped() -> None:
    clock = Clock()
    kept = Uploads(clock)
    running = kept.keep("a", "running", [b"x"])
    kept.find(running, "a").is_running = True
    tickets = [kept.keep("a", str(n), [b"x"]) for n in range(MOST + 2)]
    kept.find(tickets[-1], "a")
    with pytest.raises(Refused):
        kept.find(tickets[0], "a")
    clock.now_s += uploads.KEPT_S
    kept.forget(running, "a")
    assert kept.find(running, "a").name == "running"
    with pytest.raises(Refused):
        kept.find(tickets[-1], "a")
    with pytest.raises(Refused) as refused:
        kept.keep("a", "large", [b"x" * (LARGEST_BYTES + 1)])
    assert refused.value.code == "file-too-large"


def test_an_import_tells_how_far_it_is() -> None:
    kept = Uploads(Clock())
    found = kept.find(kept.keep("a", "x", [b"x"]), "a")
    found.progress.tell("passwords", 64, 100)
    assert (found.progress.step, found.progress.done, found.progress.all) == ("passwords", 64, 100)
