"""The document in a NOTIFY of the event package `dialog` (RFC 4235): an extension's dialogs, and the lamp's state. Pure."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass

from callrec.domain.errors import Corrupt

DARK, RINGING, LIT = "terminated", "early", "confirmed"
"""The states that Asterisk sends for a hint that is idle, ringing and in use (presence_xml.c:
ast_sip_presence_exten_state_to_str)."""
_STRENGTH = (DARK, "trying", "proceeding", RINGING, LIT)
_SPACE = "{urn:ietf:params:xml:ns:dialog-info}"


@dataclass(frozen=True, slots=True)
class DialogInfo:
    """One document: the state of each dialog that it names, by its id."""

    full: bool
    """Whether these are all dialogs; otherwise the state of other dialogs has not changed."""
    dialogs: dict[str, str]


def read(text: str) -> DialogInfo:
    """Parse a document. Raises Corrupt."""
    if "<!DOCTYPE" in text:
        raise Corrupt("test-pbx", "A dialog-info document must have no declarations")
    try:
        root = ET.fromstring(text)  # noqa: S314 - a document without a document type has no entities
    except ET.ParseError as error:
        raise Corrupt("test-pbx", f"Invalid dialog-info document: {error}") from error
    if root.tag != f"{_SPACE}dialog-info" or root.get("state") not in {"full", "partial"}:
        raise Corrupt("test-pbx", f"Invalid dialog-info document: {root.tag[:80]!r} {root.get('state')!r}")
    dialogs = {
        one.get("id", ""): (one.findtext(f"{_SPACE}state") or "").strip() for one in root.iter(f"{_SPACE}dialog")
    }
    if unknown := set(dialogs.values()).difference(_STRENGTH):
        raise Corrupt("test-pbx", f"Unknown states of dialogs: {sorted(unknown)}")
    return DialogInfo(root.get("state") == "full", dialogs)


def device_state(states: Iterable[str]) -> str:
    """The state of a lamp for several dialogs: an answered one counts before a ringing one; idle without dialogs."""
    return max(states, key=_STRENGTH.index, default=DARK)
