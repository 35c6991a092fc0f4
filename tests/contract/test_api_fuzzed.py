"""Schemathesis asks the real API whatever its OpenAPI document allows, and what it does not: every answer is as documented."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from http import HTTPStatus
from unittest.mock import Mock

import hypothesis
import pytest
import schemathesis
from api_door import TOKEN, opened
from schemathesis.specs.openapi.checks import missing_required_header, positive_data_acceptance

from callrec.web.api import events
from callrec.web.api.operations import operations
from callrec.web.openapi import document
from callrec.web.use_cases import UseCases

pytest_plugins = ["schemathesis.pytest.plugin"]
"""setup.cfg leaves it out elsewhere: it would take most of the start of every pytest."""
SCHEMA = schemathesis.openapi.from_dict(document(operations(Mock(UseCases))))  # only the table is used
EXAMPLES = 12
"""For each operation: bounded, so that a run takes seconds; a longer one is a matter of this number."""

BOUND_S = 60.0
"""How long an answer may take, no promise of ours: an import and an export start a Python of their own, which takes 3 s where ten
other programs compute."""
PATIENCE = 3
LONGEST_LINE = 8000
"""Bytes of an address; aiohttp reads lines of 8,190."""


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """The API in a thread of its own: schemathesis asks as a client that blocks."""
    begun: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        ended = asyncio.Event()
        async with opened(tmp_path_factory.mktemp("s")) as door:
            begun.set_result((door.port, asyncio.get_running_loop(), ended))
            await ended.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    port, loop, ended = begun.result(BOUND_S)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(events, "LIFE_S", 0.1)  # each answer with events would last an hour
        yield f"http://127.0.0.1:{port}"
    loop.call_soon_threadsafe(ended.set)
    thread.join(BOUND_S)


@schemathesis.serializer("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave")
def as_bytes(_context, value):
    """What is sent as a WAV file: any bytes."""
    return value if isinstance(value, bytes) else str(value).encode()


@SCHEMA.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
)
def test_every_answer_is_as_documented(case, address):
    """What is sent may be refused for reasons that no schema can say (a user who is not there): that check is left out.
    So is the one that does not know 428, the status for a missing If-Match. A store that is starved is asked again."""
    for _ in range(PATIENCE):
        answer = case.call(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=BOUND_S)
        if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
            break
    if answer.status_code == HTTPStatus.BAD_REQUEST and len(answer.request.url or "") > LONGEST_LINE:
        return  # no operation's answer: the server reads no such line, and the page says so
    case.validate_response(answer, excluded_checks=[positive_data_acceptance, missing_required_header])
