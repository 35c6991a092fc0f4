"""The stamp at the end of each file, by which Asterisk shows which version of it is loaded.

It is the last line: Asterisk stops reading a file at the first line that it cannot parse and keeps the lines before it
(config.c: config_text_file_load), so it has the stamp only after reading the whole file. AMI Getvar reads the stamp.
"""

import hashlib
from dataclasses import dataclass

from callrec.protocols.asterisk_conf.lexical import section

NAME = "callrec-stamp"
_HEAD = "; Written by callrec confgen from callrec's tables: what is changed here is overwritten.\n\n"
_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Question:
    """A variable or function to read from Asterisk, and its value when Asterisk has loaded exactly this text."""

    variable: str
    answer: str


@dataclass(frozen=True, slots=True)
class ConfFile:
    """A file, the module that reads it, and the question that proves it (None when there is no such question)."""

    name: str
    text: str
    module: str
    proof: Question | None


def pjsip_file(text: str) -> ConfFile:
    """The stamp is an address of record without an endpoint, so that no phone can register there."""
    digest = _digest(text)
    stamp = section(NAME, "type = aor", f"voicemail_extension = {digest}")
    proof = Question(f"PJSIP_AOR({NAME},voicemail_extension)", digest)
    return ConfFile("users_pjsip.conf", _HEAD + text + stamp, "res_pjsip.so", proof)


def extensions_file(text: str) -> ConfFile:
    """The stamp is an extension in a context that no other context includes."""
    digest = _digest(text)
    proof = Question(f"DIALPLAN_EXISTS({NAME},{digest},1)", "1")
    stamp = section(NAME, f"exten => {digest},1,NoOp()")
    return ConfFile("users_extensions.conf", _HEAD + text + stamp, "pbx_config.so", proof)


def voicemail_file(text: str) -> ConfFile:
    """The stamp is a mailbox in a context of its own, which no dialplan uses; number and password are digits of the digest."""
    number = int(_digest(text, 64), 16)
    mailbox, password = f"{number % 10**_DIGITS:0{_DIGITS}d}", f"{number // 10**_DIGITS % 10**_DIGITS:0{_DIGITS}d}"
    proof = Question(f"VM_INFO({mailbox}@{NAME},exists)", "1")
    stamp = section(NAME, f"{mailbox} => {password},,,,")
    return ConfFile("users_voicemail.conf", _HEAD + text + stamp, "app_voicemail.so", proof)


def features_file(text: str) -> ConfFile:
    """The stamp is the name of the sound for a failed start of Asterisk's own recording (automixmon), which is not used."""
    stamp = f"recordingfailsound = {NAME}-{_digest(text)}\n"
    proof = Question("FEATURE(recordingfailsound)", f"{NAME}-{_digest(text)}")
    return ConfFile("users_features.conf", _HEAD + text + stamp, "features", proof)


def sccp_file(text: str) -> ConfFile:
    """The stamp is only a comment: chan-sccp has no function that could show it."""
    return ConfFile("users_sccp.conf", f"{_HEAD}{text}; {NAME} {_digest(text)}\n", "chan_sccp.so", None)


def _digest(text: str, length: int = 20) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]
