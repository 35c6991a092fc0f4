"""All of the API: what it needs, and the table of all that can be asked."""

from callrec.app.lookups import Lookups
from callrec.app.records import Records
from callrec.app.store_port import DirectorySource, TableStore
from callrec.app.user_files import UserFiles
from callrec.web import records_api
from callrec.web.asking import Tags
from callrec.web.lookup_api import extension_operations, lookup_operation
from callrec.web.openapi import document_operation
from callrec.web.operations import Operation
from callrec.web.user_files_api import user_file_operations


def operations(store: TableStore, tables: DirectorySource, files: UserFiles) -> list[Operation]:
    """Everything below `/api/v1`."""
    records, tags = Records(store, tables), Tags()
    table = [
        *user_file_operations(files, records),
        *records_api.operations(records, tags),
        *extension_operations(records, tags),
        lookup_operation(Lookups(tables)),
    ]
    return [*table, document_operation(table)]
