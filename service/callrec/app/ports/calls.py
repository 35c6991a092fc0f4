"""What the use cases need of the outside. Adapters provide it; `wiring` joins them.

Every method that can fail raises one of the four kinds of `domain.errors`; every method that waits is bounded by its adapter.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from callrec.domain.calls.captures.rtp_counts import RtpCount
from callrec.domain.calls.events import Played
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.journal import Entry
from callrec.domain.calls.model import Capture, Instant, Leg, LegAudio, Signal, Told
from callrec.domain.directory.directory import Party
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.library.file_names import CaptureFile, FallbackFile
from callrec.domain.rules import PlaceKind, PlaceRule, Rule
from callrec.domain.vocabulary import Outcome


class Clock(Protocol):
    """The time of this machine."""

    def now(self) -> Instant:
        """This moment."""
        ...


class Ids(Protocol):
    """New ids."""

    def new_call(self) -> str:
        """26 characters, lower case letters and digits, unique for ever, sortable by time."""
        ...


class Journal(Protocol):
    """The log of what is being recorded, on a disk, before it is done."""

    async def append(self, entry: Entry) -> None:
        """Return when the entry is on disk (fsync). Raises Unavailable when it cannot be, and then for every later entry too
        until the journal is reopened: after a failed fsync it is unknown what the disk holds."""
        ...

    def live(self) -> Sequence[Entry]:
        """The last entry of each recording that is not finished, oldest recording first."""
        ...


class JournalFile(Protocol):
    """The journal's file, which takes nothing more after a failed write until it is opened again."""

    @property
    def broken(self) -> str:
        """Why the journal takes nothing; empty when it does."""
        ...

    async def reopen(self) -> None:
        """Open the file again. Raises Unavailable when the disk still refuses."""
        ...


class Recorder(Protocol):
    """Asterisk's recorder, one leg at a time."""

    async def start(self, capture: Capture, rule: Rule) -> str:
        """Start the capture, set its id and rule on the leg (a partner capture's in variables of their own), return the
        MixMonitorID. Only the spool shows that files exist."""
        ...

    async def stop(self, capture: Capture) -> None:
        """Stop exactly this capture. Does nothing for a leg that has hung up: its MixMonitor has ended with it."""
        ...

    async def mute(self, capture: Capture, *, muted: bool, since_s: float | None = None) -> None:
        """Write silence in place of the voice, or the voice again; the timeline continues. Returns when Asterisk has confirmed
        it, or the leg has hung up. `since_s`: noted on the leg before it is muted. Raises Refused too when it is not known
        which recorder this is."""
        ...

    async def mixmonitor_of(self, capture: Capture) -> str:
        """The MixMonitorID that the leg's note has for this capture; empty when the note is of another one, or the leg is gone.
        Raises CallrecError when Asterisk cannot be asked."""
        ...


class LegNotes(Protocol):
    """What callrec writes on a leg, for the dialplan without the daemon and for a daemon that starts later."""

    async def note_pause(self, legs: Sequence[LegId], since_s: float | None) -> None:
        """Note on the legs that their call is paused since then (Unix time), for the dialplan without the daemon and for a daemon
        that starts later; None removes the note."""
        ...

    async def paused_since_s(self, leg: LegId) -> float | None:
        """That note; None where there is none, or the leg is gone. Raises CallrecError when Asterisk cannot be asked."""
        ...

    async def note_opt_out(self, leg: LegId) -> None:
        """Note on the leg that its participant has opted out, for the dialplan without the daemon and for a daemon that starts
        later."""
        ...

    async def has_opted_out(self, leg: LegId) -> bool:
        """Whether it carries that note. Raises CallrecError when Asterisk cannot be asked."""
        ...

    async def recorder_on(self, leg: LegId) -> str:
        """The MixMonitorID that is noted on the leg; empty when there is none, or the leg is gone."""
        ...

    async def capture_on(self, leg: LegId) -> tuple[CaptureId, Rule] | None:
        """The capture and its rule in the leg's variables; None when callrec's daemon did not start the MixMonitor."""
        ...

    async def note_made(self, leg: LegId) -> None:
        """Note on the leg that it has made its call although Asterisk dialled it, for a daemon that starts later."""
        ...

    async def has_made(self, leg: LegId) -> bool:
        """Whether that note is on the leg."""
        ...

    async def note_place(self, leg: LegId, place: str) -> None:
        """Note on the leg where its call came in, for a daemon that starts later: no later event tells."""
        ...

    async def place_on(self, leg: LegId) -> str:
        """That note; empty where there is none. Raises CallrecError when Asterisk cannot be asked."""
        ...

    async def note_queue(self, leg: LegId, queue: str) -> None:
        """Note on the leg of a queue's caller in which queue they have talked, for a daemon that starts after a transfer; empty:
        remove it."""
        ...

    async def queue_on(self, leg: LegId) -> str:
        """That note; empty where there is none. Raises CallrecError when Asterisk cannot be asked."""
        ...


