"""The pages of recordings and their permissions."""

from collections.abc import Iterator, Mapping

from callrec.domain.directory.model import Permission
from callrec.web.api.erasures import LIMIT_S as ERASE_S
from callrec.web.api.media import LIMIT_S as EXPORT_S
from callrec.web.api.recordings import Recordings
from callrec.web.api.waveforms import LIMIT_S as WAVEFORM_S
from callrec.web.pages.recordings import lists, one
from callrec.web.pages.recordings.many import ManyRecordings
from callrec.web.pages.routes import Page
from callrec.web.use_cases import UseCases


def recording_pages(use: UseCases) -> list[Page]:
    """The list, the page of one, and their forms."""
    every = lists.RecordingLists(Recordings(use.catalogue), use.stored)
    of = one.RecordingPage(use)
    sees, shares = (Permission.RECORDINGS_LIST,), (Permission.RECORDINGS_SHARE,)
    notes, holds = (Permission.RECORDINGS_ANNOTATE,), (Permission.RECORDINGS_HOLD,)
    exports, releases, erases = (
        (Permission.RECORDINGS_EXPORT,),
        (Permission.RECORDINGS_RELEASE,),
        (Permission.RECORDINGS_ERASE,),
    )
    return [
        *_of_many(ManyRecordings(use.stored, use.catalogue), {"hold": holds, "release": releases, "erase": erases}),
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
        Page("POST", f"{one.ONE}/release", "release", of.release, needs=releases),
        Page("POST", f"{one.ONE}/erase", "erase", of.erase, needs=erases, limit_s=ERASE_S),
        Page("GET", f"{one.ONE}/evidence", "evidence", of.evidence, needs=exports, limit_s=EXPORT_S),
        Page("POST", f"{one.ONE}/links", "link", of.link, needs=shares),
        Page("POST", f"{one.ONE}/links/revoke", "revokeLink", of.revoke, needs=shares),
    ]


def _of_many(many: ManyRecordings, needs: Mapping[str, tuple[Permission, ...]]) -> Iterator[Page]:
    for kind, needed in needs.items():
        path, name = f"{lists.PATH}/{kind}", f"{kind}Many"
        yield Page("GET", path, f"askTo{name[0].upper()}{name[1:]}", many.asker(kind), needs=needed, limit_s=ERASE_S)
        yield Page("POST", path, name, many.doer(kind), needs=needed, limit_s=ERASE_S)
