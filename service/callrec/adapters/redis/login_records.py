"""Sessions and tokens as JSON in Redis. These classes are the format; the functions convert to the domain's names."""

from callrec.adapters.redis.records import Record
from callrec.domain.access.login_sessions import LoginSession
from callrec.domain.access.second_factor import SecondFactor
from callrec.domain.access.tokens import ProgramToken
from callrec.domain.directory.frozen_record import frozen_record
from callrec.domain.directory.model import Permission
from callrec.domain.rules import UserId


@frozen_record(frozen=True, slots=True)
class SessionRecord:
    """A login session."""

    digest: str
    user: str
    password_mark: str
    opened_s: float
    seen_s: float
    address: str = ""
    program: str = ""
    code_shown: bool = False


@frozen_record(frozen=True, slots=True)
class TokenRecord:
    """A program's token."""

    id: str
    name: str
    digest: str
    made_s: float
    permissions: tuple[Permission, ...] = ()
    made_by: str = ""
    expires_s: float | None = None


@frozen_record(frozen=True, slots=True)
class SecondFactorRecord:
    """A second factor."""

    secret: str
    confirmed: bool = False
    last_step: int = -1


def session_out(one: LoginSession) -> SessionRecord:
    """A session as the store has it."""
    return SessionRecord(
        digest=one.digest,
        user=one.user,
        password_mark=one.password_mark,
        opened_s=one.opened_s,
        seen_s=one.seen_s,
        address=one.address,
        program=one.program,
        code_shown=one.code_shown,
    )


def session_in(found: SessionRecord) -> LoginSession:
    """A session as the store says."""
    return LoginSession(
        digest=found.digest,
        user=UserId(found.user),
        password_mark=found.password_mark,
        opened_s=found.opened_s,
        seen_s=found.seen_s,
        address=found.address,
        program=found.program,
        code_shown=found.code_shown,
    )


def token_out(one: ProgramToken) -> TokenRecord:
    """A token as the store has it."""
    return TokenRecord(one.id, one.name, one.digest, one.made_s, one.permissions, one.made_by, one.expires_s)


def token_in(found: TokenRecord) -> ProgramToken:
    """A token as the store says."""
    return ProgramToken(
        id=found.id,
        name=found.name,
        permissions=found.permissions,
        digest=found.digest,
        made_s=found.made_s,
        made_by=found.made_by,
        expires_s=found.expires_s,
    )


def factor_out(one: SecondFactor) -> SecondFactorRecord:
    """A second factor as the store has it."""
    return SecondFactorRecord(one.secret, one.confirmed, one.last_step)


def factor_in(found: SecondFactorRecord) -> SecondFactor:
    """A second factor as the store says."""
    return SecondFactor(secret=found.secret, confirmed=found.confirmed, last_step=found.last_step)


SECOND_FACTOR = Record("second factor", SecondFactorRecord, factor_out, factor_in)
SESSION = Record("session", SessionRecord, session_out, session_in)
TOKEN = Record("token", TokenRecord, token_out, token_in)
