"""users_voicemail.conf: the mailboxes, by context."""

from callrec.domain.directory.model import Voicemail
from callrec.protocols.asterisk_conf.lexical import listed, section
from callrec.protocols.asterisk_conf.site import Site


def voicemail(site: Site) -> str:
    """The text, without its stamp."""
    contexts: dict[str, list[str]] = {}
    for box in site.voicemails:
        contexts.setdefault(box.context, []).append(_mailbox(box))
    return "".join(section(name, *rows) for name, rows in contexts.items())


def _mailbox(box: Voicemail) -> str:
    """Deleted after its notification: so nothing is without an address that one could go to (app_voicemail.c:
    notify_new_message deletes in any case)."""
    told = {"attach": box.attach, "delete": box.delete and bool(box.email)}
    options = "|".join(f"{name}={'yes' if on else 'no'}" for name, on in told.items())
    return f"{box.mailbox} => {box.password},{listed(box.name)},{box.email},,{options}"
