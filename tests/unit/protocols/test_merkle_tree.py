"""The Merkle tree of RFC 6962, against the vectors of Certificate Transparency's reference implementation."""

import hashlib

import pytest

from callrec.protocols.merkle_tree import (
    EMPTY_ROOT,
    Nodes,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_by_proof,
    root_of,
    tree_root,
)

LEAVES = [
    bytes.fromhex(one)
    for one in (
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def nodes(hashes: list[bytes]) -> Nodes:
    """The complete subtrees over these leaves."""
    return lambda level, index: root_of(hashes[index << level : (index + 1) << level])


@pytest.mark.parametrize("size", range(1, 9))
def test_the_root_is_that_of_the_reference(size: int) -> None:
    hashes = [leaf_hash(leaf) for leaf in LEAVES[:size]]
    assert root_of(hashes).hex() == tree_root(nodes(hashes), size).hex() == ROOTS[size - 1]


def test_an_empty_tree_has_the_hash_of_nothing_as_its_root() -> None:
    assert tree_root(nodes([]), 0) == root_of([]) == EMPTY_ROOT == hashlib.sha256(b"").digest()


def test_an_inner_node_cannot_pass_for_a_leaf() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert node_hash(left, right) != leaf_hash(left + right)


@pytest.mark.parametrize("size", [*range(1, 20), 64, 65, 100])
def test_each_leaf_is_proven_and_no_other_place_or_leaf(size: int) -> None:
    hashes = [leaf_hash(b"%d" % nth) for nth in range(size)]
    root = root_of(hashes)
    for index, leaf in enumerate(hashes):
        proof = inclusion_proof(nodes(hashes), index, size)
        assert root_by_proof(leaf, index, size, proof) == root
        assert root_by_proof(leaf_hash(b"other"), index, size, proof) != root
        assert root_by_proof(leaf, index, size, [*proof, root]) is None
        assert not proof or root_by_proof(leaf, index, size, proof[:-1]) is None
        others = [other for other in range(size) if other != index]
        assert all(root_by_proof(leaf, other, size, proof) != root for other in others)


@pytest.mark.parametrize("index", [-1, 3])
def test_a_leaf_that_the_tree_does_not_have_has_no_proof(index: int) -> None:
    hashes = [leaf_hash(b"%d" % nth) for nth in range(3)]
    with pytest.raises(ValueError, match="3 leaves has no leaf"):
        inclusion_proof(nodes(hashes), index, 3)
    assert root_by_proof(hashes[0], index, 3, []) is None


def test_a_proof_of_the_reference_is_the_same() -> None:
    """The path of leaf 5 in the tree of eight leaves (RFC 6962's own example has this shape)."""
    hashes = [leaf_hash(leaf) for leaf in LEAVES]
    proof = inclusion_proof(nodes(hashes), 5, 8)
    assert [one.hex()[:8] for one in proof] == ["bc1a0643", "ca854ea1", "d37ee418"]
