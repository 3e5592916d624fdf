"""The short form of the benchmark of deliveries: sender and receiver are killed in turn, and nothing is lost or out of order."""

from tests.benchmarks.deliveries import measure


def test_webhooks_and_the_stream_survive_six_kills(postgresql_url):
    found = measure(postgresql_url, kills=6, seconds_between=1.5)
    assert found.lost == []
    assert found.out_of_order == []
    assert found.strangers == []
    assert found.stream_gaps == []
    assert found.kills == 6
    assert found.events > 50
