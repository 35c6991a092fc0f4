"""Clients' passwords as argon2 keeps them.

The parameters are those that OWASP names for servers (argon2id, 19 MiB, two passes, one lane): some 30 ms of a core for each
password, which is what makes guessing dear. A file with a password in every row is therefore slow; several threads hash at
a time, as argon2 lets go of the interpreter's lock.
"""

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

MEMORY_KIB, PASSES, LANES = 19_456, 2, 1


class Argon2Passwords:
    """Keeps the promises of `app.importing.Passwords`."""

    def __init__(self, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=LANES, type=Type.ID)

    def hashed(self, password: str) -> str:
        """A new hash with a salt of its own."""
        return self._hasher.hash(password)

    def matches(self, password_hash: str, password: str) -> bool:
        """Whether the hash is this password's."""
        try:
            return self._hasher.verify(password_hash, password)
        except (InvalidHashError, VerificationError):
            return False
