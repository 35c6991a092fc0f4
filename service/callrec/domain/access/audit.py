"""What the audit log says: who did what to which recording, from where, and why.

A use case makes an `AuditEntry` and hands it to the port `AuditLog`, which sets the time. What may name a person (`address`,
`reason`, `details`) never reaches the log itself: the log has a salted digest of it, the text stands beside the log and can be
erased. All other fields are ids and values of callrec's own, and stay for ever.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

BACK_MS = 2000
"""A clock that is set back by more than this is told in the log. Time servers correct by less."""
MOST_TEXT = 4000
"""Characters of a text from outside that are kept; the rest is cut off. Enough for all conditions of a search."""
MOST_FILES = 200
_ID = re.compile(r"[A-Za-z0-9_.:/-]{0,100}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class ActorKind(StrEnum):
    """What kind of actor did it; the meaning of the actor's id."""

    ACCOUNT = "account"
    """A user who has logged in: the user's id."""
    TOKEN = "token"  # noqa: S105 - no password
    """A program: the id of its token; `daemon` for the daemon's own token."""
    LINK = "link"
    """The holder of an expiring link: the link's id."""
    MACHINE = "machine"
    """A command on this machine: the number of the system user."""
    DAEMON = "daemon"
    """callrec itself, without a request: empty."""
    STRANGER = "stranger"
    """A request that proved nothing: empty. What it claimed to be goes to `details`."""


class TextField(StrEnum):
    """The fields of an entry that may name a person."""

    ADDRESS = "address"
    REASON = "reason"
    DETAILS = "details"


class Action(StrEnum):
    """What was done. A value is a frozen format."""

    STORED = "stored"
    """A recording is in the library, with the digests of its files."""
    ADOPTED = "adopted"
    """A recording was in the library when the log began; its files' digests are those of that moment."""
    ENCRYPTED = "encrypted"
    """The files of a stored recording were encrypted where they lie. Its sidecar and its sound are the same as before."""
    LISTED = "listed"
    SHOWN = "shown"
    """One recording's entry was read, without its media."""
    LISTENED = "listened"
    DOWNLOADED = "downloaded"
    EXPORTED = "exported"
    CHANGED = "changed"
    """Notes, tags or the class of a recording."""
    CONTROLLED = "controlled"
    """Somebody asked for the start, stop, pause or end of the pause of a live recording; `details` says which."""
    HELD = "held"
    RELEASED = "released"
    ERASED = "erased"
    LOGGED_IN = "logged-in"
    LOGGED_OUT = "logged-out"
    CODE_WANTED = "code-wanted"
    """The password was right, and no code of the second factor was sent yet. Without a later `logged-in` it was somebody who
    has the password alone."""
    LOGIN_FAILED = "login-failed"
    REFUSED = "refused"
    """Somebody asked for what they may not have."""
    ACCOUNT_CHANGED = "account-changed"
    """Password, role, second factor, groups, sessions of an account: `subject` names it."""
    TOKEN_MADE = "token-made"  # noqa: S105 - no password
    TOKEN_REVOKED = "token-revoked"  # noqa: S105 - no password
    LINK_MADE = "link-made"
    LINK_REVOKED = "link-revoked"
    SETTINGS_CHANGED = "settings-changed"
    """Users, their flags, lines and all other records; roles, groups, retention classes, webhooks, prompts, feature codes.
    `subject` names it."""
    AUDIT_READ = "audit-read"
    CLOCK_SET_BACK = "clock-set-back"
    """The log itself says that the clock shows an earlier time than the entry before."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. Raises ValueError for an id with other characters than letters, digits and `_.:/-`, or more than 100."""

    kind: ActorKind
    id: str = ""

    def __post_init__(self) -> None:
        _check_id("actor", self.id)


