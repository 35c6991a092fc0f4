"""Function keys in words: their types, why some are refused, and what a row of the form says."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from callrec.app.ports.asterisk import KnownNumber
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.function_keys import KEY_TYPES, ON_SCCP, Takes, blf_of, dials
from callrec.domain.directory.key_sets import KeyFault, LeftOut, Unfit
from callrec.domain.directory.model import FunctionKey, User
from callrec.domain.error_codes import ErrorCode
from callrec.domain.rules import UserId
from callrec.web.pages.languages import N_, translations
from callrec.web.pages.records.fields import named
from callrec.web.pages.sentences import Sentences

TYPES: Mapping[str, str] = {
    "user": N_("User"),
    "customized": N_("Customized"),
    "online_record": N_("Online call recording"),
    "pause_record": N_("Pause the recording"),
    "call_record": N_("Call recording"),
    "dnd": N_("Do not disturb"),
    "forward_unconditional": N_("Unconditional forward"),
    "forward_no_answer": N_("Forward on no answer"),
    "forward_busy": N_("Forward on busy"),
    "forwards_off": N_("Disable all forwards"),
    "voicemail_enable": N_("Enable voicemail"),
    "voicemail_consult": N_("Consult voicemail"),
    "voicemail_leave": N_("Leave a message"),
    "phone_status": N_("Phone status"),
    "secretary_filter": N_("Boss/secretary filter"),
    "agent_login": N_("Agent login"),
    "agent_logoff": N_("Agent logoff"),
    "agent_toggle": N_("Agent login and logoff"),
    "blind_transfer": N_("Blind transfer"),
    "attended_transfer": N_("Attended transfer"),
    "parking": N_("Parking"),
    "parking_position": N_("Parking position"),
    "group": N_("Group"),
    "queue": N_("Queue"),
    "conference": N_("Conference room"),
    "paging": N_("Paging"),
    "group_pickup": N_("Group interception"),
    "sound_recording": N_("Sound recording"),
    "incoming_filter": N_("Incoming call filtering"),
    "listen": N_("Listen to online calls"),
    "directory": N_("Directory access"),
    "voicemail_delete": N_("Delete messages"),
}
NOT_SERVED: Mapping[str, str] = {
    "sound_recording": N_("prompts are recorded and uploaded on the page Prompts"),
    "incoming_filter": N_("this PBX filters for bosses and secretaries only"),
    "listen": N_("supervisors listen by the PBX's own code, which is announced where the law wants it"),
    "directory": N_("phones have directories of their own"),
    "voicemail_delete": N_("messages are deleted in the mailbox"),
}
"""Why a type that the specification names is refused, or what to do in its place."""
DESTINATIONS: Mapping[Takes, str] = {
    Takes.NOTHING: N_("no destination"),
    Takes.USER: N_("the beginning of a name, or a number"),
    Takes.DIGITS: N_("the digits to dial"),
    Takes.NUMBER: N_("a number that this PBX has"),
    Takes.LOT: N_("the number of another parking lot, or empty"),
    Takes.FORWARD: N_("a number; empty: the phone asks for it"),
    Takes.MAILBOX: N_("a mailbox"),
    Takes.AGENT: N_("the user's agent number, or empty"),
}


REFUSED: Mapping[ErrorCode, str] = {
    "no-such-user": N_("There is no such user."),
    "key-number": N_("Each key has its own number, from 1 to 250."),
    "key-type": N_("This is not a type of key."),
    "key-not-served": N_("This PBX does not serve keys of this type."),
    "key-sccp": N_("An SCCP phone has customized keys only."),
    "key-label": N_("A label has at most 32 characters, none of them a control character."),
    "key-supervision": N_("A key of this type has no lamp: leave supervision off."),
    "key-twice": N_("Another key of this phone does the same."),
}
"""What is refused of a key, by the error's code."""
WANTED: Mapping[Takes, str] = {
    Takes.NOTHING: N_("A key of this type has no destination."),
    Takes.USER: N_("Type the beginning of a name, or a number."),
    Takes.DIGITS: N_("At most 40 digits, * and #."),
    Takes.NUMBER: N_("This PBX has no such number."),
    Takes.LOT: N_("This PBX has no such number."),
    Takes.FORWARD: N_("A forward cannot lead to this number."),
    Takes.MAILBOX: N_("There is no such mailbox in the user's context."),
    Takes.AGENT: N_("The user's own agent number, or nothing."),
}
"""What is refused of a key's destination."""
SENTENCES: tuple[str, ...] = (
    N_("this PBX has no number %(destination)s"),
    N_("key %(other)s does the same as key %(number)s would"),
    N_("%(number)s is there twice: each key has its own number"),
)
"""What is refused of a key, where a value helps to find it."""
_SENTENCES = Sentences(SENTENCES)
UNFIT: Mapping[Unfit | ErrorCode, str] = {
    Unfit.IN_USE: N_("key %(other)s is in use"),
    Unfit.OWN_PHONE: N_("it would call the user's own phone"),
    Unfit.TWICE: N_("key %(other)s does the same"),
    Unfit.NO_NUMBER: N_("this PBX has no number %(destination)s"),
    "key-sccp": N_("an SCCP phone has customized keys only"),
    "key-not-served": N_("this PBX does not serve it"),
    "key-destination": N_("the user cannot have the destination of this key"),
}
"""Why a key is not copied to a user."""


