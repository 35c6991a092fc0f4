"""What this version writes outside, from the samples: name of the golden file and its bytes."""

import json
from collections.abc import Iterator
from unittest.mock import patch

import samples
from structlog.testing import capture_logs

from callrec.adapters.encryption import ciphers, contents
from callrec.adapters.redis import records
from callrec.app.library.catalog import index_entry
from callrec.domain.calls.commands import Alarm, Tell
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.tables_mark import TablesMark, dumped
from callrec.domain.errors import Corrupt
from callrec.observe.metrics import Metrics
from callrec.observe.observer import Observation
from callrec.protocols.annotations_file import encode_annotations
from callrec.protocols.asterisk_conf import users_files
from callrec.protocols.journal_lines import LineWriter
from callrec.protocols.json_documents import decode_entry, decode_manifest, encode_entry, encode_manifest
from callrec.protocols.key_file import encode_key_file, encode_record
from callrec.protocols.links_file import encode_links
from callrec.protocols.peaks_file import encode_peaks
from callrec.protocols.retention_file import encode_retention
from callrec.web.api.resources import RESOURCES

RECORDS = {
    "users": (records.USER, samples.TABLES.users),
    "lines": (records.LINE, samples.TABLES.lines),
    "incalls": (records.INCALL, samples.TABLES.incalls),
    "voicemails": (records.VOICEMAIL, samples.TABLES.voicemails),
    "codes": (records.CODE, samples.TABLES.codes),
    "contexts": (records.CONTEXT, samples.TABLES.contexts),
    "entities": (records.ENTITY, samples.TABLES.entities),
    "profiles": (records.PROFILE, samples.TABLES.profiles),
    "keys": (records.KEY, samples.TABLES.keys),
    "roles": (records.ROLE, samples.TABLES.roles),
    "places": (records.PLACE, samples.TABLES.places),
    "groups": (records.GROUP, samples.TABLES.groups),
}


def written() -> dict[str, bytes]:
    """All of them."""
    return dict(_all())


def _all() -> Iterator[tuple[str, bytes]]:
    manifests = {name: decode_manifest(content) for name, content in samples.sidecars().items()} | samples.MANIFESTS
    for name, manifest in manifests.items():
        yield f"sidecar-{name}.json", encode_manifest(manifest)
    entries = [decode_entry(line) for line in samples.journal()]
    yield "journal.log", b"".join(map(encode_entry, (*entries, *samples.ENTRIES)))
    yield "journal-changes.log", b"".join(map(LineWriter(whole_bytes=0).line, samples.CHANGES))
    found = [index_entry(f"2026/11/28/{name}", manifest) for name, manifest in manifests.items()]
    yield "index.json", samples.as_json(found)
    whole = {table: [record.whole(one) for one in table_records] for table, (record, table_records) in RECORDS.items()}
    yield "redis-records-whole.json", samples.as_json(whole)
    short = {table: [record.dump(one) for one in table_records] for table, (record, table_records) in RECORDS.items()}
    yield "redis-records.json", samples.as_json(short)
    yield "annotations.json", encode_annotations(samples.ANNOTATIONS)
    yield "links.json", encode_links(samples.LINKS)
    yield "retention.json", encode_retention(samples.RETENTION)
    yield "peaks.hex", encode_peaks(samples.WAVEFORM).hex("\n", -32).encode() + b"\n"
    yield "recording.key", _key_file()
    with patch.object(contents, "new_salt", lambda: samples.SALT):
        yield "encrypted.hex", contents.encrypted(samples.SOUND, samples.RECORDING_KEY).hex("\n", -32).encode() + b"\n"
    added = {"tags": samples.ANNOTATIONS.tags, "holds": [one.reason for one in samples.ANNOTATIONS.holds]}
    yield "index-annotated.json", samples.as_json([index_entry("2026/11/28/full", manifests["full"], **added)])
    yield "tables-mark.json", dumped(TablesMark(17, "1795899680000-3"))
    yield "api.json", samples.as_json(_answers())
    yield "events.json", samples.as_json(_events())
    for name, text in users_files(samples.TABLES).items():
        yield name, text.encode()


def _key_file() -> bytes:
    record = encode_record(samples.ENCRYPTION)
    with patch.object(ciphers, "new_salt", lambda: samples.SALT):
        return encode_key_file(record, ciphers.wrapped(samples.RECORDING_KEY, "2026", samples.MASTER_KEY, record))


def _answers() -> dict[str, object]:
    """Each record as the API shows it."""
    tables = Directory(samples.TABLES)
    return {
        resource.name: [
            json.loads(json.dumps(resource.show(one, tables))) for one in tables.records(resource.table).values()
        ]
        for resource in RESOURCES
    }


def _events() -> list[dict[str, str]]:
    """What the daemon tells by itself; the store's scripts and intake tell the rest (tests/contract, tests/faults)."""
    told: list[dict[str, str]] = []
    observation, full = Observation(Metrics()), samples.MANIFESTS["full"]
    observation._publish = lambda event: told.append(event | {"at_s": "now"})  # type: ignore[method-assign]
    with capture_logs():
        observation.told(Tell("recording-ended", samples.FULL))
        observation.told(Tell("press-refused", None, samples.FIRST))
        observation.alarmed(Alarm("stalled", samples.FULL.captures[0].id), samples.FULL.call)
        observation.stored(full)
        observation.damaged(samples.FULL.id, Corrupt("encode", "it cannot be read"))
        observation.refused(samples.FULL.id, "no-file")
    return told
