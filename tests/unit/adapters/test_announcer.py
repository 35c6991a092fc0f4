"""Which sound a leg hears, and what proves that it did."""

import wave
from dataclasses import dataclass, field

import pytest

from callrec.adapters.asterisk.announcer import BEGINS_S, SHORTEST_S, SILENCES, AriAnnouncer, sound_of
from callrec.adapters.asterisk.link import LinkState
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import NotHeard, Told
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import Unavailable
from callrec.domain.prompts import OwnPrompt
from callrec.domain.vocabulary import Outcome
from callrec.protocols.rtp_counters import Packets
from callrec_lab.asterisk import dialplan_folder

LEG, PARTNER = LegId("1700000000.1"), LegId("1700000000.2")
TONE, SILENCE = "recording-started", "recording-silence-1s"
FLOWS, NOTHING_OUT, NOTHING_IN, COMFORT_NOISE = (18, 16), (18, 0), (0, 16), (18, 2)


@dataclass
class Leg:
    """An ARI and the audio of a leg in one. Meanwhile so many packets flow in and out; over silence others may."""

    flow: tuple[int, int] | None = FLOWS
    over_silence: tuple[int, int] = FLOWS
    state: LinkState = LinkState.UP
    fault: Unavailable | None = None
    """Of the manager."""
    done: list[str] = field(default_factory=list)
    meanwhile: int = 0
    counted: Packets = field(default_factory=lambda: Packets(100, 200))
    silence: str = ""

    async def announce(self, channel_id: str, media: str, *, whisper: str, timeout_s: float, lang: str = "") -> None:
        """It is played at once."""
        assert (channel_id, whisper) in {(LEG, "out"), (PARTNER, "in")}
        assert timeout_s > 0
        by = "in the partner's voice: " if whisper == "in" else ""
        self.done.append(f"{by}{media.removeprefix('sound:callrec/')} {lang}".strip())
        received, sent = (self.over_silence if self.silence else self.flow) or (0, 0)
        self.counted = Packets(self.counted.received + received, self.counted.sent + sent)

    async def sleep(self, seconds: float) -> None:
        """So many packets flow in that time, as far as a test says so."""
        assert seconds > 0
        self.counted = Packets(self.counted.received, self.counted.sent + self.meanwhile)

    async def packets(self, _leg: LegId) -> Packets | None:
        """See LegFlow."""
        if self.fault:
            raise self.fault
        return self.counted if self.flow else None

    async def carry(self, _leg: LegId, sound: str) -> None:
        """See LegFlow."""
        self.silence = sound
        self.done.append(f"over {sound.removeprefix('callrec/')}" if sound else "no silence")


OVER_SILENCE = [TONE, f"over {SILENCE}", TONE, "no silence"]
IN_VAIN = [*OVER_SILENCE, *OVER_SILENCE[1:]]


@pytest.mark.parametrize(
    ("leg", "done", "cause", "packets"),
    [
        pytest.param(Leg(), [TONE], "", 16, id="they talk"),
        pytest.param(Leg(NOTHING_IN), [TONE], NotHeard.NO_RTP_IN, 16, id="this phone sends nothing"),
        pytest.param(Leg(NOTHING_OUT), OVER_SILENCE, "", 16, id="the partner sends nothing"),
        pytest.param(Leg(COMFORT_NOISE), OVER_SILENCE, "", 16, id="the partner sends comfort noise"),
        pytest.param(Leg((18, 9), meanwhile=9), [TONE] * 3, NotHeard.NO_RTP_OUT, 9, id="half of it is lost"),
        pytest.param(Leg(NOTHING_OUT, NOTHING_OUT), IN_VAIN, NotHeard.NO_RTP_OUT, 0, id="in no bridge"),
        pytest.param(Leg((0, 0), NOTHING_IN), OVER_SILENCE, NotHeard.NO_RTP_IN, 16, id="neither phone sends"),
        pytest.param(Leg(None), [TONE], "", None, id="nothing counts it"),
    ],
)
async def test_what_flowed_meanwhile_says_who_has_heard_it(leg: Leg, done: list[str], cause: str, packets: int) -> None:
    """Where nothing flows to the phone it is played once more, over silence, and that does not stay on the leg."""
    played = await AriAnnouncer(leg, leg, leg.sleep).play(LEG, Outcome.STARTED)
    assert leg.done == done
    assert (played.leg, played.cause, played.packets) == (LEG, cause, packets)
    assert played.lasted_s >= 0


@pytest.mark.parametrize(
    ("leg", "done"),
    [
        pytest.param(Leg(), [f"in the partner's voice: {TONE}"], id="they talk"),
        pytest.param(
            Leg(NOTHING_OUT), [f"in the partner's voice: {TONE}", *OVER_SILENCE[1:]], id="the partner sends nothing"
        ),
    ],
)
async def test_by_way_of_the_partner_it_is_in_their_voice_as_long_as_they_send(leg: Leg, done: list[str]) -> None:
    played = await AriAnnouncer(leg, leg, leg.sleep).play(LEG, Outcome.STARTED, way=PARTNER)
    assert (leg.done, played.leg, played.cause) == (done, LEG, "")


@pytest.mark.parametrize(
    ("outcome", "sound"),
    [
        (Outcome.PAUSED, "recording-stopped"),
        (Outcome.RESUMED, "recording-started"),
        (Outcome.IS_PAUSED, "call-is-paused"),
        (Outcome.NOT_PAUSED, "recording-failed"),
        (Outcome.NOT_RECORDED, "call-not-recorded"),
        (Outcome.REFUSED, "recording-failed"),
        (Outcome.ALREADY, "call-is-recorded"),
    ],
)
async def test_each_outcome_has_its_sound_in_the_language_of_who_hears_it(outcome: Outcome, sound: str) -> None:
    leg = Leg((100, 125))
    played = await AriAnnouncer(leg, leg, leg.sleep).play(LEG, outcome, "fr")
    assert (leg.done, played.cause) == ([f"{sound} fr"], "")


