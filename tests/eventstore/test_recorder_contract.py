"""The library's own contract for recorders, on both databases.

Tracking and process recorders do not apply: a follower keeps its position beside its own tables, in their transaction, and reactions
issue commands, whose ids make repetition harmless. Neither do the infrastructure factory's cases, which read environment variables
that this service does not have, and ask for just those recorders; nor the transcoder's, because the codec is typed.
"""

import pytest
from eventsourcing.persistence import AggregateRecorder
from eventsourcing.tests import persistence as contract

from ops.eventstore.engine import connect
from ops.eventstore.people import People
from ops.eventstore.recorder import Recorder
from tests.keyring import KEYRING


class StreamsOnly(AggregateRecorder):
    """The library's aggregate recorder promises less: its events have no position."""

    def __init__(self, recorder):
        self._recorder = recorder

    def insert_events(self, stored_events, **kwargs):
        self._recorder.insert_events(stored_events, **kwargs)

    def select_events(self, originator_id, **kwargs):
        return self._recorder.select_events(originator_id, **kwargs)


class OnSQLite:
    @pytest.fixture(autouse=True)
    def _connect(self, sqlite_url):
        self.engine = connect(sqlite_url)
        yield
        self.engine.dispose()

    def create_recorder(self):
        return Recorder(self.engine, People(self.engine, KEYRING))


class OnPostgreSQL:
    @pytest.fixture(autouse=True)
    def _connect(self, postgresql_url):
        self.engine = connect(postgresql_url)
        yield
        self.engine.dispose()

    def create_recorder(self):
        return Recorder(self.engine, People(self.engine, KEYRING))


class TestStreamsOnSQLite(OnSQLite, contract.AggregateRecorderTestCase):
    def create_recorder(self):
        return StreamsOnly(super().create_recorder())


class TestStreamsOnPostgreSQL(OnPostgreSQL, contract.AggregateRecorderTestCase):
    def create_recorder(self):
        return StreamsOnly(super().create_recorder())


class TestLogOnSQLite(OnSQLite, contract.ApplicationRecorderTestCase):
    def test_insert_subscribe(self):
        self.optional_test_insert_subscribe()


class TestLogOnPostgreSQL(OnPostgreSQL, contract.ApplicationRecorderTestCase):
    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = False  # a sequence does not take back what a failed append has drawn

    def test_insert_subscribe(self):
        self.optional_test_insert_subscribe()


class TestPositionsOnSQLite(OnSQLite, contract.NonInterleavingNotificationIDsBaseCase):
    pass


class TestPositionsOnPostgreSQL(OnPostgreSQL, contract.NonInterleavingNotificationIDsBaseCase):
    pass
