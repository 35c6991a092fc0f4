"""For all tests: what a failed one printed and logged is shown from its end, and not without end. Hypothesis measures no time:
a busy machine is no fault."""

import gc
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

CAPTURED_LINES = 40
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")
gc.disable()  # while the tests are collected: a million objects that stay, scanned again and again, a third of the time


def pytest_collection_finish() -> None:
    """From here on garbage is looked for, among what the tests make."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Cut each captured section."""
    report = yield
    report.sections = [(name, _end(text)) for name, text in report.sections]
    return report


def _end(text: str) -> str:
    lines = text.splitlines()
    cut = len(lines) - CAPTURED_LINES
    return "\n".join([f"({cut} lines before these)", *lines[-CAPTURED_LINES:]]) if cut > 0 else text
