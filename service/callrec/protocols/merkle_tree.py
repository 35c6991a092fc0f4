"""The Merkle tree of RFC 6962, section 2.1: hashes, roots, proofs of inclusion, and their check.

A tree's leaves are entries, its inner nodes hash two subtrees; one hash, the root, stands for all entries in their order. Hashes
are SHA-256, 32 bytes. `Nodes` is where the hashes of complete subtrees come from: a log keeps them in tiles.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

Nodes = Callable[[int, int], bytes]
"""(level, index) -> the root of the complete subtree over the leaves from `index << level`, `1 << level` of them."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf. Its prefix differs from that of an inner node, so that neither can pass for the other."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node over its two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over these subtrees of one size, in their order."""
    if not hashes:
        return EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    split = _split(len(hashes))
    return node_hash(root_of(hashes[:split]), root_of(hashes[split:]))


def range_root(nodes: Nodes, begin: int, end: int) -> bytes:
    """The root over the leaves from `begin` up to, not with, `end`, as RFC 6962 takes a tree apart. `begin` is a multiple of the
    largest power of two in the length of the range."""
    count = end - begin
    if count.bit_count() == 1:
        level = count.bit_length() - 1
        return nodes(level, begin >> level)
    split = begin + _split(count)
    return node_hash(range_root(nodes, begin, split), range_root(nodes, split, end))


def tree_root(nodes: Nodes, size: int) -> bytes:
    """The root of the tree over the first `size` leaves."""
    return range_root(nodes, 0, size) if size else EMPTY_ROOT


def inclusion_proof(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root over `size` leaves, the leaf's sibling first (RFC 6962, 2.1.1).

    Raises ValueError when the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    proof: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        split = begin + _split(end - begin)
        if index < split:
            proof.append(range_root(nodes, split, end))
            end = split
        else:
            proof.append(range_root(nodes, begin, split))
            begin = split
    return proof[::-1]


def root_by_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that this proof leads to from the hash of leaf `index`, in a tree of `size` leaves; None when a proof in such a
    tree has another length. The leaf is in the tree when it is the tree's root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return None
    node, last, root, rest = index, size - 1, leaf, list(proof)
    while last:
        if node & 1 or node == last:
            if not rest:
                return None
            root = node_hash(rest.pop(0), root)
            while node and not node & 1:  # on the right edge a subtree without a sibling rises unchanged
                node, last = node >> 1, last >> 1
        else:
            if not rest:
                return None
            root = node_hash(root, rest.pop(0))
        node, last = node >> 1, last >> 1
    return None if rest else root


def _split(count: int) -> int:
    """The largest power of two below `count`: how many leaves the left subtree has."""
    return 1 << (count - 1).bit_length() - 1
