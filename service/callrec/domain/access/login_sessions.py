"""Sessions of people who have logged in, and how long each lasts.

A session is over when it was not used for IDLE_S, at the latest ABSOLUTE_S after the login. A clock that is set back makes no
session longer: one that was used in the future, by the clock of now, is over. So after such a step people log in again."""

from dataclasses import dataclass
from hashlib import sha256

from callrec.domain.directory.model import User
from callrec.domain.rules import UserId

IDLE_S = 1800.0
ABSOLUTE_S = 12 * 3600.0
TOUCH_S = 60.0
"""A use is noted at most so often."""
CLOCK_S = 60.0
"""Clocks of several daemons may differ by this."""
MOST_SESSIONS = 20
"""Of one account; a further login ends the oldest one."""
PUBLIC_ID = 16
"""So many characters of the digest name a session in lists. They are of no use to somebody who wants to enter it."""


@dataclass(frozen=True, slots=True)
class LoginSession:
    """One login of one account."""

    digest: str
    """SHA-256 of the session's id, which only the browser has: 64 hexadecimal digits."""
    user: UserId
    password_mark: str
    """`password_mark` of the user at the login. With another password the session is over."""
    opened_s: float
    """When it began, in Unix time."""
    seen_s: float
    """When it was last used, to within TOUCH_S."""
    address: str = ""
    """The client's IP address at the login."""
    program: str = ""
    """The client's User-Agent at the login, shortened."""
    code_shown: bool = False
    """Whether a code of the account's second factor was shown: at the login, or to confirm the factor."""

    @property
    def id(self) -> str:
        """Its name in lists."""
        return self.digest[:PUBLIC_ID]

    @property
    def ends_s(self) -> float:
        """When it ends if it is not used any more."""
        return min(self.seen_s + IDLE_S, self.opened_s + ABSOLUTE_S)

    def is_over(self, now_s: float) -> bool:
        """Whether it has ended, by the clock."""
        return now_s >= self.ends_s or now_s < self.seen_s - CLOCK_S


def digest_of(secret: str) -> str:
    """What is stored in place of a secret of 256 random bits: it cannot be guessed, so it needs no slow hash."""
    return sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def password_mark(user: User) -> str:
    """Differs whenever the user has got another password, by whatever way, and tells nothing about it."""
    return sha256(f"password-mark:{user.password_hash}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
