"""The channel that the doctor plays on: who ends it, and what that says."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import pytest

from callrec.adapters.asterisk.playback_channel import AriStage
from callrec.domain.errors import CallrecError, Misconfigured, Refused

if TYPE_CHECKING:
    from callrec.adapters.asterisk.ari import AriLink


class Ari:
    """Answers as it is told to."""

    def __init__(self, fault: CallrecError | None = None, states: Sequence[str] = ()) -> None:
        self.fault, self.states = fault, states

    async def announce(self, _channel: str, _media: str, *, timeout_s: float) -> None:
        """See AriLink."""
        assert timeout_s
        if self.fault:
            raise self.fault

    async def whispered(
        self, _channel: str, media: Sequence[str], *, timeout_s: float, offset_ms: int
    ) -> Sequence[str]:
        """See AriLink."""
        assert timeout_s
        assert offset_ms
        return [state for state, _ in zip(self.states, media, strict=False)]


def stage(ari: Ari) -> AriStage:
    return AriStage(cast("AriLink", ari), "channel", "en")


async def test_a_channel_that_asterisk_ends_at_once_lacks_a_module() -> None:
    gone = stage(Ari(Refused("ari-not-found", "no channel")))
    for played in (gone.tone("beep"), stage(Ari(states=["done", ""])).missing(["a", "b"])):
        with pytest.raises(Misconfigured) as told:
            await played
        assert (told.value.code, "app_stasis.so" in told.value.hint) == ("stage-ended", True)


async def test_any_other_refusal_is_itself() -> None:
    with pytest.raises(Refused) as told:
        await stage(Ari(Refused("ari-denied", "no"))).tone("beep")
    assert told.value.code == "ari-denied"


async def test_what_is_not_done_is_missing() -> None:
    assert await stage(Ari(states=["done", "failed"])).missing(["a", "b"]) == ["b"]
