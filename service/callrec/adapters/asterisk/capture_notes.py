"""The dialplan's notes in AstDB, each under the name of a capture's files without side.

callrec/capture/<name>   endpoint|number, and after another `|` each the place whose rule it is, and the number of the recorded
                         one, if that is no user
callrec/times/<name>     since when there was a conversation, and until when, in ms since the epoch; either may be empty
callrec/missed/<name>    of a conversation that nothing recorded: since|until|Linkedid|, then as callrec/capture
"""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import replace

from callrec.adapters.asterisk.ami_requests import LISTING_S
from callrec.app.ports.asterisk import Manager
from callrec.domain.calls.captures.fallback_notes import CaptureNote
from callrec.domain.errors import Refused
from callrec.domain.library.file_names import FallbackFile, fallback_file
from callrec.domain.library.missed_conversations import MissedConversation

FAMILY, TIMES, MISSED = "callrec/capture", "callrec/times", "callrec/missed"
_WHO = (
    r"(?P<endpoint>[0-9A-Za-z_.@+-]{0,101})\|(?P<number>[0-9+*#]{0,64})"
    r"(?:\|(?P<origin>(?:incall|context|trunk|queue|conference):[0-9A-Za-z_.@+*# -]{1,101})(?:\|(?P<own>[0-9+*#]{0,64}))?)?"
)
_NOTE = re.compile(_WHO)
_TIMES = re.compile(r"(?P<since>[0-9]{13})?\|(?P<until>[0-9]{13})?")
# A systemname and the ChannelId of an Originate are free text (channel.h: AST_MAX_UNIQUEID)
_MISSED = re.compile(r"(?P<since>[0-9]{13})\|(?P<until>[0-9]{13})\|(?P<linkedid>[^|]{1,149})\|" + _WHO)


class AstDbCaptureNotes:
    """Implements `app.ports.asterisk.CaptureNotes`."""

    def __init__(self, ami: Manager) -> None:
        self._ami = ami

    async def read(self, file: FallbackFile) -> CaptureNote | None:
        """See CaptureNotes. A value that does not have the dialplan's format is ignored."""
        match = _NOTE.fullmatch(await self._value(FAMILY, file.stem))
        if match is None:
            return None
        times = _TIMES.fullmatch(await self._value(TIMES, file.stem))
        if times is None:
            return _note(match)
        began_s, ended_s = _seconds(times["since"]), _seconds(times["until"])
        return replace(_note(match), began_s=began_s, ended_s=ended_s, tells_end=True)

    async def forget(self, file: FallbackFile) -> None:
        """Remove both notes. Raises Unavailable; Refused also when there is none."""
        with contextlib.suppress(Refused):  # an unknown time has none
            await self._delete(TIMES, file.stem)
        await self._delete(FAMILY, file.stem)

    async def missed(self) -> Sequence[MissedConversation]:
        """See CaptureNotes. One that does not have the dialplan's format is ignored."""
        lines = await self._ami.listing("DBGetTree", [("Family", MISSED)], timeout_s=LISTING_S)
        return [
            MissedConversation(
                file, _note(match), match["linkedid"], int(match["since"]) / 1000, int(match["until"]) / 1000
            )
            for line in lines
            if (match := _MISSED.fullmatch(line.get("Val")))
            and (file := fallback_file(f"degraded-{line.get('Key').removeprefix(f'/{MISSED}/')}.read.sln"))
        ]

    async def forget_missed(self) -> None:
        """Remove all of them, also what is not in the dialplan's format. Raises Unavailable; Refused also when there is none."""
        await self._ami.action("DBDelTree", [("Family", MISSED)])

    async def _value(self, family: str, key: str) -> str:
        lines = await self._ami.listing("DBGetTree", [("Family", family), ("Key", key)], timeout_s=LISTING_S)
        return next((line.get("Val") for line in lines if line.get("Key") == f"/{family}/{key}"), "")

    async def _delete(self, family: str, key: str) -> None:
        await self._ami.action("DBDel", [("Family", family), ("Key", key)])


def _note(match: re.Match[str]) -> CaptureNote:
    return CaptureNote(match["endpoint"], match["number"], match["origin"] or "", match["own"] or "")


def _seconds(ms: str | None) -> float | None:
    return int(ms) / 1000 if ms else None