@dataclass(frozen=True, slots=True)
class FileDigest:
    """One file of a recording: `manifest` (the sidecar), `media`, `track-1`, ..., `encryption` (the record of how its files lie
    on disk). Its name stays out: it may hold a number."""

    part: str
    sha256: str
    """64 hexadecimal digits; of an encrypted file those of its content."""
    bytes: int

    def __post_init__(self) -> None:
        _check_id("part", self.part)
        if not _SHA256.fullmatch(self.sha256):
            raise ValueError(f"a SHA-256 has 64 hexadecimal digits: {self.sha256[:80]!r}")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One action. Raises ValueError for ids as `Actor` does, and for more than `MOST_FILES` files."""

    action: Action
    actor: Actor
    recording: str = ""
    """The id of the recording; empty when it is about none, or about many."""
    subject: str = ""
    """What else it is about, as `kind:id`: `account:12`, `group:3`, `token:ab12`, `link:7f`, `role:auditor`. Never a name."""
    address: str = ""
    """The client's IP address; of a command on this machine `SystemUser.place`. May be erased later."""
    reason: str = ""
    """Why, in the words of who did it. May be erased later."""
    details: str = ""
    """What was asked for, in clear text: a filter, a claimed account name, what changed. May be erased later."""
    files: tuple[FileDigest, ...] = ()

    def __post_init__(self) -> None:
        _check_id("recording", self.recording)
        _check_id("subject", self.subject)
        if len(self.files) > MOST_FILES:
            raise ValueError(f"an entry has at most {MOST_FILES} files, not {len(self.files)}")


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """An entry as the log has it for ever: ids, values of callrec's own, and digests in place of texts."""

    time_ms: int
    """Unix time in milliseconds, by the clock of the machine when the log took the entry."""
    action: Action
    actor: Actor
    recording: str = ""
    subject: str = ""
    texts: Mapping[TextField, str] = field(default_factory=dict)
    """The digests of its texts (`text_digest`)."""
    files: tuple[FileDigest, ...] = ()


@dataclass(frozen=True, slots=True)
class WaitingEntry:
    """An entry that is on disk, and of which no checkpoint spoke when it was written: its place in the log, its bytes (ASCII),
    and the texts that stand beside the log."""

    index: int
    entry: str
    texts: "tuple[PersonalText, ...]" = ()


@dataclass(frozen=True, slots=True)
class PersonalText:
    """A text beside the log. With this row the digest in the log can be explained; without it, it says nothing."""

    digest: str
    salt: str
    """32 hexadecimal digits, made at random for this text alone."""
    text: str


def text_digest(salt: str, text: str) -> str:
    """What the log has of a text: the SHA-256 of its salt, a line feed, and the text in UTF-8, in hexadecimal digits.

    The salt has 128 bits, so that without it even a number of a few digits cannot be found by trying all of them.
    """
    return hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()


def as_logged(
    entry: AuditEntry, time_ms: int, new_salt: Callable[[], str]
) -> tuple[LoggedEntry, tuple[PersonalText, ...]]:
    """The entry as it is logged at this time, and the texts that stand beside the log. `new_salt`: 32 random hexadecimal
    digits."""
    said = {TextField.ADDRESS: entry.address, TextField.REASON: entry.reason, TextField.DETAILS: entry.details}
    rows = {kind: _row(new_salt(), text) for kind, text in said.items() if text}
    digests = {kind: row.digest for kind, row in rows.items()}
    logged = LoggedEntry(time_ms, entry.action, entry.actor, entry.recording, entry.subject, digests, entry.files)
    return logged, tuple(rows.values())


def _row(salt: str, text: str) -> PersonalText:
    storable = text[:MOST_TEXT].encode("utf-8", "replace").decode()  # half of a surrogate pair has no UTF-8
    return PersonalText(text_digest(salt, storable), salt, storable)


def _check_id(what: str, value: str) -> None:
    if not _ID.fullmatch(value):
        raise ValueError(f"{what} must be an id of at most 100 letters, digits or _.:/- and not {value[:80]!r}")
