"""The fields of a user's forms, tab by tab, in the words of the specification."""

from callrec.app.directory.user_file.import_users import GENERATE
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Table
from callrec.domain.directory.model import ContextKind
from callrec.domain.directory.unique_keys import TECHNOLOGY
from callrec.domain.rules import Rule
from callrec.web.pages.languages import N_
from callrec.web.pages.records.fields import LANGUAGES, Choices, Field, Kind
from callrec.web.pages.records.pages import Makes, RecordKind

_PHONE = {"inputmode": "tel", "autocomplete": "off"}


def entities(tables: Directory) -> Choices:
    """The entities by number."""
    return [(str(one.id), f"{one.name} ({one.id})") for one in sorted(tables.entities(), key=lambda one: one.id)]


def contexts_of(tables: Directory, kind: ContextKind) -> Choices:
    """The contexts of a kind, with the ranges of their numbers."""
    found = sorted((one for one in tables.contexts() if one.kind is kind), key=lambda one: one.name)
    return [(one.name, f"{one.name} ({', '.join(map(str, one.ranges))})" if one.ranges else one.name) for one in found]


def internal(tables: Directory) -> Choices:
    """Contexts with numbers of users."""
    return contexts_of(tables, ContextKind.INTERNAL)


def incoming(tables: Directory) -> Choices:
    """Contexts with incoming numbers."""
    return contexts_of(tables, ContextKind.INCALL)


def profiles(tables: Directory) -> Choices:
    """Profiles, and none."""
    return [("", N_("none")), *((one.name, one.name) for one in sorted(tables.profiles(), key=lambda one: one.name))]


GENERAL = (
    Field("firstname", N_("First name"), needed=True, more={"maxlength": 128, "autocomplete": "off"}),
    Field("lastname", N_("Last name"), more={"maxlength": 128, "autocomplete": "off"}),
    Field(
        "language",
        N_("Language"),
        Kind.CHOICE,
        N_("Of what the phone and the voicemail say; a voicemail needs one."),
        choices=LANGUAGES,
    ),
    Field("mobilephonenumber", N_("Mobile phone number"), more=_PHONE),
    Field(
        "outcallerid",
        N_("Caller ID"),
        hint=N_("What others see: default, anonymous, a number, or Name <number>."),
        otherwise="default",
    ),
    Field("agentnumber", N_("Agent number"), hint=N_("With which queues know this user."), more=_PHONE),
    Field(
        "bosssecretary",
        N_("Filter: Boss - Secretary"),
        Kind.CHOICE,
        N_("While a boss filters, their calls ring at the secretaries of the same entity first."),
        choices=(("no", N_("No")), ("boss", N_("Boss")), ("secretary", N_("Secretary"))),
        otherwise="no",
    ),
    Field("entityid", N_("Entity"), Kind.CHOICE, choices=entities, otherwise="1"),
)

