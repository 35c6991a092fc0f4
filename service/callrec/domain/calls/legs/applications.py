"""A user who talks with an application of the PBX: a mailbox, a menu, an echo test, a queue before an agent answers, a conference
before the second participant comes.

Their leg is answered, and in no conversation. No event tells which application has taken a call, so Asterisk is asked: at the
answer, again in a moment while the dialplan is still on its way to an application (Answer waits up to half a second for the first
packets, and no sound passes then), and again when another leg of the call has gone (a mailbox after a dial without an answer).
A question that Asterisk does not answer is asked again, too.
The recording begins when the application is known, on the user's leg, and goes on there when the application connects the call.
"""

import math
import re
from dataclasses import replace
from enum import Enum, auto

from callrec.domain.calls import bridges
from callrec.domain.calls.commands import AskApplication
from callrec.domain.calls.events import ApplicationTold, DeadlinePassed, Event, LegGone, ResyncEnded, Wait
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.journal import Step
from callrec.domain.calls.legs.undecodable_legs import note_audio
from callrec.domain.calls.model import ROUNDING_S, Leg, LegAudio, Party
from callrec.domain.calls.policy import Decision, Follow, RecordApplications, decide
from callrec.domain.calls.recordings import write
from callrec.domain.calls.session import ACTIVE, APPLICATION, Alone, Change, Session, State
from callrec.domain.calls.states import Trigger, apply
from callrec.domain.calls.transitions import Cause
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import AgiScript

ASK_AGAIN_S = 0.05
PATIENCE_S = 1.0
"""After so long on the way an application has taken the call, whatever it is called. So long an answer is waited for, too."""
_ON_THE_WAY = frozenset((
    "", "answer", "set", "mset", "gosub", "gosubif", "return", "goto", "gotoif", "exec", "execif", "noop", "verbose",
    "log", "ringing", "progress", "userevent", "system", "trysystem", "macro", "stackpop",
))  # fmt: skip
_CONNECTS = frozenset((
    "dial", "retrydial", "followme", "page", "appdial", "appdial2", "appqueue", "bridge", "park", "parkedcall", "parkandannounce",
    "pickup", "pickupchan", "chanspy", "extenspy", "hangup", "busy", "congestion",
))  # fmt: skip
"""They connect or end a call. What they connect is a conversation; until then the user hears it ring. A supervisor listens to
other people's, which has its own rules."""
_AGI = frozenset(("agi", "eagi", "deadagi"))
_OURS = re.compile(rf"agi://[^/]*/(?:{'|'.join(AgiScript)})(?:,|$)")
_OWN_MAILBOX = "voicemailmain"
_PROMPTS = re.compile(r"callrec[/&]|/[^,&]*/callrec/[a-z0-9-]+(?:[,&]|$)")
"""Callrec's, and an operator's own in place of one of these (`adapters.disk.prompt_folder` has their paths)."""


class _Kind(Enum):
    """What an application is for a recording."""

    PARTNER = auto()
    ON_THE_WAY = auto()
    CONNECTS = auto()
    MAILBOX = auto()
    """The user's own."""
    PROMPT = auto()
    """Of callrec. Something else may follow."""


def ask_which_application(change: Change, event: Event) -> None:
    """After every event: ask what the application is that a user talks with who is to be recorded."""
    s = change.session
    leg = _candidate(s)
    if leg is None:
        s.sought = None
    elif s.sought is None and s.state is State.FAILED:  # it is asked when the recording is tried again
        s.sought = Alone(leg, change.happened)
    elif s.sought is None or s.sought.leg.id != leg.id or isinstance(event, LegGone):
        s.sought = Alone(leg, change.happened)
        _ask(change, leg)
    elif isinstance(event, ResyncEnded) or _is_due(change, event):
        _ask(change, leg)


def _ask(change: Change, leg: Leg) -> None:
    """Now, and again when no answer comes: a busy Asterisk must not cost the whole talk."""
    change.commands.append(AskApplication(leg.id))
    _ask_again(change, PATIENCE_S)


def _ask_again(change: Change, after_s: float) -> None:
    change.session.next_query_mono_s = change.now.mono_s + after_s
    change.arm(Wait.APPLICATION, after_s)


def _is_due(change: Change, event: Event) -> bool:
    """Whether the last armed deadline has come. One that was armed before it asks nothing, or each question would lead to two."""
    if not isinstance(event, DeadlinePassed):
        return False
    is_time = change.now.mono_s >= change.session.next_query_mono_s - ROUNDING_S
    return event.wait is Wait.RETRY or (event.wait is Wait.APPLICATION and is_time)