@dataclass(slots=True)
class KeyRow:
    """A key as the form has it: texts as they were typed."""

    number: str = ""
    type: str = "user"
    destination: str = ""
    label: str = ""
    supervision: bool = False
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether the row is left as it was offered."""
        return not (self.destination.strip() or self.label.strip()) and not self.number.strip()


@dataclass(frozen=True, slots=True)
class KeyShown:
    """A stored key in words; `note` is in English, and `about` is the user it speaks of."""

    key: FunctionKey
    kind: str
    leads_to: str
    dials: str
    watches: str
    note: str = ""
    about: User | None = None
    is_warning: bool = False

    @property
    def label(self) -> str:
        """What stands beside the key; empty for the name of its type."""
        return self.key.label or (self.about.name if self.about and self.kind == TYPES["user"] else "")


def row_of(key: FunctionKey, tables: Directory) -> KeyRow:
    """The row of a stored key."""
    return KeyRow(str(key.number), key.type, leads_to(key, tables), key.label, key.supervision)


def leads_to(key: FunctionKey, tables: Directory) -> str:
    """The destination as people name it."""
    user = tables.user(UserId(key.destination)) if KEY_TYPES[key.type].takes is Takes.USER else None
    return named(user, tables) if user else key.destination


def refused_key(fault: KeyFault, row: KeyRow, language: str) -> str:
    """What is wrong with a key, in this language; in English as the use case says it, which names values."""
    if told := _SENTENCES.told(fault.reason, language):
        return told
    kind = KEY_TYPES.get(row.type)
    said = REFUSED.get(fault.code) or (WANTED[kind.takes] if kind else "")
    return translations(language).gettext(said) if said and language != "en" else fault.reason


def left_out_words(one: LeftOut, language: str) -> str:
    """Why a key is not copied, in this language."""
    values = {"other": one.other, "destination": one.key.destination}
    said = UNFIT.get(one.why, "")
    return translations(language).gettext(said) % values if said else one.reason


def shown(key: FunctionKey, tables: Directory, known: KnownNumber | None = None) -> KeyShown:
    """A stored key, with what it dials and what its lamp follows. `known`: what Asterisk has at its number."""
    codes = {code.feature: code for code in tables.codes()}
    is_user = KEY_TYPES[key.type].takes is Takes.USER
    about = tables.user(UserId(key.destination)) if is_user else None
    lines = tables.lines_of(about.id) if about else ()
    note, is_warning = _note_of_number(key, known) if known else _note(key, about, tables)
    return KeyShown(
        key, TYPES.get(key.type, key.type), leads_to(key, tables), dials(key, lines, codes), blf_of(key, lines, codes),
        note, about, is_warning,
    )  # fmt: skip


def _note_of_number(key: FunctionKey, known: KnownNumber) -> tuple[str, bool]:
    """The same of a key that dials a number of the PBX."""
    if not known.is_there:
        return N_("This PBX does not have the number: the key does nothing."), True
    if key.supervision and not known.hint:
        return N_("The number has no hint: the lamp stays dark. Give it one in the dialplan."), True
    return "", False


def _note(key: FunctionKey, about: User | None, tables: Directory) -> tuple[str, bool]:
    """What there is to know of a key, in English, and whether it does not work as it should."""
    kind = KEY_TYPES[key.type]
    if about and not tables.lines_of(about.id):
        return N_("%(name)s has no line: the key dials nothing."), True
    if about and key.supervision and not about.enablehint:
        return N_("%(name)s has no supervision: the lamp stays dark. Enable it among their services."), True
    if kind.feature and not tables.code(kind.feature).enabled:
        return N_("The service is not activated among the extensions: the key does nothing."), True
    if key.type == "forward_unconditional" and not key.destination:
        return N_(
            "Asks for the number when it is pressed; the lamp shows every unconditional forward of this user."
        ), False
    return "", False


@dataclass(frozen=True, slots=True)
class TypeChoice:
    """A type in the list: `why` (in English) when it cannot be chosen."""

    value: str
    title: str
    why: str = ""


def choices(owner: User, tables: Directory) -> list[TypeChoice]:
    """All types of the specification, those that this user cannot have with the reason."""
    is_sccp = any(line.protocol == "sccp" for line in tables.lines_of(owner.id))
    found = []
    for value, kind in KEY_TYPES.items():
        why = "" if kind.served else NOT_SERVED.get(value, N_("this PBX does not serve it"))
        if is_sccp and value not in ON_SCCP:
            why = N_("an SCCP phone has customized keys only")
        found.append(TypeChoice(value, TYPES.get(value, value), why))
    return found
