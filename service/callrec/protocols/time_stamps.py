"""Time stamps of an authority (RFC 3161): what its answer says, and whether it has signed that.

An answer is a `TimeStampResp` in DER. Its certificates are a SET, which DER sorts; widely used authorities (OpenSSL's) do not,
and the parser here insists. They stand outside of what is signed, so they are sorted before they are read; what is kept is the
answer as it came.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.tsp import PKIStatus

from callrec.domain.errors import Corrupt, Misconfigured

LARGEST_BYTES: Final = 64 << 10
"""The largest answer that is read. Usual ones have 1 to 8 kB."""
_SHA256: Final = "2.16.840.1.101.3.4.2.1"
_CERTIFICATES: Final = 0xA0
_LONG: Final = 0x80


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """What an authority says: that it saw this SHA-256 at this time. `nonce`: that of the request, if it repeats it."""

    time_ms: int
    digest: bytes
    nonce: int | None


def query_of(content: bytes) -> tuple[bytes, int | None]:
    """A request for a stamp of this content, and its random nonce."""
    builder = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256)
    request = builder.nonce(nonce=True).cert_request(cert_request=True).build()
    return request.as_bytes(), request.nonce


def time_stamp(answer: bytes) -> TimeStamp:
    """Read an answer, without a look at its signature. Raises Corrupt (`audit-stamp`) for one that is none, or a refusal."""
    try:
        parsed = _parsed(answer)
        _check_granted(parsed)
        info = parsed.tst_info
        algorithm, digest = info.message_imprint.hash_algorithm.dotted_string, info.message_imprint.message
        time_ms, nonce = int(info.gen_time.timestamp() * 1000), info.nonce
    except Corrupt:
        raise
    except Exception as error:  # noqa: BLE001 - a parser of others reads what a stranger sent
        raise _unreadable(error) from None
    if algorithm != _SHA256:
        raise Corrupt("audit-stamp", f"the time stamp is not of a SHA-256, but of {algorithm}")
    return TimeStamp(time_ms, digest, nonce)


def check_stamped(answer: bytes, content: bytes) -> TimeStamp:
    """The time stamp, which is of this content. Raises Corrupt (`audit-stamp`)."""
    found = time_stamp(answer)
    if found.digest != hashlib.sha256(content).digest():
        raise Corrupt("audit-stamp", "the time stamp is of something else")
    return found


def check_signature(answer: bytes, content: bytes, authorities: Sequence[x509.Certificate]) -> None:
    """Check that an authority whose certificate leads to one of these has signed the stamp. Raises Corrupt (`audit-stamp`)."""
    try:
        VerifierBuilder(roots=list(authorities)).build().verify_message(_parsed(answer), content)
    except VerificationError as error:
        says = f"no authority of CALLREC_AUDIT_TIMESTAMP_CA has signed the time stamp: {error}"
        raise Corrupt("audit-stamp", says) from None
    except Exception as error:  # noqa: BLE001 - a parser of others reads what a stranger sent
        raise _unreadable(error) from None


def authorities_in(pem: bytes, where: str) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM file. Raises Misconfigured (`setting`)."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        raise Misconfigured(
            "setting", f"{where} has no certificates in PEM", hint="give the authority's root"
        ) from None


def _check_granted(answer: TimeStampResponse) -> None:
    if answer.status not in {PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS}:
        said = ", ".join(answer.status_string)[:200]
        raise Corrupt("audit-stamp", f"the authority refused the time stamp (status {answer.status}) {said!a}")


def _parsed(answer: bytes) -> TimeStampResponse:
    if len(answer) > LARGEST_BYTES:
        raise ValueError(f"more than {LARGEST_BYTES} bytes")
    return decode_timestamp_response(_with_sorted_certificates(answer))


def _unreadable(error: Exception) -> Corrupt:
    return Corrupt("audit-stamp", f"the answer is no time stamp: {str(error)[:200]!a}")


def _with_sorted_certificates(answer: bytes) -> bytes:
    """The answer with its certificates in the order of DER; as it is when it has none. Raises ValueError, IndexError."""
    _, at, end = _element(answer, 0, len(answer))  # TimeStampResp: status, token
    parts = list(_parts(answer, at, end))
    if len(parts) == 1:
        return answer
    _, _, at, end = parts[1]  # ContentInfo: type, content
    _, _, at, end = list(_parts(answer, at, end))[1]
    _, at, end = _element(answer, at, end)  # SignedData: version, algorithms, content, certificates, ...
    for tag, _, inside, after in _parts(answer, at, end):
        if tag == _CERTIFICATES:
            each = sorted(answer[begin:stop] for _, begin, _, stop in _parts(answer, inside, after))
            return answer[:inside] + b"".join(each) + answer[after:]
    return answer


def _parts(content: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """The elements between two places: tag, begin, begin of the content, end."""
    while at < end:
        begin = at
        tag, inside, at = _element(content, at, end)
        yield tag, begin, inside, at


def _element(content: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Tag, begin and end of the content of the element at this place."""
    tag, length, inside = content[at], content[at + 1], at + 2
    if length & _LONG:
        digits = length ^ _LONG
        length, inside = int.from_bytes(content[inside : inside + digits], "big"), inside + digits
    if inside + length > end:
        raise ValueError("an element is longer than what it stands in")
    return tag, inside, inside + length
