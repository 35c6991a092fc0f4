"""The dialplan's notes about its own captures, in AstDB: `callrec/capture/<name of the files without side>` = endpoint|number,
and after another `|` each the place whose rule it is, and the number of the recorded one, if that is no user."""

import re

from callrec.adapters.asterisk.ami_requests import LISTING_S
from callrec.app.ports.asterisk import Manager
from callrec.domain.calls.captures.fallback_notes import CaptureNote
from callrec.domain.library.file_names import FallbackFile

FAMILY = "callrec/capture"
_NOTE = re.compile(
    r"(?P<endpoint>[0-9A-Za-z_.@+-]{0,101})\|(?P<number>[0-9+*#]{0,64})"
    r"(?:\|(?P<origin>(?:incall|context|trunk|queue|conference):[0-9A-Za-z_.@+*# -]{1,101})(?:\|(?P<own>[0-9+*#]{0,64}))?)?"
)


class AstDbCaptureNotes:
    """Implements `app.ports.asterisk.CaptureNotes`."""

    def __init__(self, ami: Manager) -> None:
        self._ami = ami

    async def read(self, file: FallbackFile) -> CaptureNote | None:
        """See CaptureNotes. A value that does not have the dialplan's format is ignored."""
        headers = [("Family", FAMILY), ("Key", file.stem)]
        lines = await self._ami.listing("DBGetTree", headers, timeout_s=LISTING_S)
        said = next((line.get("Val") for line in lines if line.get("Key") == f"/{FAMILY}/{file.stem}"), "")
        match = _NOTE.fullmatch(said)
        if match is None:
            return None
        return CaptureNote(match["endpoint"], match["number"], match["origin"] or "", match["own"] or "")

    async def forget(self, file: FallbackFile) -> None:
        """Remove the note. Raises Unavailable; Refused also when there is none."""
        await self._ami.action("DBDel", [("Family", FAMILY), ("Key", file.stem)])
