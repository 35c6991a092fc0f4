"""What Asterisk tells about itself to whoever only asks: nothing here changes anything.

Rights are read from ListCommands, which names exactly the actions that this user may do, with the right that each asks for
(manager.c: action_listcommands); configuration through GetConfig, which the right `system` allows; the right to change over
ARI by deleting a channel that does not exist.
"""

import contextlib
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from callrec.app.doctor import Finding, Verdict, judge_version
from callrec.app.doctor_codecs import look_at_codecs
from callrec.app.doctor_dialplan import look_at_contexts, look_at_hooks
from callrec.app.doctor_endpoints import MOST_ENDPOINTS, Endpoints, look_at_features, look_at_strangers
from callrec.app.doctor_modules import look_at_modules, wanted_modules
from callrec.app.translation import WANTED
from callrec.domain.errors import CallrecError, Misconfigured, Refused
from callrec.protocols.ami import Message

ASK_S = 5.0
DIALPLAN_S = 30.0

NEEDED = {
    "system": ("MixMonitor", "DBPut", "DBDel"),
    "call": ("StopMixMonitor", "MixMonitorMute", "Setvar", "Getvar"),
    "reporting": ("CoreShowChannels", "DBGetTree"),
}
"""Rights and the actions that callrec does with each."""
MIXMONITOR = frozenset({"MixMonitor", "StopMixMonitor", "MixMonitorMute"})
READ = frozenset({"call", "user", "system"})
LEAST_WRITETIMEOUT_MS = 1000
_ON = frozenset({"yes", "true", "y", "t", "1", "on"})
"""What Asterisk takes for yes (utils.c: ast_true)."""
EVENT_FILTER = f"^Event: ({'|'.join(sorted(WANTED))})[^A-Za-z]"
NOBODY = "callrec-doctor-nobody"

_PRIVILEGES = re.compile(r"\(Priv: ([^)]*)\)\s*$")


class Manager(Protocol):
    """The part of the AMI link that is used here."""

    async def action(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float = 1.0) -> Message:
        """One action, one answer."""
        ...

    async def listing(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float) -> list[Message]:
        """One action, many lines."""
        ...


class Rest(Protocol):
    """The part of the ARI link that is used here."""

    async def request(self, method: str, path_parts: Sequence[str]) -> object:
        """One request, its JSON."""
        ...


@dataclass(frozen=True, slots=True)
class Expected:
    """What has to be in Asterisk, by our settings and tables."""

    ami_user: str
    agi: str
    spool: str
    always_code: str
    online_code: str
    endpoints: tuple[str, ...] = field(default=())
    """Those whose users may press for online recording."""
    lines: frozenset[str] = field(default=frozenset())
    """All endpoints of users; every other one is a stranger's, or a phone that is no user's."""
    incall_contexts: frozenset[str] = field(default=frozenset())
    """Contexts of incoming numbers: strangers are there."""
    keeps_files: bool = False
    """Whether the tables become files that this Asterisk reads."""
    mailboxes: bool = False
    """Whether there are any in the tables."""
    sccp_lines: bool = False
    """Whether there are any in the tables."""

    @property
    def modules(self) -> tuple[str, ...]:
        """What has to be loaded."""
        return wanted_modules(keeps_files=self.keeps_files, mailboxes=self.mailboxes, sccp_lines=self.sccp_lines)


class _Dialplan:
    """Its lines, asked for once: they may be many."""

    def __init__(self, ami: Manager) -> None:
        self._ami = ami
        self._lines: list[Message] | None = None

    async def lines(self) -> list[Message]:
        if self._lines is None:
            self._lines = await self._ami.listing("ShowDialPlan", timeout_s=DIALPLAN_S)
        return self._lines


