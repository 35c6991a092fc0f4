"""The files of c2sp.org/tlog-tiles: names, widths, and the tree that they hold."""

import pytest

from callrec.domain.errors import Corrupt
from callrec.protocols.log_tiles import (
    WIDTH,
    RightEdge,
    TileName,
    bundle_of,
    entries_in,
    hashes_in,
    nodes_of,
    right_edge,
    split,
    tile_name,
    tile_with,
    tiles_of,
)
from callrec.protocols.merkle_tree import EMPTY_ROOT, inclusion_proof, leaf_hash, root_by_proof, root_of, tree_root

LARGEST = 66_100
"""More than 256 x 256: a log with three levels of tiles."""


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (TileName(0, 0), "tile/0/000"),
        (TileName(0, 1234067), "tile/0/x001/x234/067"),
        (TileName(2, 999, 17), "tile/2/999.p/17"),
        (TileName(1, 1000), "tile/1/x001/000"),
        (TileName(None, 273, 112), "tile/entries/273.p/112"),
    ],
)
def test_a_name_is_that_of_the_format(name: TileName, path: str) -> None:
    assert name.path == path
    assert path.startswith(name.folder)
    assert tile_name(path) == name


def test_a_log_of_70000_entries_has_the_files_of_the_formats_own_example() -> None:
    tiles = [name for name in tiles_of(70_000) if name.level is not None]
    full = [sum(name.level == level and name.width == WIDTH for name in tiles) for level in range(3)]
    partial = [(name.level, name.width) for name in tiles if name.width != WIDTH]
    assert (full, partial) == ([273, 1, 0], [(0, 112), (1, 17), (2, 1)])
    assert [name for name in tiles_of(70_000) if name.level is None][-1] == TileName(None, 273, 112)


def test_after_256_entries_the_first_tile_is_full_and_the_next_level_begins() -> None:
    assert list(tiles_of(256)) == [TileName(None, 0), TileName(0, 0), TileName(1, 0, 1)]
    assert list(tiles_of(0)) == []


def test_a_growing_log_has_the_root_and_the_proofs_of_its_leaves() -> None:
    leaves = [leaf_hash(b"%d" % nth) for nth in range(LARGEST)]
    edge, files = RightEdge(), {}
    assert edge.root() == EMPTY_ROOT
    sizes = {1, 2, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, LARGEST}
    for size, leaf in enumerate(leaves, start=1):
        files.update(edge.add(leaf))
        if size not in sizes:
            continue
        now = {**files, **dict(edge.partial())}
        assert {name for name in tiles_of(size) if name.level is not None} == now.keys() & set(tiles_of(size))

        def read(name: TileName, now: dict[TileName, bytes] = now) -> list[bytes]:
            return hashes_in(now[name], name)

        nodes = nodes_of(size, read)
        assert edge.root() == root_of(leaves[:size]) == tree_root(nodes, size) == right_edge(size, read).root()
        for index in {0, size // 3, size // 2, size - 1}:
            proof = inclusion_proof(nodes, index, size)
            assert root_by_proof(leaves[index], index, size, proof) == edge.root()


def test_a_copy_grows_by_itself() -> None:
    edge = RightEdge()
    edge.add(leaf_hash(b"a"))
    before = edge.root()
    edge.copy().add(leaf_hash(b"b"))
    assert (edge.size, edge.root()) == (1, before)


def test_the_file_of_an_entry_or_hash_is_known_by_its_number() -> None:
    assert tile_with(None, 300, 1000) == TileName(None, 1)
    assert tile_with(None, 999, 1000) == TileName(None, 3, 232)
    assert tile_with(1, 2, 1000) == TileName(1, 0, 3)


def test_a_bundle_gives_back_its_entries() -> None:
    entries = [b"one", b"", b"x" * 65_535]
    assert bundle_of(entries)[:5] == b"\x00\x03one"
    assert entries_in(bundle_of(entries), TileName(None, 0, 3)) == entries
    with pytest.raises(ValueError, match="at most 65535 bytes"):
        bundle_of([b"x" * 65_536])


@pytest.mark.parametrize(
    ("bundle", "says"), [(b"\x00\x03on", "middle of entry 0"), (b"\x00", "middle"), (b"", "0 entries")]
)
def test_a_bundle_that_is_cut_off_is_corrupt(bundle: bytes, says: str) -> None:
    with pytest.raises(Corrupt, match=says):
        entries_in(bundle, TileName(None, 0, 1))


def test_a_tile_of_another_length_is_corrupt() -> None:
    with pytest.raises(Corrupt, match="33 bytes in place of 32"):
        hashes_in(b"x" * 33, TileName(0, 0, 1))


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/1",
        "tile/64/000",
        "tile/00/000",
        "tile/0/x000/001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/data/000",
        "x/0/000",
    ],
)
def test_another_name_is_no_tiles(path: str) -> None:
    assert tile_name(path) is None


def test_a_bundle_with_another_number_of_entries_can_still_be_read() -> None:
    bundle = bundle_of([b"one", b"two"])
    assert split(bundle, TileName(None, 0, 3)) == [b"one", b"two"]
    with pytest.raises(Corrupt, match="has 2 entries in place of 3"):
        entries_in(bundle, TileName(None, 0, 3))
