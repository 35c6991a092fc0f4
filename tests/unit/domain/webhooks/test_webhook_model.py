"""What is decided after each attempt to deliver an event."""

from dataclasses import replace

import pytest

from callrec.domain.webhooks.model import (
    FIRST_S,
    LIMIT_S,
    LONGEST_RETRY_AFTER_S,
    OVERLAP_S,
    Attempt,
    Delivery,
    Result,
    Verdict,
    Webhook,
    judge,
)

HOUR_S, DAY_S = 3600.0, 86400.0
KEEP_S = 3 * DAY_S
DELIVERY = Delivery("msg_1", "crm", "recording", "{}", accepted_s=0.0)
WEBHOOK = Webhook("crm", "https://example.com", "new", "msg")


def verdict(attempt: Attempt, delivery: Delivery = DELIVERY, failures: int = 1, now_s: float = 10.0) -> Verdict:
    return judge(attempt, delivery, failures, now_s=now_s, keep_s=KEEP_S, draw=lambda: 1.0)


@pytest.mark.parametrize(
    ("status", "result"),
    [
        *((status, Result.DELIVERED) for status in (200, 201, 202, 204, 299)),
        *((status, Result.REFUSED) for status in (400, 405, 409, 413, 415, 422, 451)),
        *((status, Result.FAILED) for status in (500, 502, 503, 504, 599, 401, 403, 404, 410, 408, 425, 429)),
        *((status, Result.FAILED) for status in (100, 301, 302, 307, 308, None)),
    ],
)
def test_a_status_is_a_result(status: int | None, result: Result) -> None:
    assert Attempt(status, "").result is result


def test_a_delivery_that_was_accepted_is_done() -> None:
    assert verdict(Attempt(204, "HTTP 204")) == Verdict(is_delivered=True)


def test_a_receiver_that_fails_holds_all_for_longer_each_time() -> None:
    delays = [verdict(Attempt(500, ""), failures=n).due_s - 10 for n in range(1, 12)]
    assert delays[:4] == [5, 10, 20, 40]
    assert delays[-1] == LIMIT_S
    assert verdict(Attempt(None, "hangs")).holds_all


def test_a_message_that_is_refused_waits_alone_and_by_its_own_count() -> None:
    third = verdict(Attempt(422, ""), replace(DELIVERY, attempts=2), failures=0)
    assert (third.holds_all, third.due_s - 10) == (False, FIRST_S * 4)


@pytest.mark.parametrize(("asked_s", "delay_s"), [(None, 5), (1.0, 5), (60.0, 60), (1e9, LONGEST_RETRY_AFTER_S)])
def test_a_receiver_may_ask_for_more_time_but_not_for_ever(asked_s: float | None, delay_s: float) -> None:
    assert verdict(Attempt(503, "", retry_after_s=asked_s)).due_s - 10 == delay_s


def test_half_of_a_delay_is_jitter() -> None:
    bounds = [
        judge(Attempt(500, ""), DELIVERY, 3, now_s=0, keep_s=KEEP_S, draw=lambda one=drawn: one).due_s
        for drawn in (0.0, 1.0)
    ]
    assert bounds == [10, 20]


def test_a_message_is_given_up_only_when_its_time_is_over() -> None:
    assert not verdict(Attempt(500, ""), now_s=KEEP_S - 1).gives_up
    assert verdict(Attempt(500, ""), now_s=KEEP_S).gives_up
    assert verdict(Attempt(422, ""), now_s=KEEP_S).gives_up
    assert not verdict(Attempt(200, ""), now_s=KEEP_S).gives_up


@pytest.mark.parametrize("drawn", [0.0, 0.5, 1.0])
def test_a_receiver_that_fails_for_a_day_gets_its_message_within_a_quarter_of_an_hour(drawn: float) -> None:
    now_s, failures = 0.0, 0
    while now_s < DAY_S:
        failures += 1
        last = judge(Attempt(500, ""), DELIVERY, failures, now_s=now_s, keep_s=KEEP_S, draw=lambda: drawn)
        assert not last.gives_up
        now_s = last.due_s
    assert now_s - DAY_S <= LIMIT_S
    assert failures <= 210, "about 100 at the longest delays, twice that at the shortest"


def test_both_secrets_sign_until_the_former_one_is_over() -> None:
    rotated = replace(WEBHOOK, secret="old").rotated("new", 100.0)
    assert rotated.secrets(100.0) == ("new", "old")
    assert rotated.secrets(100.0 + OVERLAP_S - 1) == ("new", "old")
    assert rotated.secrets(100.0 + OVERLAP_S) == ("new",)
    assert WEBHOOK.secrets(0) == ("new",)


def test_a_webhook_wants_its_types_or_all() -> None:
    assert WEBHOOK.wants("alarm")
    assert replace(WEBHOOK, types=("alarm",)).wants("alarm")
    assert not replace(WEBHOOK, types=("alarm",)).wants("recording")