_RULES: Choices = (
    ("", N_("as the boxes above say")),
    (Rule.ALWAYS.value, N_("always record")),
    (Rule.NEVER.value, N_("never record")),
    (Rule.ON_DEMAND.value, N_("on demand, with *3")),
)
SERVICES = (
    Field(
        "enablehint",
        N_("Enable supervision"),
        Kind.BOX,
        N_("Others' keys may show whether this user is on the phone."),
        group=N_("Phone"),
    ),
    Field("enablexfer", N_("Enable call transfers"), Kind.BOX, N_("The user may transfer a call with *1 and *2.")),
    Field(
        "online_record",
        N_("Enable online call recording"),
        Kind.BOX,
        N_("The user may press *3 during a conversation to start and stop its recording."),
        group=N_("Recording"),
    ),
    Field(
        "call_record",
        N_("Call recording"),
        Kind.BOX,
        N_("All calls made to or made by the user are recorded. The user changes it with *26."),
    ),
    Field(
        "rules.in_internal",
        N_("Calls from colleagues"),
        Kind.CHOICE,
        choices=_RULES,
        group=N_("Rules by kind of call"),
        hint=N_("A rule goes before the boxes above, in both directions: never is never."),
    ),
    Field("rules.in_external", N_("Calls from outside"), Kind.CHOICE, choices=_RULES),
    Field("rules.out_internal", N_("Calls to colleagues"), Kind.CHOICE, choices=_RULES),
    Field("rules.out_external", N_("Calls to the outside"), Kind.CHOICE, choices=_RULES),
    Field(
        "dnd",
        N_("Do not disturb"),
        Kind.BOX,
        N_("The phone does not ring; callers hear busy, or the voicemail."),
        group=N_("What the user sets by phone"),
    ),
    Field(
        "forward_unconditional", N_("Unconditional forward to"), hint=N_("Empty: calls are not forwarded."), more=_PHONE
    ),
    Field("forward_no_answer", N_("Forward on no answer to"), more=_PHONE),
    Field("forward_busy", N_("Forward on busy to"), more=_PHONE),
    Field(
        "voicemail_enabled",
        N_("Enable voicemail"),
        Kind.BOX,
        N_("Calls that are not answered or forwarded go to the voicemail, if there is one."),
    ),
    Field("filter_enabled", N_("Incoming call filtering (boss)"), Kind.BOX),
    Field("agent_logged_in", N_("Agent is logged in"), Kind.BOX),
)
LOGIN = (
    Field(
        "enableclient",
        N_("Enable XiVO Client and login"),
        Kind.BOX,
        N_("The user may log in here, as far as the profile's role allows."),
    ),
    Field(
        "username",
        N_("Username"),
        hint=N_("2 to 64 letters, digits and signs; upper and lower case differ."),
        more={"autocomplete": "off", "autocapitalize": "none", "maxlength": 64},
    ),
    Field(
        "profileclient",
        N_("Profile"),
        Kind.CHOICE,
        N_("The profile has a role, and the role says what the user may do."),
        choices=profiles,
    ),
)
LINE = RecordKind(
    Table.LINES,
    "/users/{user}/lines",
    N_("Lines"),
    N_("Add a line"),
    N_("A line is a phone that logs in with a name and a secret, and its number."),
    (
        Field(
            "number",
            N_("Phone number"),
            hint=N_("Must be free, and inside the range of its context."),
            needed=True,
            more=_PHONE,
        ),
        Field("context", N_("Context"), Kind.CHOICE, choices=internal, otherwise="default"),
        Field(
            "protocol",
            N_("Protocol"),
            Kind.CHOICE,
            choices=tuple((one, one.upper()) for one in TECHNOLOGY),
            otherwise="sip",
        ),
        Field(
            "name",
            N_("Line name (SIP only)"),
            hint=N_("With this name the phone logs in. Empty: one is made."),
            more={"maxlength": 80, "autocomplete": "off"},
        ),
        Field(
            "secret",
            N_("Line secret (SIP only)"),
            Kind.SECRET,
            N_("It is never shown again. Empty: a good one is made for a new line, and an old one stays."),
        ),
    ),
    ("number", "context", "protocol", "name"),
    Makes(
        "secret", N_("Line secret"), GENERATE.secret, "secret", "name", lambda form: form.value("protocol") != "sccp"
    ),
    N_("This user has no line yet: no phone can log in."),
)
PLACE_RULES: Choices = (
    ("", N_("as the users' rules say")),
    (Rule.ALWAYS.value, N_("always record")),
    (Rule.NEVER.value, N_("never record")),
)
INCALL = RecordKind(
    Table.INCALLS,
    "/users/{user}/incalls",
    N_("Incoming calls"),
    N_("Add an incoming number"),
    N_("Numbers of the outside world (DID) that ring at this user."),
    (
        Field(
            "exten",
            N_("DID number"),
            hint=N_("Must be free, and inside the range of its context."),
            needed=True,
            more=_PHONE,
        ),
        Field("context", N_("Context"), Kind.CHOICE, choices=incoming, otherwise="from-extern"),
        Field(
            "ring_s",
            N_("Ring time in seconds"),
            Kind.WHOLE,
            otherwise=30,
            more={"inputmode": "numeric", "maxlength": 4},
        ),
        Field("record", N_("Recording of calls to it"), Kind.CHOICE, choices=PLACE_RULES),
        Field("language", N_("Language of what is played"), Kind.CHOICE, N_("none: the user's"), choices=LANGUAGES),
    ),
    ("exten", "context", "ring_s", "record"),
    none_yet=N_("No number of the outside world rings at this user."),
)
VOICEMAIL = RecordKind(
    Table.VOICEMAILS,
    "/users/{user}/voicemails",
    N_("Voicemail"),
    N_("Add a voicemail"),
    N_("It belongs to the context of one of the user's lines, and speaks the user's language."),
    (
        Field("name", N_("Voicemail full name"), needed=True, more={"maxlength": 80}),
        Field("mailbox", N_("Mailbox number"), needed=True, more=_PHONE),
        Field("context", N_("Context"), Kind.CHOICE, choices=internal, otherwise="default"),
        Field(
            "password",
            N_("Voicemail password"),
            Kind.SECRET,
            N_("Digits. Empty: one is made for a new voicemail, and an old one stays."),
        ),
        Field(
            "email",
            N_("E-mail"),
            hint=N_("A notification goes there for each message."),
            more={"maxlength": 254, "inputmode": "email"},
        ),
        Field("attach", N_("Attach the audio file"), Kind.BOX),
        Field("delete", N_("Delete the message after notification"), Kind.BOX),
        Field("skippass", N_("Disable password checking"), Kind.BOX),
    ),
    ("mailbox", "context", "name", "email"),
    Makes("password", N_("Voicemail password"), GENERATE.mailbox_password, "password", "mailbox"),
    N_("This user has no voicemail."),
)
