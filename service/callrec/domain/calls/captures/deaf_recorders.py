"""A recorder that is deaf to a voice since its phone restarts its RTP numbering (`rtp_counts` has the theory).

Asterisk keeps the translation of a leg as long as a recorder is on it, and makes a new one for the next:

- A partner's voice: their own leg is captured beside the recorded one, until that hears again, as for a new partner
  (`partner_captures`). Nothing of what the others say is lost by that.
- The recorded leg's own voice: its capture is closed, and a moment after its files are, a further one begins.

What was said until then is missing: the entry tells it by the digital silence of the files
(`app.library.finalize.renumbered_check`).
"""

from dataclasses import replace

from callrec.domain.calls.captures.stops import ask_to_stop
from callrec.domain.calls.events import RtpRenumbered, VoiceUnheard
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import Recording, Renumbering
from callrec.domain.calls.recordings import note_capture, write
from callrec.domain.calls.session import Change, State
from callrec.domain.vocabulary import AlarmCause

RENUMBERINGS = 100
"""So many of a recording are kept apart: more are a phone's, or a program's, that never stops. These make the last one longer."""
LET_GO_S = 0.1
"""So long after its files are closed a recorder may still be on the leg, and the next one would be as deaf: it goes with the next
packet (audiohook.c: ast_audiohook_write_list)."""
REOPENED_MOST = 20
"""So often a capture gives way to a further one for this cause: each costs a tenth of a second of both voices."""


def on_rtp_renumbered(change: Change, event: RtpRenumbered) -> None:
    """Keep it: with it the finalizer can tell which silence of a file is a missing voice. It is journaled, so that a daemon that
    is killed does not lose it."""
    s, told = change.session, event.renumbering
    if s.recording is None:
        return
    ahead_s = change.happened.utc_s - change.happened.mono_s
    one = replace(told, from_s=told.from_s + ahead_s, to_s=told.to_s + ahead_s)
    s.recording = _with(s.recording, one)
    write(change, Step.CHANGED)


def on_voice_unheard(change: Change, event: VoiceUnheard) -> None:
    """The recorder's file is silent where this leg speaks."""
    s = change.session
    if s.recording is None or s.capture is None or not s.is_wanted(event.capture):
        return
    if event.leg != s.capture.leg:
        since_s = event.since_s + change.happened.utc_s - change.happened.mono_s
        s.renumbered = {**s.renumbered, event.leg: since_s}
        return
    times = sum(one.cause == AlarmCause.DEAF_LEG for one in s.recording.captures)
    is_at_work = s.state in (State.OPENED, State.RECORDING, State.SUSPECT) and event.capture in s.open_captures
    if is_at_work and event.capture not in s.stops and times < REOPENED_MOST:
        note_capture(change, event.capture, cause=AlarmCause.DEAF_LEG)
        write(
            change, Step.CHANGED
        )  # until the next one begins no recorder is at work: a daemon that dies then must not hide it
        ask_to_stop(change, s.capture)


def _with(recording: Recording, one: Renumbering) -> Recording:
    known = recording.renumberings
    if len(known) < RENUMBERINGS:
        return replace(recording, renumberings=(*known, one))
    last = replace(known[-1], to_s=one.to_s, is_new_source=False, behind_s=None)
    return replace(recording, renumberings=(*known[:-1], last))
