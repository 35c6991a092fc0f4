"""The page of one recording: hear it, see what happened in it, add to it, hand it on."""

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from callrec.app.library.annotating import Planned
from callrec.app.library.media.logged_access import Asker
from callrec.domain.access.audit import Action
from callrec.domain.access.decisions import may
from callrec.domain.directory.model import Permission
from callrec.domain.errors import Corrupt, Refused, Unavailable
from callrec.domain.library.annotations import Annotations, held, noted, released, retagged
from callrec.domain.library.links import Link
from callrec.domain.library.manifest import Format, Manifest
from callrec.domain.library.marks import Marks
from callrec.domain.library.recorded_user import recorded_user
from callrec.domain.rules import UserId
from callrec.web.api.annotations import HoldWanted, NoteAdded, Release
from callrec.web.api.erasures import ErasureOfOne
from callrec.web.api.exports import streamed_evidence
from callrec.web.api.links import LinkWanted, Revocation
from callrec.web.api.media import asker_of
from callrec.web.auth import principal_of
from callrec.web.pages.forms import Form, blank, checked, typed
from callrec.web.pages.languages import N_, translations
from callrec.web.pages.recordings import words
from callrec.web.pages.recordings.story import Story
from callrec.web.pages.site import SITE, page, see_other
from callrec.web.use_cases import UseCases

