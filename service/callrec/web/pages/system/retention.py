"""How long recordings are kept: classes with a preview before they take effect, limits of space, a run, the clock."""

from collections.abc import Sequence

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from callrec.app.directory.records import Records
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Permission
from callrec.domain.errors import Refused
from callrec.domain.library.retention import DueBytes, RetentionClass, Space
from callrec.domain.rules import Rule, UserId
from callrec.web.api.erasures import LIMIT_S
from callrec.web.api.media import asker_of
from callrec.web.api.retention import ClassWanted, setter_of
from callrec.web.pages.forms import Form, blank, checked, typed, validated
from callrec.web.pages.languages import N_
from callrec.web.pages.recordings.words import RULES
from callrec.web.pages.records import fields
from callrec.web.pages.routes import Page
from callrec.web.pages.site import page, see_other
from callrec.web.pages.system.reasons import reason_words
from callrec.web.use_cases import UseCases

RETENTION = "/system/retention"
ONE = f"{RETENTION}/classes/{{name:[a-z0-9-]{{1,40}}}}"
GIGA = 1_000_000_000
SAYS = {
    "set": N_("The class is stored, and has no effect yet. See below what it would erase."),
    "enabled": N_("The class is in effect."),
    "disabled": N_("The class has no effect any more."),
    "removed": N_("The class is removed."),
    "limited": N_("The limits of space are set."),
    "ran": N_("What was due is erased."),
    "trusted": N_("The clock of the machine is believed."),
}
_FORM = (
    fields.Field("rules", "", fields.Kind.MANY),
    fields.Field("users", "", fields.Kind.USERS),
    fields.Field("contexts", "", fields.Kind.LIST),
    fields.Field("tags", "", fields.Kind.LIST),
)


class Limits(BaseModel):
    """The limits of space, in gigabytes."""

    model_config = ConfigDict(extra="forbid")

    quota_gb: float | None = Field(None, ge=0, le=1e9)
    least_free_gb: float | None = Field(None, ge=0, le=1e9)


