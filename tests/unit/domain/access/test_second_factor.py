"""Codes are those of RFC 6238, and each is accepted once."""

from dataclasses import replace

import pytest

from callrec.domain.access.second_factor import STEP_S, SecondFactor, accepted_step, address_of, code_at, secret_of

SECRET = secret_of(b"12345678901234567890")
FACTOR = SecondFactor(SECRET, confirmed=True)


@pytest.mark.parametrize(
    ("at_s", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(at_s: int, code: str) -> None:
    """RFC 6238, Appendix B: the last six of its eight digits."""
    assert code_at(SECRET, at_s // STEP_S) == code
    assert accepted_step(FACTOR, code, at_s) == at_s // STEP_S


@pytest.mark.parametrize(("away", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_accepted_for_thirty_seconds_around_its_own(away: int, accepted: bool) -> None:
    now_s = 1_790_000_010.0
    step = int(now_s) // STEP_S + away
    assert accepted_step(FACTOR, code_at(SECRET, step), now_s) == (step if accepted else None)


def test_a_code_is_accepted_once() -> None:
    now_s = 1_790_000_010.0
    step = accepted_step(FACTOR, code_at(SECRET, int(now_s) // STEP_S), now_s)
    assert step is not None
    used = replace(FACTOR, last_step=step)
    assert accepted_step(used, code_at(SECRET, step), now_s) is None
    assert accepted_step(used, code_at(SECRET, step - 1), now_s) is None
    assert accepted_step(used, code_at(SECRET, step + 1), now_s) == step + 1


@pytest.mark.parametrize("code", ["", "28708", "2870822", "28708a", "٢٨٧٠٨٢", "-28708", "287082\n1"])
def test_what_is_no_code(code: str) -> None:
    assert accepted_step(FACTOR, code, 59) is None


def test_a_code_may_be_typed_in_two_groups() -> None:
    assert accepted_step(FACTOR, "287 082", 59) == 1


def test_an_app_reads_it_as_an_address() -> None:
    address = address_of(SECRET, "ada@x", "pbx 1")
    assert address == (f"otpauth://totp/callrec%20pbx%201%3Aada%40x?secret={SECRET}&issuer=callrec%20pbx%201")
