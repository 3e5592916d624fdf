"""Our checkpoints and proofs, verified by code that is not ours: sigstore's, and, where Go and its module are installed, Go's own."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint, verify_checkpoint
from sigstore.errors import VerificationError

from ops.eventstore.engine import connect, reading
from ops.eventstore.leaf import POSITION, as_bytes, as_row, rows_between
from projections.proof.tiles import Tree
from tests.proof.logs import SIGNER, fill

EVENTS = 77
GOPATH_SOURCES = Path("/usr/share/gocode")


@pytest.fixture
def log(sqlite_url):
    engine = connect(sqlite_url)
    yield engine, fill(engine, EVENTS, checkpoint_every=20)
    engine.dispose()


class Keyring:
    """As sigstore's, of one key: it only looks up the key, and lets the library verify."""

    def verify(self, *, key_id, signature, data):
        if key_id[:4] != SIGNER.verifier.id:
            raise VerificationError("another key")
        Ed25519PublicKey.from_public_bytes(SIGNER.verifier.public).verify(signature, data)


def proofs(engine):
    with reading(engine) as connection:
        tree = Tree(connection)
        for index, row in enumerate(rows_between(connection, 0, 2**62)):
            assert index == tree.index_of(row[POSITION])
            yield index, as_bytes(as_row(row)), tree.inclusion(index, EVENTS), tree.root(EVENTS)


def entry(index, leaf, proof, root, note):
    inclusion = SimpleNamespace(log_index=index, tree_size=EVENTS, hashes=proof, root_hash=root, checkpoint=SimpleNamespace(envelope=note))
    return SimpleNamespace(
        _inner=SimpleNamespace(inclusion_proof=inclusion, canonicalized_body=leaf, log_id=SimpleNamespace(key_id=SIGNER.verifier.id))
    )


def test_sigstore_reads_our_checkpoints_and_finds_every_event_in_them(log):
    engine, note = log
    read = SignedCheckpoint.from_text(note).checkpoint
    assert ("tenure.example.edu/log", EVENTS, []) == (read.origin, read.log_size, read.other_content)
    for index, leaf, proof, root in proofs(engine):
        ours = entry(index, leaf, proof, root, note)
        verify_merkle_inclusion(ours)
        verify_checkpoint(Keyring(), ours)
        for wrong in (
            entry(index, leaf + b" ", proof, root, note),
            entry(index ^ 1, leaf, proof, root, note),
            entry(index, leaf, [*proof, root], root, note),
        ):
            with pytest.raises(VerificationError):
                verify_merkle_inclusion(wrong)


def test_gos_reference_verifies_notes_inclusion_and_consistency(log, tmp_path):
    go = shutil.which("go")
    if go is None or not (GOPATH_SOURCES / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("go is not here, or not with golang.org/x/mod (Debian: golang-go, golang-golang-x-mod-dev)")
    engine, note = log
    with reading(engine) as connection:
        tree = Tree(connection)
        consistencies = [
            {"old": old, "old_root": _text(tree.root(old)), "proof": [_text(each) for each in tree.consistency(old, EVENTS)]}
            for old in range(1, EVENTS + 1)
        ]
    inclusions = [
        {"index": index, "leaf": _text(leaf), "proof": [_text(each) for each in proof]} for index, leaf, proof, _ in proofs(engine)
    ]
    given = {"note": note, "vkey": str(SIGNER.verifier), "inclusions": inclusions, "consistencies": consistencies}
    (tmp_path / "given.json").write_text(json.dumps(given))
    shutil.copy(Path(__file__).parent / "verify.go", tmp_path / "verify.go")
    environment = {
        "GO111MODULE": "off",
        "GOPATH": str(GOPATH_SOURCES),
        "GOCACHE": str(tmp_path / "cache"),
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [go, "run", "verify.go", "given.json"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (0, f"{EVENTS} inclusions, {EVENTS} consistencies\n") == (done.returncode, done.stdout), done.stderr


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
