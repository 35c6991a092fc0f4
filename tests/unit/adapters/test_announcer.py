"""Which tone or word goes to whom, for each setting."""

from dataclasses import dataclass, field

import pytest

from callrec.adapters.asterisk.announcer import AriAnnouncer
from callrec.adapters.asterisk.link import LinkState
from callrec.config import Confirm
from callrec.domain.messages import Outcome
from callrec.domain.model import LegId, Take, TakeId

TAKE = Take(TakeId("01call-1-1"), LegId("1700000000.1"), "PJSIP/1000-1", 8000, 1.0)


@dataclass
class Whispers:
    """Notes what it is asked to play: leg, media, to whom, language."""

    state: LinkState = LinkState.UP
    heard: list[tuple[str, str, str, str]] = field(default_factory=list)

    async def announce(self, channel_id: str, media: str, *, whisper: str, timeout_s: float, lang: str = "") -> None:
        """Note it; it is played at once."""
        assert timeout_s > 0
        self.heard.append((channel_id, media.removeprefix("sound:callrec/"), whisper, lang))


@pytest.mark.parametrize(
    ("confirm", "outcome", "expected"),
    [
        (Confirm.BOTH, Outcome.STARTED, [(TAKE.leg, "recording-started", "both", "")]),
        (Confirm.PRESSER, Outcome.STOPPED, [(TAKE.leg, "recording-stopped", "out", "")]),
        (Confirm.NONE, Outcome.STARTED, []),
        (Confirm.NONE, Outcome.FAILED, [(TAKE.leg, "recording-failed", "out", "")]),
        (Confirm.BOTH, Outcome.ABSORBED, []),
    ],
)
async def test_a_change_is_announced_to_whom_the_setting_names(
    confirm: Confirm, outcome: Outcome, expected: list[tuple[str, str, str, str]]
) -> None:
    """An error is told to the presser even where nothing is confirmed."""
    ari = Whispers()
    await AriAnnouncer(ari, confirm).announce(TAKE, outcome)
    assert expected == ari.heard


@pytest.mark.parametrize(
    ("confirm", "outcome", "sound"),
    [
        (Confirm.BOTH, Outcome.PAUSED, "recording-stopped"),
        (Confirm.PRESSER, Outcome.RESUMED, "recording-started"),
        (Confirm.NONE, Outcome.PAUSED, ""),
        (Confirm.NONE, Outcome.REFUSED, "recording-failed"),
        (Confirm.NONE, Outcome.ALREADY, "call-is-recorded"),
        (Confirm.BOTH, Outcome.ABSORBED, ""),
    ],
)
async def test_a_presser_is_told_alone(confirm: Confirm, outcome: Outcome, sound: str) -> None:
    """What changed nothing is told whatever the setting says, in the presser's language, on the presser's own leg."""
    ari = Whispers()
    await AriAnnouncer(ari, confirm).tell(LegId("1700000000.2"), outcome, "fr")
    assert ari.heard == ([("1700000000.2", sound, "out", "fr")] if sound else [])


@pytest.mark.parametrize("state", LinkState)
def test_only_an_open_link_can_play(state: LinkState) -> None:
    assert AriAnnouncer(Whispers(state), Confirm.BOTH).is_up is (state is LinkState.UP)
