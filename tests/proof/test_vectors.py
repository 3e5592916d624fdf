"""The tree, the notes and the signatures against what others published: both in the service and in the file for who does not trust it.

Trees: transparency-dev/merkle (testonly/constants.go, testonly/reference_test.go, testdata), the tests of RFC 6962's reference. Notes: the
specification C2SP signed-note, and the tests of golang.org/x/mod/sumdb/note. Signatures: RFC 8032, section 7.1.
"""

import base64
import json
from pathlib import Path

import pytest

from ops import verify
from projections.proof import merkle
from projections.proof.notes import BadNote, Head, Signer, Verifier

VECTORS = json.loads((Path(__file__).parent / "vectors" / "merkle.json").read_text())
LEAVES = [
    bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
L0, L1, L4 = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
)
N01, N23, N45, N67 = (
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
)
N03, N47 = (
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
)
INCLUSIONS = {
    (0, 1): [],
    (0, 2): [L1],
    (1, 2): [L0],
    (2, 3): [N01],
    (1, 5): [L0, N23, L4],
    (0, 8): [L1, N23, N47],
    (5, 8): [L4, N67, N03],
}
CONSISTENCIES = {(1, 1): [], (1, 8): [L1, N23, N47], (2, 5): [N23, L4], (6, 8): [N45, N67, N03]}

SPEC_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_TEXT = "This is an example message.\n"
SPEC_NOTE = (
    SPEC_TEXT + "\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETERS = "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
ENOCHS = "\u2014 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
BAD_NOTES = (  # each is refused by the tests of sumdb/note, with Peter's key
    TEXT,
    TEXT + "\n",
    TEXT + "\n" + PETERS[:-1],
    "\x01" + TEXT + "\n" + PETERS,
    TEXT + "\n" + PETERS.replace("PeterNeumann", "Bad Name"),
    TEXT + "\n" + PETERS + "Unexpected line.\n",
    TEXT + "\n" + ENOCHS,
    TEXT + "\n" + PETERS * 101,
    TEXT + "\n" + PETERS[:60] + "ABCD" + PETERS[60:],
)
RFC_8032 = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)


def node_of(leaves):
    hashes = [merkle.leaf_hash(each) for each in leaves]

    def node(level, index):
        part = hashes[index << level : index + 1 << level]
        assert len(part) == 1 << level, "a proof asks for complete subtrees alone"
        while len(part) > 1:
            part = [merkle.node_hash(*part[place : place + 2]) for place in range(0, len(part), 2)]
        return part[0]

    return node


def raw(texts):
    return [base64.b64decode(each) for each in texts or ()]


@pytest.mark.parametrize("size", range(9))
def test_roots(size):
    growing, frontier = verify.Growing(), merkle.Frontier()
    for each in LEAVES[:size]:
        growing.append(merkle.leaf_hash(each))
        frontier.append(merkle.leaf_hash(each))
    assert [ROOTS[size]] * 3 == [frontier.root().hex(), growing.root().hex(), merkle.root(node_of(LEAVES[:size]), size).hex()]


@pytest.mark.parametrize(("index", "size"), INCLUSIONS)
def test_paths(index, size):
    assert INCLUSIONS[index, size] == [each.hex() for each in merkle.inclusion(node_of(LEAVES), index, size)]


@pytest.mark.parametrize(("old", "new"), CONSISTENCIES)
def test_what_leads_from_one_tree_to_another(old, new):
    assert CONSISTENCIES[old, new] == [each.hex() for each in merkle.consistency(node_of(LEAVES), old, new)]


@pytest.mark.parametrize("judge", [merkle, verify], ids=["service", "offline"])
@pytest.mark.parametrize("given", VECTORS["inclusion"], ids=lambda given: given["file"].removeprefix("testdata/inclusion/"))
def test_inclusion_is_judged_as_elsewhere(judge, given):
    leaf, root = base64.b64decode(given["leafHash"] or ""), base64.b64decode(given["root"] or "")
    assert given["wantErr"] is not judge.is_included(leaf, given["leafIdx"], given["treeSize"], raw(given["proof"]), root)


@pytest.mark.parametrize("judge", [merkle, verify], ids=["service", "offline"])
@pytest.mark.parametrize("given", VECTORS["consistency"], ids=lambda given: given["file"].removeprefix("testdata/consistency/"))
def test_consistency_is_judged_as_elsewhere(judge, given):
    old, new = base64.b64decode(given["root1"] or ""), base64.b64decode(given["root2"] or "")
    assert given["wantErr"] is not judge.is_consistent(given["size1"], old, given["size2"], new, raw(given["proof"]))


def test_notes_of_the_specification_and_of_its_first_implementation():
    for vkey, note, text in (
        (SPEC_VKEY, SPEC_NOTE, SPEC_TEXT),
        (PETER, f"{TEXT}\n{PETERS}{ENOCHS}", TEXT),
        (ENOCH, f"{TEXT}\n{PETERS}{ENOCHS}", TEXT),
    ):
        assert text == Verifier.parse(vkey).open(note) == verify.open_note(note, vkey)
        assert vkey == str(Verifier.parse(vkey))
    assert f"{TEXT}\n{PETERS}" == Signer("PeterNeumann", PETER_SEED).sign(TEXT)


@pytest.mark.parametrize("note", BAD_NOTES, ids=range(len(BAD_NOTES)))
def test_notes_that_are_none_are_refused(note):
    with pytest.raises(BadNote):
        Verifier.parse(PETER).open(note)
    with pytest.raises(verify.Wrong):
        verify.open_note(note, PETER)


@pytest.mark.parametrize(
    "vkey",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        PETER.replace("c7", "c8"),
        PETER[:-1],
        PETER[1:],
        "",
    ],
)
def test_keys_that_are_none_are_refused(vkey):
    with pytest.raises(BadNote):
        Verifier.parse(vkey)
    with pytest.raises(verify.Wrong):
        verify.parse_vkey(vkey)


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_signatures_of_rfc_8032(public, message, signature):
    key, said, signed = map(bytes.fromhex, (public, message, signature))
    assert verify.is_signed(key, said, signed)
    assert not verify.is_signed(key, said + b"\0", signed)
    for place in (0, 31, 32, 63):
        other = bytearray(signed)
        other[place] ^= 1
        assert not verify.is_signed(key, said, bytes(other))
    beyond = int.from_bytes(signed[32:], "little") + verify.ORDER
    assert not verify.is_signed(key, said, signed[:32] + beyond.to_bytes(32, "little")), "a second form of the same signature is refused"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n1\n",
        "a\n01\n" + "A" * 43 + "=\n",
        "a\n-1\n" + "A" * 43 + "=\n",
        "a\n1\nAAAA\n",
        "\n1\n" + "A" * 43 + "=\n",
        "a\n1\n" + "A" * 43 + "=\n\nx\n",
    ],
)
def test_checkpoints_that_are_none_are_refused(text):
    with pytest.raises(BadNote):
        Head.parse(text)
    with pytest.raises(verify.Wrong):
        verify.parse_checkpoint(text)


def test_a_checkpoint_of_the_specification():
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    head = Head.parse(text)
    assert ("example.com/behind-the-sofa", 20852163, text) == (head.origin, head.size, str(head))
    assert (head.origin, head.size, head.root) == verify.parse_checkpoint(text)
    assert head == Head.parse(text + "an extension\n")
