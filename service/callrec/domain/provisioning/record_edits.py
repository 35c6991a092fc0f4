"""One record comes, becomes another or goes: the edit that does it with all that depends on it, or why it must not be done."""

from callrec.domain.errors import Refused
from callrec.domain.provisioning import contexts
from callrec.domain.provisioning.dead_keys import dead_keys
from callrec.domain.provisioning.directory import Directory
from callrec.domain.provisioning.edit import Change, Edit, Noun, place
from callrec.domain.provisioning.model import Context, Entity, Line, Permission, Profile, Role, User
from callrec.domain.provisioning.record_rules import checked


def creating(noun: Noun, tables: Directory) -> Edit:
    """The edit that adds it. Raises Refused."""
    table, key = place(noun)
    if key in tables.records(table):
        raise Refused("table-conflict", f"already taken: {key}", hint="nothing was changed")
    checked(None, noun, tables)
    if isinstance(noun, Context):
        return contexts.changed(tables.tables(), None, noun)
    return Edit((Change(None, noun),))


def changing(before: Noun, after: Noun, tables: Directory) -> Edit:
    """The edit that makes one into the other; empty when they are equal. Raises Refused."""
    if before == after:
        return Edit(())
    (table, key), (_, new_key) = place(before), place(after)
    if key != new_key and new_key in tables.records(table):
        raise Refused("table-conflict", f"already taken: {new_key}", hint="nothing was changed")
    checked(before, after, tables)
    match before, after:
        case Context(), Context():
            return contexts.changed(tables.tables(), before, after)
        case Profile(), Profile():
            _unused(before, tables)
        case Line(), Line() if (before.user, before.context) != (after.user, after.context):
            _no_mailbox_left(before, tables)
        case Role(), Role() if Permission.SETTINGS_CHANGE not in after.permissions:
            _not_the_last_key(before, tables)
    return _with_keys((Change(before, after),), tables)


def removing(noun: Noun, tables: Directory) -> Edit:
    """The edit that takes it away; a user takes their lines, incalls and voicemails along. Raises Refused."""
    match noun:
        case User():
            owned: tuple[Noun, ...] = (
                *tables.lines_of(noun.id),
                *tables.incalls_of(noun.id),
                *tables.voicemails_of(noun.id),
            )
            return _with_keys((Change(noun, None), *(Change(one, None) for one in owned)), tables)
        case Line():
            _no_mailbox_left(noun, tables)
        case Context():
            return contexts.changed(tables.tables(), noun, None)
        case Entity() | Profile():
            _not_the_last(noun, tables)
            _unused(noun, tables)
        case Role():
            _not_the_last_key(noun, tables)
    return _with_keys((Change(noun, None),), tables)


def _with_keys(changes: tuple[Change, ...], tables: Directory) -> Edit:
    """And with the function keys that lead to nothing else."""
    return Edit((*changes, *dead_keys(changes, tables.tables())))


def _no_mailbox_left(line: Line, tables: Directory) -> None:
    others = (one for one in tables.lines_of(line.user) if one != line)
    boxes = [box for box in tables.voicemails_of(line.user) if box.context == line.context]
    if boxes and not any(one.context == line.context for one in others):
        raise Refused(
            "line-in-use",
            f"the mailbox {boxes[0].mailbox} belongs to this line",
            hint="remove the voicemail first: nothing was changed",
        )


def _not_the_last(noun: Entity | Profile, tables: Directory) -> None:
    table, _ = place(noun)
    if len(tables.records(table)) == 1:
        raise Refused(f"{_word(noun)}-last", f"{noun.name} is the only one", hint="make another one first")


def _not_the_last_key(role: Role, tables: Directory) -> None:
    others = (one for one in tables.roles() if one != role)
    if Permission.SETTINGS_CHANGE in role.permissions and not any(
        Permission.SETTINGS_CHANGE in one.permissions for one in others
    ):
        message = f"{role.name} is the only role with {Permission.SETTINGS_CHANGE}: nobody could change roles any more"
        raise Refused("role-last", message, hint="give it to another role first")


def _unused(noun: Entity | Profile, tables: Directory) -> None:
    users = list(tables.users())
    if isinstance(noun, Entity):
        count = sum(user.entityid == noun.id for user in users)
    else:
        count = sum(user.profileclient == noun.name for user in users)
    if count:
        raise Refused(f"{_word(noun)}-in-use", f"{count} users have {noun.name}", hint="give them another one first")


def _word(noun: Entity | Profile) -> str:
    return "entity" if isinstance(noun, Entity) else "profile"
