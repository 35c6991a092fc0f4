"""Changes of a log's key: each is a note that the former and the new key have both signed.

    callrec key change
    former <verifier key>
    new <verifier key>
    entries <how many the log had>
    root <their root hash, in base64>

So who has a copy of an older public key can follow to the present one, and sees up to which entry the former key has signed. The
file `keys` has the notes, oldest first, an empty line behind each, as the witness has checkpoints.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from callrec.domain.errors import Corrupt
from callrec.protocols.checkpoints import Checkpoint, Sign, VerifierKey, note_signed_by, opened, parsed_key, signed_note

_HEAD: Final = "callrec key change"
_LINES: Final = 5


@dataclass(frozen=True, slots=True)
class KeyChange:
    """From one key to another, when the log had so many entries with this root."""

    former: VerifierKey
    new: VerifierKey
    size: int
    root: bytes

    @property
    def text(self) -> bytes:
        """The text that both keys sign."""
        root = base64.b64encode(self.root).decode()
        lines = (_HEAD, f"former {self.former.line}", f"new {self.new.line}", f"entries {self.size}", f"root {root}")
        return "".join(f"{line}\n" for line in lines).encode()


def change_note(change: KeyChange, sign_former: Sign, sign_new: Sign) -> bytes:
    """The note of a change."""
    return signed_note(change.text, [(change.former, sign_former), (change.new, sign_new)])


def read_changes(notes: Sequence[bytes], newest: VerifierKey) -> tuple[KeyChange, ...]:
    """The changes of these notes, oldest first. Raises Corrupt when one is not signed by both of its keys, and when they do not
    lead, one after the other, to the newest key."""
    changes = tuple(map(_read, notes))
    for change, following in zip(changes, [*(one.former for one in changes[1:]), newest], strict=False):
        if change.new != following:
            raise Corrupt("audit-key", f"the changes of the key do not lead to {newest.line}")
    return changes


def opened_by_any(note: bytes, newest: VerifierKey, changes: Sequence[KeyChange]) -> Checkpoint:
    """Read a checkpoint that the newest key has signed, or a former one for no more entries than it was the key for. Raises
    Corrupt."""
    for change in changes:
        if note_signed_by(note, change.former):
            found = opened(note, change.former)
            if found.size > change.size:
                says = f"the key {change.former.id.hex()} signed for {found.size} entries, and ended at {change.size}"
                raise Corrupt("audit-checkpoint", says)
            return found
    return opened(note, newest)


def _read(note: bytes) -> KeyChange:
    text = note.partition(b"\n\n")[0].decode("utf-8", "replace")
    lines = text.split("\n")
    heads = ("", "former ", "new ", "entries ", "root ")
    if len(lines) != _LINES or lines[0] != _HEAD or not all(map(str.startswith, lines, heads)):
        raise Corrupt("audit-key", "the change of the key is not one")
    said = [line.removeprefix(head) for line, head in zip(lines, heads, strict=True)]
    try:
        root, size = base64.b64decode(said[4], validate=True), int(said[3])
    except ValueError:
        raise Corrupt("audit-key", "the change of the key does not say the size and root of the log") from None
    change = KeyChange(parsed_key(said[1]), parsed_key(said[2]), size, root)
    if change.text != text.encode() + b"\n" or not all(
        note_signed_by(note, key) for key in (change.former, change.new)
    ):
        raise Corrupt("audit-key", f"the change to {change.new.line} is not signed by both keys")
    return change
