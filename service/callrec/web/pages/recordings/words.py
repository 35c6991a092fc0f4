"""The words for what a recording is, and for what happened in it."""

from collections.abc import Mapping

from callrec.domain.calls.model import NotHeard
from callrec.domain.library.call_direction import CallDirection
from callrec.domain.library.manifest import Format, StoredState
from callrec.domain.library.marks import MarkKind
from callrec.domain.library.search_keys import Heard
from callrec.domain.library.search_pages import Sort
from callrec.domain.rules import Rule
from callrec.web.pages.languages import N_

DIRECTIONS: Mapping[str, str] = {
    CallDirection.INTERNAL: N_("internal"),
    CallDirection.INCOMING: N_("incoming"),
    CallDirection.OUTGOING: N_("outgoing"),
    CallDirection.UNKNOWN: N_("unknown"),
}
RULES: Mapping[str, str] = {
    Rule.ALWAYS: N_("always"),
    Rule.ON_DEMAND: N_("on demand"),
    Rule.NEVER: N_("never"),
}
STATES: Mapping[str, str] = {
    StoredState.SOUND: N_("complete"),
    StoredState.PARTIAL: N_("partial"),
    StoredState.FAILED: N_("failed"),
    StoredState.UNANSWERED: N_("not answered"),
    StoredState.ADOPTED: N_("adopted"),
}
PLAYED = frozenset(Format)
"""What browsers play; other formats are sent as WAV."""
HEARD: Mapping[str, str] = {
    Heard.YES: N_("all have heard it"),
    Heard.NO: N_("not proven for all"),
    Heard.NONE: N_("nothing was announced"),
}
SORTS: Mapping[str, str] = {
    Sort.NEWEST: N_("newest first"),
    Sort.OLDEST: N_("oldest first"),
    Sort.LONGEST: N_("longest first"),
    Sort.SHORTEST: N_("shortest first"),
}
MARKS: Mapping[str, str] = {
    MarkKind.JOINED: N_("joins"),
    MarkKind.LEFT: N_("leaves"),
    MarkKind.ANNOUNCEMENT: N_("announcement"),
    MarkKind.PAUSE: N_("pause"),
    MarkKind.MISSING: N_("sound is missing"),
    MarkKind.SILENCE: N_("silence"),
    MarkKind.HOLD: N_("on hold"),
    MarkKind.RINGING: N_("ringing"),
    MarkKind.MUSIC: N_("music"),
    MarkKind.PARKED: N_("parked"),
    MarkKind.ABSENT: N_("recorded user away"),
    MarkKind.ANNOUNCING: N_("being announced"),
}
NOT_HEARD: Mapping[str, str] = {
    NotHeard.UNFINISHED: N_("its end was not seen"),
    NotHeard.NO_RTP_IN: N_("their phone sent nothing meanwhile"),
    NotHeard.NO_RTP_OUT: N_("too little of it reached their phone"),
    NotHeard.ON_HOLD: N_("they held the call"),
    NotHeard.NOT_ANNOUNCED: N_("nothing was played to them"),
}
CAUSES: Mapping[str, str] = {
    "asterisk-died": N_("Asterisk ended during the call"),
    "file-not-opened": N_("Asterisk opened no file"),
    "unanswered": N_("the call was not answered"),
    "gap": N_("the recorder was late"),
    "rtp-gap": N_("no packets arrived"),
    "deaf-leg": N_("the recorder could not hear the phone"),
    "stalled": N_("the file did not grow"),
    "late-packets": N_("packets came late"),
    "packet-loss": N_("packets were lost"),
    "unproven-pause": N_("the pause was not confirmed"),
    "link-down": N_("the link to Asterisk was down"),
    "daemon-away": N_("callrec could not see the call"),
    "not-covered": N_("nothing captured it"),
    "supervisor": N_("a supervisor spoke"),
}
"""Those that are often met, in words; all others are shown as they are (docs/errors.md)."""
