"""A log's key is changed by a note that both keys sign, so that an older copy of the key leads to the present one."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from callrec.domain.errors import Corrupt
from callrec.protocols.checkpoints import Checkpoint, VerifierKey, notes_in, signed
from callrec.protocols.key_changes import KeyChange, change_note, opened_by_any, read_changes

NAME, ROOT = "callrec/pbx1", bytes(range(32))
SECRETS = [Ed25519PrivateKey.from_private_bytes(bytes([nth] * 32)) for nth in range(3)]
FIRST, SECOND, THIRD = (VerifierKey(NAME, one.public_key().public_bytes_raw()) for one in SECRETS)
TO_SECOND, TO_THIRD = KeyChange(FIRST, SECOND, 300, ROOT), KeyChange(SECOND, THIRD, 70_000, ROOT)
NOTES = [
    change_note(TO_SECOND, SECRETS[0].sign, SECRETS[1].sign),
    change_note(TO_THIRD, SECRETS[1].sign, SECRETS[2].sign),
]


def test_who_has_the_first_key_follows_to_the_newest() -> None:
    assert notes_in(b"".join(note + b"\n" for note in NOTES)) == NOTES
    assert read_changes(NOTES, THIRD) == (TO_SECOND, TO_THIRD)
    assert read_changes([], FIRST) == ()


@pytest.mark.parametrize(
    "notes",
    [
        NOTES[:1],
        NOTES[::-1],
        [NOTES[1], NOTES[1]],
        [NOTES[0].replace(b"entries 300", b"entries 301"), NOTES[1]],
        [NOTES[0].replace(b"callrec key change", b"callrec key chance"), NOTES[1]],
        [NOTES[0].replace(b"entries 300", b"entries x"), NOTES[1]],
        [NOTES[0].replace(b"\nroot ", b"\nroots "), NOTES[1]],
        [change_note(TO_SECOND, SECRETS[2].sign, SECRETS[1].sign), NOTES[1]],
        [change_note(TO_SECOND, SECRETS[0].sign, SECRETS[2].sign), NOTES[1]],
        [NOTES[0].rpartition(b"\xe2\x80\x94 ")[0], NOTES[1]],
        [b"", NOTES[1]],
    ],
)
def test_a_change_that_is_missing_or_not_signed_by_both_is_no_way(notes: list[bytes]) -> None:
    with pytest.raises(Corrupt):
        read_changes(notes, THIRD)


def test_a_former_key_is_good_for_what_it_signed_before_it_ended() -> None:
    changes = (TO_SECOND, TO_THIRD)
    for secret, key, size, is_good in (
        (SECRETS[0], FIRST, 300, True),
        (SECRETS[0], FIRST, 301, False),
        (SECRETS[1], SECOND, 70_000, True),
        (SECRETS[1], SECOND, 70_001, False),
        (SECRETS[2], THIRD, 10**9, True),
    ):
        note = signed(Checkpoint(NAME, size, ROOT), key, secret.sign)
        if is_good:
            assert opened_by_any(note, THIRD, changes).size == size
        else:
            with pytest.raises(Corrupt):
                opened_by_any(note, THIRD, changes)
