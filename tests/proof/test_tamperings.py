"""Whatever is done to the log behind our back is seen; what is untouched is never accused.

TENURE_EXAMPLES sets how many tamperings; tests/benchmarks/tamperings.py does ten thousand on a log of ten thousand events.
"""

import os

import pytest

from tests.proof.tampering import Tampering

EXAMPLES = int(os.environ.get("TENURE_EXAMPLES", "80"))


@pytest.fixture
def tampering(sqlite_url):
    made = Tampering(sqlite_url, 1_100, seed=11)
    yield made
    made.engine.dispose()


def test_every_tampering_is_seen_and_a_clean_log_never_accused(tampering):
    ways = list(tampering.ways)
    assert [] == tampering.clean().findings
    for number in range(EXAMPLES):
        tampering.once(ways[number % len(ways)], blind=True)
    assert [] == tampering.missed
    assert set(ways) == set(tampering.judged)
    for _ in range(max(1, EXAMPLES // 10)):
        assert [] == tampering.clean().findings
