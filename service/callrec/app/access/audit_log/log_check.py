"""Is the log still what was logged? Every file is read, every hash is made again, and the checkpoint's signature is checked.

Each fault becomes a finding that names the entry, the tile or the file. Which of an entry and its hash is the damaged one, the
hash of the tile above tells, and at the right edge the checkpoint.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

from callrec.app.access.audit_log.stamp_check import checked_stamps
from callrec.app.access.audit_log.stored_entries import ANNOTATIONS, ANNOTATIONS_BEFORE
from callrec.app.library.catalog import Finding
from callrec.app.ports.access import LogReader
from callrec.domain.access.audit import BACK_MS, Action, LoggedEntry
from callrec.domain.errors import CallrecError, Corrupt
from callrec.protocols.audit_entries import decode_entry, time_text
from callrec.protocols.checkpoints import Checkpoint, VerifierKey
from callrec.protocols.key_changes import KeyChange, opened_by_any
from callrec.protocols.log_tiles import (
    WIDTH,
    TileName,
    nodes_of,
    right_edge,
    split,
    tile_name,
    tile_with,
    tiles_of,
)
from callrec.protocols.merkle_tree import leaf_hash, root_of, tree_root

_TILES_AT_HAND = 64


@dataclass
class CheckedLog:
    """What the log says, and what is wrong with it. `notes`: facts that an operator should know, and that are no fault."""

    size: int = 0
    """How many entries the checkpoint speaks of."""
    entries: list[tuple[int, LoggedEntry]] = field(default_factory=list)
    """Those about recordings, with their places: stored, adopted, encrypted and erased ones, oldest first."""
    annotated: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """By recording, the entries of changes of its notes, tags and holds, each with the digest of the file that it wrote."""
    unlogged_before: dict[str, int] = field(default_factory=dict)
    """By recording, the entry of the last change of a file that no change before had written."""
    changed_again: set[str] = field(default_factory=set)
    """Recordings of whose notes, tags and holds an entry says that there was a file before its change."""
    findings: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    first_ms: int | None = None
    """When the log began."""
    stamps: int = 0
    """How many of its states an authority has stamped."""
    stamped_ms: int = 0
    """When the last of these was stamped."""


_ABOUT_RECORDINGS = frozenset({Action.STORED, Action.ADOPTED, Action.ENCRYPTED, Action.ERASED})


def check_log(log: LogReader) -> CheckedLog:
    """Check the whole log. Blocking. Raises Unavailable when the folder cannot be read, Misconfigured when there is no log."""
    key = log.key()
    seen = CheckedLog()
    witnessed = log.witnessed()  # read before the checkpoint, which is then not older
    try:
        changes = log.key_changes()
        reached = opened_by_any(log.note() or b"", key, changes[-1:])
    except Corrupt as error:
        seen.findings.append(Finding(error.code, "checkpoint", error.message))
        return seen
    seen.size = reached.size
    clock = _Clock(seen)
    for name in (one for one in tiles_of(reached.size) if one.level is None):
        for index, entry in enumerate(_checked_bundle(log, name, reached, seen), start=name.index * WIDTH):
            _take(index, entry, seen, clock)
    _check_upper_tiles(log, reached, seen)
    is_sound = not seen.findings  # what is damaged itself shows nothing about the rest
    _check_other_files(log, reached, seen, is_sound=is_sound)
    _check_newer(log, reached, seen, clock)
    _check_key_changes(log, changes, reached, seen, is_sound=is_sound)
    _check_witness(log, key, reached, witnessed, seen, is_sound=is_sound)
    _check_stamps(log, changes, reached, seen, is_sound=is_sound)
    return seen


def _check_stamps(
    log: LogReader, changes: Sequence[KeyChange], reached: Checkpoint, seen: CheckedLog, *, is_sound: bool
) -> None:
    """Each state that an authority has stamped is one of this log's."""
    nodes = nodes_of(reached.size, lru_cache(_TILES_AT_HAND)(log.hashes))
    root = partial(tree_root, nodes) if is_sound else None
    right, findings, notes = checked_stamps(log, log.key(), changes, reached, root)
    seen.stamps, seen.stamped_ms = len(right), max((one.time_ms for one in right), default=0)
    seen.findings += findings
    seen.notes += notes


