"""The Merkle tree of RFC 6962, section 2.1: roots, proofs, and how each is checked; it knows hashes and nothing else."""

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Node = Callable[[int, int], bytes]
"""The hash of a complete subtree: of which level (0 is a leaf), and which of that level, counted from the left."""


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root(node: Node, size: int) -> bytes:
    return _subtree(node, 0, size) if size else EMPTY_ROOT


def inclusion(node: Node, index: int, size: int) -> list[bytes]:
    """The audit path of a leaf, from the leaf upwards: PATH of section 2.1.1."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_subtree(node, middle, end))
            end = middle
        else:
            path.append(_subtree(node, start, middle))
            start = middle
    return path[::-1]


def consistency(node: Node, old: int, new: int) -> list[bytes]:
    """What leads from the first `old` leaves to the first `new`: PROOF of section 2.1.2. Nothing leads from an empty tree."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} does not come after one of {old}")
    if old in {0, new}:
        return []
    proof: list[bytes] = []
    start, end = 0, new
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(_subtree(node, middle, end))
            end = middle
        else:
            proof.append(_subtree(node, start, middle))
            start = middle
    if start:  # else it is the old tree itself, which whoever asks has the root of
        proof.append(_subtree(node, start, end))
    return proof[::-1]


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether the path leads from a leaf's hash to the root."""
    if not 0 <= index < size or len(expected) != HASH_BYTES:
        return False
    position, last, found = index, size - 1, leaf
    for each in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            found = node_hash(each, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, each)
        position, last = position >> 1, last >> 1
    return last == 0 and found == expected


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree with the new root begins with the whole tree that had the old one. From the empty tree nothing needs to lead."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not hashes:
        return False
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    before = after = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            before, after = node_hash(each, before), node_hash(each, after)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            after = node_hash(after, each)
        position, last = position >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


class Frontier:
    """A tree that grows leaf by leaf and keeps no more of itself than its root needs."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        self.size += 1
        carried, rest = leaf, self.size
        while not rest & 1:
            carried, rest = node_hash(self._peaks.pop(), carried), rest >> 1
        self._peaks.append(carried)

    def root(self) -> bytes:
        return _folded(self._peaks) if self._peaks else EMPTY_ROOT


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def _subtree(node: Node, start: int, end: int) -> bytes:
    """The hash over leaves start <= i < end, where `start` is where such a subtree may begin."""
    return _folded([node(level, index) for level, index in _complete_parts(start, end)])


def _complete_parts(start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _folded(peaks: Sequence[bytes]) -> bytes:
    return reduce(lambda right, left: node_hash(left, right), reversed(peaks))
