"""Benchmarks: `python -m bench` runs all of them, `python -m bench NAME` one. docs/performance.md says what they found."""

import logging

import structlog


def quiet() -> None:
    """A benchmark's output is its numbers: only errors are logged."""
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