def _check_key_changes(
    log: LogReader, changes: Sequence[KeyChange], reached: Checkpoint, seen: CheckedLog, *, is_sound: bool
) -> None:
    """Each key was changed at a state that the log had."""
    nodes = nodes_of(reached.size, lru_cache(_TILES_AT_HAND)(log.hashes))
    for change in changes if is_sound else ():
        if change.size > reached.size or tree_root(nodes, change.size) != change.root:
            says = (
                f"the key was changed to {change.new.id.hex()} at {change.size} entries that are not those of this log"
            )
            seen.findings.append(Finding("audit-rewritten", "keys", says))


@dataclass
class _Clock:
    seen: CheckedLog
    last_ms: int = 0

    def show(self, index: int, entry: LoggedEntry) -> None:
        """A clock that was set back, told by the log itself or not."""
        back_ms, self.last_ms = self.last_ms - entry.time_ms, entry.time_ms
        if back_ms > BACK_MS:
            says = f"the clock was set back by {back_ms / 1000:.3f} s before entry {index} ({time_text(entry.time_ms)})"
            told = entry.action is Action.CLOCK_SET_BACK
            (self.seen.notes if told else self.seen.findings).append(Finding("clock-set-back", _bundle(index), says))


def _take(index: int, content: bytes, seen: CheckedLog, clock: _Clock) -> None:
    try:
        entry = decode_entry(content)
    except Corrupt as error:
        seen.findings.append(Finding(error.code, _bundle(index), f"entry {index}: {error.message}"))
        return
    seen.first_ms = entry.time_ms if seen.first_ms is None else seen.first_ms
    clock.show(index, entry)
    if entry.action in _ABOUT_RECORDINGS:
        seen.entries.append((index, entry))
    if any(one.part == ANNOTATIONS for one in entry.files):
        _take_annotations(index, entry, seen)


def _take_annotations(index: int, entry: LoggedEntry, seen: CheckedLog) -> None:
    """A change of notes, tags or holds: what it has written, and whether it was made of what a change before has written. A file
    that is missing is one of a first change that was broken off, until an entry has told of a file."""
    known = seen.annotated.setdefault(entry.recording, [])
    for one in entry.files:
        if one.part == ANNOTATIONS_BEFORE:
            is_known = any(digest == one.sha256 for _, digest in known)
            if known and not is_known and (one.bytes or entry.recording in seen.changed_again):
                seen.unlogged_before[entry.recording] = index
            if one.bytes:
                seen.changed_again.add(entry.recording)
    known += [(index, one.sha256) for one in entry.files if one.part == ANNOTATIONS]


def _checked_bundle(log: LogReader, name: TileName, reached: Checkpoint, seen: CheckedLog) -> Sequence[bytes]:
    """The entries of a bundle that fit their hashes, or at least those that are there."""
    tile = TileName(0, name.index, name.width)
    try:
        hashes: Sequence[bytes] = log.hashes(tile)
    except Corrupt as error:
        seen.findings.append(Finding(error.code, tile.path, error.message))
        hashes = ()
    try:
        entries = _entries_as_far_as_they_go(log, name, seen)
    except Corrupt as error:
        seen.findings.append(Finding(error.code, name.path, error.message))
        return ()
    leaves = [leaf_hash(entry) for entry in entries]
    if hashes and leaves != hashes:
        if len(leaves) == len(hashes) and _is_root_of(log, leaves, tile, reached):
            wrong = [nth for nth, pair in enumerate(zip(leaves, hashes, strict=True)) if pair[0] != pair[1]]
            says = (
                f"the hash of entry {tile.index * WIDTH + wrong[0]} is not that of the entry, which is as it was logged"
            )
            seen.findings.append(Finding("audit-tile", tile.path, says))
        else:
            seen.findings.extend(_differences(leaves, hashes, name))
    return entries