class RetentionPages:
    """The handlers."""

    def __init__(self, use: UseCases) -> None:
        self._retention, self._records = use.stored.retention, Records(use.store, use.tables)

    def pages(self) -> list[Page]:
        """The table of pages."""
        reads = (Permission.SETTINGS_READ,)
        sets = (*reads, Permission.SETTINGS_CHANGE, Permission.RECORDINGS_ERASE)
        return [
            Page("GET", RETENTION, "retention", self.show, needs=reads, says=SAYS),
            Page("GET", f"{RETENTION}/new", "newRetentionClass", self.new, needs=sets),
            Page("POST", f"{RETENTION}/new", "addRetentionClass", self.add, needs=sets),
            Page("POST", f"{RETENTION}/space", "limitSpace", self.limit, needs=sets),
            Page("POST", f"{RETENTION}/run", "runRetention", self.run, needs=sets, limit_s=LIMIT_S),
            Page("POST", f"{RETENTION}/clock", "trustClock", self.clock, needs=sets),
            Page("GET", ONE, "retentionClass", self.preview, needs=reads, says=SAYS, limit_s=LIMIT_S),
            Page("GET", f"{ONE}/change", "editRetentionClass", self.edit, needs=sets),
            Page("POST", f"{ONE}/change", "changeRetentionClass", self.change, needs=sets),
            Page("POST", f"{ONE}/enable", "enableRetentionClass", self.enable, needs=sets, limit_s=LIMIT_S),
            Page("POST", f"{ONE}/disable", "disableRetentionClass", self.disable, needs=sets),
            Page("POST", f"{ONE}/remove", "removeRetentionClass", self.remove, needs=sets),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """All classes in their order, limits of space, the last run."""
        return await self._listed(request, blank(request))

    async def new(self, request: web.Request) -> web.Response:
        """The empty form."""
        return self._form(request, blank(request), None)

    async def add(self, request: web.Request) -> web.Response:
        """Store a new class, without effect."""
        form = await typed(request)
        name, table = form.value("name").strip(), (await self._retention.status(asker_of(request))).table
        if any(one.name == name for one in table.classes):
            form.add("name", N_("There is a class with this name."))
        return await self._put(request, form, name, None)

    async def edit(self, request: web.Request) -> web.Response:
        """The form of a class."""
        return self._form(request, blank(request), await self._class(request))

    async def change(self, request: web.Request) -> web.Response:
        """Store a class, without effect."""
        before = await self._class(request)
        return await self._put(request, await typed(request), before.name, before)

    async def preview(self, request: web.Request) -> web.Response:
        """One class, and what it makes due."""
        return await self._previewed(request, blank(request))

    async def enable(self, request: web.Request) -> web.Response:
        """Let it take effect, when no more is due than the page has shown."""
        form, name = await typed(request), request.match_info["name"]
        expected = form.value("expected")
        try:
            await self._retention.enable(name, int(expected) if expected.isdecimal() else 0, setter_of(request))
        except Refused as refused:
            if refused.code != "retention-preview":
                raise
            form.add("", N_("More recordings are due now than this page has shown. Nothing was changed: look again."))
            return await self._previewed(request, form)
        return see_other(f"{RETENTION}/classes/{name}", "enabled")

    async def disable(self, request: web.Request) -> web.Response:
        """Let it have no effect."""
        await typed(request)
        name = request.match_info["name"]
        await self._retention.disable(name, setter_of(request))
        return see_other(f"{RETENTION}/classes/{name}", "disabled")

    async def remove(self, request: web.Request) -> web.Response:
        """Remove it."""
        form, name = await typed(request), request.match_info["name"]
        try:
            await self._retention.remove(name, setter_of(request))
        except Refused as refused:
            if refused.code == "no-such-class":
                raise
            form.refuse(refused)
            return await self._previewed(request, form)
        return see_other(RETENTION, "removed")

    async def limit(self, request: web.Request) -> web.Response:
        """Set the limits of space; an empty field is no limit."""
        form = await typed(request)
        wanted = checked(form, Limits)
        if wanted is None:
            return await self._listed(request, form)
        given = (wanted.quota_gb, wanted.least_free_gb)
        quota, free = (None if one is None else round(one * GIGA) for one in given)
        await self._retention.limit(Space(quota, free), setter_of(request))
        return see_other(RETENTION, "limited")

    async def run(self, request: web.Request) -> web.Response:
        """Erase what is due."""
        await typed(request)
        await self._retention.run_now(setter_of(request))
        return see_other(RETENTION, "ran")

    async def clock(self, request: web.Request) -> web.Response:
        """Believe the machine's clock."""
        await typed(request)
        await self._retention.trust_clock(setter_of(request))
        return see_other(RETENTION, "trusted")

    async def _put(self, request: web.Request, form: Form, name: str, before: RetentionClass | None) -> web.Response:
        given: dict[str, object] = {one.name: fields.typed_value(one, form, self._records.directory) for one in _FORM}
        for number in ("min_days", "max_days", "rank"):
            if text := form.value(number).strip():
                given[number] = text
        wanted = validated(form, ClassWanted, given)
        if wanted and not form.is_wrong:
            one = RetentionClass(
                name, tuple(wanted.rules), tuple(map(UserId, wanted.users)), tuple(wanted.contexts), tuple(wanted.tags),
                wanted.min_days, wanted.max_days, wanted.rank,
            )  # fmt: skip
            try:
                await self._retention.put(one, setter_of(request))
            except Refused as refused:
                form.refuse(refused)
            else:
                return see_other(f"{RETENTION}/classes/{name}", "set")
        return self._form(request, form, before)

    async def _class(self, request: web.Request) -> RetentionClass:
        status = await self._retention.status(asker_of(request))
        return status.table.named(request.match_info["name"])

    async def _listed(self, request: web.Request, form: Form) -> web.Response:
        return page(
            request, "system/retention.html", form=form, told_reason=reason_words,
            retention=await self._retention.status(asker_of(request)),
            describe=lambda one: _described(one, self._records.directory), rules=RULES, giga=GIGA,
        )  # fmt: skip

    async def _previewed(self, request: web.Request, form: Form) -> web.Response:
        one = await self._class(request)
        due: DueBytes = await self._retention.preview(one.name, asker_of(request))
        return page(
            request, "system/retention_class.html", form=form, one=one, due=due, rules=RULES,
            about=_described(one, self._records.directory),
        )  # fmt: skip

    def _form(self, request: web.Request, form: Form, before: RetentionClass | None) -> web.Response:
        tables, now = self._records.directory, before or RetentionClass("")
        return page(
            request, "system/retention_form.html", form=form, before=before, now=now, rules=RULES, every_rule=list(Rule),
            ticked=form.chosen("rules", now.rules), contexts=sorted(one.name for one in tables.contexts()),
            texts={one.name: fields.as_text(one, getattr(now, one.name), tables) for one in _FORM},
        )  # fmt: skip


def _described(one: RetentionClass, tables: Directory) -> Sequence[tuple[str, str]]:
    """The conditions of a class beside its rules: kind, and values; users by name."""
    users = (tables.user(user) for user in one.users)
    said = (
        (N_("Users"), ", ".join(user.name for user in users if user)),
        (N_("Contexts"), ", ".join(one.contexts)),
        (N_("Tags"), ", ".join(one.tags)),
    )
    return [(kind, values) for kind, values in said if values]
