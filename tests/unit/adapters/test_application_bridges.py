"""ARI's answers about bridges of other applications, and subscriptions to channels."""

from collections.abc import Mapping, Sequence

import pytest

from callrec.adapters.asterisk.application_bridges import AriApplicationBridges
from callrec.domain.calls.ids import BridgeId, LegId
from callrec.domain.errors import CallrecError, Refused, Unavailable

LEG = LegId("1.1")


class Ari:
    """Answers requests, and notes them."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, object] = {}
        self.fault: CallrecError | None = None

    async def request(
        self, method: str, path_parts: Sequence[str], *, params: Mapping[str, str] | None = None
    ) -> object:
        """See Rest."""
        self.asked.append(" ".join([method, *path_parts, *(params or {}).values()]))
        if self.fault:
            raise self.fault
        return self.answers.get(path_parts[-1])


@pytest.fixture
def ari() -> Ari:
    return Ari()


async def test_only_channels_in_bridges_of_applications_are_listed(ari: Ari) -> None:
    """Each with its name. A channel that has ended meanwhile has none."""
    ari.answers = {
        "bridges": [
            {"id": "b1", "creator": "Stasis", "channels": ["1.1", "1.9"]},
            {"id": "b2", "creator": "", "channels": ["1.2"]},
            {"id": "b3", "creator": "Stasis"},
            "nonsense",
        ],
        "channels": [{"id": "1.1", "name": "PJSIP/a-1"}, {"id": "1.2", "name": "PJSIP/b-1"}],
    }
    assert await AriApplicationBridges(ari, "callrec").legs() == [(LEG, "PJSIP/a-1", BridgeId("b1"))]


@pytest.mark.parametrize("answer", [None, [], {"a": 1}, [{"id": "b2", "creator": ""}]])
async def test_without_such_bridges_no_channel_is_asked_for(ari: Ari, answer: object) -> None:
    ari.answers = {"bridges": answer}
    assert list(await AriApplicationBridges(ari, "callrec").legs()) == []
    assert ari.asked == ["GET bridges"]


async def test_a_channel_is_followed_by_a_subscription_of_our_application(ari: Ari) -> None:
    bridges = AriApplicationBridges(ari, "callrec")
    await bridges.follow(LEG)
    await bridges.unfollow(LEG)
    assert ari.asked == [
        "POST applications callrec subscription channel:1.1",
        "DELETE applications callrec subscription channel:1.1",
    ]


@pytest.mark.parametrize("code", ["ari-refused", "ari-conflict", "ari-not-found"])
async def test_a_channel_that_is_gone_needs_no_subscription(ari: Ari, code: str) -> None:
    ari.fault = Refused(code, "gone")
    await AriApplicationBridges(ari, "callrec").follow(LEG)
    await AriApplicationBridges(ari, "callrec").unfollow(LEG)
    assert len(ari.asked) == 2, "each once"


@pytest.mark.parametrize("fault", [Refused("ari-denied", "no"), Unavailable("ari-down", "away")])
async def test_other_faults_are_told(ari: Ari, fault: CallrecError) -> None:
    ari.fault = fault
    with pytest.raises(type(fault)):
        await AriApplicationBridges(ari, "callrec").follow(LEG)