def _entries_as_far_as_they_go(log: LogReader, name: TileName, seen: CheckedLog) -> Sequence[bytes]:
    """The bundle's entries; when it has another number of them than its name says, those that it has. Raises Corrupt."""
    content, found = log.bundle(name)
    entries = split(content, found)
    if len(entries) != found.width:
        says = f"it has {len(entries)} entries in place of {found.width}"
        seen.findings.append(Finding("audit-bundle", name.path, says))
        return entries
    return entries[: name.width]


def _is_root_of(log: LogReader, leaves: Sequence[bytes], tile: TileName, reached: Checkpoint) -> bool:
    """Whether these leaves are the logged ones: by the hash in the tile above, or by the checkpoint when there is none."""

    def read(name: TileName) -> Sequence[bytes]:
        return leaves if name == tile else log.hashes(name)

    try:
        if tile.width == WIDTH:
            above = log.hashes(tile_with(1, tile.index, reached.size))
            return above[tile.index % WIDTH] == root_of(leaves)
        return right_edge(reached.size, read).root() == reached.root
    except Corrupt:
        return False


def _differences(leaves: Sequence[bytes], hashes: Sequence[bytes], name: TileName) -> Iterator[Finding]:
    """What was done to the entries of a bundle, by their hashes."""
    first = name.index * WIDTH
    differing = [nth for nth, pair in enumerate(zip(leaves, hashes, strict=False)) if pair[0] != pair[1]]
    if len(leaves) == len(hashes) and sorted(leaves) == sorted(hashes):
        which = ", ".join(str(first + nth) for nth in differing)
        yield Finding("audit-entry", name.path, f"entries {which} are not in the order in which they were logged")
        return
    missing = [first + nth for nth, one in enumerate(hashes) if one not in set(leaves)]
    added = [first + nth for nth, one in enumerate(leaves) if one not in set(hashes)]
    if len(leaves) < len(hashes) and not added:
        yield Finding("audit-entry", name.path, f"entries were removed: {', '.join(map(str, missing))}")
    elif len(leaves) > len(hashes) and not missing:
        yield Finding("audit-entry", name.path, f"entries were added: {', '.join(map(str, added))}")
    else:
        for index in added or missing:
            yield Finding("audit-entry", name.path, f"entry {index} is not the one that was logged")


def _check_upper_tiles(log: LogReader, reached: Checkpoint, seen: CheckedLog) -> None:
    """Each hash above level 0 is that of a full tile below, and all together lead to the root."""
    sound = not seen.findings
    for name in (one for one in tiles_of(reached.size) if one.level):
        assert name.level is not None  # noqa: S101 - for the type checker
        try:
            hashes = log.hashes(name)
        except Corrupt as error:
            seen.findings.append(Finding(error.code, name.path, error.message))
            continue
        for nth, one in enumerate(hashes):
            below = TileName(name.level - 1, name.index * WIDTH + nth)
            try:
                is_right = root_of(log.hashes(below)) == one
            except Corrupt:
                continue  # told where the tile itself is checked
            if not is_right and sound:
                seen.findings.append(Finding("audit-tile", name.path, f"hash {nth} in it is not that of {below.path}"))
    if not seen.findings and reached.size and right_edge(reached.size, log.hashes).root() != reached.root:
        says = f"the {reached.size} entries are not those that the checkpoint was signed for: the log was rewritten"
        seen.findings.append(Finding("audit-rewritten", "checkpoint", says))


