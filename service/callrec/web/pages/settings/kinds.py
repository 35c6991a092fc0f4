"""The tables of the settings: their fields in words."""

from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Table
from callrec.domain.directory.model import Permission
from callrec.web.pages.languages import N_
from callrec.web.pages.records.fields import Choices, Field, Kind
from callrec.web.pages.records.pages import RecordKind
from callrec.web.pages.users.fields import PLACE_RULES

_SETTINGS = ("/settings", N_("Settings"))


def roles(tables: Directory) -> Choices:
    """Roles, and none."""
    return [("", N_("none")), *((one.name, one.name) for one in sorted(tables.roles(), key=lambda one: one.name))]


PERMISSIONS: dict[Permission, str] = {
    Permission.USERS_READ: N_("See users, lines, numbers, keys, contexts"),
    Permission.USERS_CHANGE: N_("Change users, lines, numbers, voicemails, keys"),
    Permission.SETTINGS_READ: N_("See webhooks and own prompts"),
    Permission.SETTINGS_CHANGE: N_("Change contexts, entities, extensions, webhooks, prompts"),
    Permission.ACCOUNTS_READ: N_("See accounts, sessions, tokens, roles, groups"),
    Permission.ACCOUNTS_CHANGE: N_("Change accounts, tokens, roles, groups"),
    Permission.CALLS_READ: N_("See live calls"),
    Permission.CALLS_RECORD: N_("Start, stop and pause recording of live calls"),
    Permission.EVENTS_READ: N_("Follow the events of all calls and recordings"),
    Permission.RECORDINGS_LIST: N_("See all recordings in lists"),
    Permission.RECORDINGS_LISTEN: N_("Listen to all recordings"),
    Permission.RECORDINGS_DOWNLOAD: N_("Download all recordings"),
    Permission.RECORDINGS_ANNOTATE: N_("Notes and tags of all recordings"),
    Permission.RECORDINGS_SHARE: N_("Share links that need no login"),
    Permission.RECORDINGS_EXPORT: N_("Export recordings"),
    Permission.RECORDINGS_HOLD: N_("Put recordings under a hold"),
    Permission.RECORDINGS_RELEASE: N_("End holds of recordings"),
    Permission.RECORDINGS_ERASE: N_("Erase recordings"),
    Permission.GROUP_LIST: N_("See the group's recordings in lists"),
    Permission.GROUP_LISTEN: N_("Listen to the group's recordings"),
    Permission.GROUP_DOWNLOAD: N_("Download the group's recordings"),
    Permission.GROUP_ANNOTATE: N_("Notes and tags of the group's recordings"),
    Permission.GROUP_CALLS: N_("See the group's live calls"),
    Permission.GROUP_RECORD: N_("Start, stop and pause recording of the group's live calls"),
    Permission.OWN_LIST: N_("See one's own recordings in lists"),
    Permission.OWN_LISTEN: N_("Listen to one's own recordings"),
    Permission.OWN_DOWNLOAD: N_("Download one's own recordings"),
    Permission.OWN_ANNOTATE: N_("Notes and tags of one's own recordings"),
    Permission.OWN_ERASE: N_("Erase one's own recordings"),
    Permission.OWN_AUDIT: N_("See who has heard one's own recordings"),
    Permission.AUDIT_READ: N_("Read the audit log"),
}
"""What each permission allows, in words."""


def permissions(_: Directory) -> Choices:
    """All permissions; one that has no words yet is shown by its name."""
    return [(one.value, PERMISSIONS.get(one, one.value)) for one in Permission]


CONTEXT = RecordKind(
    Table.CONTEXTS,
    "/settings/contexts",
    N_("Contexts"),
    N_("Add a context"),
    N_(
        "A context holds numbers: those of users, or incoming ones. A number can be given only inside the ranges of its context."
    ),
    (
        Field(
            "name",
            N_("Context name"),
            hint=N_("As in the dialplan; it cannot be changed later."),
            needed=True,
            is_only_new=True,
            more={"maxlength": 39},
        ),
        Field(
            "kind",
            N_("Kind of numbers"),
            Kind.CHOICE,
            choices=(("internal", N_("numbers of users")), ("incall", N_("incoming numbers"))),
            otherwise="internal",
        ),
        Field(
            "ranges",
            N_("Ranges of numbers"),
            Kind.LIST,
            N_("One a line, e.g. 1000-1999. Numbers that are given already must stay inside."),
        ),
        Field("record", N_("Recording of calls that come in here"), Kind.CHOICE, choices=PLACE_RULES),
    ),
    ("name", "kind", "ranges", "record"),
    above=_SETTINGS[0],
    above_title=_SETTINGS[1],
)
ENTITY = RecordKind(
    Table.ENTITIES,
    "/settings/entities",
    N_("Entities"),
    N_("Add an entity"),
    N_("Organisations that users belong to. A boss and their secretaries are of one entity."),
    (
        Field("name", N_("Entity name"), needed=True, more={"maxlength": 128}),
        Field(
            "id",
            N_("Number"),
            Kind.WHOLE,
            N_("For the column entityid of a user file. Empty: the next one."),
            is_only_new=True,
            more={"inputmode": "numeric"},
        ),
    ),
    ("name", "id"),
    above=_SETTINGS[0],
    above_title=_SETTINGS[1],
)
PROFILE = RecordKind(
    Table.PROFILES,
    "/settings/profiles",
    N_("Profiles"),
    N_("Add a profile"),
    N_("A user's profile names a role, and the role says what the user may do after a login."),
    (
        Field("name", N_("Profile name"), needed=True, more={"maxlength": 64}),
        Field("role", N_("Role"), Kind.CHOICE, N_("none: the user may log in, and nothing else."), choices=roles),
    ),
    ("name", "role"),
    above=_SETTINGS[0],
    above_title=_SETTINGS[1],
)
ROLE = RecordKind(
    Table.ROLES,
    "/settings/roles",
    N_("Roles"),
    N_("Add a role"),
    N_("A role is a set of permissions."),
    (
        Field("name", N_("Role name"), needed=True, more={"maxlength": 64}),
        Field(
            "second_factor",
            N_("Second factor is needed"),
            Kind.BOX,
            N_("Accounts with this role may do nothing before they have one."),
        ),
        Field("permissions", N_("Permissions"), Kind.MANY, choices=permissions),
    ),
    ("name", "permissions", "second_factor"),
    above=_SETTINGS[0],
    above_title=_SETTINGS[1],
)
GROUP = RecordKind(
    Table.GROUPS,
    "/settings/groups",
    N_("Groups"),
    N_("Add a group"),
    N_("Users whose recordings others look after: the supervisors, as far as their role allows."),
    (
        Field("name", N_("Group name"), needed=True, more={"maxlength": 64}),
        Field("members", N_("Members"), Kind.USERS, N_("One user a line: a name, a number, or Name (number).")),
        Field("supervisors", N_("Supervisors"), Kind.USERS, N_("The same. A supervisor need not be a member.")),
    ),
    ("name", "members", "supervisors"),
    above=_SETTINGS[0],
    above_title=_SETTINGS[1],
)
KINDS = (CONTEXT, ENTITY, PROFILE, ROLE, GROUP)
