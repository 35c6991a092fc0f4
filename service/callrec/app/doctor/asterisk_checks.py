"""The doctor's checks of Asterisk over AMI and ARI. They read only and change no setting.

- AMI rights: from ListCommands, which lists exactly the actions that this AMI user may send, each with the right it requires
  (manager.c: action_listcommands).
- Configuration files: through GetConfig, which requires the right `system`.
- The right to write over ARI: by deleting a channel that does not exist.
"""

import contextlib
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from callrec.app.calls.ami_events import WANTED
from callrec.app.doctor.codec_checks import look_at_codecs
from callrec.app.doctor.dialplan_checks import look_at_contexts, look_at_hooks
from callrec.app.doctor.endpoint_checks import MOST_ENDPOINTS, Endpoints, look_at_features, look_at_strangers
from callrec.app.doctor.findings import Finding, Verdict, judge_version
from callrec.app.doctor.module_checks import look_at_modules, wanted_modules
from callrec.app.doctor.place_checks import CHECK as PLACES
from callrec.app.doctor.place_checks import look_at_places
from callrec.app.ports.asterisk import Manager, Rest
from callrec.domain.errors import CallrecError, Misconfigured, Refused
from callrec.domain.rules import PlaceKind
from callrec.protocols.ami import Message

ASK_S = 5.0
DIALPLAN_S = 30.0

NEEDED = {
    "system": ("MixMonitor", "DBPut", "DBDel"),
    "call": ("StopMixMonitor", "MixMonitorMute", "Setvar", "Getvar"),
    "reporting": ("CoreShowChannels", "DBGetTree"),
}
"""AMI write rights, and the actions for which callrec needs each."""
USER_EVENTS = {"user": ("UserEvent",)}
"""The right for CALLREC_USER_EVENTS."""
MIXMONITOR = frozenset({"MixMonitor", "StopMixMonitor", "MixMonitorMute"})
READ = frozenset({"call", "user", "system"})
LEAST_WRITETIMEOUT_MS = 1000
_ON = frozenset({"yes", "true", "y", "t", "1", "on"})
"""Values that Asterisk reads as yes (utils.c: ast_true)."""
EVENT_FILTER = f"^Event: ({'|'.join(sorted(WANTED))})[^A-Za-z]"
NO_CHANNEL = "callrec-doctor-no-channel"
"""The id of a channel that does not exist."""

_PRIVILEGES = re.compile(r"\(Priv: ([^)]*)\)\s*$")


@dataclass(frozen=True, slots=True)
class Expected:
    """What callrec's settings and tables require of Asterisk."""

    ami_user: str
    agi: str
    spool: str
    always_code: str
    online_code: str
    endpoints: tuple[str, ...] = field(default=())
    """Endpoints of users who may start an on-demand recording."""
    lines: frozenset[str] = field(default=frozenset())
    """The endpoints of all users. Any other endpoint is a trunk's, or a phone without a user."""
    incall_contexts: frozenset[str] = field(default=frozenset())
    """Contexts of incoming numbers: calls from outside start there."""
    keeps_files: bool = False
    """Whether callrec generates this Asterisk's files from the tables."""
    mailboxes: bool = False
    """Whether the tables contain voicemail boxes."""
    sccp_lines: bool = False
    """Whether the tables contain SCCP lines."""
    user_events: bool = False
    pause_code: str = ""
    """Empty while it is disabled: then the digits must not be taken from menus."""
    """Whether UserEvents are sent."""
    places: frozenset[tuple[PlaceKind, str]] = field(default=frozenset())
    """The trunks, queues and conferences that have a rule."""

    @property
    def modules(self) -> tuple[str, ...]:
        """The Asterisk modules that must be loaded."""
        return wanted_modules(keeps_files=self.keeps_files, mailboxes=self.mailboxes, sccp_lines=self.sccp_lines)


class _Dialplan:
    """The loaded dialplan's lines, listed once for all checks, since a large PBX has many."""

    def __init__(self, ami: Manager) -> None:
        self._ami = ami
        self._lines: list[Message] | None = None

    async def lines(self) -> list[Message]:
        if self._lines is None:
            self._lines = await self._ami.listing("ShowDialPlan", timeout_s=DIALPLAN_S)
        return self._lines


