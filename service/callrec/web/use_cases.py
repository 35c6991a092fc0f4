"""What the API and the pages are about: the same use cases for both."""

from dataclasses import dataclass

from callrec.app.access.logins import Logins
from callrec.app.access.program_tokens import ProgramTokens
from callrec.app.asterisk.prompts import Prompts
from callrec.app.calls.live_calls import LiveCalls
from callrec.app.events.hub import EventHub
from callrec.app.library.media.stored_media import StoredMedia
from callrec.app.ports.access import AuditLog, LogReader
from callrec.app.ports.asterisk import Mailboxes, Numbers
from callrec.app.ports.directory import DirectorySource, TableStore, UserFiles
from callrec.app.ports.library import Catalogue
from callrec.app.ports.machine import Machine
from callrec.app.webhooks.registry import WebhookRegistry
from callrec.observe.health import Readiness


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    """One object for each subject."""

    store: TableStore
    tables: DirectorySource
    files: UserFiles
    hub: EventHub
    webhooks: WebhookRegistry
    calls: LiveCalls
    mailboxes: Mailboxes
    numbers: Numbers
    logins: Logins
    tokens: ProgramTokens
    audit: AuditLog
    audit_reader: LogReader
    catalogue: Catalogue
    stored: StoredMedia
    prompts: Prompts
    readiness: Readiness
    machine: Machine
