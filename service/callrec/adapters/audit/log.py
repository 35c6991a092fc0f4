"""The audit log of a node: an append-only Merkle log in one folder, with one writer.

An entry is on disk when its line in `waiting` is flushed; entries that arrive meanwhile share the next flush. About half a
second later they are moved into the log's own files: bundles and tiles, the texts beside it, and then a checkpoint that is
signed. A crash at any point leaves all confirmed entries, in their order: those that the newest checkpoint does not speak of
stand in `waiting`.

    lock          of the one writer: the daemon, or without one a command
    key           the private key, mode 600
    beginning     from before the key is made until the first checkpoint is on disk
    waiting       entries that no checkpoint speaks of yet
    texts.db      what the digests in the entries stand for
    the rest      `log_files`

When the disk refuses, nothing is confirmed, and the next entry tries again. A log that is damaged refuses every entry, and so
does one whose key is there without its files.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from callrec.adapters.audit.log_files import CHECKPOINT, DRAFT, LogFiles
from callrec.adapters.audit.personal_texts import PersonalTexts
from callrec.adapters.audit.signing_key import change_key, has_begun, is_beginning, key_changes, signing_key
from callrec.adapters.audit.waiting_file import WaitingFile
from callrec.adapters.audit.witness import Witness
from callrec.adapters.disk.fsync import on_disk
from callrec.adapters.lock import FileLock
from callrec.app.ports.calls import Clock
from callrec.domain.access.audit import (
    BACK_MS,
    Action,
    Actor,
    ActorKind,
    AuditEntry,
    TextField,
    WaitingEntry,
    as_logged,
)
from callrec.domain.errors import CallrecError, Corrupt, Misconfigured, Unavailable
from callrec.protocols.audit_entries import decode_entry, encode_entry
from callrec.protocols.checkpoints import Checkpoint, VerifierKey, note_signed_by, signed
from callrec.protocols.log_tiles import WIDTH, RightEdge, TileName, bundle_of, right_edge, tile_with
from callrec.protocols.merkle_tree import leaf_hash

log = logging.getLogger(__name__)

T = TypeVar("T")
FOLDER = "audit"
_WAITING = 10_000
"""The most entries that wait for the disk or for their tiles; further ones are refused."""
_RESERVED = 1000
"""Places among these that only entries of stored recordings take: who asks for much must not keep a recording from being
finished."""
_SLICE = 100
"""The most entries of one caller that are logged at once: encoding them stops the event loop, for 1 to 2 ms."""
_ROTATE_BYTES = 256 << 10
_SALT_BYTES = 16
_PATIENCE_S, _LOOK_S = 3.0, 0.02
"""How long to wait for the lock, and how often to look."""


class DiskAuditLog:
    """Implements `app.ports.access.AuditLog`. `open` before the first `append`, `close` at the end.

    `checkpoint` is told each step that a crash could follow.
    """

    def __init__(
        self,
        folder: Path,
        origin: str,
        clock: Clock,
        *,
        witness: Witness | None = None,
        timeout_s: float = 10.0,
        integrate_after_s: float = 0.5,
        checkpoint: Callable[[str], None] = lambda _step: None,
    ) -> None:
        self._folder, self._origin, self._clock, self._witness = folder, origin, clock, witness
        self._timeout_s, self._integrate_after_s, self._checkpoint = timeout_s, integrate_after_s, checkpoint
        self._files, self._texts, self._file = LogFiles(folder), PersonalTexts(folder), WaitingFile(folder)
        self._lock = FileLock(folder / "lock")
        self._appending = ThreadPoolExecutor(1, thread_name_prefix="audit")
        self._integrating = ThreadPoolExecutor(1, thread_name_prefix="audit-tiles")
        self._edge = RightEdge()
        self._bundle: list[bytes] = []
        self._confirmed: list[WaitingEntry] = []
        self._next, self._last_ms = 0, 0
        self._unwritten: list[tuple[Sequence[AuditEntry], asyncio.Future[None]]] = []
        self._unconfirmed = 0
        """Entries that wait for the disk, with those that are being written."""
        self._writer: asyncio.Task[None] | None = None
        self._integrator: asyncio.Task[None] | None = None
        self._refusing: CallrecError | None = Unavailable("audit-closed", "the audit log is not open")
        self._may_open = False
        """Whether opening failed for a reason that may pass."""
        self._behind = ""

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._folder

    @property
    def broken(self) -> str:
        """Why entries are refused, or not moved into the log's files; empty when all is well."""
        return str(self._refusing or "") or self._behind

    def open(self) -> None:
        """Lock the folder, and continue the log that is in it. Blocking.

        Raises Misconfigured when another process has it, or its key is missing; Corrupt when the log is damaged; then `append`
        refuses with this error. Raises Unavailable for an error of the disk; then `append` tries again.
        """
        try:
            with on_disk(f"audit log {self._folder}"):
                self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
                if not self._locked():
                    hint = "stop the other daemon, or give this one its own CALLREC_STATE_DIR"
                    raise Misconfigured("audit-locked", f"another callrec writes {self._folder}", hint=hint)
                self._key, self._sign = signing_key(self._folder, self._origin)
                self._continue()
        except CallrecError as error:
            self._refusing, self._may_open = error, isinstance(error, Unavailable)
            raise
        self._refusing, self._may_open = None, False

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Log these; they are on disk on return. Raises Unavailable; Corrupt, Misconfigured when the log could not be opened.

        Many are logged in slices, between which other callers have their turn; each slice waits until the log is at most half
        full. After an error the first slices may be in the log.
        """
        for at in range(0, len(entries), _SLICE):
            if len(entries) >= _SLICE:
                await self._empty_by_half()
            await self._append(entries[at : at + _SLICE])

    async def _append(self, entries: Sequence[AuditEntry]) -> None:
        if self._may_open:
            await self._on(self._appending, self._open_again)
        if self._refusing is not None:
            raise _same(self._refusing)
        most = _WAITING if all(one.action is Action.STORED for one in entries) else _WAITING - _RESERVED
        if self._places_taken + len(entries) > most:
            says = self._behind or f"{self._places_taken} entries wait for the disk"
            raise Unavailable("audit-full", says, hint="look at the disk's health and its free space")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unwritten.append((entries, done))
        self._unconfirmed += len(entries)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="audit")
        try:
            async with asyncio.timeout(self._timeout_s):
                await done
        except TimeoutError:
            raise Unavailable("audit-slow", f"the disk took more than {self._timeout_s:g} s") from None

    @property
    def _places_taken(self) -> int:
        return self._unconfirmed + len(self._confirmed)

    async def _empty_by_half(self) -> None:
        """When more than half of the log's places are taken: move what is confirmed into tiles now. Raises Unavailable."""
        if self._refusing is None and self._places_taken > _WAITING // 2:
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._integrate()
            except TimeoutError:
                raise Unavailable("audit-slow", f"the disk took more than {self._timeout_s:g} s") from None

    async def settle(self) -> None:
        """Return when a checkpoint speaks of all confirmed entries. Raises Unavailable."""
        await self._integrate()

    async def change_key(self, by: Actor) -> VerifierKey:
        """Sign with a new key from now on; the former one has signed for it, and is destroyed. The log has an entry. Raises
        Unavailable."""
        await self.append([AuditEntry(Action.SETTINGS_CHANGED, by, subject=f"key:{self._key.id.hex()}")])
        await self._integrate()

        def change() -> None:
            self._key, self._sign = change_key(self._folder, self._key, self._edge.size, self._edge.root())
            self._checkpoint("key")
            self._sign_checkpoint(self._edge)

        await self._on(self._integrating, change)
        return self._key

    async def forget(self, digests: Sequence[str]) -> int:
        """Destroy the texts of these digests; returns how many there were. Nothing is left of them in this folder. Raises
        Unavailable."""
        await self._integrate()
        await self._rotate()
        return await self._on(self._integrating, lambda: self._texts.forget(digests))

    async def forget_about(self, recordings: Collection[str], words: Collection[str]) -> int:
        """Destroy the reasons and details of entries about these recordings (but of their erasure), and each text that has one
        of these words (numbers, names); returns how many there were. Raises Unavailable, Corrupt."""
        await self._integrate()
        await self._rotate()
        return await self._on(self._integrating, lambda: self._texts.forget_about(recordings, words))

    async def close(self) -> None:
        """Write what waits, sign a last checkpoint, and unlock the folder."""
        was_open, self._may_open = self._refusing is None, False
        self._refusing = self._refusing or Unavailable("audit-closed", "the audit log is closed")
        if was_open:
            if self._writer is not None:
                await asyncio.wait([self._writer], timeout=self._timeout_s)
            with contextlib.suppress(CallrecError, TimeoutError):  # the next start does it
                async with asyncio.timeout(self._timeout_s):
                    await self._integrate()
        if self._integrator is not None:
            self._integrator.cancel()
        if self._witness is not None:
            await asyncio.to_thread(self._witness.close, self._timeout_s)
        self._appending.shutdown(wait=False)
        self._integrating.shutdown(wait=False)
        self._file.close()
        self._lock.release()

    def _locked(self) -> bool:
        """Lock the folder. A command that logs what it does holds the lock for an instant."""
        ends_s = time.monotonic() + _PATIENCE_S
        while not (self._lock.holds() or self._lock.take()):
            if time.monotonic() > ends_s:
                return False
            time.sleep(_LOOK_S)
        return True

    def _open_again(self) -> None:
        if self._may_open:  # another task may have done it
            self.open()

    def _continue(self) -> None:
        """Read where the log ends, and what waits. Raises OSError, CallrecError."""
        for draft in self._folder.glob(f"*{DRAFT}"):
            draft.unlink()
        if self._files.is_new() and is_beginning(self._folder):
            self._sign_checkpoint(RightEdge())
        reached = self._files.checkpoint(self._key, key_changes(self._folder))
        has_begun(self._folder)
        self._edge = right_edge(reached.size, self._files.hashes)
        if self._edge.root() != reached.root:
            hint = "callrec verify says what is damaged; restore the folder from a backup"
            raise Corrupt("audit-tile", f"the tiles in {self._folder} are not those of the checkpoint", hint=hint)
        if not note_signed_by(self._files.note() or b"", self._key):  # the key was changed, and its process ended
            self._sign_checkpoint(self._edge)
        width = reached.size % WIDTH
        self._bundle = self._files.entries(TileName(None, reached.size // WIDTH, width)) if width else []
        waiting = [one for one in self._file.read() if one.index >= reached.size]
        if [one.index for one in waiting] != list(range(reached.size, reached.size + len(waiting))):
            hint = "restore the folder from a backup, or move it away: then a new log begins"
            raise Corrupt(
                "audit-waiting", f"entries are missing between checkpoint and {self._folder}/waiting", hint=hint
            )
        self._confirmed = waiting
        self._next, self._last_ms = reached.size + len(waiting), self._time_of_the_last(reached)
        self._file.begin_anew(waiting)

    def _time_of_the_last(self, reached: Checkpoint) -> int:
        if self._confirmed:
            return decode_entry(self._confirmed[-1].entry.encode()).time_ms
        if not reached.size:
            return 0
        bundle = self._bundle or self._files.entries(tile_with(None, reached.size - 1, reached.size))
        return decode_entry(bundle[-1]).time_ms

    async def _write(self) -> None:
        """Log all that is asked for with one flush, until nothing is."""
        while self._unwritten:
            batch, self._unwritten = self._unwritten, []
            entries, now_ms = self._waiting_entries([one for some, _ in batch for one in some])
            error: CallrecError | None = None
            try:
                await self._on(self._appending, partial(self._commit, entries))
            except CallrecError as refusal:
                log.warning("audit log: %s", refusal)
                error = refusal
            else:
                self._confirmed.extend(entries)
                self._next, self._last_ms = self._next + len(entries), now_ms
                if self._integrator is None or self._integrator.done():
                    self._integrator = asyncio.create_task(self._integrate_soon(), name="audit-tiles")
            finally:
                self._unconfirmed -= sum(len(some) for some, _ in batch)
            for _, done in batch:
                if not done.done():
                    done.set_exception(_same(error)) if error else done.set_result(None)

    def _waiting_entries(self, entries: Sequence[AuditEntry]) -> tuple[list[WaitingEntry], int]:
        """The entries with their places in the log, and their time. A clock that was set back is told before them."""
        now_ms = int(self._clock.now().utc_s * 1000)
        back_ms = self._last_ms - now_ms
        if back_ms > BACK_MS:
            says = f"by {back_ms / 1000:.3f} s"
            entries = [AuditEntry(Action.CLOCK_SET_BACK, Actor(ActorKind.DAEMON), details=says), *entries]
        waiting: list[WaitingEntry] = []
        for index, entry in enumerate(entries, start=self._next):
            logged, texts = as_logged(entry, now_ms, lambda: secrets.token_hex(_SALT_BYTES))
            waiting.append(WaitingEntry(index, encode_entry(logged).decode(), texts))
        return waiting, now_ms

    def _commit(self, entries: Sequence[WaitingEntry]) -> None:
        with on_disk(f"audit log {self._folder}"):
            self._file.append(entries)
        self._checkpoint("waiting")

    async def _rotate(self) -> None:
        """Have only what no checkpoint speaks of in `waiting`. Raises Unavailable."""
        reached = self._edge.size

        def drop() -> None:
            with on_disk(f"audit log {self._folder}"):
                self._file.drop_before(reached)
            self._checkpoint("rotated")

        await self._on(self._appending, drop)

    async def _integrate_soon(self) -> None:
        while self._confirmed:
            await asyncio.sleep(self._integrate_after_s)
            try:
                await self._integrate()
            except CallrecError as error:
                if not self._behind:
                    log.error("audit log: entries are on disk, but no checkpoint speaks of them: %s", error)  # noqa: TRY400 - expected
                self._behind = str(error)

    async def _integrate(self) -> None:
        """Move what is confirmed into the log's files. Raises Unavailable; then all stays as it is, and is tried again."""
        waiting = list(self._confirmed)
        if waiting:
            await self._on(self._integrating, partial(self._move, waiting))
            self._confirmed = [one for one in self._confirmed if one.index >= self._edge.size]
        self._behind = ""
        if self._file.bytes > _ROTATE_BYTES:
            await self._rotate()

    def _move(self, waiting: Sequence[WaitingEntry]) -> None:
        """Bundles, tiles, texts; when all are on disk, the checkpoint."""
        edge, bundle = self._edge.copy(), list(self._bundle)
        files: list[tuple[TileName, bytes]] = []
        for one in waiting:
            if one.index < edge.size:  # another task has moved it meanwhile
                continue
            entry = one.entry.encode()
            bundle.append(entry)
            files.extend(edge.add(leaf_hash(entry)))
            if len(bundle) == WIDTH:
                files.append((TileName(None, edge.size // WIDTH - 1), bundle_of(bundle)))
                bundle = []
        if edge.size == self._edge.size:
            return
        full = [name for name, _ in files]
        if bundle:
            files.append((TileName(None, edge.size // WIDTH, len(bundle)), bundle_of(bundle)))
        files.extend(edge.partial())
        for name, content in files:
            self._files.put(name.path, content)
            self._checkpoint(f"file-{name.path}")
        self._files.sync([name.path for name, _ in files])
        self._texts.put([row for one in waiting for row in one.texts], _about(waiting))
        self._checkpoint("texts")
        self._sign_checkpoint(edge)
        self._edge, self._bundle = edge, bundle
        for name in full:
            self._files.drop_partial(name)
        self._checkpoint("integrated")

    def _sign_checkpoint(self, edge: RightEdge) -> None:
        note = signed(Checkpoint(self._key.name, edge.size, edge.root()), self._key, self._sign)
        self._files.put(CHECKPOINT, note)
        self._checkpoint(f"checkpoint-{edge.size}")
        self._files.sync([CHECKPOINT])
        if self._witness is not None:
            self._witness.add(note)

    async def _on(self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, work)


def _about(waiting: Sequence[WaitingEntry]) -> dict[str, str]:
    """The digests of reasons and details about one recording, with its id. Who erased it, and why, stays; from where somebody
    listened, too."""
    about: dict[str, str] = {}
    for one in waiting:
        if one.texts:
            entry = decode_entry(one.entry.encode())
            if entry.recording and entry.action is not Action.ERASED:
                kinds = (TextField.REASON, TextField.DETAILS)
                about |= {entry.texts[kind]: entry.recording for kind in kinds if kind in entry.texts}
    return about


def _same(error: CallrecError) -> CallrecError:
    """A copy for each waiting task: one exception raised in many tasks would collect the tracebacks of all."""
    return type(error)(error.code, error.message, hint=error.hint)