class LegStatus(Protocol):
    """What Asterisk can be asked about a leg."""

    async def came_in_at(self, leg: LegId, channel: str) -> str | None:
        """The same without a note, from what Asterisk knows of the leg that made the call: `2050@from-extern`, `@from-extern` if
        nothing was dialled; None where it does not tell. Raises CallrecError when Asterisk cannot be asked."""
        ...

    async def is_holding(self, leg: LegId) -> bool:
        """Whether the leg has put the others on hold."""
        ...

    async def application_on(self, leg: LegId) -> tuple[str, str]:
        """Which application the leg runs now, and its arguments; empty when it runs none, or is gone."""
        ...

    async def packets(self, leg: LegId) -> int | None:
        """How many RTP packets the leg has received and sent since it began, in sum; None when its technology does not count."""
        ...

    async def rtp_count(self, leg: LegId) -> RtpCount | None:
        """What is counted of the RTP that the leg's phone has sent; None when its technology does not count, or it is gone."""
        ...

    async def largest_delay_s(self, leg: LegId) -> float | None:
        """By how much one packet of the leg's phone was late at most, by the largest jitter; None when that is not counted."""
        ...

    async def tell_last_counts(self, leg: LegId) -> None:
        """Have the dialplan tell what was counted of the leg's RTP when it hangs up, as far as it can. Raises CallrecError when
        Asterisk cannot be asked."""
        ...

    async def audio(self, leg: LegId) -> LegAudio:
        """The rate of the leg's audio (8000, or 16000 when it is wider), and whether Asterisk decodes its codec."""
        ...

    async def sends_fax(self, leg: LegId) -> bool:
        """Whether the leg has gone on with a fax (T.38) in place of audio."""
        ...


