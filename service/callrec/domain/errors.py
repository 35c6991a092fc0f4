"""Every error that callrec raises on purpose: four kinds, by who has to act.

Each carries a `code` (stable, for machines: `error_codes` has them all), a sentence (what and where) and a `hint` (what to do).
The command line turns them into exit codes, the API into problem+json, the feature codes into prompts.
"""

from callrec.domain.error_codes import ErrorCode


class CallrecError(Exception):
    """The common base. Raised are only the four kinds below, and the two narrower ones: `Conflict` and `OutcomeUnknown`."""

    def __init__(self, code: ErrorCode, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class Refused(CallrecError):
    """The request is not allowed as it is: the client has to change it. Nothing was changed."""


class Unavailable(CallrecError):
    """Something outside (Asterisk, Redis, a disk) does not answer now: the same request may work later."""


class Conflict(Refused):
    """The data that the request was built on has changed since: the client has to read it again before it repeats the request."""


class OutcomeUnknown(Unavailable):
    """The request was sent, and no answer came: it may have been carried out. Check that before the request is repeated."""


class Corrupt(CallrecError):
    """Stored or received bytes are invalid: an operator has to look at them. Nothing was overwritten."""


class Misconfigured(CallrecError):
    """A setting, a right or an include is wrong: the operator has to correct it first."""
