"""What a log line promises."""

import contextlib
import io
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import structlog

from callrec.observe import logs

Read = Callable[[], list[dict[str, object]]]


@contextmanager
def logging_to(**options: object) -> Iterator[Read]:
    """Logs of this process go to memory; reading them ends the logging."""
    former = logging.root.handlers[:], logging.root.level
    stream = io.StringIO()
    close = logs.set_up_logs(**{"level": "info", "personal": False, **options}, stream=stream)

    def read() -> list[dict[str, object]]:
        close()
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    read.text = stream.getvalue  # type: ignore[attr-defined] # some tests look at the bytes
    try:
        yield read
    finally:
        close()
        logging.captureWarnings(capture=False)
        logging.root.handlers[:], logging.root.level = former
        structlog.reset_defaults()


def test_a_line_is_json_with_utc_time_level_logger_and_event() -> None:
    with logging_to() as read:
        structlog.get_logger("callrec.test").info("stored", recording="r-1")
        (line,) = read()

    assert line["time"].endswith("Z")
    assert {key: line[key] for key in ("level", "logger", "event", "recording")} == {
        "level": "info",
        "logger": "callrec.test",
        "event": "stored",
        "recording": "r-1",
    }


def test_the_lines_of_libraries_go_the_same_way() -> None:
    with logging_to() as read:
        logging.getLogger("aiohttp.server").error("no %s for %d", "room", 3)
        (line,) = read()

    assert (line["event"], line["logger"], line["level"]) == ("no room for 3", "aiohttp.server", "error")


def test_the_level_holds_for_ours_and_libraries_are_told_to_be_quiet() -> None:
    with logging_to(level="debug") as read:
        structlog.get_logger("callrec").debug("seen")
        logging.getLogger("panoramisk").info("not seen")
        assert [line["event"] for line in read()] == ["seen"]


@pytest.mark.parametrize("key", ["secret", "ami_secret", "Password", "token", "api_key", "Authorization"])
def test_a_value_under_a_secret_key_never_appears(key: str) -> None:
    with logging_to(personal=True) as read:
        structlog.get_logger().info("login", **{"deep": [{key: "hunter2"}], key: "hunter2"})
        text = json.dumps(read())

    assert "hunter2" not in text


@pytest.mark.parametrize("secret", ["pa ss/w@rd", 'quo"te\\back', "naïve-☎", "plain-secret"])
def test_a_known_secret_never_appears_wherever_it_stands(secret: str) -> None:
    """As it is, in JSON's escapes or quoted in an address."""
    with logging_to(secrets=[secret], personal=True) as read:
        structlog.get_logger().info(f"refused {secret}", address=f"x?y={logs.quote(secret, safe='')}", deep=[secret])
        logging.getLogger("redis").warning("AUTH %s", secret)
        lines = read()

    assert secret not in json.dumps(lines, ensure_ascii=False)
    assert lines[0]["event"] == "refused ***"
    assert lines[0]["address"] == "x?y=***"


def test_a_secret_that_would_be_found_in_every_second_line_is_not_searched_for() -> None:
    with logging_to(secrets=["e", ""]) as read:
        structlog.get_logger().info("nothing is garbled here")
        assert read()[0]["event"] == "nothing is garbled here"


@pytest.mark.parametrize("password", ["pw", "p@w", "", "a:b@c"])
def test_a_password_in_an_address_never_appears(password: str) -> None:
    with logging_to() as read:
        structlog.get_logger().info("connect", to=f"redis://user:{password}@host:6379/0")
        assert read()[0]["to"] == "redis://user:***@host:6379/0"


def test_who_somebody_is_is_a_mark_that_is_the_same_for_the_same_text() -> None:
    with logging_to() as read:
        log = structlog.get_logger()
        log.info("a", number="1000", parties=[{"name": "John Doe"}], channel="")
        log.info("b", number="1000")
        first, second = read()

    assert "1000" not in json.dumps([first, second])
    assert "John" not in json.dumps(first)
    assert first["number"] == second["number"]
    assert first["channel"] == ""


def test_with_log_personal_numbers_and_names_are_shown() -> None:
    with logging_to(personal=True) as read:
        structlog.get_logger().info("a", number="1000")
        assert read()[0]["number"] == "1000"


def test_an_action_is_logged_by_its_name_alone() -> None:
    with logging_to(level="debug") as read:
        structlog.get_logger().debug("action", action="DBPut Key='1000'")
        assert read()[0]["action"] == "DBPut"


def test_an_exception_shows_its_trace_without_what_it_says_and_without_local_variables() -> None:
    number = "1000"
    with logging_to() as read:
        try:
            {}[number]
        except KeyError:
            structlog.get_logger().exception("broke")
        (line,) = read()

    assert "KeyError" in json.dumps(line)
    assert "test_logs.py" in json.dumps(line)
    assert '"1000"' not in json.dumps(line)


@pytest.mark.parametrize(
    "text", ['a\nERROR {"event":"forged"}', "a\r\nb", "a\x00b\x1b[2J", "a\u2028b\u202eb", "a\ud800b"]
)
def test_no_text_begins_a_line_of_its_own_or_moves_the_cursor(text: str) -> None:
    with logging_to(personal=True) as read:
        structlog.get_logger().info(text, name=text)
        logging.getLogger("callrec.x").warning("%s", text)
        assert len(read()) == 2
        raw = read.text()

    assert raw.isascii()
    assert all(char.isprintable() or char == "\n" for char in raw)


def test_a_line_that_cannot_be_formatted_breaks_nothing() -> None:
    with logging_to() as read:
        logging.getLogger("callrec").warning("%d", "no number")
        (line,) = read()

    assert line["event"] == "log-line-failed"


def test_a_reader_that_hangs_delays_nobody_and_what_does_not_fit_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "WAITING_LINES", 10)
    monkeypatch.setattr(logs, "CLOSE_S", 0.01)
    ours, theirs = os.pipe()
    stream = os.fdopen(theirs, "w")
    lines = logs.Lines(stream)
    for _ in range(100):
        lines.put("x" * 65536)
    lines.close()
    assert lines.dropped > 0

    os.close(ours)  # now the writing thread wakes, finds nobody, and empties the queue
    lines._thread.join(0.01)
    lines.close()
    with contextlib.suppress(BrokenPipeError):
        stream.close()


def test_a_stream_that_is_closed_under_us_breaks_nothing() -> None:
    stream = io.StringIO()
    lines = logs.Lines(stream)
    stream.close()
    lines.put("x")
    lines.close()

    assert lines.dropped == 1
