"""Nothing of those who are forgotten is anywhere: the benchmark in small, on both databases."""

from pathlib import Path

from tests.benchmarks.erased import Canaries, erase_all

PEOPLE = 20


def test_nothing_of_them_is_left(database_url: str, tmp_path: Path):
    erase_all(database_url, tmp_path, PEOPLE)


def test_a_canary_is_seen_in_any_form():
    canaries = Canaries()
    for form in (*canaries.forms, canaries.mark.upper().encode()):
        assert canaries.places([("here", b"before " + form + b" after"), ("there", b"nothing")]) == ["here"]
