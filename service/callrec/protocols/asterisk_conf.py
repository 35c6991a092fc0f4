"""The users' part of a small PBX: tables in, Asterisk's configuration files out.

Every value is checked against what its place in the file can carry, so that no name, secret or number can begin a line,
a comment, an option or another section; what does not fit is Refused, naming the row and the value's column.
"""

import re
from collections.abc import Iterable, Iterator

from callrec.domain.errors import Refused
from callrec.domain.provisioning.function_keys import bound
from callrec.domain.provisioning.model import Feature, Incall, Line, Tables, User, UserId, Voicemail

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,39}")
_NUMBER = re.compile(r"[0-9*#+]{1,40}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(_[A-Za-z]{2,4})?")
_SECRET = re.compile(r"[!#-:<-~]{1,80}")  # printable ASCII but space, quote and semicolon
_TEXT = re.compile(r'[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff;"<>\\,|=\[\]{}$#]{0,128}')
_EMAIL = re.compile(r"[A-Za-z0-9.!%&'*+/?^_`~@-]{0,120}")

RESERVED_ENDPOINTS = frozenset({"trunk", "udp", "global", "system", "user", "user-auth", "user-aor", "anonymous"})
"""Names that mean something else in pjsip.conf; `anonymous` would admit everybody."""

_RESERVED_CONTEXT = re.compile(r"general|globals|zonemessages|callrec-.*|pbx-.*", re.IGNORECASE)
INSIDE, OUTSIDE = "default", "from-extern"
"""Contexts that exist even when no table names them."""

_RING_S = 30


def users_files(tables: Tables) -> dict[str, str]:
    """File name -> text for all users, lines, incalls and voicemails; raises Refused. SCCP lines get no endpoint."""
    _no_twice("line", (line.name for line in tables.lines))
    _no_twice("number", (f"{line.number}@{line.context}" for line in tables.lines))
    _no_twice("incall", (f"{incall.exten}@{incall.context}" for incall in tables.incalls))
    _no_twice("voicemail", (f"{box.mailbox}@{box.context}" for box in tables.voicemails))
    return {
        "users_pjsip.conf": pjsip(tables),
        "users_extensions.conf": extensions(tables),
        "users_voicemail.conf": voicemail(tables),
    }


def pjsip(tables: Tables) -> str:
    """An endpoint, its credentials and its address of record for each SIP line."""
    users = _users(tables)
    boxes = {box.user: box for box in tables.voicemails}
    return "\n".join(_endpoint(line, users[line.user], boxes.get(line.user)) for line in _sip(tables, users))


def extensions(tables: Tables) -> str:
    """The contexts of users (numbers, lamps) and of the outside world (incalls); a context is one or the other."""
    users = _users(tables)
    inside: dict[str, list[str]] = {INSIDE: []}
    outside: dict[str, list[str]] = {OUTSIDE: []}
    for line in _sip(tables, users):
        inside.setdefault(_context(line.context), []).extend(_extension(line, tables))
    for context, rows in _custom_lamps(tables, users):
        inside[context].extend(rows)
    for incall in tables.incalls:
        outside.setdefault(_context(incall.context), []).extend(_incall(incall, tables, users))
    both = inside.keys() & outside.keys()
    if both:
        message = f"Context {min(both)} has both users and incoming numbers: strangers could dial out"
        raise Refused("context-mixed", message, hint="give incoming numbers a context of their own")
    sections = [_section(name, ["include => pbx-inside", *rows]) for name, rows in inside.items()]
    return "\n".join([*sections, *(_section(name, rows) for name, rows in outside.items())])


def voicemail(tables: Tables) -> str:
    """The mailboxes, by context."""
    contexts: dict[str, list[str]] = {}
    for box in tables.voicemails:
        contexts.setdefault(_context(box.context), []).append(_mailbox(box))
    return "\n".join(_section(name, rows) for name, rows in contexts.items())


def _endpoint(line: Line, user: User, box: Voicemail | None) -> str:
    name = _fits(_NAME, line.name, "line name")
    if name.lower() in RESERVED_ENDPOINTS:
        raise Refused("line-name-reserved", f"A line cannot be called {name}", hint="choose another line name")
    caller = f'"{_fits(_TEXT, user.name, "user name")}" <{_fits(_NUMBER, line.number, "number")}>'
    endpoint = [f"context = {_context(line.context)}", f"callerid = {caller}", f"auth = {name}", f"aors = {name}"]
    if user.language is not None:
        endpoint.append(f"language = {_fits(_LANGUAGE, user.language, 'language')}")
    if box is not None:
        endpoint.append(f"mailboxes = {_box(box)}")
    auth = [f"username = {name}", f"password = {_fits(_SECRET, line.secret, 'line secret')}"]
    return "\n".join(
        (
            _section(name, endpoint, template="user"),
            _section(name, auth, template="user-auth"),
            _section(name, [], template="user-aor"),
        )
    )


