"""users_extensions.conf: the contexts of users (numbers, hints for BLF) and of incoming numbers, feature codes, agents.

It calls routines of the PBX, which dialplan/pbx/extensions.conf has: `pbx-user`, ARG1 endpoint, ARG2 seconds, ARG3 mailbox or
empty, ARG4 Dial's options for the called user's leg, ARG5 the channel technology (empty: PJSIP), ARG6 number@context, ARG7 the
phones of a boss' secretaries, ARG8 the mailbox' language; `pbx-agent`, ARG1 endpoint, ARG2 the technology; `pbx-voicemail`, ARG1
the caller's context; `pbx-caller`, which names a caller from outside.
"""

from collections.abc import Iterator

from callrec.domain.directory.feature_codes import FEATURES, Argument
from callrec.domain.directory.model import ContextKind, Feature, FeatureCode, Incall, Line, User
from callrec.domain.directory.unique_keys import endpoint
from callrec.protocols.asterisk_conf.lexical import section
from callrec.protocols.asterisk_conf.site import Site

RING_S = 30
FEATURES_CONTEXT, AGENTS_CONTEXT = "callrec-features", "callrec-agents"
_INSIDE = ("include => pbx-inside", "exten => _*735X.,hint,Custom:${EXTEN}")
"""The beginning of each context of users. One pattern is the hint for all BLF keys: with a hint for each of the 20,000 keys of
10,000 users a reload took more than 12 s, without hints 4 s."""


def extensions(site: Site) -> str:
    """The text, without its stamp."""
    rows: dict[str, list[str]] = {
        context.name: [*_INSIDE] if context.kind is ContextKind.INTERNAL else [] for context in site.contexts
    }
    for line in site.lines:
        rows[line.context] += _number(line, site)
    for incall in site.incalls:
        rows[incall.context] += _incall(incall, site)
    rows[FEATURES_CONTEXT] = [row for code in site.codes.values() for row in _code(code)]
    rows[AGENTS_CONTEXT] = [row for user in site.users for row in _agent(user, site)]
    return "".join(section(name, *each) for name, each in rows.items())


def _number(line: Line, site: Site) -> Iterator[str]:
    if site.user(line).enablehint:
        yield f"exten => {line.number},hint,{endpoint(line)}"
    yield f"exten => {line.number},1,{_ring(line, RING_S, site)}"
    yield " same => n,Hangup()"


def _incall(incall: Incall, site: Site) -> Iterator[str]:
    line = site.rings(incall.user)
    if line is None:
        yield f"exten => {incall.exten},1,Congestion(5)"
        return
    yield f"exten => {incall.exten},1,Gosub(pbx-caller,s,1)"
    yield f" same => n,{_ring(line, incall.ring_s, site)}"
    yield " same => n,Hangup()"


def _ring(line: Line, ring_s: int, site: Site) -> str:
    user = site.user(line)
    arguments = (
        line.name,
        str(ring_s),
        site.mailbox(line.user),
        "t" if user.enablexfer else "",
        _technology(line),
        f"{line.number}@{line.context}",
        "&".join(endpoint(one) for one in site.secretaries(user)),
        (user.language or "") if site.mailbox(line.user) else "",
    )
    return f"Gosub(pbx-user,s,1({','.join(arguments).rstrip(',')}))"


def _agent(user: User, site: Site) -> Iterator[str]:
    """The extension for a queue's member `Local/<agent number>@callrec-agents`."""
    line = site.rings(user.id)
    if user.agentnumber and line:
        yield f"exten => {user.agentnumber},1,Gosub(pbx-agent,s,1({line.name},{_technology(line)}))"
        yield " same => n,Hangup()"


def _technology(line: Line) -> str:
    return "" if line.protocol == "sip" else endpoint(line).partition("/")[0]


def _code(code: FeatureCode) -> Iterator[str]:
    """The code alone, and with an argument behind it, as its feature takes one."""
    kind = FEATURES[code.feature]
    # A code of always-record that is switched off says so
    if not kind.dialled or not (code.enabled or code.feature is Feature.CALL_RECORD):
        return
    behind = f"${{FILTER(0-9*#,${{EXTEN:{len(code.code)}}})}}"
    if kind.argument is not Argument.REQUIRED:
        yield f"exten => {code.code},1,{_leads_to(code, '')}"
    if kind.argument is not Argument.NONE:
        yield f"exten => _{code.code}.,1,{_leads_to(code, behind)}"


def _leads_to(code: FeatureCode, argument: str) -> str:
    match code.feature:
        case Feature.CALL_RECORD:
            return f"Gosub(callrec-always,s,1({code.code}))"
        case Feature.PICKUP:
            return f"Gosub(callrec-pickup,s,1({argument and f'{argument}@${{CONTEXT}}'}))"
        case Feature.VOICEMAIL_LEAVE:
            return f"VoiceMail({argument}@${{CONTEXT}},u)"
        case Feature.VOICEMAIL_CONSULT:
            return "Gosub(pbx-voicemail,s,1(${CONTEXT}))"
        case _:
            return f"Gosub(callrec-service,s,1({code.feature},{argument}))"
