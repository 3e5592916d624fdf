"""Verifies an export of the log offline: one file for whoever does not trust us, on the standard library alone.

    python verify.py EXPORT.ndjson --checkpoint CHECKPOINT --vkey VKEY [--consistency PROOF.json]

An export is a header, a line for each event, and a trailer. Each event's line holds the stored row; its SHA-256 is a leaf of the tree of
RFC 6962 whose root the checkpoint (a signed note, C2SP tlog-checkpoint) states. Of an export of the whole log the root is computed anew;
of a selection each line brings its proof of inclusion. The checkpoint that YOU kept counts, not the one inside the export.

Exit codes: 0 everything holds, 1 something does not, 2 it was asked in a wrong way, or a file cannot be read.
"""

# ruff: noqa: T201 - a command line speaks

import argparse
import base64
import binascii
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

Thing = dict[str, Any]
Point = tuple[int, int, int, int]

FORM = "export/1"
SAME = {  # what the part for people says once more, and where the stored row says it
    "position": "position",
    "stream_id": "stream_id",
    "version": "stream_version",
    "topic": "topic",
    "at": "at",
    "recorded_at": "recorded_at",
    "account_id": "account_id",
    "role": "role",
    "reason": "reason",
    "command_id": "command_id",
    "correlation_id": "correlation_id",
    "causation_id": "causation_id",
}


class Wrong(Exception):
    """What does not hold, in a sentence."""


# Ed25519, RFC 8032: points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def add(a: Point, b: Point) -> Point:
    low, high = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    t, z = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = high - low, z - t, z + t, high + low
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number: int, point: Point) -> Point:
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add(total, point)
        point, number = add(point, point), number >> 1
    return total