NO_LINKS: tuple[Link, ...] = ()
MOST_MOMENT_S = 1e7
ONE = "/recordings/{id:[A-Za-z0-9._-]{1,128}}"
SAYS = {
    "noted": N_("The note is there."),
    "tagged": N_("The tags are changed."),
    "held": N_("The recording is under a hold: nothing removes it."),
    "released": N_("The hold has ended."),
    "revoked": N_("The link leads nowhere any more."),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the page shows of a recording."""

    manifest: Manifest
    annotations: Annotations
    marks: Marks
    links: tuple[Link, ...] = ()
    new_link: str = ""
    """The address of a link that was just made: no later page has it."""
    forms: dict[str, Form] = field(default_factory=dict)
    """By their names, forms that have something wrong."""


class RecordingPage:
    """The page and its forms."""

    def __init__(self, use: UseCases) -> None:
        self._stored, self._tables, self._log = use.stored, use.tables, use.audit_reader

    async def show(self, request: web.Request) -> web.Response:
        """`GET /recordings/{id}`."""
        return self._page(request, await self._shown(request))

    async def note(self, request: web.Request) -> web.Response:
        """A note, of a moment or of all of it."""
        form = await typed(request)
        wanted = checked(form, NoteAdded)
        plan: Planned | None = (lambda by, length_s: noted(wanted.text, wanted.at_s, by, length_s)) if wanted else None
        return await self._annotated(request, "note", form, plan, Action.CHANGED, "noted")

    async def tag(self, request: web.Request) -> web.Response:
        """Add a tag, or take one away."""
        form = await typed(request)
        add, remove = form.value("tag").strip(), form.value("remove")
        if not add and not remove:
            form.add("tag", N_("This is needed."))
        change = retagged([add] if add else [], [remove] if remove else [])
        plan: Planned | None = None if form.is_wrong else (lambda _by, _s: change)
        return await self._annotated(request, "tag", form, plan, Action.CHANGED, "tagged")

    async def hold(self, request: web.Request) -> web.Response:
        """Keep it from being removed."""
        form = await typed(request)
        wanted = checked(form, HoldWanted)
        plan: Planned | None = (lambda by, _: held(wanted.reason, wanted.reference, by)) if wanted else None
        return await self._annotated(
            request, "hold", form, plan, Action.HELD, "held", reason=wanted.reason if wanted else ""
        )

    async def release(self, request: web.Request) -> web.Response:
        """End a hold."""
        form = await typed(request)
        wanted = checked(form, Release)
        plan: Planned | None = (lambda _by, _s: released(wanted.hold)) if wanted else None
        return await self._annotated(
            request, "release", form, plan, Action.RELEASED, "released", reason=wanted.reason if wanted else ""
        )

    async def link(self, request: web.Request) -> web.Response:
        """Make a link. Its address is on the answer alone, so this form is answered by the page itself."""
        form, recording = await typed(request), request.match_info["id"]
        wanted, made = checked(form, LinkWanted), ""
        if wanted:
            try:
                _, token = await self._stored.sharing.make(
                    recording, asker_of(request), wanted.valid_h * 3600, wanted.at_s
                )
                made = f"{request.scheme}://{request.host}/shared/{token}"
            except Refused as refused:
                form.refuse(refused)
        shown = await self._shown(request)
        forms = {"link": form} if form.is_wrong else {}
        return self._page(request, Shown(shown.manifest, shown.annotations, shown.marks, shown.links, made, forms))

    async def revoke(self, request: web.Request) -> web.Response:
        """End a link."""
        recording, wanted = request.match_info["id"], checked(await typed(request), Revocation)
        if wanted:
            await self._stored.sharing.revoke(recording, wanted.link, asker_of(request))
        return see_other(f"/recordings/{recording}", "revoked")

    async def evidence(self, request: web.Request) -> web.StreamResponse:
        """What proves by itself that the recording is the one that was stored, as a ZIP."""
        return await streamed_evidence(request, self._stored, self._log)

    async def erase(self, request: web.Request) -> web.Response:
        """Erase it for good, and everywhere."""
        form, recording = await typed(request), request.match_info["id"]
        wanted = checked(form, ErasureOfOne, leave_out=("sure",))
        if form.value("sure") != "yes":
            form.add("sure", N_("Tick this, since it cannot be undone."))
        if wanted and not form.is_wrong:
            try:
                done = await self._stored.erasure.one(recording, wanted.reason, asker_of(request))
            except Refused as refused:
                if refused.code == "no-such-recording":
                    raise
                form.refuse(refused)
            else:
                if not done.kept:
                    return see_other("/recordings", "erased")
                form.add("", N_("It is kept: it is under a hold, or still being stored."))
        shown = await self._shown(request)
        forms = {"erase": form}
        return self._page(request, Shown(shown.manifest, shown.annotations, shown.marks, shown.links, "", forms))

    async def _annotated(  # noqa: PLR0917 - what a form is about
        self,
        request: web.Request,
        name: str,
        form: Form,
        plan: Planned | None,
        action: Action,
        done: str,
        reason: str = "",
    ) -> web.Response:
        """Make the planned change, and show the page; without a plan, or when it is refused, with what is wrong."""
        recording = request.match_info["id"]
        if plan:
            try:
                await self._stored.annotating.changed(recording, plan, asker_of(request), action, reason=reason)
            except Refused as refused:
                if refused.code == "no-such-recording":
                    raise
                form.refuse(refused)
            else:
                return see_other(f"/recordings/{recording}", done)
        shown = await self._shown(request)
        return self._page(request, Shown(shown.manifest, shown.annotations, shown.marks, shown.links, "", {name: form}))

    async def _shown(self, request: web.Request) -> Shown:
        recording, asker = request.match_info["id"], asker_of(request)
        stored = await self._stored.showing.of(recording, asker)
        user = recorded_user(stored.manifest.recording)
        annotations = await self._stored.annotating.of(recording, asker)
        marks, links = Marks((), ()), NO_LINKS
        if _may(request, Permission.RECORDINGS_LISTEN, user):
            marks = await self._marks(recording, asker)
        if _may(request, Permission.RECORDINGS_SHARE, user):
            links = await self._stored.sharing.of(recording, asker)
        return Shown(stored.manifest, annotations, marks, links)

    async def _marks(self, recording: str, asker: Asker) -> Marks:
        """What happens where; nothing when the files cannot be read, which the player shows then."""
        try:
            return await self._stored.waveforms.marks(recording, asker)
        except (Corrupt, Unavailable):
            return Marks((), ())

    def _page(self, request: web.Request, shown: Shown) -> web.Response:
        view = request.app[SITE].view(request)
        say = translations(view.language).gettext
        user = recorded_user(shown.manifest.recording)

        def allowed(permission: str) -> bool:
            return _may(request, Permission(permission), user)

        return page(
            request,
            "recordings/one.html",
            words=words,
            shown=shown,
            recording=shown.manifest.recording,
            media=shown.manifest.media,
            story=Story(view, say, self._name_of()).of(shown.manifest),
            formats=list(Format),
            moment=_moment(request),
            allowed=allowed,
            name_of=self._name_of(),
            form=lambda name: shown.forms.get(name) or blank(request),
        )

    def _name_of(self) -> Callable[[str], str]:
        tables = self._tables.directory

        def name(identity: str) -> str:
            user = tables.user(UserId(identity.removeprefix("account:"))) if identity else None
            return user.name if user else ""

        return name


def _may(request: web.Request, permission: Permission, user: UserId | None) -> bool:
    return may(principal_of(request), permission, user)


def _moment(request: web.Request) -> float | None:
    """The moment of `?t=93`; None for none, and for what is no time."""
    try:
        moment = float(request.query.get("t", ""))
    except ValueError:
        return None
    return moment if 0 <= moment < MOST_MOMENT_S else None
