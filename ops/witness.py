"""A witness: holds a log to what it said before. It needs this file, verify.py beside it, and `cryptography` where it countersigns.

    python witness.py URL --vkey VKEY --state FOLDER [--every SECONDS | --once] [--name NAME --key FILE]

It keeps the last checkpoint that it accepted. A newer one is accepted only with a proof that the log grew out of the one that is kept.
What is not consistent is refused, now and after every restart, and both checkpoints are kept as evidence: the log was rewritten.

Exit codes: 0 accepted, 1 refused, 2 it was asked in a wrong way, 3 the log cannot be reached.
"""

# ruff: noqa: T201 - a command line speaks

import argparse
import base64
import fcntl
import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

try:
    from ops import verify
except ImportError:
    import verify  # type: ignore[import-not-found,no-redef]

LARGEST_ANSWER = 1_000_000
TIMEOUT_SECONDS = 20
STALE_SECONDS = 600
COSIGNATURE = b"\x04"


class Refused(Exception):
    """The log is not what it was, or cannot show that it is."""


class Unreachable(Exception):
    """Nothing was learnt: try again."""


class Cosigner:
    """Says, with its own key, that it saw a checkpoint: c2sp.org/tlog-cosignature, Ed25519."""

    def __init__(self, name: str, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - only who countersigns needs it

        self._name = name
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._private.public_key().public_bytes_raw()
        self._id = hashlib.sha256(name.encode() + b"\n" + COSIGNATURE + public).digest()[:4]
        self.vkey = f"{name}+{self._id.hex()}+{base64.b64encode(COSIGNATURE + public).decode()}"

    def line(self, text: str, now: int) -> str:
        signature = self._private.sign(f"cosignature/v1\ntime {now}\n{text}".encode())
        return f"\u2014 {self._name} {base64.b64encode(self._id + now.to_bytes(8) + signature).decode()}\n"


class Witness:
    """Of one log, known by its key."""

    def __init__(self, url: str, vkey: str, state: Path, cosigner: Cosigner | None = None) -> None:
        self._url = url.rstrip("/")
        self._vkey = vkey
        self._origin = verify.parse_vkey(vkey)[0]
        self._folder = state / hashlib.sha256(self._origin.encode()).hexdigest()
        self._cosigner = cosigner
        self._kept = self._folder / "checkpoint"

    def look(self) -> str:
        """Ask for the last checkpoint and accept it; what happened, in a sentence. Raises Refused or Unreachable."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if evidence := self.evidence():
                raise Refused(f"this log was refused before: {evidence[0]} says why, and is for people to settle")
            said = self._look()
            (self._folder / "seen").touch()
            return said

    def evidence(self) -> list[Path]:
        return sorted(self._folder.glob("evidence-*.json"))

    def status(self) -> str:
        """What is known, for who watches. Raises Refused or Unreachable."""
        if evidence := self.evidence():
            raise Refused(f"this log was refused: {evidence[0]}")
        seen = self._folder / "seen"
        if not seen.exists() or time.time() - seen.stat().st_mtime > STALE_SECONDS:
            raise Unreachable(f"the log was not seen for {STALE_SECONDS} seconds")
        return "the log is what it was"

    def _look(self) -> str:
        status, note = self._get("/v1/checkpoints/latest")
        held = self._kept.read_text(encoding="utf-8") if self._kept.exists() else None
        if status == 404 and held is None:
            return "there is no checkpoint yet"
        if status != 200:
            self._refuse("the log, which had a checkpoint, shows none", held, note)
        try:
            origin, size, root = verify.parse_checkpoint(verify.open_note(note, self._vkey))
        except verify.Wrong as wrong:
            self._refuse(str(wrong), held, note)
        if origin != self._origin:
            self._refuse(f"the checkpoint is of {origin}, not of {self._origin}", held, note)
        if held is None:
            self._keep(note)
            return f"accepted the first checkpoint, of {size} events"
        _, known, known_root = verify.parse_checkpoint(verify.open_note(held, self._vkey))
        if size == known:
            if root != known_root:
                self._refuse(f"two checkpoints of {size} events have different roots: the log was forked", held, note)
            return f"nothing new: {size} events"
        (old, old_root), (new, new_root) = sorted(((size, root), (known, known_root)))
        status, answer = self._get(f"/v1/proofs/consistency?from={old}&to={new}")
        if not _is_proof(status, answer, old, old_root, new, new_root):
            self._refuse(
                f"the log of {new} events is not shown to begin with the log of {old} events: it was rewritten or cut", held, note, answer
            )
        if size < known:
            return f"an older checkpoint, of {size} events; {known} are known"
        self._keep(note)
        return f"accepted {size} events, which begin with the {known} known before"

    def _keep(self, note: str) -> None:
        """On disk before anybody is told."""
        _write(self._kept, note)
        if self._cosigner is not None:
            text = note.rpartition("\n\n")[0] + "\n"
            _write(self._folder / "cosigned", note + self._cosigner.line(text, int(time.time())))

    def _refuse(self, why: str, held: str | None, offered: str, answer: str | None = None) -> NoReturn:
        evidence = {"why": why, "at": int(time.time()), "url": self._url, "held": held, "offered": offered, "answer": answer}
        _write(self._folder / f"evidence-{time.time_ns()}.json", json.dumps(evidence, indent=1))
        raise Refused(why)

    def _get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self._url + path, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - the operator's own address
                return answer.status, answer.read(LARGEST_ANSWER).decode(errors="replace")
        except urllib.error.HTTPError as error:
            if error.code >= 500 or error.code == 429:
                raise Unreachable(f"{path} was answered with {error.code}") from None
            return error.code, error.read(LARGEST_ANSWER).decode(errors="replace")
        except OSError as error:
            raise Unreachable(f"{self._url} cannot be reached: {error}") from None


def _is_proof(status: int, answer: str, old: int, old_root: bytes, new: int, new_root: bytes) -> bool:
    """Only the hashes of the answer are used: sizes and roots are those of the two signed checkpoints."""
    if status != 200:
        return False
    try:
        shown: Any = json.loads(answer)
        proof = [verify.decoded(each, "a hash") for each in shown["proof"]]
    except (ValueError, TypeError, KeyError, AttributeError, verify.Wrong):
        return False
    return verify.is_consistent(old, old_root, new, new_root, proof)


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    beside = path.with_name(f".{path.name}")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("url", help="where the log is served: https://tenure.example.org")
    parser.add_argument("--vkey", required=True, help="the key of the log: name+id+base64, or a file that holds it")
    parser.add_argument("--state", required=True, type=Path, help="a folder that is kept: what was accepted, and evidence")
    parser.add_argument("--every", type=float, default=60, help="seconds from one look to the next")
    parser.add_argument("--once", action="store_true", help="look once, and end")
    parser.add_argument("--status", action="store_true", help="do not look: is all well?")
    parser.add_argument("--name", help="under which name to countersign")
    parser.add_argument("--key", type=Path, help="with which key: a file of 64 hex digits")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    asked = parser().parse_args(arguments)
    try:
        cosigner = Cosigner(asked.name, bytes.fromhex(asked.key.read_text().strip())) if asked.key and asked.name else None
        vkey = asked.vkey if "+" in asked.vkey else Path(asked.vkey).read_text(encoding="utf-8")
        witness = Witness(asked.url, vkey.strip(), asked.state, cosigner)
    except (OSError, ValueError, verify.Wrong) as error:
        print(f"witness: {error}", file=sys.stderr)
        return 2
    if cosigner is not None:
        print(f"witness: countersigning with {cosigner.vkey}", flush=True)
    while True:
        code = _once(witness.status if asked.status else witness.look)
        if asked.once or asked.status:
            return code
        time.sleep(asked.every)


def _once(look: Any) -> int:
    try:
        print(f"witness: {look()}", flush=True)
    except Refused as refused:
        print(f"witness: REFUSED: {refused}", file=sys.stderr, flush=True)
        return 1
    except Unreachable as unreachable:
        print(f"witness: {unreachable}", file=sys.stderr, flush=True)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
