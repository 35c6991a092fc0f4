"""The tabs of a user that are forms of the user's own fields, and the removal."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aiohttp import web

from callrec.domain.access.decisions import may_somewhere
from callrec.domain.access.grants import may_change_account
from callrec.domain.directory.edit import Change, Edit, Table
from callrec.domain.directory.model import Group, Permission, User, by_number
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId
from callrec.web.api.access_changes import log_record_change
from callrec.web.auth import principal_of
from callrec.web.pages.forms import Form, blank, typed
from callrec.web.pages.languages import N_
from callrec.web.pages.records.editing import ALL, ONCE, REVISION, Editing, change_request, new_once, tell_refusal
from callrec.web.pages.records.fields import Field
from callrec.web.pages.records.one_time_secrets import TICKET, OnceShown
from callrec.web.pages.records.pages import SAYS
from callrec.web.pages.records.removal import removal
from callrec.web.pages.routes import Page
from callrec.web.pages.site import page, see_other
from callrec.web.pages.users.fields import GENERAL, LOGIN, SERVICES
from callrec.web.pages.users.page_frame import AroundUser

USER = "/users/{user:[0-9]+}"
_READ, _CHANGE = (Permission.USERS_READ,), (Permission.USERS_READ, Permission.USERS_CHANGE)
_ACCOUNTS = (Permission.USERS_READ, Permission.ACCOUNTS_READ)
_TO_ACCOUNTS = (*_ACCOUNTS, Permission.ACCOUNTS_CHANGE)


@dataclass(frozen=True, slots=True)
class Part:
    """A tab that is one form of the user's fields."""

    path: str
    name: str
    title: str
    about: str
    fields: Sequence[Field]
    reads: tuple[Permission, ...]
    changes: tuple[Permission, ...]


PARTS = (
    Part("", "user", N_("General"), "", GENERAL, _READ, _CHANGE),
    Part("/services", "services", N_("Services"), "", SERVICES, _READ, _CHANGE),
    Part("/login", "userLogin", N_("XiVO Client"), "", LOGIN, _ACCOUNTS, _TO_ACCOUNTS),
)


