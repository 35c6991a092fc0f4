"""What the dialplan is told of whom it asks for."""

from dataclasses import dataclass, field, replace

import pytest

from callrec.app.dialplan.lookups import Found, Kind, Lookups
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Incall, Line, Tables, User
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.rules import UserId
from callrec.protocols.agi import Request

JOHN = User(UserId("1"), 'John "${SHELL(id)}"', "Doe\\,", language="fr_CA", mobilephonenumber="+491701")
EVE = User(UserId("2"), "Eve")
DESK = Line("desk", JOHN.id, "1000", "default")
DIDS = (Incall("2050", "from-extern", JOHN.id), Incall("2051", "from-extern", EVE.id))


@dataclass
class Copy:
    """The local copy of the tables."""

    directory: Directory = field(default_factory=lambda: Directory(Tables((JOHN, EVE), (DESK,), DIDS)))
    fresh: bool = True
    edit_revision: int = 1


def request(*arguments):
    """As FastAGI gives it."""
    return Request("lookup", {}, arguments, "PJSIP/x-1", "1.1", "en", "1", "A", "default", "s", "", "", {})


@pytest.mark.parametrize(
    ("kind", "key", "context", "found"),
    [
        (Kind.EXTENSION, "1000", "default", Found(JOHN, DESK)),
        (Kind.EXTENSION, "1000", "other", None),
        (Kind.ENDPOINT, "PJSIP/desk", "", Found(JOHN, DESK)),
        (Kind.ENDPOINT, "PJSIP/x", "", None),
        (Kind.DID, "2050", "from-extern", Found(JOHN, DESK, DIDS[0])),
        (Kind.DID, "2051", "from-extern", Found(EVE, None, DIDS[1])),
        (Kind.DID, "2052", "from-extern", None),
        (Kind.CALLERID, "00491701", "", Found(JOHN, DESK)),
        (Kind.CALLERID, "+49 170 1", "", Found(JOHN, DESK)),
        (Kind.CALLERID, "2051", "", Found(EVE, None)),
    ],
)
def test_who_it_is(kind, key, context, found):
    assert found == Lookups(Copy()).find(kind, key, context)


async def test_everything_is_told_and_a_hostile_value_stays_a_value():
    answer = await Lookups(Copy()).script(request("extension", "1000", "default"))
    assert "known" == answer.result
    assert {
        "CALLREC_USER": "1",
        "CALLREC_NAME": JOHN.name,
        "CALLREC_LANGUAGE": "fr",
        "CALLREC_MOBILE": "+491701",
        "CALLREC_NUMBER": "1000",
        "CALLREC_CONTEXT": "default",
        "CALLREC_ENDPOINT": "PJSIP/desk",
        "CALLREC_STALE": "0",
    } == dict(answer.variables)
    sent = b"".join(answer.commands())
    assert 9 == sent.count(b"\n") == sent.count(b"SET VARIABLE ")
    assert b'SET VARIABLE "CALLREC_NAME" "John \\"${SHELL(id)}\\" Doe\\\\,"' in sent


async def test_of_nobody_every_variable_is_emptied():
    answer = await Lookups(replace(Copy(), fresh=False)).script(request("callerid", "7"))
    assert ("unknown", "1") == (answer.result, dict(answer.variables).pop("CALLREC_STALE"))
    assert {""} == {value for name, value in answer.variables if name != "CALLREC_STALE"}
    bare = await Lookups(Copy()).script(request("did", "2051", "from-extern"))
    assert ("2", "", "") == tuple(dict(bare.variables)[f"CALLREC_{name}"] for name in ("USER", "NUMBER", "LANGUAGE"))


@pytest.mark.parametrize("arguments", [(), ("",), ("colour", "red")])
async def test_a_kind_that_there_is_not_is_refused(arguments):
    with pytest.raises(Refused, match="needs its kind") as refused:
        await Lookups(Copy()).script(request(*arguments))
    assert refused.value.code == "lookup-kind"


async def test_a_copy_that_was_never_loaded_knows_nobody():
    with pytest.raises(Unavailable, match="never loaded") as refused:
        await Lookups(Copy(edit_revision=-1)).script(request("callerid", "1"))
    assert refused.value.code == "tables-unknown"
