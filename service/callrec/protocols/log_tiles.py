"""A log as static files in the format of c2sp.org/tlog-tiles: names, tiles of hashes, bundles of entries.

A tile has up to 256 consecutive hashes of one level: on level 0 those of leaves, on level 1 those of full tiles of level 0, and
so on. A bundle has the entries of a tile of level 0. A full file is never changed; one at the right edge is partial, and has its
width in its name, so that what a former checkpoint speaks of stays beside the newer.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from callrec.domain.errors import Corrupt
from callrec.protocols.merkle_tree import EMPTY_ROOT, HASH_BYTES, Nodes, node_hash, root_of

WIDTH: Final = 256
_LEVEL_BITS: Final = 8
MOST_ENTRY_BYTES: Final = 65_535
ENTRIES: Final = "entries"
_LENGTH_BYTES: Final = 2
_PATH = re.compile(
    r"tile/(?P<kind>entries|[0-9]|[1-5][0-9]|6[0-3])/(?P<index>(x[0-9]{3}/){0,6}[0-9]{3})(\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class TileName:
    """One file of the log. `level`: None for a bundle of entries. `width`: how many hashes or entries are in it."""

    level: int | None
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Below the log's folder: `tile/0/x001/x234/067` for index 1234067, with `.p/<width>` behind it when it is partial."""
        suffix = "" if self.width == WIDTH else f".p/{self.width}"
        return f"{self.folder}{suffix}"

    @property
    def folder(self) -> str:
        """The same without the width."""
        kind = ENTRIES if self.level is None else str(self.level)
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        return "/".join(["tile", kind, *(f"x{part}" for part in parts[:-1]), parts[-1]])


def tile_name(path: str) -> TileName | None:
    """The tile or bundle with this path below the log's folder; None when none has it."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    level = None if match["kind"] == ENTRIES else int(match["kind"])
    index = int(match["index"].replace("/", "").replace("x", ""))
    name = TileName(level, index, int(match["width"] or WIDTH))
    return name if name.path == path else None


def tiles_of(size: int) -> Iterator[TileName]:
    """The files that a log of this size consists of, lower levels first; bundles come before the tiles of level 0."""
    levels = (None, *range(64))
    for level in levels:
        hashes = size >> _LEVEL_BITS * (level or 0)
        if not hashes:
            return
        full, width = divmod(hashes, WIDTH)
        yield from (TileName(level, index) for index in range(full))
        if width:
            yield TileName(level, full, width)


def tile_with(level: int | None, at: int, size: int) -> TileName:
    """The file in a log of this size with the hash (or entry) number `at` of this level."""
    index = at // WIDTH
    return TileName(level, index, min(WIDTH, (size >> _LEVEL_BITS * (level or 0)) - index * WIDTH))


def hashes_in(tile: bytes, name: TileName) -> list[bytes]:
    """A tile's hashes. Raises Corrupt when it has another length than its name says."""
    if len(tile) != name.width * HASH_BYTES:
        raise Corrupt("audit-tile", f"{name.path} has {len(tile)} bytes in place of {name.width * HASH_BYTES}")
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]


def bundle_of(entries: Sequence[bytes]) -> bytes:
    """A bundle's bytes: each entry behind its length (two bytes, the higher first). Raises ValueError for a longer one."""
    for entry in entries:
        if len(entry) > MOST_ENTRY_BYTES:
            raise ValueError(f"an entry has at most {MOST_ENTRY_BYTES} bytes, not {len(entry)}")
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries)


def entries_in(bundle: bytes, name: TileName) -> list[bytes]:
    """A bundle's entries. Raises Corrupt when it is cut off, or has another number of entries than its name says."""
    entries = split(bundle, name)
    if len(entries) != name.width:
        raise Corrupt("audit-bundle", f"{name.path} has {len(entries)} entries in place of {name.width}")
    return entries


def split(bundle: bytes, name: TileName) -> list[bytes]:
    """A bundle's entries, however many. Raises Corrupt when it is cut off."""
    entries: list[bytes] = []
    at = 0
    while at < len(bundle):
        begin = at + _LENGTH_BYTES
        end = begin + int.from_bytes(bundle[at:begin], "big")
        if end > len(bundle):
            raise Corrupt("audit-bundle", f"{name.path} ends in the middle of entry {len(entries)} of it")
        entries.append(bundle[begin:end])
        at = end
    return entries


def nodes_of(size: int, read: Callable[[TileName], Sequence[bytes]]) -> Nodes:
    """The hashes of all complete subtrees of a log of this size; `read` returns the hashes of a tile."""

    def node(level: int, index: int) -> bytes:
        tile_level, below = divmod(level, _LEVEL_BITS)
        first = index << below
        begin = first % WIDTH
        return root_of(read(tile_with(tile_level, first, size))[begin : begin + (1 << below)])

    return node


class RightEdge:
    """What a growing log has to know of its tree: on each level the hashes of the partial tile at the right edge."""

    def __init__(self, levels: Sequence[Sequence[bytes]] = (), size: int = 0) -> None:
        """`levels`: the hashes of the partial tiles of a log of this size, from level 0 on; empty where there is none."""
        self.size = size
        self._levels = [list(level) for level in levels]

    def copy(self) -> "RightEdge":
        """The same, to be changed by itself."""
        return RightEdge(self._levels, self.size)

    def add(self, leaf: bytes) -> list[tuple[TileName, bytes]]:
        """Append a leaf by its hash; returns the tiles that are full now, with their bytes."""
        full: list[tuple[TileName, bytes]] = []
        self.size += 1
        level, rising = 0, leaf
        while True:
            if level == len(self._levels):
                self._levels.append([])
            hashes = self._levels[level]
            hashes.append(rising)
            if len(hashes) < WIDTH:
                return full
            index = (self.size >> _LEVEL_BITS * (level + 1)) - 1
            full.append((TileName(level, index), b"".join(hashes)))
            level, rising = level + 1, root_of(hashes)
            hashes.clear()

    def partial(self) -> list[tuple[TileName, bytes]]:
        """The partial tiles now, with their bytes."""
        return [
            (TileName(level, (self.size >> _LEVEL_BITS * level) // WIDTH, len(hashes)), b"".join(hashes))
            for level, hashes in enumerate(self._levels)
            if hashes
        ]

    def root(self) -> bytes:
        """The root of the tree now."""
        root: bytes | None = None
        for hashes in self._levels:
            end = len(hashes)
            while end:
                begin = end - (end & -end)  # the smallest complete subtree at the end
                subtree = root_of(hashes[begin:end])
                root = subtree if root is None else node_hash(subtree, root)
                end = begin
        return EMPTY_ROOT if root is None else root


def right_edge(size: int, read: Callable[[TileName], Sequence[bytes]]) -> RightEdge:
    """The right edge of a log of this size; `read` returns the hashes of a tile."""
    levels: list[Sequence[bytes]] = []
    while hashes := size >> _LEVEL_BITS * len(levels):
        level = len(levels)
        levels.append(read(tile_with(level, hashes - 1, size)) if hashes % WIDTH else ())
    return RightEdge(levels, size)
