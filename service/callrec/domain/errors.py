"""Every error that callrec raises on purpose: four kinds, told apart by whose turn it is to act.

Each carries a `code` (stable, for machines: kebab-case), a sentence (what and where) and a `hint` (what to do).
The command line turns them into exit codes, the API into problem+json, the star codes into prompts.
"""


class CallrecError(Exception):
    """What all our errors have in common; raised only as one of the four kinds below, two of which have a narrower one."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class Refused(CallrecError):
    """The request is understood and must not be done: the asker has to change it. Nothing was changed."""


class Unavailable(CallrecError):
    """Something outside (Asterisk, Redis, a disk) does not answer now: the same request may work later."""


class Conflict(Refused):
    """Somebody else changed first what the request was built on: look again, then it may be done."""


class OutcomeUnknown(Unavailable):
    """It was sent, and no answer came: it may have been done. Look before it is repeated."""


class Corrupt(CallrecError):
    """Stored or received bytes are not what they must be: somebody has to look. Nothing was overwritten."""


class Misconfigured(CallrecError):
    """A setting, a right or an include is wrong: the operator has to mend it before this can work."""