def is_same(a: Point, b: Point) -> bool:
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def point_of(encoded: bytes) -> Point | None:
    """None where the bytes are no point."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, -1, P) % P).to_bytes(32, "little")) or (0, 1, 1, 0)


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the key's holder signed the message."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, commitment = point_of(public), point_of(signature[:32])
    factor = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or factor >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    return is_same(times(factor, BASE), add(commitment, times(challenge, key)))


# signed notes and checkpoints, as the specifications c2sp.org/signed-note and c2sp.org/tlog-checkpoint have them


def decoded(text: str, what: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Wrong(f"{what} is not base64") from None
    if base64.b64encode(raw).decode() != text:
        raise Wrong(f"{what} is not base64 as it is written")
    return raw


def parse_vkey(vkey: str) -> tuple[str, bytes, bytes]:
    """Name, key id and public key of `name+id+base64`."""
    name, _, rest = vkey.strip().partition("+")
    identifier, _, encoded = rest.partition("+")
    raw = decoded(encoded, "the key")
    if not name or len(raw) != 33 or raw[0] != 1:
        raise Wrong("the key is not name+id+base64 of an Ed25519 key")
    expected = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if expected.hex() != identifier:
        raise Wrong("the id of the key is not the one that its name and its bytes have")
    return name, expected, raw[1:]


def open_note(note: str, vkey: str) -> str:
    """The text of a note that the key has signed."""
    name, identifier, public = parse_vkey(vkey)
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n") or any(sign < " " and sign != "\n" for sign in note):
        raise Wrong("the checkpoint is no signed note")
    text += "\n"
    found = False
    lines = signatures[:-1].split("\n")
    if len(lines) > 100:
        raise Wrong("the checkpoint has more than 100 signatures")
    for line in lines:
        dash, _, rest = line.partition(" ")
        signer, _, encoded = rest.partition(" ")
        if dash != "\u2014" or not signer or not encoded:
            raise Wrong("the checkpoint has a line of a signature that is none")
        raw = decoded(encoded, "a signature of the checkpoint")
        if len(raw) < 5:
            raise Wrong("a signature of the checkpoint is too short")
        if signer == name and raw[:4] == identifier:
            if not is_signed(public, text.encode(), raw[4:]):
                raise Wrong(f"the signature of {name} does not fit the checkpoint: its text was changed, or another key signed it")
            found = True
    if not found:
        raise Wrong(f"the checkpoint is not signed by {name} with this key")
    return text


def parse_checkpoint(text: str) -> tuple[str, int, bytes]:
    """Origin, size and root."""
    lines = text.split("\n")[:-1]
    if len(lines) < 3 or not all(lines):
        raise Wrong("the checkpoint has fewer than the three lines that it needs, or an empty one")
    origin, size, root = lines[:3]
    if not size.isascii() or not size.isdigit() or str(int(size)) != size:
        raise Wrong("the size in the checkpoint is no number")
    raw = decoded(root, "the root in the checkpoint")
    if len(raw) != 32:
        raise Wrong("the root in the checkpoint is no SHA-256")
    return origin, int(size), raw


# the tree of RFC 6962, section 2.1


def leaf_of(row: Thing) -> bytes:
    """The bytes of the stored row, as the service hashes them: JSON, names in order, no white space."""
    text = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(b"\x00" + text.encode(errors="surrogatepass")).digest()


def node_of(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    if not 0 <= index < size or len(root) != 32:
        return False
    last = size - 1
    for each in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            leaf = node_of(each, leaf)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            leaf = node_of(leaf, each)
        index, last = index >> 1, last >> 1
    return last == 0 and leaf == root


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not hashes:
        return False
    index, last = old - 1, new - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    before = after = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            return False
        if index & 1 or index == last:
            before, after = node_of(each, before), node_of(each, after)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            after = node_of(after, each)
        index, last = index >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


class Growing:
    """The peaks of a tree that grows leaf by leaf."""

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        self.size += 1
        rest = self.size
        while not rest & 1:
            leaf, rest = node_of(self.peaks.pop(), leaf), rest >> 1
        self.peaks.append(leaf)

    def root(self) -> bytes:
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        root = self.peaks[-1]
        for each in reversed(self.peaks[:-1]):
            root = node_of(each, root)
        return root


# exports


def lines_of(file: Iterable[bytes], digest: Any) -> Iterator[tuple[int, Thing, bool]]:
    """Each line as JSON, with its number; the digest takes up all but the last one."""
    waiting = None
    for number, line in enumerate(file, 1):
        if waiting is not None:
            digest.update(waiting[1])
            yield *_parsed(*waiting), False
        waiting = number, line
    if waiting is None:
        raise Wrong("the export is empty")
    yield *_parsed(*waiting), True


def _parsed(number: int, line: bytes) -> tuple[int, Thing]:
    try:
        value = json.loads(line)
    except ValueError:
        raise Wrong(f"line {number} is not JSON") from None
    if not isinstance(value, dict):
        raise Wrong(f"line {number} is not an object")
    return number, value


def check_people_read_the_same(number: int, line: Thing) -> None:
    """The part for people repeats columns of the row; where it has them, they are the same."""
    shown, row = line.get("event"), line["leaf"]
    if not isinstance(shown, dict):
        return
    for name, column in SAME.items():
        if name not in shown:
            continue
        said, stored = shown[name], row.get(column)
        if name in {"at", "recorded_at"} and said is not None and stored is not None:
            said, stored = _instant(said), _instant(stored)
        if said != stored:
            raise Wrong(f"line {number}: the event is shown with {name} {shown[name]!r}, and stored with {row.get(column)!r}")
    if isinstance(data := shown.get("data"), dict):
        try:
            state = json.loads(base64.b64decode(row["state"]))
        except (ValueError, TypeError, KeyError):
            raise Wrong(f"line {number}: the stored state cannot be read") from None
        check_data(number, data, state)


def check_data(number: int, data: Thing, state: Thing) -> None:
    """Plain values that are shown and stored under one name are the same; what is sealed for a person is shown opened, or as erased."""
    sealed = {path.partition(".")[0] for path in state.get("sealed") or ()}
    for name in data.keys() & state.keys() - sealed:
        if isinstance(state[name], str | int | None) and isinstance(data[name], str | int | None) and state[name] != data[name]:
            raise Wrong(f"line {number}: the event is shown with {name} {data[name]!r}, and stored with {state[name]!r}")


def _instant(text: object) -> tuple[str, str]:
    """`2027-01-31T10:00:00Z` and `2027-01-31T10:00:00.000000Z` are one instant."""
    whole, _, fraction = str(text).removesuffix("Z").removesuffix("+00:00").partition(".")
    return whole, fraction.rstrip("0")


def verify_export(file: Iterable[bytes], vkey: str, held: str | None = None, consistency: Thing | None = None) -> Thing:
    """Raises Wrong, or tells what was verified. `held` is the note of the checkpoint that the verifier kept."""
    digest = hashlib.sha256()
    lines = lines_of(file, digest)
    _, header, ended = next(lines)
    if header.get("tenure") != FORM or ended:
        raise Wrong(f"line 1 is not the header of an export of the form {FORM}")
    origin, size, root = parse_checkpoint(open_note(str(header.get("checkpoint")), vkey))
    roots = {size: root}
    if held is not None:
        held_origin, held_size, held_root = parse_checkpoint(open_note(held, vkey))
        if held_origin != origin:
            raise Wrong(f"the checkpoint that you hold is of {held_origin}, the export of {origin}")
        if roots.setdefault(held_size, held_root) != held_root:
            raise Wrong(f"two checkpoints of size {size} have different roots: the log was forked, and both are signed; keep both")
    growing, events, previous, whole, trailer = Growing(), 0, -1, None, None
    for number, line, ended in lines:
        if ended:
            trailer = line
            break
        row, index = line.get("leaf"), line.get("index")
        if not isinstance(row, dict) or type(index) is not int:
            raise Wrong(f"line {number} is not of an event: it needs a leaf and an index")
        if index <= previous:
            raise Wrong(f"line {number}: the events are not in the order of the log")
        if whole is None:
            whole = "proof" not in line
        leaf = leaf_of(row)
        if whole:
            if index != events:
                raise Wrong(f"line {number}: an event is missing before it: this is leaf {index}, expected was {events}")
            growing.append(leaf)
            if growing.size in roots and growing.root() != roots[growing.size]:
                raise Wrong(f"the first {growing.size} events do not have the root that the checkpoint of that size states")
        else:
            proof = [decoded(each, f"line {number}: a hash of the proof") for each in line.get("proof") or ()]
            if not is_included(leaf, index, size, proof, root):
                raise Wrong(f"line {number}: the event at position {row.get('position')} is not what the checkpoint covers")
        check_people_read_the_same(number, line)
        previous, events = index, events + 1
    if trailer is None or "sha256" not in trailer:
        raise Wrong("the export has no trailer: its end was cut off")
    if trailer["sha256"] != digest.hexdigest() or trailer.get("events") != events or header.get("count") not in {None, events}:
        raise Wrong("the trailer does not fit the lines before it: lines were changed, added or cut off")
    is_log = whole or (whole is None and not any((header.get("query") or {}).values()))
    if is_log:
        for each in roots:
            if each > events:
                raise Wrong(f"the export ends after {events} events, and a checkpoint covers {each}: the end of the log was cut off")
        if events != size:
            raise Wrong(f"the export has {events} events, its checkpoint covers {size}")
    elif held is not None and held_size != size:
        _check_consistency(consistency, (held_size, held_root), (size, root))
    return {"origin": origin, "size": size, "events": events, "kind": "log" if is_log else "selection", "query": header.get("query")}


def _check_consistency(given: Thing | None, held: tuple[int, bytes], own: tuple[int, bytes]) -> None:
    old, new = sorted((held, own))
    asked = f"/v1/proofs/consistency?from={old[0]}&to={new[0]}"
    if given is None:
        raise Wrong(f"your checkpoint is of size {held[0]}, the export's of size {own[0]}: add --consistency with the answer of {asked}")
    proof = [decoded(each, "a hash of the proof of consistency") for each in given.get("proof", ())]
    if not is_consistent(*old, *new, proof):
        raise Wrong(f"the log of size {new[0]} does not begin with the log of size {old[0]}: it was rewritten")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=str(__doc__).partition("\n")[0], epilog="exit codes: 0 holds, 1 does not, 2 cannot be asked so"
    )
    parser.add_argument("export", help="the export, NDJSON; - for standard input")
    parser.add_argument("--checkpoint", help="the checkpoint that you kept; without it the export is judged by its own")
    parser.add_argument("--vkey", required=True, help="the key of the log: name+id+base64, or a file that holds it")
    parser.add_argument("--consistency", help="a proof of consistency, as the API answers it")
    asked = parser.parse_args(arguments)
    try:
        vkey = asked.vkey if "+" in asked.vkey else Path(asked.vkey).read_text(encoding="utf-8")
        held = Path(asked.checkpoint).read_text(encoding="utf-8") if asked.checkpoint else None
        proof = json.loads(Path(asked.consistency).read_text(encoding="utf-8")) if asked.consistency else None
        with sys.stdin.buffer if asked.export == "-" else Path(asked.export).open("rb") as file:
            found = verify_export(file, vkey, held, proof)
    except Wrong as wrong:
        print(f"DOES NOT HOLD: {wrong}", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(f"cannot verify: {error}", file=sys.stderr)
        return 2
    what = "the whole log" if found["kind"] == "log" else "a selection (that nothing else fits its query, no proof can say)"
    print(f"holds: {found['events']} events, {what}; checkpoint of {found['origin']}, size {found['size']}")
    if held is None:
        print("note: judged by the checkpoint inside the export; a cut end or a rewritten log is only seen by one that you kept")
    return 0


if __name__ == "__main__":
    sys.exit(main())
