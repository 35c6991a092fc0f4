"""The edit that adds, changes or removes one record, with the records that depend on it; or the reason why it is refused."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from callrec.domain.directory import contexts
from callrec.domain.directory.dead_keys import dead_keys
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change, Edit, TableRecord, place
from callrec.domain.directory.model import Context, Entity, Line, Permission, Profile, Role, User
from callrec.domain.directory.record_rules import checked
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import Refused

_LAST: Final[Mapping[type[Entity | Profile], ErrorCode]] = {Entity: "entity-last", Profile: "profile-last"}
_IN_USE: Final[Mapping[type[Entity | Profile], ErrorCode]] = {Entity: "entity-in-use", Profile: "profile-in-use"}


def creating(table_record: TableRecord, tables: Directory) -> Edit:
    """The edit that adds this record. Raises Refused."""
    table, key = place(table_record)
    if key in tables.records(table):
        raise Refused("table-conflict", f"already taken: {key}", hint="nothing was changed")
    checked(None, table_record, tables)
    if isinstance(table_record, Context):
        return contexts.changed(tables.tables(), None, table_record)
    return Edit((Change(None, table_record),))


def changing(before: TableRecord, after: TableRecord, tables: Directory) -> Edit:
    """The edit that changes `before` into `after`; empty when they are equal. Raises Refused."""
    if before == after:
        return Edit(())
    (table, key), (_, new_key) = place(before), place(after)
    if key != new_key and new_key in tables.records(table):
        raise Refused("table-conflict", f"already taken: {new_key}", hint="nothing was changed")
    checked(before, after, tables)
    match before, after:
        case Context(), Context():
            return contexts.changed(tables.tables(), before, after)
        case Profile(), Profile() if before.name != after.name:
            _unused(before, tables)
        case Line(), Line() if (before.user, before.context) != (after.user, after.context):
            _no_mailbox_left(before, tables)
        case Role(), Role():
            if before.name != after.name:
                _of_no_profile(before, tables)
            if Permission.SETTINGS_CHANGE not in after.permissions:
                _not_the_last_key(before, tables)
    return _with_keys((Change(before, after),), tables)


def removing(table_record: TableRecord, tables: Directory) -> Edit:
    """The edit that removes this record; with a user it removes their lines, incalls and voicemails, and their places in groups.
    Raises Refused."""
    match table_record:
        case User():
            owned: tuple[TableRecord, ...] = (
                *tables.lines_of(table_record.id),
                *tables.incalls_of(table_record.id),
                *tables.voicemails_of(table_record.id),
            )
            gone = (Change(table_record, None), *(Change(one, None) for one in owned))
            return _with_keys((*gone, *_left_groups(table_record, tables)), tables)
        case Line():
            _no_mailbox_left(table_record, tables)
        case Context():
            return contexts.changed(tables.tables(), table_record, None)
        case Entity() | Profile():
            _not_the_last(table_record, tables)
            _unused(table_record, tables)
        case Role():
            _of_no_profile(table_record, tables)
            _not_the_last_key(table_record, tables)
    return _with_keys((Change(table_record, None),), tables)


def _with_keys(changes: tuple[Change, ...], tables: Directory) -> Edit:
    """These changes, and those of the function keys whose destination they remove or change."""
    return Edit((*changes, *dead_keys(changes, tables.tables())))


def _left_groups(user: User, tables: Directory) -> Iterator[Change]:
    """The groups of this user without them."""
    for group in tables.groups():
        if user.id in (*group.members, *group.supervisors):
            members, supervisors = (
                tuple(one for one in users if one != user.id) for users in (group.members, group.supervisors)
            )
            yield Change(group, replace(group, members=members, supervisors=supervisors))


def _of_no_profile(role: Role, tables: Directory) -> None:
    if named := [profile.name for profile in tables.profiles() if profile.role == role.name]:
        raise Refused(
            "role-in-use",
            f"the profile {named[0]} has the role {role.name}",
            hint="give the profile another role first: nothing was changed",
        )


def _no_mailbox_left(line: Line, tables: Directory) -> None:
    others = (one for one in tables.lines_of(line.user) if one != line)
    boxes = [box for box in tables.voicemails_of(line.user) if box.context == line.context]
    if boxes and not any(one.context == line.context for one in others):
        raise Refused(
            "line-in-use",
            f"the mailbox {boxes[0].mailbox} belongs to this line",
            hint="remove the voicemail first: nothing was changed",
        )


def _not_the_last(table_record: Entity | Profile, tables: Directory) -> None:
    table, _ = place(table_record)
    if len(tables.records(table)) == 1:
        raise Refused(_LAST[type(table_record)], f"{table_record.name} is the only one", hint="make another one first")


def _not_the_last_key(role: Role, tables: Directory) -> None:
    others = (one for one in tables.roles() if one != role)
    if Permission.SETTINGS_CHANGE in role.permissions and not any(
        Permission.SETTINGS_CHANGE in one.permissions for one in others
    ):
        message = f"{role.name} is the only role with {Permission.SETTINGS_CHANGE}: without it no role could be changed"
        raise Refused("role-last", message, hint="give it to another role first")


def _unused(table_record: Entity | Profile, tables: Directory) -> None:
    users = list(tables.users())
    if isinstance(table_record, Entity):
        count = sum(user.entityid == table_record.id for user in users)
    else:
        count = sum(user.profileclient == table_record.name for user in users)
    if count == 1:
        raise Refused(
            _IN_USE[type(table_record)], f"one user has {table_record.name}", hint="give this user another one first"
        )
    if count:
        raise Refused(
            _IN_USE[type(table_record)], f"{count} users have {table_record.name}", hint="give them another one first"
        )
