"""The dialplan's notes about its own captures, in AstDB: `callrec/capture/<name of the files without side>` = endpoint|number."""

import re

from callrec.adapters.asterisk.controls import LISTING_S, Actions
from callrec.app.capture_notes import CaptureNote
from callrec.domain.naming import DegradedFile

FAMILY = "callrec/capture"
_NOTE = re.compile(r"(?P<endpoint>[0-9A-Za-z_.@+-]{0,101})\|(?P<number>[0-9+*#]{0,64})")


class AstDbCaptureNotes:
    """Keeps the promises of `app.capture_notes.CaptureNotes`."""

    def __init__(self, ami: Actions) -> None:
        self._ami = ami

    async def read(self, file: DegradedFile) -> CaptureNote | None:
        """See CaptureNotes. What is not written as the dialplan writes it is no note."""
        headers = [("Family", FAMILY), ("Key", file.stem)]
        lines = await self._ami.listing("DBGetTree", headers, timeout_s=LISTING_S)
        said = next((line.get("Val") for line in lines if line.get("Key") == f"/{FAMILY}/{file.stem}"), "")
        match = _NOTE.fullmatch(said)
        return CaptureNote(match["endpoint"], match["number"]) if match else None

    async def forget(self, file: DegradedFile) -> None:
        """See CaptureNotes."""
        await self._ami.action("DBDel", [("Family", FAMILY), ("Key", file.stem)])
