"""How many messages wait in mailboxes, over AMI."""

from callrec.app.ports.asterisk import Manager, MessageCount
from callrec.domain.errors import CallrecError


class AmiMailboxes:
    """Implements `app.ports.asterisk.Mailboxes`."""

    def __init__(self, ami: Manager) -> None:
        self._ami = ami

    async def count(self, mailbox: str, context: str) -> MessageCount | None:
        """See Mailboxes. Urgent messages are new ones (manager.c: action_mailboxcount; app_voicemail.c: inboxcount2)."""
        try:
            answer = await self._ami.action("MailboxCount", [("Mailbox", f"{mailbox}@{context}")])
        except CallrecError:
            return None
        urgent, new, old = (answer.get(f"{kind}Messages") or "" for kind in ("Urg", "New", "Old"))
        if not (new.isdigit() and old.isdigit()):
            return None
        return MessageCount(int(new) + (int(urgent) if urgent.isdigit() else 0), int(old))
