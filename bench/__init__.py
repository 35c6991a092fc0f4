"""Benchmarks: `python -m bench` runs all of them, `python -m bench NAME` one. docs/performance.md says what they found."""

import logging

import structlog


def quiet() -> None:
    """Leave the output to the numbers: panoramisk logs the end of each connection as an error."""
    logging.disable(logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def part(values: list[float], share: float) -> float:
    """The value below which this share of them is."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