class Spool(Protocol):
    """The folder where Asterisk writes the legs. Local disk."""

    def path(self, capture: Capture, side: str) -> str:
        """Absolute path of the capture's file for `read` or `write`."""
        ...

    def capture_files(self, capture: CaptureId) -> CaptureFiles | None:
        """The capture's files as they are now; None without any."""
        ...

    def written_ago_s(self, capture: CaptureId) -> float:
        """How long ago Asterisk last wrote to the capture's files, by the current clock; 0 when unknown."""
        ...

    def block(self, capture: Capture) -> bool:
        """Take the names of the capture's files, so that no recorder can open them any more. False when a file is there already:
        a recorder has begun. Raises Unavailable when the disk refuses."""
        ...

    def captured_files(self) -> Sequence[CaptureFiles]:
        """Every capture with a file, without files that the disk refuses to read: `oddities` has those."""
        ...

    def kept(self) -> Sequence[tuple[str, int]]:
        """The files that were put aside: names and bytes. Raises Unavailable when the folder cannot be read."""
        ...

    def unreadable(self, capture: CaptureId | None = None) -> str:
        """The reason why a capture file (of this capture, or any) is unreadable, with its owner; empty when all are readable."""
        ...

    def oddities(self) -> Sequence[tuple[str, str]]:
        """Each entry of the folder that is not a capture file, and the reason: a link or a pipe with such a name, an unreadable
        file, a foreign name. Hidden names and files that were put aside are left out."""
        ...

    def fallback(self) -> Sequence[FallbackFile]:
        """Fallback captures (by the dialplan without the daemon), oldest first. Slow in a large folder."""
        ...

    def has(self, file: FallbackFile) -> bool:
        """Whether a side of this capture still has its dialplan name."""
        ...

    def adopt(self, file: FallbackFile, capture: CaptureId) -> None:
        """Rename both sides of a fallback capture to this capture's names, also while they are written. Skips a side that is
        renamed already or missing. Never overwrites. Durable when it returns."""
        ...

    def silent_samples(self, file: CaptureFile, from_sample: int) -> int:
        """How many samples of digital silence (zeros) this file has from there on without interruption. Raises Unavailable."""
        ...

    def silences(
        self, file: CaptureFile, from_sample: int, to_sample: int, least_samples: int
    ) -> Sequence[tuple[int, int]]:
        """The stretches of digital silence of at least this length which begin between these samples, as from and to in samples,
        in order. The last is told to its end, one that goes on at `from_sample` from there. Raises Unavailable."""
        ...

    def drop(self, capture: CaptureId) -> None:
        """Remove the capture's files: called when the recording is stored, never before."""
        ...

    def keep(self, capture: CaptureId) -> None:
        """Put the capture's files aside for an operator: finalizing and resync ignore them from then on. Never overwrites."""
        ...


class Announcer(Protocol):
    """Tones into a live call."""

    @property
    def is_up(self) -> bool:
        """Whether the announcer can play now; otherwise the dialplan plays."""
        ...

    async def play(
        self, leg: LegId, what: Outcome | Told | Signal, language: str = "", way: LegId | None = None
    ) -> Played:
        """Play an outcome, that they are recorded, or a beep to this leg alone, mixed with the conversation; return at the end of
        its playback, with what proves that it was heard. `way`: the partner in whose voice it has to be (`whispers`). Raises
        Unavailable, Refused."""
        ...


class Endpoints(Protocol):
    """Where users are found."""

    def by_endpoint(self, name: str) -> Party | None:
        """The user and line behind an endpoint's name."""
        ...

    def language_at(self, context: str, exten: str) -> str:
        """The language of an incoming number, as Asterisk names its sound folders; empty where it has none."""
        ...

    def rules_at(self, context: str, exten: str) -> tuple[PlaceRule, ...]:
        """What is said of calls that come to this number, and to its context, for their recording."""
        ...

    def has_rules_at(self) -> bool:
        """Whether any number or context has a rule."""
        ...

    def rule_of(self, kind: PlaceKind, name: str) -> PlaceRule | None:
        """What is said of calls at this trunk, queue or conference."""
        ...

    def has_rule_of(self, *kinds: PlaceKind) -> bool:
        """Whether any place of these kinds has a rule."""
        ...


class Places(Protocol):
    """At which queue or conference legs are, by what they run."""

    @property
    def needs_places(self) -> bool:
        """Whether any rule needs to know it."""
        ...

    def runs(self, leg: LegId, application: str, arguments: str) -> Sequence[Leg]:
        """Asterisk says what this leg runs. Returns the legs to which other rules apply now."""
        ...

    def rule_at(self, leg: LegId) -> PlaceRule | None:
        """What is said of the queue or the conference where this leg is."""
        ...

    def unnoted_queues(self, leg: LegId) -> Mapping[LegId, str]:
        """By leg, the queue that is to be noted there (`Recorder.note_queue`) and is not: of this leg, and of the phones for
        which it is half of a Local channel."""
        ...

    def queue_noted(self, leg: LegId, queue: str) -> None:
        """This queue is noted on the leg."""
        ...

    def opt_out(self, legs: Collection[LegId]) -> None:
        """The participants of these legs have opted out of being recorded, until they hang up."""
        ...
