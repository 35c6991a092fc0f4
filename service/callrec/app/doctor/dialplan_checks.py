"""Checks of the loaded dialplan: callrec's contexts, its hook before each Dial, and which contexts reach the feature codes.

Source: the lines that AMI ShowDialPlan lists. Jumps that a running call decides (a Goto into a context, a switch to a realtime
dialplan) are outside these checks.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from callrec.app.doctor.findings import Finding, Verdict
from callrec.protocols.ami import Message

CONTEXTS = (
    *("callrec-call", "callrec-online", "callrec-codes"),
    *("callrec-who", "callrec-counts", "callrec-partner", "callrec-answered"),
    *("callrec-degraded-take", "callrec-degraded-code"),
)
CODES, FEATURES, HOOK = "callrec-codes", "callrec-features", "callrec-call"
CONNECTING = frozenset({"Dial", "Queue", "ConfBridge", "FollowMe"})
"""Applications that join a leg with others."""
ANSWERING = frozenset({"Dial", "Queue"})
"""Those of them that can run a subroutine on the leg that has answered."""
_SUBROUTINES = frozenset({"Gosub", "GosubIf"})
_LEAVES = re.compile(r"callrec-call,[^,]+,[^,(]+\(.*,answered\)")
"""A hook that leaves the decision of the fallback mode to who answers."""
_ANSWERED = "callrec-answered"
_TARGETS = re.compile(r"(?:^|[?:])(?P<context>[A-Za-z0-9_.-]+),[^,?:]+,[^,?:]+")
MOST_SHOWN = 5

Step = tuple[int, str, str]
"""Priority, application and its arguments."""


def look_at_contexts(lines: Sequence[Message], *, keeps_files: bool) -> Finding:
    """Whether callrec's contexts are loaded, and a context of the PBX includes the feature codes."""
    contexts = {line.get("Context") for line in lines}
    included = {line.get("IncludeContext") for line in lines}
    wrong, write = [], []
    if absent := [context for context in CONTEXTS if context not in contexts]:
        wrong.append(f"contexts missing: {', '.join(absent)}")
        write.append('#include "<callrec>/dialplan/extensions_callrec.conf", after your last context')
    for context in (CODES, *[FEATURES] * keeps_files):
        if context not in included:
            wrong.append(f"no context includes {context}")
            write.append(f"in your users' contexts: include => {context}")
    if wrong:
        return Finding("includes", Verdict.WRONG, "; ".join(wrong), "\n".join(["extensions.conf:", *write]))
    others = "and those of callrec confgen" if FEATURES in included else "and *3; all others need callrec confgen"
    return Finding(
        "includes", Verdict.OK, f"callrec's contexts are loaded; feature codes: that of always-record {others}"
    )


def look_at_hooks(lines: Sequence[Message]) -> Finding:
    """Whether each extension calls the hook before an application that connects legs, itself or in a subroutine, and whether what
    the hook leaves to who answers is decided there."""
    found = _applications(_extensions(lines))
    if found.bare:
        says = f"the hook is missing before {len(found.bare)} of {found.connecting}: {_shown(found.bare)}"
        write = "extensions.conf, before each: same => n,Gosub(callrec-call,s,1(<called endpoint or empty>))"
        return Finding("hook before dial", Verdict.WRONG, says, write)
    if found.undecided:
        says = f"the hook has the argument answered, but {_ANSWERED} is not called by {_shown(found.undecided)}"
        write = f"extensions.conf, in each: Dial(...,U({_ANSWERED})); Queue(...), argument gosub: {_ANSWERED}"
        return Finding("hook before dial", Verdict.WRONG, says, write)
    says = f"called before all {found.connecting} applications that connect calls"
    if found.unknown:
        says += f"; {len(found.unknown)} do not call {_ANSWERED}, so an answer may be missed without the daemon: "
        says += _shown(found.unknown)
    return Finding("hook before dial", Verdict.OK, says)


@dataclass(slots=True)
class _Applications:
    """Those that connect legs: how many, and which of them lack something."""

    connecting: int = 0
    bare: list[str] = field(default_factory=list)
    """No hook is before them."""
    undecided: list[str] = field(default_factory=list)
    """The hook leaves the decision to who answers, and they do not run what decides."""
    unknown: list[str] = field(default_factory=list)
    """Without the daemon it may not be known who has answered, or that somebody has."""


def _applications(extensions: Mapping[tuple[str, str], Sequence[Step]]) -> _Applications:
    found = _Applications()
    hooks = {HOOK} | {
        context for (context, _), steps in extensions.items() if any(_calls(step, {HOOK}) for step in steps)
    }
    for (context, extension), steps in extensions.items():
        hooked = leaves = False
        for step in sorted(steps):
            priority, application, said = step
            hooked = hooked or _calls(step, hooks)
            leaves = bool(_LEAVES.search(said)) if _calls(step, {HOOK}) else leaves
            if application not in CONNECTING:
                continue
            found.connecting += 1
            shown = f"{context},{extension},{priority} {application}({said[:40]})"
            if not hooked:
                found.bare.append(shown)
            if _ANSWERED not in said:
                if leaves:
                    found.undecided.append(shown)
                elif application in ANSWERING and not said.startswith("Local/"):
                    found.unknown.append(shown)
    return found


def _shown(steps: Sequence[str]) -> str:
    more = f", and {len(steps) - MOST_SHOWN} more" if len(steps) > MOST_SHOWN else ""
    return f"{'; '.join(steps[:MOST_SHOWN])}{more}"


def reaching_codes(lines: Iterable[Message], contexts: Collection[str]) -> list[str]:
    """Those of these contexts that reach the feature codes, directly or through further includes."""
    includes: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        if included := line.get("IncludeContext"):
            # An include may carry a time condition after its name: it counts at any hour
            includes[line.get("Context")].add(re.split(r"[,|]", included)[0])
    return sorted(context for context in contexts if {CODES, FEATURES} & _closure(context, includes))


def _closure(context: str, includes: Mapping[str, set[str]]) -> set[str]:
    found, waiting = set(), [context]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += includes.get(one, ())
    return found


def _extensions(lines: Iterable[Message]) -> dict[tuple[str, str], list[Step]]:
    """The PBX' own extensions, without callrec's and those that a module registers (res_parking's `park-dial`)."""
    found: dict[tuple[str, str], list[Step]] = defaultdict(list)
    for line in lines:
        registrar, priority = line.get("Registrar"), line.get("Priority")
        ours = line.get("Context").startswith("callrec-")
        if not ours and (not registrar or registrar.startswith("pbx_")) and priority.isdecimal():
            step = (int(priority), line.get("Application"), line.get("AppData"))
            found[line.get("Context"), line.get("Extension")].append(step)
    return found


def _calls(step: Step, contexts: Collection[str]) -> bool:
    _, application, said = step
    return application in _SUBROUTINES and any(match["context"] in contexts for match in _TARGETS.finditer(said))
