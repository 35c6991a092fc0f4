"""The pages of recordings and their permissions."""

from callrec.domain.directory.model import Permission
from callrec.web.api.erasures import LIMIT_S as ERASE_S
from callrec.web.api.media import LIMIT_S as EXPORT_S
from callrec.web.api.recordings import Recordings
from callrec.web.api.waveforms import LIMIT_S as WAVEFORM_S
from callrec.web.pages.recordings import lists, one
from callrec.web.pages.routes import Page
from callrec.web.use_cases import UseCases


def recording_pages(use: UseCases) -> list[Page]:
    """The list, the page of one, and their forms."""
    every = lists.RecordingLists(Recordings(use.catalogue), use.stored)
    of = one.RecordingPage(use.stored, use.tables)
    sees, shares = (Permission.RECORDINGS_LIST,), (Permission.RECORDINGS_SHARE,)
    notes, holds = (Permission.RECORDINGS_ANNOTATE,), (Permission.RECORDINGS_HOLD,)
    exports = (Permission.RECORDINGS_EXPORT,)
    return [
        Page("GET", lists.PATH, "recordings", every.show, needs=sees, says=lists.SAYS),
        Page(
            "POST",
            f"{lists.PATH}/export",
            "exportTicked",
            every.export,
            needs=exports,
            limit_s=EXPORT_S,
        ),
        Page("GET", one.ONE, "recording", of.show, needs=sees, says=one.SAYS, limit_s=WAVEFORM_S),
        Page("POST", f"{one.ONE}/notes", "addNote", of.note, needs=notes),
        Page("POST", f"{one.ONE}/tags", "changeTags", of.tag, needs=notes),
        Page("POST", f"{one.ONE}/hold", "hold", of.hold, needs=holds),
        Page("POST", f"{one.ONE}/release", "release", of.release, needs=holds),
        Page("POST", f"{one.ONE}/erase", "erase", of.erase, needs=(Permission.RECORDINGS_ERASE,), limit_s=ERASE_S),
        Page("POST", f"{one.ONE}/links", "link", of.link, needs=shares),
        Page("POST", f"{one.ONE}/links/revoke", "revokeLink", of.revoke, needs=shares),
    ]
