"""The beep: while a call is recorded, its participants hear a short tone again and again (setting `CALLREC_BEEP_S`).

It says that the call *is* recorded, so it sounds in the state *recording* alone: not in a pause, not before files are seen to
grow. The time between two beeps starts again with each capture, so a new partner hears the first one within that time. Who holds
the call hears none: their phone need not play it.
"""

from callrec.domain.calls.commands import Announce
from callrec.domain.calls.events import Wait
from callrec.domain.calls.model import ROUNDING_S, Signal
from callrec.domain.calls.session import Change, State


def beep(change: Change) -> None:
    """After every event: play it when its time has come, and arm the next one."""
    s, now_s = change.session, change.now.mono_s
    if not s.terms.beep_s or s.state is not State.RECORDING or s.capture is None:
        s.beep_mono_s = None
        return
    if s.beep_mono_s is not None and now_s < s.beep_mono_s - ROUNDING_S:
        return
    legs = tuple(leg for leg in s.phones(s.capture.leg) if leg not in s.held)
    if s.beep_mono_s is not None and legs:
        change.commands.append(Announce(s.capture, Signal.BEEP, legs))
    s.beep_mono_s = now_s + s.terms.beep_s
    change.arm(Wait.BEEP, s.terms.beep_s)