def _check_other_files(log: LogReader, reached: Checkpoint, seen: CheckedLog, *, is_sound: bool) -> None:
    """Beside the files of the checkpoint there may be those of former and of coming ones, and nothing else."""
    due = {name.path for name in tiles_of(reached.size)}
    for path in log.names():
        if path in due:
            continue
        name = tile_name(path)
        if name is None:
            seen.findings.append(Finding("audit-odd", path, "no log has a file of this name"))
        elif is_sound and (says := _fault_of(log, name, reached)):
            seen.findings.append(Finding("audit-odd", path, says))


def _fault_of(log: LogReader, name: TileName, reached: Checkpoint) -> str:
    """What is wrong with a file that the checkpoint does not need; empty when nothing is."""
    in_level = reached.size >> 8 * (name.level or 0)
    end = name.index * WIDTH + name.width
    if end > in_level:
        return ""  # of a coming checkpoint: the daemon writes it now
    whole = tile_with(name.level, end - 1, reached.size)
    try:
        if name.level is None:
            is_part = log.entries(name) == log.entries(whole)[: name.width]
        else:
            is_part = log.hashes(name) == log.hashes(whole)[: name.width]
    except Corrupt as error:
        return error.message
    return "" if is_part else f"it is not the beginning of {whole.path}"


def _check_newer(log: LogReader, reached: Checkpoint, seen: CheckedLog, clock: _Clock) -> None:
    """The entries behind the checkpoint. What waits is read before the newest checkpoint: then nothing is missing between the
    two, however far the log has gone on meanwhile."""
    try:
        waiting = log.waiting()
    except Corrupt as error:
        seen.findings.append(Finding(error.code, "waiting", error.message))
        return
    try:
        newest = opened_by_any(log.note() or b"", log.key(), log.key_changes()[-1:])
    except Corrupt as error:
        seen.findings.append(Finding(error.code, "checkpoint", error.message))
        return
    _take_between(log, reached, newest, seen, clock)
    for one in waiting:
        if one.index >= max(reached.size, newest.size):
            _take(one.index, one.entry.encode(), seen, clock)


def _take_between(log: LogReader, reached: Checkpoint, newest: Checkpoint, seen: CheckedLog, clock: _Clock) -> None:
    """The entries that only the newest checkpoint speaks of."""
    if newest.size <= reached.size:
        return
    is_sound = not seen.findings
    for name in tiles_of(newest.size):
        if name.level is None and name.index >= reached.size // WIDTH:
            for index, entry in enumerate(_checked_bundle(log, name, newest, seen), start=name.index * WIDTH):
                if index >= reached.size:
                    _take(index, entry, seen, clock)
    if is_sound and not seen.findings and right_edge(newest.size, log.hashes).root() != newest.root:
        says = f"the {newest.size} entries are not those that the checkpoint was signed for: the log was rewritten"
        seen.findings.append(Finding("audit-rewritten", "checkpoint", says))


def _check_witness(
    log: LogReader,
    key: VerifierKey,
    reached: Checkpoint,
    witnessed: Sequence[bytes],
    seen: CheckedLog,
    *,
    is_sound: bool,
) -> None:
    """Each checkpoint that the witness has is one of this log's."""
    changes = log.key_changes()
    nodes = nodes_of(reached.size, lru_cache(_TILES_AT_HAND)(log.hashes))
    for note in witnessed:
        try:
            former = opened_by_any(note, key, changes)
            if former.size > reached.size:
                says = (
                    f"the log has {reached.size} entries, and the witness a checkpoint of {former.size}: it was cut off"
                )
            elif is_sound and tree_root(nodes, former.size) != former.root:
                says = (
                    f"the first {former.size} entries are not those of the witness's checkpoint: the log was rewritten"
                )
            else:
                continue
        except CallrecError as error:
            says = f"the witness has a checkpoint that does not fit: {error.message}"
        seen.findings.append(Finding("audit-witness", "witness", says))
        return


def _bundle(index: int) -> str:
    return TileName(None, index // WIDTH).folder
