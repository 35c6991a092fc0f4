"""The second factor: six digits that change every 30 seconds (TOTP, RFC 6238, with HMAC-SHA-1 as all authenticator apps have it).

The secret has 160 random bits; the app gets it as an address (`otpauth:`), most often as a picture. A code is accepted for its
own 30 seconds and those before and after, since clocks differ; each code once."""

import hmac
import re
from base64 import b32decode, b32encode
from dataclasses import dataclass
from hashlib import sha1
from urllib.parse import quote

STEP_S, DIGITS = 30, 6
SECRET_BYTES = 20
_CODE = re.compile(r"[0-9]{6}")


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """An account's second factor."""

    secret: str
    """In base 32."""
    confirmed: bool = False
    """Whether its owner has shown a code once. Before that it is not asked for."""
    last_step: int = -1
    """The step of the last code that was accepted: that one and earlier ones are not accepted again."""


def secret_of(random_bytes: bytes) -> str:
    """A secret from SECRET_BYTES random bytes."""
    return b32encode(random_bytes).decode()


def address_of(secret: str, account: str, host: str) -> str:
    """What an authenticator app reads (the key URI format, which all of them know). `host`: where the account is, for people."""
    issuer = quote(f"callrec {host}", safe="")
    return f"otpauth://totp/{issuer}{quote(f':{account}', safe='')}?secret={secret}&issuer={issuer}"


def code_at(secret: str, step: int) -> str:
    """The code of this step of STEP_S since 1970 (RFC 4226, 5.3)."""
    digest = hmac.digest(b32decode(secret), step.to_bytes(8, "big"), sha1)
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def accepted_step(factor: SecondFactor, code: str, now_s: float) -> int | None:
    """The step whose code this is; None when it is wrong, too old, or was accepted before. Blanks in it are ignored."""
    typed = code.replace(" ", "")
    if not _CODE.fullmatch(typed):
        return None
    now = int(now_s) // STEP_S
    fresh = [step for step in (now - 1, now, now + 1) if step > factor.last_step]
    found = [step for step in fresh if hmac.compare_digest(code_at(factor.secret, step), typed)]
    return found[-1] if found else None