class UserForms:
    """The handlers."""

    def __init__(self, editing: Editing, around: AroundUser, once: OnceShown) -> None:
        self._editing, self._around, self._once = editing, around, once

    def pages(self) -> list[Page]:
        """The table of pages."""
        table = [
            Page("GET", f"{USER}/remove", "askToRemoveUser", self.ask, needs=_CHANGE),
            Page("POST", f"{USER}/remove", "removeUser", self.remove, needs=_CHANGE),
            Page("GET", f"{USER}/groups", "userGroups", self.groups, needs=_ACCOUNTS, says=SAYS),
            Page("POST", f"{USER}/groups", "changeUserGroups", self.change_groups, needs=_TO_ACCOUNTS),
        ]
        for part in PARTS:
            path = USER + part.path
            table += [
                Page("GET", path, part.name, _Shown(self, part).show, needs=part.reads, says=SAYS),
                Page(
                    "POST",
                    path,
                    f"change{part.name[0].upper()}{part.name[1:]}",
                    _Shown(self, part).change,
                    needs=part.changes,
                ),
            ]
        return table

    def form(self, request: web.Request, form: Form, part: Part) -> web.Response:
        """The form of a tab."""
        user, tables = self._around.user(request), self._editing.directory
        return page(
            request, "users/part.html", **self._around(request), part=part, form=form, fields=part.fields,
            choices={one.name: one.choices_in(tables) for one in part.fields},
            texts=self._editing.texts(user, Table.USERS, part.fields),
            revision=form.value(REVISION, self._editing.revision(user, Table.USERS, part.fields)),
            once=form.value(ONCE) or new_once(), address=request.path,
            may_change=self._may_change(request, user, part),
            may_remove=self._may_remove(request, user), has_password=bool(user.password_hash),
            secrets=self._once.take(request.query.get(TICKET, ""), principal_of(request).actor),
        )  # fmt: skip

    async def save(self, request: web.Request, part: Part) -> web.Response:
        """Save a tab."""
        form, user = await typed(request), self._around.user(request)
        if await self._editing.change(request, form, Table.USERS, user.id, part.fields) is None:
            return self.form(request, form, part)
        return see_other(request.path, "saved")

    async def ask(self, request: web.Request) -> web.Response:
        """What goes with the user."""
        return await self._confirmation(request, blank(request))

    async def remove(self, request: web.Request) -> web.Response:
        """Remove the user."""
        form, user = await typed(request), self._around.user(request)
        if not await self._editing.remove(request, form, Table.USERS, user.id):
            return await self._confirmation(request, form)
        return see_other("/users", "removed")

    async def _confirmation(self, request: web.Request, form: Form) -> web.Response:
        user = self._around.user(request)
        found = await asyncio.to_thread(removal, user, self._editing.directory, form.language)
        return page(
            request, "records/remove.html", **self._around(request), form=form, removal=found, once=new_once(),
            revision=self._editing.revision(user, Table.USERS, ALL), name=user.name, back=f"/users/{user.id}",
        )  # fmt: skip

    async def groups(self, request: web.Request) -> web.Response:
        """In which groups the user is, and which they supervise."""
        return self._groups(request, blank(request))

    async def change_groups(self, request: web.Request) -> web.Response:
        """Put the user into groups, and take them out."""
        form, user = await typed(request), self._around.user(request)
        member, supervisor = set(form.values.get("member", ())), set(form.values.get("supervisor", ()))
        if form.value(REVISION) != _groups_of(self._editing, user):
            form.add("", N_("The groups were changed after you opened the form: look at them, then save again."))
            form.values.pop(REVISION)
            return self._groups(request, form)

        def becoming(group: Group) -> Group:
            return replace(
                group,
                members=_with(group.members, user, isin=group.name in member),
                supervisors=_with(group.supervisors, user, isin=group.name in supervisor),
            )

        pairs = [(group, becoming(group)) for group in self._editing.directory.groups()]
        for before, after in pairs:
            if before != after:
                said: dict[str, object] = {"members": after.members, "supervisors": after.supervisors}
                await log_record_change(request, Table.GROUPS, "change", before.name, said)
        try:
            await self._editing.records.edit(
                lambda tables: Edit(
                    tuple(Change(one, new) for one in tables.groups() if (new := becoming(one)) != one)
                ),
                change_request(request, form),
            )
        except Refused as refused:
            await tell_refusal(request, form, refused)
            return self._groups(request, form)
        return see_other(request.path, "saved")

    def _groups(self, request: web.Request, form: Form) -> web.Response:
        user, tables = self._around.user(request), self._editing.directory
        rows = sorted(tables.groups(), key=lambda one: one.name.lower())
        return page(
            request, "users/groups.html", **self._around(request), form=form, groups=rows, once=new_once(),
            revision=form.value(REVISION, _groups_of(self._editing, user)), address=request.path,
            may_change=may_somewhere(principal_of(request), Permission.ACCOUNTS_CHANGE),
        )  # fmt: skip

    def _may_remove(self, request: web.Request, user: User) -> bool:
        needed = [Permission.USERS_CHANGE, *([Permission.ACCOUNTS_CHANGE] if user.enableclient else [])]
        return all(may_somewhere(principal_of(request), one) for one in needed) and self._reaches(request, user)

    def _may_change(self, request: web.Request, user: User, part: Part) -> bool:
        may = all(may_somewhere(principal_of(request), one) for one in part.changes)
        return may and (part.changes != _TO_ACCOUNTS or self._reaches(request, user))

    def _reaches(self, request: web.Request, user: User) -> bool:
        """Whether this user has no login, or one that may do no more than who asks."""
        if not (user.enableclient or user.password_hash):
            return True
        return may_change_account(principal_of(request), user, self._editing.directory)


class _Shown:
    """One tab."""

    def __init__(self, forms: UserForms, part: Part) -> None:
        self._forms, self._part = forms, part

    async def show(self, request: web.Request) -> web.Response:
        return self._forms.form(request, blank(request), self._part)

    async def change(self, request: web.Request) -> web.Response:
        return await self._forms.save(request, self._part)


def _groups_of(editing: Editing, user: User) -> str:
    """The state of the user's groups, for the form."""
    found = [
        f"{one.name} {user.id in one.members} {user.id in one.supervisors}"
        for one in sorted(editing.directory.groups(), key=lambda one: one.name)
    ]
    return hashlib.blake2b("\n".join(found).encode("utf-8", "replace"), digest_size=9).hexdigest()


def _with(users: tuple[UserId, ...], user: User, *, isin: bool) -> tuple[UserId, ...]:
    others = [one for one in users if one != user.id]
    return by_number([*others, user.id] if isin else others)