async def look_at_manager(ami: Manager, expected: Expected) -> list[Finding]:
    """All checks over AMI, in the order in which an administrator repairs what they find."""
    dialplan, endpoints = _Dialplan(ami), Endpoints(ami)
    strangers = expected.lines, expected.incall_contexts

    async def contexts() -> Finding:
        return look_at_contexts(await dialplan.lines(), keeps_files=expected.keeps_files)

    async def hooks() -> Finding:
        return look_at_hooks(await dialplan.lines())

    async def reached() -> Finding:
        return await look_at_strangers(endpoints, *strangers, await dialplan.lines())

    checks: dict[str, Callable[[], Awaitable[Finding]]] = {
        "asterisk version": lambda: _version(ami),
        "ami rights": lambda: _rights(ami, {**NEEDED, **USER_EVENTS} if expected.user_events else NEEDED),
        "ami account": lambda: _account(ami, expected.ami_user),
        "event times": lambda: _event_times(ami),
        "modules": lambda: _modules(ami, expected, endpoints),
        "includes": contexts,
        "hook before dial": hooks,
        "globals": lambda: _globals(ami, expected),
        "applicationmap": lambda: _applicationmap(ami, expected.online_code, expected.pause_code),
        "codecs": lambda: look_at_codecs(lambda: _config(ami, "codecs.conf")),
        "dynamic features": lambda: look_at_features(endpoints, expected.endpoints),
        "strangers": reached,
    }
    if expected.places:
        checks[PLACES] = lambda: look_at_places(ami, endpoints, expected.places)
    return [await _seen(check, look) for check, look in checks.items()]


async def look_at_rest(ari: Rest) -> Finding:
    """Whether the ARI user may write: the check deletes a channel that does not exist; "not found" means that it may."""
    try:
        await ari.request("DELETE", ["channels", NO_CHANNEL])
    except Refused as error:
        if error.code == "ari-denied":
            return Finding(
                "ari rights", Verdict.WRONG, "the ARI user may only read", "ari.conf, the user: read_only = no"
            )
        if error.code != "ari-not-found":
            return Finding("ari rights", Verdict.UNSEEN, error.message)
    except Misconfigured as error:
        return Finding("ari rights", Verdict.WRONG, error.message, error.hint)
    except CallrecError as error:
        return Finding("ari rights", Verdict.CLOSED, str(error))
    return Finding("ari rights", Verdict.OK, "may play tones into calls")


async def run_user(ami: Manager) -> str:
    """The system user that asterisk.conf or Asterisk's command line sets; empty when neither sets one, or AMI does not answer."""
    try:
        return (await ami.action("CoreSettings", timeout_s=ASK_S)).get("CoreRunUser")
    except CallrecError:
        return ""


async def _seen(check: str, look: Callable[[], Awaitable[Finding]]) -> Finding:
    try:
        return await look()
    except Refused as error:
        return Finding(check, Verdict.UNSEEN, f"not checked: {error.message}")
    except CallrecError as error:
        return Finding(check, Verdict.CLOSED, str(error))


async def _version(ami: Manager) -> Finding:
    return judge_version((await ami.action("CoreSettings", timeout_s=ASK_S)).get("AsteriskVersion"))


async def _rights(ami: Manager, needed: Mapping[str, Sequence[str]]) -> Finding:
    answer = await ami.action("ListCommands", timeout_s=ASK_S)
    rights = {name: _privileges(text) for name, text in answer.headers}
    held = {right for each in rights.values() if len(each) == 1 for right in each}
    # Without app_mixmonitor ListCommands has none of its actions for any user: the check "modules" reports that
    known = MIXMONITOR if not rights.keys() & MIXMONITOR else frozenset()
    missing = [right for right, actions in needed.items() if not rights.keys() >= set(actions) - known]
    excessive = sorted(held - needed.keys())
    write = f"manager.conf, the user: write = {','.join(sorted(needed))}"
    if missing:
        says = f"missing: {', '.join(missing)}"
        return Finding("ami rights", Verdict.WRONG, says, write)
    if excessive:
        return Finding(
            "ami rights", Verdict.WRONG, f"the user has more than callrec needs: {', '.join(excessive)}", write
        )
    return Finding("ami rights", Verdict.OK, ", ".join(sorted(needed)))