def on_application_told(change: Change, event: ApplicationTold) -> None:
    """Asterisk says what the leg runs."""
    s = change.session
    leg = _candidate(s)
    if leg is None or s.sought is None or leg.id != event.leg:
        return
    s.next_query_mono_s = math.inf
    length_s = change.now.mono_s - s.sought.since.mono_s
    is_all = s.terms.applications is RecordApplications.ALL
    match _kind(event.name, event.arguments):
        case _Kind.CONNECTS if len(s.legs) > 1:
            pass  # something rings; when it is gone, Asterisk is asked again
        case _Kind.CONNECTS:
            _ask_again(change, ASK_AGAIN_S if length_s < PATIENCE_S else PATIENCE_S)
        case _Kind.MAILBOX if not is_all:
            s.dialled_feature_code |= {leg.id}
        case _Kind.PROMPT if not is_all:  # what comes after it begins then
            s.sought, s.alone = replace(s.sought, since=change.now), s.alone and replace(s.alone, since=change.now)
            _ask_again(change, ASK_AGAIN_S)
        case _Kind.ON_THE_WAY if length_s < PATIENCE_S or event.name.lower() in _AGI:
            _ask_again(change, ASK_AGAIN_S)
        case _:
            if event.rate_hz:
                note_audio(change, leg.id, LegAudio(event.rate_hz, event.undecodable))
            if length_s > 2 * PATIENCE_S and not s.failures:  # its beginning was not seen: it was the answer
                change.happened = s.sought.since
            s.changed_mono_s = change.now.mono_s
            note_application(change, leg)
            apply(change, Trigger.START, Cause(leg=leg, origin=decide([leg]).origin))


def note_application(change: Change, leg: Leg) -> None:
    """From here on this leg and its application are recorded. The application is listed by what the leg dialled."""
    s = change.session
    s.application = leg.id
    s.parties = bridges.join(s.parties, leg, change.happened.utc_s)
    is_listed = any(party.leg == application_leg(leg) and party.to_s is None for party in s.parties)
    if leg.dialled and not is_listed:
        s.parties = (*s.parties, Party(application_leg(leg), None, leg.dialled, "", change.happened.utc_s))


def end_application(change: Change, legs: list[Leg], decision: Decision) -> None:
    """The application has connected the call: the recording goes on if policy wants that conversation, too."""
    s = change.session
    own = next((leg for leg in legs if leg.id == s.application), None)
    if own is None:
        return
    s.application = None
    s.parties = bridges.part(s.parties, {application_leg(own)}, change.happened.utc_s)
    is_by_policy = s.recording is not None and s.recording.rule is Rule.ALWAYS and s.recording.actor.user is None
    if is_by_policy and s.state in ACTIVE and decision.rule is not Rule.ALWAYS and s.terms.follow is Follow.USER:
        apply(change, Trigger.STOP)
    else:
        write(change, Step.CHANGED)  # a daemon that is started later must not take it for a talk with an application


def application_leg(leg: Leg) -> LegId:
    """The name of what this leg dialled, in the place of a leg."""
    return LegId(f"{APPLICATION}{leg.dialled}")


def is_with_application(session: Session, leg: LegId) -> bool:
    """Whether this leg may talk with an application: it is the only answered one of a call without a conversation."""
    one = _alone(session)
    return one is not None and one.id == leg


def _candidate(session: Session) -> Leg | None:
    """The leg that may talk with an application, and whose user a rule records then."""
    leg = _alone(session)
    if leg is None or session.state not in (State.IDLE, State.FAILED) or decide([leg]).rule is not Rule.ALWAYS:
        return None
    is_served = leg.id in session.dialled_feature_code and session.terms.applications is not RecordApplications.ALL
    return None if is_served or leg.id in session.recorded_by_dialplan else leg


def _alone(session: Session) -> Leg | None:
    if session.had_conversation or session.terms.applications is RecordApplications.NONE:
        return None
    up = [leg for leg in session.legs.values() if not leg.is_local and leg.id in session.answered_legs]
    return up[0] if len(up) == 1 and up[0].id not in session.parked else None


def _kind(name: str, arguments: str) -> _Kind:
    name = name.lower()
    if name in _AGI and _OURS.match(arguments):
        return _Kind.ON_THE_WAY
    if name == _OWN_MAILBOX:
        return _Kind.MAILBOX
    if _PROMPTS.match(arguments):
        return _Kind.PROMPT
    if name in _CONNECTS:
        return _Kind.CONNECTS
    return _Kind.ON_THE_WAY if name in _ON_THE_WAY else _Kind.PARTNER
