"""MixMonitors over AMI.

A MixMonitor is started on a leg by its Uniqueid, since names change in transfers (`channel.c: ast_channel_get_by_name` accepts
both), and stopped only by its MixMonitorID. Three variables on the leg describe it:
- `CALLREC_MIXMONITOR` (its id) and `CALLREC_RULE`: so that the dialplan in fallback mode can handle a press without the daemon.
- `CALLREC_TAKE`: the capture's id (not set for the dialplan's own captures), so that a MixMonitor whose id did not reach the
  daemon is identified, also by a daemon that has lost its journal.

A partner capture has variables of its own, since the leg may carry another recorder as well.
"""

import asyncio
import contextlib

from callrec.adapters.asterisk.channel_variables import ChannelVariables, is_gone
from callrec.adapters.asterisk.leg_notes import CAPTURE_VARIABLE, ID_VARIABLE, RULE_VARIABLE, note_pause
from callrec.app.ports.asterisk import Manager
from callrec.app.ports.calls import Spool
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.model import Capture
from callrec.domain.errors import CallrecError, OutcomeUnknown, Refused
from callrec.domain.library.file_names import Side
from callrec.domain.rules import Rule

START_S = 1.0
MUTE_S = 1.0
PARTNER_ID_VARIABLE = "CALLREC_PARTNER_MIXMONITOR"
PARTNER_CAPTURE_VARIABLE = "CALLREC_PARTNER_CAPTURE"
"""A partner capture has no variable that the dialplan reads: `*3` on its leg does not mean it."""
MAX_UNKNOWN = 1000
"""The most legs remembered after a start without an answer. A forgotten leg loses only the check before its next start."""
MAX_OWNERS = 4000
"""The most recorders of which it is remembered whose they are: more than live calls have. A forgotten one loses only the check
before its stop."""


class AmiRecorder:
    """Implements `app.ports.calls.Recorder`."""

    def __init__(self, ami: Manager, spool: Spool, variables: ChannelVariables) -> None:
        self._ami, self._spool, self._variables = ami, spool, variables
        self._unknown = dict[LegId, Capture]()
        self._owners = dict[tuple[LegId, str], CaptureId]()
        """Whose recorder a MixMonitorID of a leg is. It is an address, which Asterisk uses again as soon as a recorder has
        ended (app_mixmonitor.c: setup_mixmonitor_ds)."""

    async def start(self, capture: Capture, rule: Rule) -> str:
        """See ports.Recorder. Asterisk answers Success before it opens the files (app_mixmonitor.c: mixmonitor_thread)."""
        if unanswered := self._unknown.get(capture.leg):
            # Before the leg's variables describe the new one; Asterisk has handled the earlier start by now.
            await self.stop(unanswered)
            self._unknown.pop(capture.leg, None)
        try:
            return await self._start(capture, rule)
        except OutcomeUnknown:
            if len(self._unknown) >= MAX_UNKNOWN:
                del self._unknown[next(iter(self._unknown))]
            self._unknown[capture.leg] = capture
            raise

    async def _start(self, capture: Capture, rule: Rule) -> str:
        read, write = (self._spool.path(capture, side) for side in Side)
        options = f"r({read})t({write})i({_id_variable(capture)})"
        requested = self._ami.action(
            "MixMonitor", [("Channel", capture.leg), ("File", ""), ("Options", options)], timeout_s=START_S
        )
        # Sent together to save time (the presser's leg is silent meanwhile); Asterisk executes them in this order. When it
        # refuses the MixMonitor, the other variables do no harm: readers look at the MixMonitor's id first.
        answer, _ = await asyncio.gather(requested, self._note(capture, rule))
        return self._owned(capture, answer.get("MixMonitorID"))

    async def stop(self, capture: Capture) -> None:
        """See ports.Recorder. Without a known MixMonitorID, the one in the leg's variables is used, if they name this capture."""
        mixmonitor = capture.mixmonitor or await self.mixmonitor_of(capture)
        if not mixmonitor or self._owners.get((capture.leg, mixmonitor), capture.id) != capture.id:
            return  # a later recorder has this id: the one to stop has ended
        try:
            await self._ami.action("StopMixMonitor", [("Channel", capture.leg), ("MixMonitorID", mixmonitor)])
        except Refused as error:
            if not is_gone(error):
                raise
        else:
            self._owners.pop((capture.leg, mixmonitor), None)
            await self._forget(capture, mixmonitor)

    async def _note(self, capture: Capture, rule: Rule) -> None:
        notes = [] if capture.is_partner else [self._variables.set(capture.leg, RULE_VARIABLE, rule)]
        notes.append(self._variables.set(capture.leg, _capture_variable(capture), capture.id))
        with contextlib.suppress(CallrecError):  # the MixMonitor runs: a failed Setvar must not fail its start
            await asyncio.gather(*notes)

    async def mixmonitor_of(self, capture: Capture) -> str:
        """See ports.Recorder."""
        if await self._variables.get(capture.leg, _capture_variable(capture)) != capture.id:
            return ""
        found = await self._variables.get(capture.leg, _id_variable(capture))
        if found and self._unknown.get(capture.leg) == capture:
            del self._unknown[capture.leg]  # its caller knows how to stop it
        return self._owned(capture, found)

    def _owned(self, capture: Capture, mixmonitor: str) -> str:
        """The same id, from here on of this capture."""
        if mixmonitor:
            while len(self._owners) >= MAX_OWNERS:
                del self._owners[next(iter(self._owners))]
            self._owners.pop((capture.leg, mixmonitor), None)
            self._owners[capture.leg, mixmonitor] = capture.id
        return mixmonitor

    async def _forget(self, capture: Capture, mixmonitor: str) -> None:
        """Clear the leg's variables, unless a later capture has set them already."""
        rule = () if capture.is_partner else (RULE_VARIABLE,)
        notes = (_id_variable(capture), *rule, _capture_variable(capture))
        with contextlib.suppress(CallrecError):  # the MixMonitor is stopped: a failed Setvar must not fail its stop
            if await self._variables.get(capture.leg, notes[0]) == mixmonitor:
                await asyncio.gather(
                    *(self._variables.set(capture.leg, variable, "") for variable in notes)
                )  # the call waits for it

    async def mute(self, capture: Capture, *, muted: bool, since_s: float | None = None) -> None:
        """See ports.Recorder. Asterisk executes both actions in this order: no recorder is muted without the note."""
        mixmonitor = capture.mixmonitor or await self.mixmonitor_of(capture)
        if not mixmonitor:
            raise Refused("recorder-not-known", f"it is not known which recorder captures {capture.id}")
        headers = [("Channel", capture.leg), ("Direction", "both"), ("State", "1" if muted else "0")]
        noting = [note_pause(self._variables, capture.leg, since_s)] if muted and since_s is not None else []
        try:
            muting = self._ami.action("MixMonitorMute", [*headers, ("MixMonitorID", mixmonitor)], timeout_s=MUTE_S)
            await asyncio.gather(*noting, muting)
        except Refused as error:
            if not is_gone(error):
                raise


def _id_variable(capture: Capture) -> str:
    return PARTNER_ID_VARIABLE if capture.is_partner else ID_VARIABLE


def _capture_variable(capture: Capture) -> str:
    return PARTNER_CAPTURE_VARIABLE if capture.is_partner else CAPTURE_VARIABLE
