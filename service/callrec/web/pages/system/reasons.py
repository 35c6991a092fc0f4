"""Why a check of readiness fails, in the language of a page.

What the daemon says of its own state, and that it cannot connect, has words here. What Asterisk, the store, a database or a disk
has answered stays as it is: an operator looks for that text in their logs.
"""

import re

from callrec.web.pages.languages import N_
from callrec.web.pages.sentences import Sentences

SENTENCES: tuple[str, ...] = (
    N_("the calls have not been compared with Asterisk's channels yet"),
    N_("recordings wait in the spool: %(error)s"),
    N_("not checked yet whether the catalogue accepts changes"),
    N_("the catalogue is being filled from the recordings on disk"),
    N_("erased recordings have left something in: %(places)s"),
    N_("%(bytes)s bytes are missing, and nothing else may go"),
    N_("the master keys were not read yet"),
    N_("the files have not been compared with the tables yet"),
    N_("not checked yet whether the store accepts changes"),
    N_("the daemon has not told the dialplan yet that it lives"),
    N_("not loaded yet"),
    N_("not connected yet"),
    N_("closed"),
    N_("unexpected %(error)s"),
    N_("the check itself raised %(error)s"),
    N_("no reason given"),
    N_("cannot connect to Asterisk's manager at %(address)s"),
    N_("cannot connect to Asterisk's manager at %(address)s: %(error)s"),
    N_("cannot connect to ARI at %(address)s: %(error)s"),
    N_("%(store)s does not answer: %(error)s (check that it is running)"),
    N_("Asterisk has accepted capture %(capture)s, and not both of its files are in the spool"),
    N_("Asterisk was asked to write into %(folder)s, but no file appeared there"),
    N_("Asterisk wrote a probe into %(folder)s, but %(file)s (%(whose)s) may not be read by %(user)s"),
    N_("%(file)s (%(whose)s) may not be read by %(user)s"),
    N_("Asterisk's files in %(folder)s cannot be removed: %(error)s"),
    N_("the audit log is not open"),
    N_("the audit log is closed"),
    N_("audit log %(path)s: %(error)s"),
    N_("the audit log's key %(path)s: %(error)s"),
    N_("the audit log's key %(path)s is missing"),
    N_("the audit log's key %(path)s may not be read"),
    N_("the audit log's key %(path)s may be read or changed by others (mode %(mode)s)"),
    N_("the audit log's key %(path)s does not belong to %(public)s"),
    N_("the audit log's keys %(path)s: %(error)s"),
    N_("the audit log's public key %(path)s: %(error)s"),
    N_("%(path)s is not a private key"),
    N_("%(path)s is not an Ed25519 key"),
    N_("%(path)s is missing"),
    N_("there is no audit log in %(folder)s"),
    N_("another callrec writes %(folder)s"),
    N_("the tiles in %(folder)s are not those of the checkpoint"),
    N_("entries are missing between checkpoint and %(folder)s/waiting"),
    N_("the checkpoint of the log in %(folder)s is missing"),
    N_("line %(line)s of %(path)s is damaged"),
    N_("%(path)s: %(late)s checkpoints wait for it"),
    N_("the authority of CALLREC_AUDIT_TIMESTAMP_URL gives no time stamp: %(error)s"),
    N_("the time stamp has not the nonce of the request: it may be an old one"),
    N_("%(count)s entries wait for the disk"),
    N_("the disk took more than %(limit)s s"),
    N_("the journal is not loaded"),
    N_("the journal is closed"),
    N_("journal %(path)s: %(error)s"),
    N_("another callrec uses %(folder)s"),
)
"""Reasons of readiness checks."""
HINTS: tuple[str, ...] = (
    N_(
        "let Asterisk's user write there (the check 'spool written by asterisk'), also through its systemd unit "
        "(ReadWritePaths=, no PrivateTmp=), SELinux or AppArmor and the mount options; Asterisk's own log says what refused it"
    ),
    N_(
        "put callrec's user into the spool's group, chmod 2770 the spool, and start Asterisk with a umask that leaves its group "
        "the right to read (UMask=0027 in its systemd unit)"
    ),
    N_("give callrec's user the right to write in %(folder)s, without a sticky bit"),
    N_("free space on it, mount it for writing, or give callrec's user its rights"),
    N_("look at the disk's health and its free space"),
    N_("look at the disk's health"),
    N_("stop the other daemon, or give this one its own CALLREC_STATE_DIR"),
    N_("callrec verify says what is damaged; restore the folder from a backup"),
    N_("restore the folder from a backup, or move it away: then a new log begins"),
    N_("restore %(path)s from a backup with mode 600, or move %(folder)s away: then a new log begins"),
    N_("restore %(folder)s from a backup"),
    N_("restore it from a backup"),
    N_("the disk or somebody has changed it; move it away when no backup has it: its entries are lost then"),
    N_("set CALLREC_STATE_DIR to the daemon's"),
)
"""What to do about them: behind a colon, or in brackets at the end."""
ATTEMPTS: tuple[str, ...] = (
    N_("HTTP %(status)s"),
    N_("no answer within %(limit)s s"),
    N_("%(address)s is a private address; CALLREC_WEBHOOK_NETWORKS allows networks"),
    N_("plain http:// to %(address)s, which is not in the networks of CALLREC_WEBHOOK_NETWORKS"),
)
"""What came of an attempt to send to a webhook."""
_SENTENCES, _HINTS, _ATTEMPTS = Sentences(SENTENCES), Sentences(HINTS), Sentences(ATTEMPTS)
_BEFORE_HINT = re.compile(r" \(|: ")


def attempt_words(says: str, language: str) -> str | None:
    """What came of an attempt in the language; None for what the machine or the receiver has said in English."""
    return _ATTEMPTS.told(says, language)


def reason_words(reason: str, language: str) -> str | None:
    """The reason in the language; None for one that is told in English only."""
    for begin in _BEFORE_HINT.finditer(reason):
        is_in_brackets = begin[0] != ": "
        if is_in_brackets and not reason.endswith(")"):
            continue
        hint = _HINTS.told(reason[begin.end() : -1 if is_in_brackets else None], language)
        said = _SENTENCES.told(reason[: begin.start()], language)
        if hint and said:
            return f"{said} ({hint})" if is_in_brackets else f"{said}: {hint}"
    return _SENTENCES.told(reason, language)
