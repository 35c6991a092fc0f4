"""Signatures of webhooks in the Standard Webhooks form (https://www.standardwebhooks.com), which receivers' libraries check.

The signature covers id, timestamp and body. A secret is `whsec_` and base64 of 24 to 64 bytes. While a secret is being replaced,
both sign: the header has several signatures, separated by blanks, and a receiver accepts any of them.
"""

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

from callrec.domain.errors import Refused

PREFIX = "whsec_"
SECRET_BYTES = 32
_SHORTEST, _LONGEST = 24, 64


def secret_text(key: bytes) -> str:
    """A key as receivers' libraries take it."""
    return PREFIX + b64encode(key).decode()


def secret_key(secret: str) -> bytes:
    """The key of a secret. Raises Refused."""
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise Refused(
            "webhook-secret",
            f"a webhook's secret is {PREFIX} and base64 of {_SHORTEST} to {_LONGEST} bytes",
            hint="leave it out, and one is made",
        )
    return key


def signed_headers(message_id: str, at_s: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers, with a signature by each secret."""
    content = f"{message_id}.{at_s}.".encode() + body
    signatures = [b64encode(hmac.digest(secret_key(secret), content, "sha256")).decode() for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
