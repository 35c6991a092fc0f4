"""The names of the records' fields in the API, each with the name of the field in the domain.

Both are written out, so that renaming a field in the domain changes no request and no answer. The order is that of the answers.
How to change a format on purpose: docs/TESTING.md, *Formats that are frozen*.
"""

from collections.abc import Mapping

from callrec.domain.directory.edit import TableRecord
from callrec.domain.directory.model import (
    Context,
    Entity,
    FeatureCode,
    FunctionKey,
    Group,
    Incall,
    Line,
    Place,
    Profile,
    Role,
    User,
    Voicemail,
)

Names = Mapping[str, str]

RULES: Names = {
    "in_internal": "in_internal",
    "in_external": "in_external",
    "out_internal": "out_internal",
    "out_external": "out_external",
}
FIELDS: Mapping[type[TableRecord | FeatureCode], Names] = {
    User: {
        "id": "id",
        "firstname": "firstname",
        "lastname": "lastname",
        "language": "language",
        "call_record": "call_record",
        "online_record": "online_record",
        "rules": "rules",
        "outcallerid": "outcallerid",
        "mobilephonenumber": "mobilephonenumber",
        "agentnumber": "agentnumber",
        "bosssecretary": "bosssecretary",
        "enablehint": "enablehint",
        "enablexfer": "enablexfer",
        "enableclient": "enableclient",
        "username": "username",
        "password_hash": "password_hash",
        "profileclient": "profileclient",
        "entityid": "entityid",
        "dnd": "dnd",
        "forward_unconditional": "forward_unconditional",
        "forward_no_answer": "forward_no_answer",
        "forward_busy": "forward_busy",
        "voicemail_enabled": "voicemail_enabled",
        "filter_enabled": "filter_enabled",
        "agent_logged_in": "agent_logged_in",
        "page_language": "page_language",
    },
    Line: {
        "name": "name",
        "user": "user",
        "number": "number",
        "context": "context",
        "protocol": "protocol",
        "secret": "secret",
    },
    Incall: {
        "exten": "exten",
        "context": "context",
        "user": "user",
        "ring_s": "ring_s",
        "record": "record",
        "language": "language",
    },
    Voicemail: {
        "mailbox": "mailbox",
        "context": "context",
        "user": "user",
        "name": "name",
        "password": "password",
        "email": "email",
        "attach": "attach",
        "delete": "delete",
        "skippass": "skippass",
    },
    Context: {"name": "name", "kind": "kind", "ranges": "ranges", "record": "record"},
    Entity: {"id": "id", "name": "name"},
    Profile: {"name": "name", "role": "role"},
    FunctionKey: {
        "user": "user",
        "number": "number",
        "type": "type",
        "destination": "destination",
        "label": "label",
        "supervision": "supervision",
    },
    Role: {"name": "name", "permissions": "permissions", "second_factor": "second_factor"},
    Place: {"kind": "kind", "name": "name", "record": "record"},
    Group: {"name": "name", "members": "members", "supervisors": "supervisors"},
    FeatureCode: {"code": "code", "enabled": "enabled"},
}
SECRETS = frozenset({"secret", "password", "password_hash"})
"""Fields that requests may set and answers never contain."""
