"""Password hashes with argon2.

The parameters are OWASP's for servers (argon2id, 19 MiB, two passes, one lane): each hash takes about 30 ms of one core, which
makes guessing expensive. A user file with a password in every row is therefore slow; several threads can hash at a time, since
argon2 releases the interpreter's lock.
"""

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

MEMORY_KIB, PASSES, LANES = 19_456, 2, 1
MOST_MEMORY_KIB, MOST_PASSES, MOST_LANES = 262_144, 16, 16
"""Of a hash that came from elsewhere: with more, somebody who logs in would take the machine's memory or its time."""


class Argon2Passwords:
    """Implements `app.ports.directory.Passwords`."""

    def __init__(self, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=LANES, type=Type.ID)

    def hashed(self, password: str) -> str:
        """A new hash with a random salt."""
        return self._hasher.hash(password)

    def matches(self, password_hash: str, password: str) -> bool:
        """Whether the hash belongs to this password. Never for one that would take too much memory or time."""
        try:
            costs = extract_parameters(password_hash)
            if costs.memory_cost > MOST_MEMORY_KIB or costs.time_cost > MOST_PASSES or costs.parallelism > MOST_LANES:
                return False
            return self._hasher.verify(password_hash, password)
        except (InvalidHashError, VerificationError, UnicodeEncodeError):
            return False
