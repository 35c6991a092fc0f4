"""The evidence for one recording: its files, its entry in the audit log, and what proves that the entry is in the log.

It is complete in itself: who has it checks it with `sha256sum`, `openssl` and a short script, without callrec.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import Encoding

from callrec.app.access.audit_log.stamp_check import first_stamp
from callrec.app.access.audit_log.stored_entries import MANIFEST, record_digest
from callrec.app.ports.access import LogReader
from callrec.app.ports.library import Library
from callrec.domain.access.audit import Action, LoggedEntry
from callrec.domain.errors import Corrupt, Refused, Unavailable
from callrec.domain.library.encryption import PART
from callrec.domain.library.manifest import Manifest
from callrec.protocols.audit_entries import decode_entry
from callrec.protocols.checkpoints import Checkpoint, opened, proof_text, signature_of
from callrec.protocols.log_tiles import WIDTH, nodes_of, tile_with
from callrec.protocols.merkle_tree import inclusion_proof, leaf_hash, root_by_proof

SIGNED_WITHIN_S = 5.0
"""The daemon signs each entry within a second or two, on a slow disk too."""
LOOK_AGAIN_S = 0.2
_STORING = frozenset({Action.STORED, Action.ADOPTED})


@dataclass(frozen=True, slots=True)
class Evidence:
    """The files of an evidence folder by their names in it, and those that are copied there, by their absolute paths."""

    index: int
    """The entry's place in the log."""
    files: Mapping[str, bytes]
    copies: Mapping[str, str]
    digests: Mapping[str, str]
    """The SHA-256 of each copy, as the log says it. Of an encrypted recording the copies are the content."""


async def signed_evidence(
    library: Library, log: LogReader, recording: str, at: tuple[str, Manifest] | None = None
) -> Evidence:
    """As `evidence_of`, but it first waits for the daemon to sign a recording that was stored just now. Raises as that does."""
    for _ in range(int(SIGNED_WITHIN_S / LOOK_AGAIN_S)):
        try:
            return await asyncio.to_thread(evidence_of, library, log, recording, at)
        except Unavailable as error:
            if error.code != "audit-unsigned":
                raise
        await asyncio.sleep(LOOK_AGAIN_S)
    return await asyncio.to_thread(evidence_of, library, log, recording, at)


def evidence_of(library: Library, log: LogReader, recording: str, at: tuple[str, Manifest] | None = None) -> Evidence:
    """The evidence for this recording. `at`: its path in the library and its sidecar; None: they are looked for. Blocking.

    Raises Refused when there is no such recording, or no entry of it; Unavailable when no checkpoint speaks of the entry yet;
    Corrupt when the recording or the log is not what was logged.
    """
    path, manifest = at or _found(library, recording)
    index, content, entry = _entry_of(log, recording)
    files, copies, digests = _proof(log, index, content), {}, {}
    names = [(MANIFEST, f"{path}.json"), *((part, _beside(path, media.name)) for part, media in manifest.parts)]
    logged = {one.part: one for one in entry.files}
    told = {part: (media.bytes, media.sha256) for part, media in manifest.parts}  # of more tracks than an entry takes
    told |= {one.part: (one.bytes, one.sha256) for one in entry.files}
    if PART in logged:
        key = library.key_file(path)
        if key is None or record_digest(key) != logged[PART]:
            says = f"the key file is not the one that entry {index} of the audit log speaks of"
            raise Corrupt("encryption-changed", says, hint="run callrec verify")
        files[f"{path.rpartition('/')[2]}.encryption.json"] = key.record
    for part, name in names:
        measured = library.measure(name)
        if measured is None or measured != told.get(part):
            says = f"{name} is not the file that entry {index} of the audit log speaks of"
            raise Corrupt("sidecar-changed", says, hint="run callrec verify")
        base = name.rpartition("/")[2]
        copies[base], digests[base] = library.absolute(name), measured[1]
    return Evidence(index, files, copies, digests)


