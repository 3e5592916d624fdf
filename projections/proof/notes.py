"""Signed notes and checkpoints: the text forms of c2sp.org/signed-note and c2sp.org/tlog-checkpoint, with Ed25519."""

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from projections.proof.merkle import HASH_BYTES

ED25519 = b"\x01"
DASH = "\u2014"
MOST_SIGNATURES = 100
_NAME = re.compile(r"[^\s+\x00-\x1f]+")
_SIZE = re.compile(r"0|[1-9][0-9]*")


class BadNote(ValueError):
    """No note, no checkpoint, or not signed by whom it should be."""


@dataclass(frozen=True)
class Verifier:
    """Whose signature counts: a name and a public key."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, vkey: str) -> "Verifier":
        """From `name+id+base64`."""
        name, _, rest = vkey.strip().partition("+")
        identifier, _, encoded = rest.partition("+")
        raw = _decoded(encoded, "a key is written name+id+base64")
        if len(raw) != 1 + 32 or raw[:1] != ED25519 or not _NAME.fullmatch(name):
            raise BadNote("a key is written name+id+base64, and is an Ed25519 key")
        verifier = cls(name, raw[1:])
        if verifier.id.hex() != identifier:
            raise BadNote(f"the key of {name} has the id {verifier.id.hex()}, not {identifier}")
        return verifier

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    def open(self, note: str) -> str:
        """The text of a note that this key has signed; of what others signed, nothing is said. Raises BadNote."""
        text, signatures = taken_apart(note)
        found = False
        for name, identifier, signature in signatures:
            if name != self.name or identifier != self.id:
                continue
            try:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
            except InvalidSignature:
                raise BadNote(f"the signature of {self.name} does not fit the text") from None
            found = True
        if not found:
            raise BadNote(f"there is no signature of {self.name} with the key {self.id.hex()}")
        return text


class Signer:
    """Signs notes under a name."""

    def __init__(self, name: str, seed: bytes) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError("the name of a key has no white space and no plus sign")
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._private.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """The note: the text, and its signature below."""
        signature = base64.b64encode(self.verifier.id + self._private.sign(text.encode())).decode()
        return f"{text}\n{DASH} {self.verifier.name} {signature}\n"


@dataclass(frozen=True)
class Head:
    """What a checkpoint states: that the log of this origin had so many events, and this root. Extension lines are let pass."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> "Head":
        """From the text of a note. Raises BadNote."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise BadNote("a checkpoint has three lines or more, and none is empty")
        origin, size, root = lines[:3]
        if not _SIZE.fullmatch(size):
            raise BadNote(f"the size of a checkpoint is a number such as 108, not {size[:30]!r}")
        raw = _decoded(root, "the root of a checkpoint is base64")
        if len(raw) != HASH_BYTES:
            raise BadNote(f"the root of a checkpoint has {HASH_BYTES} bytes, not {len(raw)}")
        return cls(origin, int(size), raw)

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def taken_apart(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The text of a note, and of each signature the name, the key's id and the bytes; nothing of it is verified."""
    text, separator, below = note.rpartition("\n\n")
    if not separator or not below.endswith("\n"):
        raise BadNote("a note is a text, an empty line and signatures")
    if any(sign < " " and sign != "\n" for sign in note):
        raise BadNote("a note holds no control characters")
    lines = below[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise BadNote(f"this note has more than {MOST_SIGNATURES} signatures")
    return text + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    raw = _decoded(encoded, "a signature is base64")
    if dash != DASH or not _NAME.fullmatch(name) or len(raw) < 5:
        raise BadNote(f"a signature is written {DASH} name base64")
    return name, raw[:4], raw[4:]


def _decoded(text: str, sentence: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadNote(sentence) from None
    if base64.b64encode(raw).decode() != text:
        raise BadNote(sentence)
    return raw
