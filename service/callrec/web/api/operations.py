"""The table of all operations of the API."""

from callrec.app.dialplan.lookups import Lookups
from callrec.app.directory.records import Records
from callrec.web.api import records as records_api
from callrec.web.api.accounts import account_operations
from callrec.web.api.adoption import adoption_operations
from callrec.web.api.annotations import annotation_operations
from callrec.web.api.audit import audit_operations
from callrec.web.api.calls import call_operations
from callrec.web.api.encryption import encryption_operations
from callrec.web.api.erasures import erasure_operations
from callrec.web.api.events import event_operations
from callrec.web.api.exports import export_operations
from callrec.web.api.holds import hold_operations
from callrec.web.api.links import link_operations
from callrec.web.api.lookups import extension_operations, lookup_operation
from callrec.web.api.many_annotations import many_annotation_operations
from callrec.web.api.marks import marks_operation
from callrec.web.api.media import media_operation
from callrec.web.api.prompts import prompt_operations
from callrec.web.api.recordings import recording_operations
from callrec.web.api.retention import retention_operations
from callrec.web.api.tokens import token_operations
from callrec.web.api.user_files import user_file_operations
from callrec.web.api.waveforms import waveform_operation
from callrec.web.api.webhooks import webhook_operations
from callrec.web.openapi import document_operation
from callrec.web.requests import Tags
from callrec.web.routes import Operation
from callrec.web.use_cases import UseCases


def operations(use: UseCases) -> list[Operation]:
    """All operations below `/api/v1`."""
    records, tags = Records(use.store, use.tables), Tags()
    table = [
        *user_file_operations(use.files, records),
        *records_api.operations(records, tags, use.numbers),
        *extension_operations(records, tags),
        lookup_operation(Lookups(use.tables)),
        *call_operations(use.calls),
        *recording_operations(use.catalogue),
        media_operation(use.stored),
        waveform_operation(use.stored),
        marks_operation(use.stored),
        *annotation_operations(use.stored),
        *link_operations(use.stored),
        *export_operations(use.stored, use.audit_reader),
        *erasure_operations(use.stored),
        *hold_operations(use.stored),
        *many_annotation_operations(use.stored),
        *retention_operations(use.stored),
        *adoption_operations(use.stored),
        *encryption_operations(use.stored),
        *event_operations(use.hub),
        *webhook_operations(use.webhooks),
        *account_operations(use.logins, records),
        *token_operations(use.tokens),
        *audit_operations(use.audit_reader, use.audit),
        *prompt_operations(use.prompts),
    ]
    return [*table, document_operation(table)]
