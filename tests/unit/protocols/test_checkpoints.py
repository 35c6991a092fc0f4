"""Checkpoints and their signatures, against a vector of Go's package golang.org/x/mod/sumdb/note."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from callrec.domain.errors import Corrupt
from callrec.protocols.checkpoints import (
    Checkpoint,
    VerifierKey,
    notes_in,
    opened,
    parsed_key,
    proof_text,
    signature_of,
    signed,
)

GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
SECRET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = VerifierKey("callrec/pbx1", SECRET.public_key().public_bytes_raw())
CHECKPOINT = Checkpoint("callrec/pbx1", 70_000, bytes(range(32)))
NOTE = signed(CHECKPOINT, KEY, SECRET.sign)


def test_key_and_signature_are_those_of_others() -> None:
    key = parsed_key(GO_KEY)
    secret = Ed25519PrivateKey.from_private_bytes(GO_SEED)
    assert (key.name, key.id.hex(), key.line) == ("PeterNeumann", "c74f20a3", GO_KEY)
    assert base64.b64encode(key.id + secret.sign(GO_TEXT.encode())).decode() == GO_SIGNATURE
    assert key.accepts(GO_TEXT.encode(), base64.b64decode(GO_SIGNATURE)[4:])
    assert not key.accepts(GO_TEXT.encode() + b".", base64.b64decode(GO_SIGNATURE)[4:])


def test_a_checkpoint_is_the_text_of_the_format() -> None:
    text, _, signature = NOTE.decode().partition("\n\n")
    assert text == "callrec/pbx1\n70000\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert signature.startswith("— callrec/pbx1 ")
    assert opened(NOTE, KEY) == CHECKPOINT
    assert SECRET.sign(CHECKPOINT.text) == signature_of(NOTE, KEY)


def test_a_signature_by_a_witness_does_not_disturb() -> None:
    assert opened(NOTE + "— witness.example/w1 AAAAAAAA\n".encode(), KEY) == CHECKPOINT


def test_each_flipped_bit_is_noticed() -> None:
    for place in range(len(NOTE)):
        changed = bytearray(NOTE)
        changed[place] ^= 1
        with pytest.raises(Corrupt):
            opened(bytes(changed), KEY)


@pytest.mark.parametrize(
    "text",
    ["callrec/pbx1\n1\n", "callrec/pbx2\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", "callrec/pbx1\n01\nAA==\n",
     "callrec/pbx1\n1\nAA==\n", "callrec/pbx1\n1\n=\n"],
)  # fmt: skip
def test_a_signed_text_that_is_no_checkpoint_of_the_log_is_corrupt(text: str) -> None:
    signature = base64.b64encode(KEY.id + SECRET.sign(text.encode())).decode()
    with pytest.raises(Corrupt):
        opened(f"{text}\n— {KEY.name} {signature}\n".encode(), KEY)


@pytest.mark.parametrize("note", [b"", b"a\n\n", b"a\n\nb\n", b"\xff\n\n\xff\n", NOTE + b"x" * (64 << 10)])
def test_what_is_no_signed_note_is_corrupt(note: bytes) -> None:
    with pytest.raises(Corrupt, match="not a signed note"):
        opened(note, KEY)


def test_another_key_of_the_same_name_does_not_open_it() -> None:
    other = VerifierKey(KEY.name, Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw())
    with pytest.raises(Corrupt, match="not signed by the key"):
        opened(NOTE, other)


@pytest.mark.parametrize(
    "line", ["", "name", "name+c74f20a3+AAAA", GO_KEY.replace("c74f", "c74e"), f"{GO_KEY}=", "a b+c+AA=="]
)
def test_what_is_no_verifier_key_is_corrupt(line: str) -> None:
    with pytest.raises(Corrupt, match="key"):
        parsed_key(line)


def test_the_public_key_is_given_to_other_tools_as_pem() -> None:
    assert KEY.pem.startswith("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA")


def test_a_proof_is_the_text_of_the_format() -> None:
    assert (
        proof_text(7, [bytes(32)], NOTE)
        == b"c2sp.org/tlog-proof@v1\nindex 7\n" + base64.b64encode(bytes(32)) + b"\n\n" + NOTE
    )


def test_a_witness_file_gives_back_its_notes() -> None:
    assert notes_in(b"") == []
    assert notes_in(NOTE + b"\n" + NOTE + b"\n") == [NOTE, NOTE]