def _extension(line: Line, tables: Tables) -> Iterator[str]:
    number = _fits(_NUMBER, line.number, "number")
    yield f"exten => {number},hint,PJSIP/{line.name}"
    yield f"exten => {number},1,Gosub(pbx-user,s,1({_ring(line, _RING_S, tables)},tT))"
    yield " same => n,Hangup()"
    if any(other.user == line.user and other.context == line.context for other in _before(line, tables)):
        return
    for code in tables.codes:
        key = bound(UserId(_fits(_NUMBER, line.user, "user id")), _fits(_NUMBER, code.code, "code"))
        yield f"exten => {key},hint,Custom:{key}"
        if code.feature is Feature.CALL_RECORD:
            yield from _own_key(key, [one for one in tables.lines if one.user == line.user])


def _own_key(key: str, lines: Iterable[Line]) -> Iterator[str]:
    """What the key dials does what the star code does, on its user's own phones only."""
    own = " | ".join(f'"${{GOSUB_RETVAL}}" = "{_fits(_NAME, line.name, "line name")}"' for line in lines)
    yield f"exten => {key},1,Gosub(callrec-who,s,1)"
    yield f" same => n,GotoIf($[{own}]?callrec-codes,${{CALLREC_ALWAYS_CODE}},1)"
    yield " same => n,Congestion(3)"


def _custom_lamps(tables: Tables, users: dict[UserId, User]) -> Iterator[tuple[str, list[str]]]:
    """Hints for what customized keys supervise, by context; a number that has a hint of its own has it already."""
    lines = list(_sip(tables, users))
    known = {(line.context, line.number) for line in lines}
    for key in tables.keys:
        if key.type != "customized" or not key.supervision:
            continue
        for context in sorted({line.context for line in lines if line.user == key.user}):
            if (context, key.destination) not in known:
                known.add((context, key.destination))
                digits = _fits(_NUMBER, key.destination, "key's destination")
                yield _context(context), [f"exten => {digits},hint,Custom:{digits}"]


def _incall(incall: Incall, tables: Tables, users: dict[UserId, User]) -> Iterator[str]:
    number = _fits(_NUMBER, incall.exten, "incall number")
    line = next((line for line in _sip(tables, users) if line.user == incall.user), None)
    if line is None:
        yield f"exten => {number},1,Congestion(5)"
        return
    yield f"exten => {number},1,Gosub(pbx-user,s,1({_ring(line, incall.ring_s, tables)},t))"
    yield " same => n,Hangup()"


def _ring(line: Line, ring_s: int, tables: Tables) -> str:
    """The arguments that pbx-user takes: endpoint, seconds, mailbox or nothing."""
    box = next((box for box in tables.voicemails if box.user == line.user), None)
    return f"{_fits(_NAME, line.name, 'line name')},{ring_s:d},{_box(box) if box else ''}"


def _mailbox(box: Voicemail) -> str:
    options = "|".join(
        f"{name}={'yes' if on else 'no'}" for name, on in (("attach", box.attach), ("delete", box.delete))
    )
    password = _fits(_NUMBER, box.password, "voicemail password") if box.password else ""
    name, email = _fits(_TEXT, box.name, "voicemail name"), _fits(_EMAIL, box.email, "e-mail")
    return f"{_fits(_NUMBER, box.mailbox, 'mailbox')} => {password},{name},{email},,{options}"


def _box(box: Voicemail) -> str:
    return f"{_fits(_NUMBER, box.mailbox, 'mailbox')}@{_context(box.context)}"


def _sip(tables: Tables, users: dict[UserId, User]) -> Iterator[Line]:
    for line in tables.lines:
        if line.user not in users:
            raise Refused("line-without-user", f"Line {line.name!r} belongs to no user")
        if line.protocol == "sip":
            yield line


def _users(tables: Tables) -> dict[UserId, User]:
    return {user.id: user for user in tables.users}


def _before(line: Line, tables: Tables) -> Iterable[Line]:
    return tables.lines[: tables.lines.index(line)]


def _context(name: str) -> str:
    if _RESERVED_CONTEXT.fullmatch(_fits(_NAME, name, "context")):
        raise Refused("context-reserved", f"The context {name} is the PBX's own", hint="choose another context name")
    return name


def _section(name: str, rows: Iterable[str], *, template: str = "") -> str:
    head = f"[{name}]({template})" if template else f"[{name}]"
    return "\n".join((head, *rows, ""))


def _fits(pattern: re.Pattern[str], value: str, what: str) -> str:
    if pattern.fullmatch(value) is None:
        shown = "" if "secret" in what or "password" in what else f" {value[:60]!r}"
        message = f"The {what}{shown} does not fit into a configuration file"
        raise Refused("value-unfit", message, hint=f"a {what} must match {pattern.pattern}")
    return value


def _no_twice(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise Refused("twice", f"The {what} {name[:60]!r} is there twice", hint="each must be one user's only")
        seen.add(name)