async def look_at_manager(ami: Manager, expected: Expected) -> list[Finding]:
    """Everything that can be seen over AMI, in the order in which it is mended."""
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
        "ami rights": lambda: _rights(ami),
        "ami account": lambda: _account(ami, expected.ami_user),
        "event times": lambda: _event_times(ami),
        "modules": lambda: _modules(ami, expected, endpoints),
        "includes": contexts,
        "hook before dial": hooks,
        "globals": lambda: _globals(ami, expected),
        "applicationmap": lambda: _applicationmap(ami, expected.online_code),
        "codecs": lambda: look_at_codecs(lambda: _config(ami, "codecs.conf")),
        "dynamic features": lambda: look_at_features(endpoints, expected.endpoints),
        "strangers": reached,
    }
    return [await _seen(check, look) for check, look in checks.items()]


async def look_at_rest(ari: Rest) -> Finding:
    """Whether ARI lets us act. The channel is nobody's: allowed means that there is none."""
    try:
        await ari.request("DELETE", ["channels", NOBODY])
    except Refused as error:
        if error.code == "ari-denied":
            return Finding("ari rights", Verdict.WRONG, "the user may only read", "ari.conf, the user: read_only = no")
        if error.code != "ari-not-found":
            return Finding("ari rights", Verdict.UNSEEN, error.message)
    except Misconfigured as error:
        return Finding("ari rights", Verdict.WRONG, error.message, error.hint)
    except CallrecError as error:
        return Finding("ari rights", Verdict.CLOSED, str(error))
    return Finding("ari rights", Verdict.OK, "may play tones into calls")


async def run_user(ami: Manager) -> str:
    """The user whom asterisk.conf or the command line makes Asterisk run as; empty when neither does, or it cannot be asked."""
    try:
        return (await ami.action("CoreSettings", timeout_s=ASK_S)).get("CoreRunUser")
    except CallrecError:
        return ""


async def _seen(check: str, look: Callable[[], Awaitable[Finding]]) -> Finding:
    try:
        return await look()
    except Refused as error:
        return Finding(check, Verdict.UNSEEN, f"cannot be seen: {error.message}")
    except CallrecError as error:
        return Finding(check, Verdict.CLOSED, str(error))


async def _version(ami: Manager) -> Finding:
    return judge_version((await ami.action("CoreSettings", timeout_s=ASK_S)).get("AsteriskVersion"))


async def _rights(ami: Manager) -> Finding:
    answer = await ami.action("ListCommands", timeout_s=ASK_S)
    rights = {name: _privileges(text) for name, text in answer.headers}
    held = {right for needed in rights.values() if len(needed) == 1 for right in needed}
    # Without app_mixmonitor its actions are unknown to every user: that is for the check of the modules
    known = MIXMONITOR if not rights.keys() & MIXMONITOR else frozenset()
    missing = [right for right, actions in NEEDED.items() if not rights.keys() >= set(actions) - known]
    excessive = sorted(held - NEEDED.keys())
    write = f"manager.conf, the user: write = {','.join(sorted(NEEDED))}"
    if missing:
        says = f"missing: {', '.join(missing)}"
        return Finding("ami rights", Verdict.WRONG, says, write)
    if excessive:
        return Finding("ami rights", Verdict.WRONG, f"more than callrec needs: {', '.join(excessive)}", write)
    return Finding("ami rights", Verdict.OK, ", ".join(sorted(NEEDED)))


def _privileges(text: str) -> frozenset[str]:
    """The rights any one of which allows an action; `all` stands in every list and says nothing."""
    match = _PRIVILEGES.search(text)
    return frozenset(match[1].split(",")) - {"all", "<none>"} if match else frozenset()


