"""What a NOTIFY of the event package `dialog` says (RFC 4235): an extension's dialogs, and what a lamp makes of them. Pure."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass

from callrec.domain.errors import Corrupt

DARK, RINGING, LIT = "terminated", "early", "confirmed"
"""What Asterisk tells of a hint that is idle, ringing and in use (presence_xml.c: ast_sip_presence_exten_state_to_str)."""
_STRENGTH = (DARK, "trying", "proceeding", RINGING, LIT)
_SPACE = "{urn:ietf:params:xml:ns:dialog-info}"


@dataclass(frozen=True, slots=True)
class DialogInfo:
    """One document: the state of each dialog that it names, by its id."""

    full: bool
    """Whether these are all dialogs; otherwise those that it does not name are as they were."""
    dialogs: dict[str, str]


def read(text: str) -> DialogInfo:
    """The document. Raises Corrupt."""
    if "<!DOCTYPE" in text:
        raise Corrupt("dialog-info", "A dialog-info document declares nothing")
    try:
        root = ET.fromstring(text)  # noqa: S314 - without a document type there are no entities
    except ET.ParseError as error:
        raise Corrupt("dialog-info", f"No dialog-info: {error}") from error
    if root.tag != f"{_SPACE}dialog-info" or root.get("state") not in {"full", "partial"}:
        raise Corrupt("dialog-info", f"No dialog-info: {root.tag[:80]!r} {root.get('state')!r}")
    dialogs = {
        one.get("id", ""): (one.findtext(f"{_SPACE}state") or "").strip() for one in root.iter(f"{_SPACE}dialog")
    }
    if unknown := set(dialogs.values()).difference(_STRENGTH):
        raise Corrupt("dialog-info", f"No states of dialogs: {sorted(unknown)}")
    return DialogInfo(root.get("state") == "full", dialogs)


def lamp(states: Iterable[str]) -> str:
    """What one lamp shows of several dialogs: who talks before who rings; dark when there is none."""
    return max(states, key=_STRENGTH.index, default=DARK)
