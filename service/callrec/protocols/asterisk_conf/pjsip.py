"""users_pjsip.conf: an endpoint, its credentials and its address of record for each SIP line.

Channel variables of an endpoint (`set_var`) carry to the dialplan what only the caller's own phone decides: CALLREC_TRANSFER
(`T`: this user may transfer), CALLREC_OUT* (what the trunk sees), CALLREC_MAILBOX and CALLREC_SKIPPASS (`s`: no password is
asked).
"""

from callrec.domain.directory.model import Line, User
from callrec.domain.directory.outcallerid import ANONYMOUS, shown
from callrec.protocols.asterisk_conf.lexical import escaped, quoted, section
from callrec.protocols.asterisk_conf.site import Site


def pjsip(site: Site) -> str:
    """The text, without its stamp."""
    return "".join(_endpoint(line, site) for line in site.lines if line.protocol == "sip")


def _endpoint(line: Line, site: Site) -> str:
    user, name = site.user(line), line.name
    endpoint = [
        f"context = {line.context}",
        f'callerid = "{quoted(user.name)}" <{line.number}>',
        f"auth = {name}",
        f"aors = {name}",
    ]
    if user.language is not None:
        endpoint.append(f"language = {user.language}")
    if box := site.mailbox(user.id):
        endpoint.append(f"mailboxes = {box}")
    if groups := site.groups(user.id):
        endpoint += [f"named_call_group = {groups}", f"named_pickup_group = {groups}"]
    if not user.enablexfer:
        endpoint.append("allow_transfer = no")
    endpoint += [f"set_var = {name}={value}" for name, value in _variables(user, line.context, site).items()]
    auth = (f"username = {name}", f"password = {escaped(line.secret)}")
    return (
        section(name, *endpoint, template="user")
        + section(name, *auth, template="user-auth")
        + section(name, template="user-aor")
    )


def _variables(user: User, context: str, site: Site) -> dict[str, str]:
    variables: dict[str, str] = {}
    if user.enablexfer:
        # Without the context a caller would transfer into that of the routine in which Dial runs
        variables |= {"CALLREC_TRANSFER": "T", "TRANSFER_CONTEXT": context}
    if user.outcallerid == ANONYMOUS:
        variables["CALLREC_OUT"] = ANONYMOUS
    if out := shown(user.outcallerid):
        variables |= {"CALLREC_OUT_NAME": out.name} if out.name else {}
        variables |= {"CALLREC_OUT_NUMBER": out.number} if out.number else {}
    if box := site.box(user.id):
        variables["CALLREC_MAILBOX"] = site.mailbox(user.id)
        variables |= {"CALLREC_SKIPPASS": "s"} if box.skippass else {}
    return variables