async def _account(ami: Manager, user: str) -> Finding:
    """Our own section of manager.conf; the secret in it is not looked at."""
    lines = await _config(ami, "manager.conf", user)
    said = {key: value for _, key, value in lines if key in {"read", "writetimeout", "deny", "permit"}}
    read = {right.strip() for right in said.get("read", "").split(",")} - {""}
    timeout = said.get("writetimeout", "")
    wrong = []
    if not read >= READ and "all" not in read:
        wrong.append(("it does not read " + ", ".join(sorted(READ - read)), f"read = {','.join(sorted(READ))}"))
    if read - READ:
        wrong.append(("it reads more than callrec needs", f"read = {','.join(sorted(READ))}"))
    if not timeout.isdecimal() or int(timeout) < LEAST_WRITETIMEOUT_MS:
        wrong.append(("a daemon that is busy for an instant is cut off", "writetimeout = 5000"))
    filters = [value for _, key, value in lines if key == "eventfilter" and not value.startswith("!")]
    if kept_back := sorted(event for event in WANTED if filters and not _passes(event, filters)):
        wrong.append((f"its eventfilter keeps back {', '.join(kept_back)}", f"eventfilter = {EVENT_FILTER}"))
    if not {"deny", "permit"} & said.keys():
        wrong.append(("it may log in from anywhere", "deny = 0.0.0.0/0.0.0.0\npermit = 127.0.0.1/255.255.255.255"))
    return _judged(
        "ami account", wrong, f"[{user}] in manager.conf:", "read rights, write time-out and permit are right"
    )


async def _event_times(ami: Manager) -> Finding:
    """Whether each event says when it happened. Without, a daemon that was stopped at an answer does not know what it missed."""
    said = {key: value for _, key, value in await _config(ami, "manager.conf", "general")}
    if said.get("timestampevents", "").lower() in _ON:
        return Finding("event times", Verdict.OK, "each event says when it happened")
    return Finding(
        "event times",
        Verdict.WRONG,
        "events do not say when they happened",
        "[general] in manager.conf:\ntimestampevents = yes",
    )


def _passes(event: str, filters: Iterable[str]) -> bool:
    for one in filters:
        try:
            if re.search(one, f"Event: {event}\r\n"):
                return True
        except re.error:  # POSIX knows more than Python: no reason to call it wrong
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
    with contextlib.suppress(CallrecError):  # without PJSIP there are none, and what is missing is told
        codecs = await endpoints.codecs(sorted(expected.lines)[:MOST_ENDPOINTS])
    return await look_at_modules(is_loaded, expected.modules, codecs)


async def languages(ami: Manager, lines: Collection[str]) -> set[str]:
    """Those of users' endpoints, as far as they have one; none when they cannot be asked."""
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
    return _judged("globals", wrong, "extensions.conf, [globals]:", "as our settings say")


async def _applicationmap(ami: Manager, code: str) -> Finding:
    """Online recording in the applicationmap, and nothing else on its digits."""
    lines = await _config(ami, "features.conf")
    maps = [value for section, key, value in lines if section == "applicationmap" and key == "callrec"]
    wrong = []
    if not maps:
        wrong.append(("callrec is not in the applicationmap", '#include "<callrec>/dialplan/features_callrec.conf"'))
    elif maps[-1].replace(" ", "").split(",")[:2] != [code, "self"] or "callrec-online" not in maps[-1]:
        wrong.append((f"callrec is {maps[-1]}", f"[applicationmap]\ncallrec => {code},self,Gosub(callrec-online,s,1)"))
    threeway = [value for _, key, value in lines if key == "atxferthreeway"]
    if (threeway or ["*3"])[-1] == code:  # res_features' default is *3
        wrong.append((f"{code} is atxferthreeway's, too", "[general]\natxferthreeway = *7"))
    if same := [key for section, key, value in lines if section == "featuremap" and value == code]:
        wrong.append((f"{code} is {', '.join(same)}'s, too", "give it other digits in [featuremap]"))
    return _judged("applicationmap", wrong, "features.conf:", f"{code} is online recording's alone")


async def _config(ami: Manager, file: str, section: str = "") -> list[tuple[str, str, str]]:
    """(section, key, value) of a configuration file as Asterisk reads it, includes and all."""
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
