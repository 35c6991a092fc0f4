"""The people of the tests of the pages: the specification's three users, and an account for each role."""

from api_door import PASSWORDS

from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.model import DEFAULT_ROLES, Group, Incall, Line, Profile, Tables, User, Voicemail
from callrec.domain.rules import UserId

ROLES = tuple(role.name for role in DEFAULT_ROLES)
"""Each is the user name of an account that has this role."""
PASSWORDS_OF = {role: f"password of {role}" for role in ROLES}
JOHN, GEORGE, BILL = UserId("1"), UserId("2"), UserId("3")
"""John has the account `user`; the account `supervisor` looks after George."""
_NAMES = {JOHN: ("John", "Doe"), GEORGE: ("George", "Clinton"), BILL: ("Bill", "Bush")}


def _account(identity: UserId, role: str, firstname: str, lastname: str) -> User:
    return User(
        identity, firstname, lastname, enableclient=True, username=role, profileclient=f"{role}s",
        password_hash=PASSWORDS.hashed(PASSWORDS_OF[role]),
    )  # fmt: skip


_OTHERS = [role for role in ROLES if role != "user"]
STAFF = {role: UserId(str(10 + nth)) for nth, role in enumerate(_OTHERS)}
TABLES = Tables(
    users=(
        _account(JOHN, "user", *_NAMES[JOHN]),
        *(User(one, *_NAMES[one], online_record=True) for one in (GEORGE, BILL)),
        *(_account(identity, role, role.capitalize(), "Jones") for role, identity in STAFF.items()),
    ),
    lines=tuple(Line(f"line-{one}", one, f"100{int(one) - 1}", "default", secret="s3cret-of-line") for one in _NAMES),
    incalls=(Incall("2050", "from-extern", JOHN),),
    voicemails=(Voicemail("1000", "default", JOHN, "John Doe", "4711"),),
)
MORE = Edit(
    (
        *(Change(None, Profile(f"{role}s", role)) for role in ROLES),
        Change(None, Group("sales", (GEORGE,), (STAFF["supervisor"],))),
    )
)
"""What a new store lacks for them. The profiles come first, so that an account never has a role by accident."""