def _found(library: Library, recording: str) -> tuple[str, Manifest]:
    for path, manifest in library.sidecars():
        if isinstance(manifest, Manifest) and manifest.recording.id == recording:
            return path, manifest
    hint = "callrec recordings list; callrec verify says which sidecars cannot be read"
    raise Refused("no-such-recording", f"there is no recording {recording[:80]!r}", hint=hint)


def _beside(path: str, name: str) -> str:
    folder = path.rpartition("/")[0]
    return f"{folder}/{name}" if folder else name


def _entry_of(log: LogReader, recording: str) -> tuple[int, bytes, LoggedEntry]:
    """The newest entry with this recording's digests, from the end of the log on. When it was encrypted later, that changed
    neither its sidecar nor its sound: the entry from before proves them for longer."""
    for one in reversed(log.waiting()):
        entry = decode_entry(one.entry.encode())
        if _proves(entry, recording) and one.index >= opened(log.note() or b"", log.key()).size:
            says = f"no checkpoint speaks of recording {recording} yet"
            raise Unavailable("audit-unsigned", says, hint="repeat it in a second; the daemon signs while it runs")
    size = opened(log.note() or b"", log.key()).size
    for at in range((size - 1) // WIDTH, -1, -1):
        for nth, content in reversed(list(enumerate(log.entries(tile_with(None, at * WIDTH, size))))):
            if recording.encode() in content:
                entry = decode_entry(content)
                if _proves(entry, recording):
                    return at * WIDTH + nth, content, entry
    says = f"the audit log has no entry with the digests of recording {recording}"
    raise Refused("recording-unlogged", says, hint="it was stored before the log began, or not by callrec")


def _proves(entry: LoggedEntry, recording: str) -> bool:
    return entry.recording == recording and entry.action in _STORING


def _proof(log: LogReader, index: int, content: bytes) -> dict[str, bytes]:
    """The entry, the checkpoint, and the hashes that lead from the one to the other."""
    key, note = log.key(), log.note() or b""
    checkpoint = opened(note, key)
    proof = inclusion_proof(nodes_of(checkpoint.size, log.hashes), index, checkpoint.size)
    if root_by_proof(leaf_hash(content), index, checkpoint.size, proof) != checkpoint.root:
        raise Corrupt("audit-tile", f"the log's tiles do not prove entry {index}", hint="run callrec verify")
    return {
        **_stamp(log, index, content),
        "entry.json": content,
        "entry.tlog-proof": proof_text(index, proof, note),
        "checkpoint": note,
        "checkpoint.txt": checkpoint.text,
        "checkpoint.sig": signature_of(note, key),
        "log.vkey": f"{key.line}\n".encode(),
        "log.pem": key.pem.encode(),
        **({"keys": changes} if (changes := log.key_notes()) else {}),
    }


def _stamp(log: LogReader, index: int, content: bytes) -> dict[str, bytes]:
    """The first time stamp that covers the entry, and the hashes that lead from the entry to the checkpoint that was stamped;
    nothing when there is none."""
    proofs: dict[int, list[bytes]] = {}
    nodes = nodes_of(opened(log.note() or b"", log.key()).size, log.hashes)

    def fits(stamped: Checkpoint) -> bool:
        proofs[stamped.size] = inclusion_proof(nodes, index, stamped.size)
        return root_by_proof(leaf_hash(content), index, stamped.size, proofs[stamped.size]) == stamped.root

    found = first_stamp(log, index, fits)
    if found is None:
        return {}
    checkpoint, stamp = found
    authorities = b"".join(one.public_bytes(Encoding.PEM) for one in log.authorities())
    return {
        "stamp.tsr": stamp.answer,
        "stamp.checkpoint": stamp.note,
        "stamp.tlog-proof": proof_text(index, proofs[checkpoint.size], stamp.note),
        **({"stamp-ca.pem": authorities} if authorities else {}),
    }