def _privileges(text: str) -> frozenset[str]:
    """The rights of which each alone allows an action. `all` is dropped: every action lists it."""
    match = _PRIVILEGES.search(text)
    return frozenset(match[1].split(",")) - {"all", "<none>"} if match else frozenset()


async def _account(ami: Manager, user: str) -> Finding:
    """The section of callrec's user in manager.conf, without its secret."""
    lines = await _config(ami, "manager.conf", user)
    said = {key: value for _, key, value in lines if key in {"read", "writetimeout", "deny", "permit"}}
    read = {right.strip() for right in said.get("read", "").split(",")} - {""}
    timeout = said.get("writetimeout", "")
    wrong = []
    if not read >= READ and "all" not in read:
        wrong.append((f"read lacks {', '.join(sorted(READ - read))}", f"read = {','.join(sorted(READ))}"))
    if read - READ:
        wrong.append(("read has more than callrec needs", f"read = {','.join(sorted(READ))}"))
    if not timeout.isdecimal() or int(timeout) < LEAST_WRITETIMEOUT_MS:
        says = f"writetimeout is below {LEAST_WRITETIMEOUT_MS} ms: Asterisk disconnects a daemon that is busy for an instant"
        wrong.append((says, "writetimeout = 5000"))
    filters = [value for _, key, value in lines if key == "eventfilter" and not value.startswith("!")]
    if kept_back := sorted(event for event in WANTED if filters and not _passes(event, filters)):
        wrong.append((f"eventfilter drops {', '.join(kept_back)}", f"eventfilter = {EVENT_FILTER}"))
    if not {"deny", "permit"} & said.keys():
        says = "without deny and permit the user may log in from any address"
        wrong.append((says, "deny = 0.0.0.0/0.0.0.0\npermit = 127.0.0.1/255.255.255.255"))
    return _judged(
        "ami account",
        wrong,
        f"[{user}] in manager.conf:",
        "read rights, writetimeout, eventfilter and permit are right",
    )


async def _event_times(ami: Manager) -> Finding:
    """Whether AMI events carry a timestamp. The daemon needs it to tell which events it missed while it was stopped."""
    said = {key: value for _, key, value in await _config(ami, "manager.conf", "general")}
    if said.get("timestampevents", "").lower() in _ON:
        return Finding("event times", Verdict.OK, "each AMI event carries its time")
    return Finding(
        "event times",
        Verdict.WRONG,
        "AMI events carry no time",
        "[general] in manager.conf:\ntimestampevents = yes",
    )


def _passes(event: str, filters: Iterable[str]) -> bool:
    for one in filters:
        try:
            if re.search(one, f"Event: {event}\r\n"):
                return True
        except re.error:  # a POSIX expression that Python cannot read: assume that the event passes
            return True
    return False


async def _modules(ami: Manager, expected: Expected, endpoints: Endpoints) -> Finding:
    async def is_loaded(module: str) -> bool:
        try:
            await ami.action("ModuleCheck", [("Module", module)], timeout_s=ASK_S)
        except Refused as error:
            if "not loaded" not in error.message.lower():
                raise
            return False
        return True

    codecs: set[str] = set()
    with contextlib.suppress(CallrecError):  # without PJSIP there are no codecs; the missing module is in the finding
        codecs = await endpoints.codecs(sorted(expected.lines)[:MOST_ENDPOINTS])
    return await look_at_modules(is_loaded, expected.modules, codecs)


async def languages(ami: Manager, lines: Collection[str]) -> set[str]:
    """The languages set on users' endpoints; empty when Asterisk does not answer."""
    try:
        return await Endpoints(ami).said(sorted(lines)[:MOST_ENDPOINTS], "Language")
    except CallrecError:
        return set()


