"""Clients' passwords as argon2 keeps them."""

import pytest

from callrec.adapters.passwords import Argon2Passwords
from callrec.domain.directory.user_file.columns import PASSWORD_HASH

QUICK = Argon2Passwords(memory_kib=8, passes=1)


def test_a_hash_is_its_passwords_and_nobody_elses() -> None:
    made = QUICK.hashed("hush")
    assert (True, False) == (QUICK.matches(made, "hush"), QUICK.matches(made, "quiet"))
    assert made != QUICK.hashed("hush")


def test_every_hash_may_stand_in_a_file() -> None:
    assert PASSWORD_HASH.accepts(Argon2Passwords().hashed("é" * 64))


@pytest.mark.parametrize(
    "text", ["", "hush", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"]
)
def test_what_is_no_hash_of_it_matches_nothing(text: str) -> None:
    assert not QUICK.matches(text, "hush")


@pytest.mark.parametrize("costs", ["m=4194304,t=1,p=1", "m=64,t=4000000,p=1", "m=65536,t=1,p=8000"])
def test_a_hash_that_would_take_the_machine_is_not_compared(costs: str) -> None:
    """It may have come with a request that sets `password_hash`."""
    assert not QUICK.matches(f"$argon2id$v=19${costs}$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "hush")


def test_a_password_that_is_no_text_matches_nothing() -> None:
    assert not QUICK.matches(QUICK.hashed("hush"), "\ud800")
