"""What an authority of time stamps answers is read strictly, whoever sent it: real answers of `openssl ts`, and damaged ones."""

from pathlib import Path

import pytest
from time_authority import TimeAuthority

from callrec.adapters.audit.stamp_files import read_authorities
from callrec.domain.errors import Corrupt, Misconfigured
from callrec.protocols.time_stamps import check_signature, check_stamped, query_of, time_stamp


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TimeAuthority:
    return TimeAuthority(tmp_path_factory.mktemp("tsa"))


def test_an_answer_has_time_digest_and_the_nonce_of_its_request(authority: TimeAuthority) -> None:
    query, nonce = query_of(b"content")
    answer = authority.stamp(query)
    found = check_stamped(answer, b"content")
    assert found.nonce == nonce
    assert found.digest.hex().startswith("ed7002b4")
    assert found.time_ms > 1_700_000_000_000
    check_signature(answer, b"content", read_authorities(authority.root))
    with pytest.raises(Corrupt, match="something else"):
        check_stamped(answer, b"other")
    with pytest.raises(Corrupt, match="no authority"):
        check_signature(answer, b"other", read_authorities(authority.root))


def test_an_answer_without_certificates_is_read(authority: TimeAuthority) -> None:
    """Its signature cannot be checked: then the list of authorities has to have the certificate."""
    answer = authority.stamp_for("-digest " + "ab" * 32 + " -sha256")
    assert time_stamp(answer).digest == b"\xab" * 32
    with pytest.raises(Corrupt):
        check_signature(answer, b"", read_authorities(authority.root))


def test_a_refusal_is_told_with_its_words(authority: TimeAuthority) -> None:
    with pytest.raises(Corrupt, match=r"refused the time stamp \(status 2\) .*digest algorithm"):
        time_stamp(authority.stamp_for("-data settings -sha1"))


def test_another_digest_than_sha_256_is_refused(authority: TimeAuthority) -> None:
    with pytest.raises(Corrupt, match="not of a SHA-256"):
        time_stamp(authority.stamp_for("-data settings -sha512 -cert"))


def test_a_changed_byte_anywhere_makes_no_other_stamp(authority: TimeAuthority) -> None:
    """Whatever the parser is given, it says so in our words; a stamp that it takes is signed, of the same content and time."""
    known, good = read_authorities(authority.root), authority.stamp_of(b"content")
    check_signature(good, b"content", known)
    assert time_stamp(good).digest.hex().startswith("ed7002b4")
    for at in range(len(good)):
        changed = good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :]
        try:
            check_stamped(changed, b"content")
            check_signature(changed, b"content", known)
        except Corrupt:
            continue
        else:  # what is not signed: a certificate that nobody needs, words beside the status
            assert time_stamp(changed) == time_stamp(good)


@pytest.mark.parametrize("answer", [b"", b"0", b"0\x03\x02\x01", b"\xff" * 100, bytes(70_000)])
def test_what_is_no_answer_is_told(answer: bytes) -> None:
    with pytest.raises(Corrupt, match="no time stamp"):
        time_stamp(answer)
    with pytest.raises(Corrupt, match="no time stamp"):
        check_signature(answer, b"", ())


def test_a_file_without_certificates_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("nothing")
    with pytest.raises(Misconfigured, match="CALLREC_AUDIT_TIMESTAMP_CA"):
        read_authorities(tmp_path / "ca")