async def _globals(ami: Manager, expected: Expected) -> Finding:
    wrong = []
    for name, wanted, default in (
        ("CALLREC_AGI", expected.agi, "127.0.0.1:4573"),
        ("CALLREC_SPOOL", expected.spool, ""),
        ("CALLREC_ALWAYS_CODE", expected.always_code, ""),
    ):
        value = (await ami.action("Getvar", [("Variable", name)], timeout_s=ASK_S)).get("Value")
        if (value or default) != wanted:
            wrong.append((f"{name} is {value or 'not set'}", f"{name} = {wanted}"))
    return _judged("globals", wrong, "extensions.conf, [globals]:", "they match callrec's settings")


async def _applicationmap(ami: Manager, online: str, pause: str) -> Finding:
    """Whether the applicationmap has callrec's features with their digits, and no other feature uses these."""
    lines = await _config(ami, "features.conf")
    wrong = _features_not_mapped(lines, online, pause)
    for code in filter(None, (online, pause)):
        threeway = [value for _, key, value in lines if key == "atxferthreeway"]
        if (threeway or ["*3"])[-1] == code:  # res_features' default is *3
            wrong.append((f"atxferthreeway also uses {code}", "[general]\natxferthreeway = *7"))
        if same := [key for section, key, value in lines if section == "featuremap" and value == code]:
            wrong.append((f"{', '.join(same)} also uses {code}", f"[featuremap]: other digits for {', '.join(same)}"))
    only = f"only on-demand recording uses {online}" + (f", only pauses use {pause}" if pause else "")
    return _judged("applicationmap", wrong, "features.conf:", only)


def _features_not_mapped(lines: Sequence[tuple[str, str, str]], online: str, pause: str) -> list[tuple[str, str]]:
    """What is wrong with callrec's features, and what to write. Without the group `callrec` its name means `*3` alone."""
    mapped = {key: value for section, key, value in lines if section == "applicationmap"}
    group = {key: value for section, key, value in lines if section == "callrec"}
    wrong = []
    for name, code, context in (("callrec", online, "callrec-online"), ("callrec-pause", pause, "callrec-pause")):
        said = mapped.get(name, "")
        write = f"[applicationmap]\n{name} => {code},self,Gosub({context},s,1)\n[callrec]\n{name} =>"
        if not said and code:
            write = write if name != "callrec" else '#include "<callrec>/dialplan/features_callrec.conf"'
            wrong.append((f"{name} is not in the applicationmap", write))
        elif said and not code:
            says = f"{name} is {said}, and its code is disabled: who may press it loses these digits in menus"
            wrong.append((says, f"remove {name}, or enable it: callrec extensions set pause_record --enable"))
        elif said and (said.replace(" ", "").split(",")[:2] != [code, "self"] or context not in said):
            wrong.append((f"{name} is {said}", write))
        elif code and (group or name != "callrec") and group.get(name) not in {"", code}:
            digits = f" with the digits {group[name]}" if name in group else ""
            wrong.append(
                (f"{name} is {'in' if digits else 'not in'} the group callrec{digits}", f"[callrec]\n{name} =>")
            )
    return wrong


async def _config(ami: Manager, file: str, section: str = "") -> list[tuple[str, str, str]]:
    """(section, key, value) of a configuration file as Asterisk reads it, with its includes."""
    headers = [("Filename", file), *([("Category", section)] if section else [])]
    answer = await ami.action("GetConfig", headers, timeout_s=ASK_S)
    names: dict[str, str] = {}
    lines = []
    for key, value in answer.headers:
        kind, _, number = key.partition("-")
        if kind == "Category":
            names[number] = value
        elif kind == "Line":
            name, _, said = value.partition("=")
            lines.append((names.get(number.partition("-")[0], ""), name.strip(), said.lstrip("> ").strip()))
    return lines


def _judged(check: str, wrong: Iterable[tuple[str, str]], where: str, well: str) -> Finding:
    found = list(wrong)
    if not found:
        return Finding(check, Verdict.OK, well)
    says = "; ".join(says for says, _ in found)
    return Finding(check, Verdict.WRONG, says, "\n".join([where, *(write for _, write in found)]))
