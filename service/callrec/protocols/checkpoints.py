"""Checkpoints, which state size and root of a log with a signature (c2sp.org/tlog-checkpoint, c2sp.org/signed-note).

A note is text, an empty line, and a line for each signature: `— <key name> <base64 of key id and signature>`. A verifier key is
one line, `<key name>+<key id>+<base64 of 0x01 and the public key>`, as the programs of others take it.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from callrec.domain.errors import Corrupt
from callrec.protocols.merkle_tree import HASH_BYTES

Sign = Callable[[bytes], bytes]
"""Text -> its Ed25519 signature, 64 bytes."""
_ED25519: Final = b"\x01"
_ID_BYTES: Final = 4
_KEY_BYTES: Final = 32
_KEY_NAME = re.compile(r"[^\s+]{1,255}")
_SIGNATURE = re.compile(r"— (?P<name>[^\s+]+) (?P<signature>[A-Za-z0-9+/=]+)")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_CHECKPOINT_LINES: Final = 3
_MOST_BYTES: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A log's public key with its name, which is the log's origin. Raises ValueError for a name or key that cannot be one."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not _KEY_NAME.fullmatch(self.name) or len(self.public) != _KEY_BYTES:
            raise ValueError(f"{self.name[:80]!r} with {len(self.public)} bytes is no Ed25519 key of a log")

    @property
    def id(self) -> bytes:
        """Four bytes that a signature begins with, so that its key is found."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_ID_BYTES]

    @property
    def line(self) -> str:
        """The verifier key as one line."""
        return f"{self.name}+{self.id.hex()}+{_base64(_ED25519 + self.public)}"

    @property
    def pem(self) -> str:
        """The public key for other tools (PEM, SubjectPublicKeyInfo)."""
        key = Ed25519PublicKey.from_public_bytes(self.public)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def accepts(self, text: bytes, signature: bytes) -> bool:
        """Whether this is the key's signature of the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log: the root over its first `size` entries."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> bytes:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n".encode()


def parsed_key(line: str) -> VerifierKey:
    """Read a verifier key. Raises Corrupt."""
    name, _, rest = line.strip().partition("+")
    digits, _, encoded = rest.partition("+")
    try:
        decoded = _bytes(encoded)
        key = VerifierKey(name, decoded.removeprefix(_ED25519))
    except ValueError:
        raise Corrupt("audit-key", f"{line[:100]!r} is not the public key of a log") from None
    if key.line != f"{name}+{digits}+{encoded}":
        raise Corrupt("audit-key", f"the key id in {line[:100]!r} is not that of the key")
    return key


def signed(checkpoint: Checkpoint, key: VerifierKey, sign: Sign) -> bytes:
    """The checkpoint as a note with the log's signature."""
    return signed_note(checkpoint.text, [(key, sign)])


def signed_note(text: bytes, signers: Sequence[tuple[VerifierKey, Sign]]) -> bytes:
    """A text with the signatures of these keys below it (c2sp.org/signed-note)."""
    lines = [f"— {key.name} {_base64(key.id + sign(text))}\n".encode() for key, sign in signers]
    return text + b"\n" + b"".join(lines)


def note_signed_by(note: bytes, key: VerifierKey) -> bool:
    """Whether this key has signed the note. Raises Corrupt when it is none."""
    text, signatures = _taken_apart(note)
    mine = [signature for name, signature in signatures if name == key.name and signature[:_ID_BYTES] == key.id]
    return bool(mine) and all(key.accepts(text, signature[_ID_BYTES:]) for signature in mine)


def opened(note: bytes, key: VerifierKey) -> Checkpoint:
    """Read a checkpoint. Raises Corrupt when it is none, or this key has not signed it. Signatures by others are ignored."""
    text, signatures = _taken_apart(note)
    mine = [signature for name, signature in signatures if name == key.name and signature[:_ID_BYTES] == key.id]
    if not mine or not all(key.accepts(text, signature[_ID_BYTES:]) for signature in mine):
        raise Corrupt("audit-checkpoint", f"the checkpoint is not signed by the key {key.name}+{key.id.hex()}")
    return _checkpoint(text, key)


def signature_of(note: bytes, key: VerifierKey) -> bytes:
    """The key's own signature below a checkpoint that `opened` takes: 64 bytes."""
    return next(
        signature[_ID_BYTES:]
        for name, signature in _taken_apart(note)[1]
        if name == key.name and signature[:_ID_BYTES] == key.id
    )


def notes_in(content: bytes) -> list[bytes]:
    """The notes of a file in which an empty line stands behind each; a torn last one too."""
    parts = content.split(b"\n\n")
    return [text + b"\n\n" + below + b"\n" for text, below in zip(parts[::2], parts[1::2], strict=False) if text]


def proof_text(index: int, proof: list[bytes], note: bytes) -> bytes:
    """A proof of inclusion with its checkpoint in one file (c2sp.org/tlog-proof)."""
    lines = ["c2sp.org/tlog-proof@v1", f"index {index}", *map(_base64, proof)]
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + note


def _taken_apart(note: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    text, separator, below = note[:_MOST_BYTES].rpartition(b"\n\n")
    lines = below.removesuffix(b"\n").split(b"\n")
    try:
        found = [_SIGNATURE.fullmatch(line.decode()) for line in lines]
        signatures = [(line["name"], _bytes(line["signature"])) for line in found if line]
    except ValueError:
        signatures = []
    if not separator or len(note) > _MOST_BYTES or len(signatures) != len(lines):
        raise Corrupt("audit-checkpoint", "the checkpoint is not a signed note")
    return text + b"\n", signatures


def _checkpoint(text: bytes, key: VerifierKey) -> Checkpoint:
    lines = text.decode(errors="replace").removesuffix("\n").split("\n")
    if len(lines) < _CHECKPOINT_LINES or lines[0] != key.name or not _SIZE.fullmatch(lines[1]):
        raise Corrupt("audit-checkpoint", f"the checkpoint does not say the size and root of the log {key.name}")
    try:
        root = _bytes(lines[2])
    except ValueError:
        root = b""
    if len(root) != HASH_BYTES:
        raise Corrupt("audit-checkpoint", "the checkpoint's root is not a SHA-256")
    return Checkpoint(lines[0], int(lines[1]), root)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    """Decode base64 in the one way in which it is written: a change of unused bits is a change. Raises ValueError."""
    content = base64.b64decode(text, validate=True)
    if _base64(content) != text:
        raise ValueError(f"{text[:80]!r} is not how these bytes are written in base64")
    return content
