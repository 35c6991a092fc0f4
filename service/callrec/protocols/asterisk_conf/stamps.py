"""The stamp at the end of each file, by which Asterisk can be asked which version of it is loaded.

It stands last: Asterisk stops reading a file at the first line that it does not understand and keeps what came before
(config.c: config_text_file_load), so only who has read all of it knows the stamp. It is asked for with AMI Getvar.
"""

import hashlib
from dataclasses import dataclass

from callrec.protocols.asterisk_conf.words import section

NAME = "callrec-stamp"
_HEAD = "; Written by callrec confgen from callrec's tables: what is changed here is overwritten.\n\n"
_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask Asterisk, and what it answers when it has loaded this very text."""

    variable: str
    answer: str


@dataclass(frozen=True, slots=True)
class ConfFile:
    """A file, the module that reads it, and the question that proves that it did (None: no such question is known)."""

    name: str
    text: str
    module: str
    proof: Question | None


def pjsip_file(text: str) -> ConfFile:
    """An address of record that belongs to no endpoint, so that nobody can register there."""
    digest = _digest(text)
    stamp = section(NAME, "type = aor", f"voicemail_extension = {digest}")
    proof = Question(f"PJSIP_AOR({NAME},voicemail_extension)", digest)
    return ConfFile("users_pjsip.conf", _HEAD + text + stamp, "res_pjsip.so", proof)


def extensions_file(text: str) -> ConfFile:
    """An extension in a context that nothing leads to."""
    digest = _digest(text)
    proof = Question(f"DIALPLAN_EXISTS({NAME},{digest},1)", "1")
    stamp = section(NAME, f"exten => {digest},1,NoOp()")
    return ConfFile("users_extensions.conf", _HEAD + text + stamp, "pbx_config.so", proof)


def voicemail_file(text: str) -> ConfFile:
    """A mailbox in a context of its own, which no dialplan asks for; its number and password are digits of the digest."""
    number = int(_digest(text, 64), 16)
    mailbox, password = f"{number % 10**_DIGITS:0{_DIGITS}d}", f"{number // 10**_DIGITS % 10**_DIGITS:0{_DIGITS}d}"
    proof = Question(f"VM_INFO({mailbox}@{NAME},exists)", "1")
    stamp = section(NAME, f"{mailbox} => {password},,,,")
    return ConfFile("users_voicemail.conf", _HEAD + text + stamp, "app_voicemail.so", proof)


def features_file(text: str) -> ConfFile:
    """A sound that Asterisk would play when it cannot begin a recording of its own (automixmon), which this PBX has not."""
    stamp = f"recordingfailsound = {NAME}-{_digest(text)}\n"
    proof = Question("FEATURE(recordingfailsound)", f"{NAME}-{_digest(text)}")
    return ConfFile("users_features.conf", _HEAD + text + stamp, "features", proof)


def sccp_file(text: str) -> ConfFile:
    """A comment: nothing is known that chan-sccp could be asked for."""
    return ConfFile("users_sccp.conf", f"{_HEAD}{text}; {NAME} {_digest(text)}\n", "chan_sccp.so", None)


def _digest(text: str, length: int = 20) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]