async def test_an_outcome_without_a_sound_is_not_announced() -> None:
    leg = Leg()
    assert (await AriAnnouncer(leg, leg, leg.sleep).play(LEG, Outcome.ABSORBED)).cause == NotHeard.NOT_ANNOUNCED
    assert leg.done == []


async def test_without_the_manager_it_is_played_and_not_proven() -> None:
    leg = Leg(fault=Unavailable("ami-down", "AMI is down"))
    with pytest.raises(Unavailable, match="AMI is down"):
        await AriAnnouncer(leg, leg, leg.sleep).play(LEG, Outcome.STARTED)
    assert leg.done == [TONE]


async def test_a_leg_that_ends_meanwhile_has_no_second_count() -> None:
    """That its playback has ended is Asterisk's word."""

    class Ends(Leg):
        async def announce(
            self, channel_id: str, media: str, *, whisper: str, timeout_s: float, lang: str = ""
        ) -> None:
            await super().announce(channel_id, media, whisper=whisper, timeout_s=timeout_s, lang=lang)
            self.flow = None

    leg = Ends()
    played = await AriAnnouncer(leg, leg, leg.sleep).play(LEG, Outcome.STARTED)
    assert (leg.done, played.cause) == ([TONE], NotHeard.UNFINISHED)


@pytest.mark.parametrize("state", LinkState)
def test_only_an_open_link_can_play(state: LinkState) -> None:
    leg = Leg(state=state)
    assert AriAnnouncer(leg, leg, leg.sleep).is_up is (state is LinkState.UP)


@pytest.mark.parametrize("sound", sorted({sound_of(outcome) for outcome in Outcome} - {""}))
def test_a_sound_is_as_long_as_is_said_and_silence_is_longer(sound: str) -> None:
    lengths_s = []
    for file in (dialplan_folder() / "sounds").glob(f"*/{sound}.wav"):
        with wave.open(str(file)) as played:
            lengths_s.append(played.getnframes() / played.getframerate())
    assert SHORTEST_S[sound] == pytest.approx(min(lengths_s), abs=0.001)
    assert max(lengths_s) + BEGINS_S <= max(SILENCES)


@pytest.mark.parametrize(("length_s", "sound"), SILENCES.items())
def test_silence_is_as_long_as_is_said(length_s: float, sound: str) -> None:
    for file in (dialplan_folder() / "sounds").glob(f"*/{sound}.wav"):
        with wave.open(str(file)) as played:
            assert played.getnframes() / played.getframerate() == length_s
            assert not played.readframes(1 << 20).strip(b"\0")


# -- own prompts -------------------------------------------------------------------------------------------------------

OWN = OwnPrompt("call-is-recorded", "fr", 3.5, "/own/fr/call-is-recorded", "/own/fr/call-is-recorded.silence")


async def own(sound: str, language: str) -> OwnPrompt | None:
    """The French one."""
    return OWN if (sound, language) == ("callrec/call-is-recorded", "fr") else None


async def test_an_own_prompt_is_played_in_its_place_and_proven_by_its_own_length() -> None:
    """Its 3.5 s are 175 packets; those of callrec's prompt were no proof."""
    leg = Leg((175, 175))
    played = await AriAnnouncer(leg, leg, leg.sleep, own).play(LEG, Told.PROMPT, "fr")
    assert (leg.done, played.cause) == ([f"sound:{OWN.path} fr"], "")
    leg = Leg((175, 100), meanwhile=10)
    played = await AriAnnouncer(leg, leg, leg.sleep, own).play(LEG, Told.PROMPT, "fr")
    assert (len(leg.done), played.cause) == (3, NotHeard.NO_RTP_OUT)


async def test_where_nothing_flows_it_is_played_over_a_silence_of_its_own_length() -> None:
    leg = Leg(NOTHING_OUT, (175, 175))
    played = await AriAnnouncer(leg, leg, leg.sleep, own).play(LEG, Told.PROMPT, "fr")
    assert leg.done == [f"sound:{OWN.path} fr", f"over {OWN.silence}", f"sound:{OWN.path} fr", "no silence"]
    assert played.cause == ""


async def test_in_another_language_callrecs_is_played() -> None:
    leg = Leg((100, 125))
    await AriAnnouncer(leg, leg, leg.sleep, own).play(LEG, Told.PROMPT, "de")
    assert leg.done == ["call-is-recorded de"]


@pytest.mark.parametrize(("code", "done"), [("ari-not-played", ["call-is-recorded fr"]), ("ari-down", [])])
async def test_an_own_prompt_that_asterisk_cannot_play_is_told_by_callrecs(code: ErrorCode, done: list[str]) -> None:
    """A link that is down plays neither."""

    class Unreadable(Leg):
        async def announce(
            self, channel_id: str, media: str, *, whisper: str, timeout_s: float, lang: str = ""
        ) -> None:
            if media == f"sound:{OWN.path}":
                raise Unavailable(code, "Asterisk reports 'failed'")
            await super().announce(channel_id, media, whisper=whisper, timeout_s=timeout_s, lang=lang)

    leg = Unreadable((100, 125))
    announcer = AriAnnouncer(leg, leg, leg.sleep, own)
    if done:
        assert (await announcer.play(LEG, Told.PROMPT, "fr")).cause == ""
    else:
        with pytest.raises(Unavailable):
            await announcer.play(LEG, Told.PROMPT, "fr")
    assert leg.done == done
