"""Schemathesis asks the real API whatever its OpenAPI document allows, and what it does not: every answer is as documented."""

import asyncio
import os
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from http import HTTPStatus
from unittest.mock import Mock

import hypothesis
import pytest
import schemathesis
from api_door import PASSWORDS, TABLES, TOKEN, ServiceUrl, opened
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import ignored_auth, missing_required_header, positive_data_acceptance

from callrec.domain.access.decisions import may_somewhere
from callrec.domain.access.principals import Principal, PrincipalKind
from callrec.domain.directory.model import ADMINISTRATOR, DEFAULT_PROFILES, DEFAULT_ROLES, Profile, Tables, User
from callrec.domain.rules import UserId
from callrec.web.api import events
from callrec.web.api.operations import operations
from callrec.web.openapi import document
from callrec.web.use_cases import UseCases

pytest_plugins = ["schemathesis.pytest.plugin"]
"""setup.cfg leaves it out elsewhere: it would take most of the start of every pytest."""
TABLE = operations(Mock(UseCases))  # only the table is used
OPERATIONS = {one.name: one for one in TABLE}
SCHEMA = schemathesis.openapi.from_dict(document(TABLE))
FEW = schemathesis.openapi.from_dict(
    document(TABLE), config=SchemathesisConfig.from_dict({"phases": {"coverage": {"enabled": False}}})
)
"""Without the hundred requests that it makes for each operation beside the random ones."""
FEW = FEW.exclude(path_regex="/(account(/|$)|login|logout)")
"""And without what ends the sessions: the other test asks it, and tests/contract/test_api_accounts.py."""
LONGER = int(os.environ.get("CALLREC_FUZZ", "1"))
"""`make fuzz` sends so many times as much."""
EXAMPLES, EXAMPLES_OF_ROLES = 4 * LONGER, LONGER
"""For each operation: bounded, so that a run takes seconds."""
ROLES = [one.name for one in DEFAULT_ROLES if one.name != ADMINISTRATOR]
"""The daemon's own token, of the other test, may what an administrator may."""
PERMISSIONS = {one.name: one.permissions for one in DEFAULT_ROLES}
PASSWORD = "long enough"
BOUND_S = 60.0
"""How long an answer may take, no promise of ours: an import and an export start a Python of their own, which takes 3 s where ten
other programs compute."""
PATIENCE = 3
LONGEST_LINE = 8000
"""Bytes of an address; aiohttp reads lines of 8,190."""


@dataclass(frozen=True)
class Served:
    """The address of the API, and the cookie of an account of each role."""

    address: str
    cookies: Mapping[str, str]


def tables() -> Tables:
    """With an account of each role."""
    password_hash = PASSWORDS.hashed(PASSWORD)
    accounts = [
        User(UserId(str(nth)), role, username=role, enableclient=True, password_hash=password_hash, profileclient=role)
        for nth, role in enumerate(ROLES, start=10)
    ]
    profiles = (*DEFAULT_PROFILES, *(Profile(role, role) for role in ROLES if role != "supervisor"))
    return replace(TABLES, users=(*TABLES.users, *accounts), profiles=profiles)


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    """The API in a thread of its own: schemathesis asks as a client that blocks."""
    begun: Future[tuple[Served, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        ended = asyncio.Event()
        async with opened(tmp_path_factory.mktemp("s"), tables()) as door:
            address = f"http://127.0.0.1:{door.port}"
            cookies = {role: await logged_in(door, address, role) for role in ROLES}
            begun.set_result((Served(address, cookies), asyncio.get_running_loop(), ended))
            await ended.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    found, loop, ended = begun.result(BOUND_S)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(events, "LIFE_S", 0.1)  # each answer with events would last an hour
        yield found
    loop.call_soon_threadsafe(ended.set)
    thread.join(BOUND_S)


async def logged_in(door: ServiceUrl, address: str, role: str) -> str:
    """The cookie of a session of this role's account."""
    body, headers = {"username": role, "password": PASSWORD}, {"Origin": address}
    async with door.http.post(f"{address}/api/v1/login", json=body, headers=headers) as answer:
        assert answer.status == HTTPStatus.OK, await answer.text()
        return answer.headers.getall("Set-Cookie")[0].partition(";")[0]


@schemathesis.serializer("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave")
def as_bytes(_context, value):
    """What is sent as a WAV file: any bytes."""
    return value if isinstance(value, bytes) else str(value).encode()


@SCHEMA.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
)
def test_every_answer_is_as_documented(case, served):
    """What is sent may be refused for reasons that no schema can say (a user who is not there): that check is left out.
    So is the one that does not know 428, the status for a missing If-Match."""
    answer = asked(case, served.address, {"Authorization": f"Bearer {TOKEN}"})
    if answer is not None:
        case.validate_response(answer, excluded_checks=[positive_data_acceptance, missing_required_header])


@FEW.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES_OF_ROLES, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
)
def test_p12_each_role_is_answered_as_documented_and_gets_nothing_that_it_may_not(case, served):
    """Whatever is sent: without a permission that the operation needs it is refused, or the address is none of the API."""
    operation = OPERATIONS[case.operation.definition.raw["operationId"]]
    case.headers.pop("Authorization", None)
    case.cookies.clear()
    for role in ROLES:
        answer = asked(case, served.address, {"Cookie": served.cookies[role], "Origin": served.address})
        if answer is not None:
            assert_right_for(case, answer, operation, role)


def asked(case, address, headers):
    """The answer; None where no operation has answered: the server reads no such line, and the page says so. A store that is
    starved is asked again."""
    for _ in range(PATIENCE):
        answer = case.call(base_url=address, headers=headers, timeout=BOUND_S)
        if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
            break
    is_too_long = answer.status_code == HTTPStatus.BAD_REQUEST and len(answer.request.url or "") > LONGEST_LINE
    return None if is_too_long else answer


def assert_right_for(case, answer, operation, role):
    """The answer is documented, and a refusal where the role lacks a permission."""
    # It sends what it thinks to be a request without a login, and has the cookie in it: the test above has a token for that
    case.validate_response(answer, excluded_checks=[positive_data_acceptance, missing_required_header, ignored_auth])
    who = Principal(PrincipalKind.ACCOUNT, "u", frozenset(PERMISSIONS[role]), UserId("u"), frozenset({UserId("1")}))
    if not all(may_somewhere(who, one) for one in operation.needs):
        said = answer.status_code, answer.json()["code"]
        assert said in {(403, "not-permitted"), (404, "http-404")}, (role, answer.text)
