"""The library's Application is put together from our recorder and codec, and from nothing else."""

import pytest
from eventsourcing.application import Application

from ops.eventstore.codec import EventCodec
from ops.eventstore.factory import EventStore
from ops.eventstore.recorder import Recorder
from tests.keyring import KEYRING


def test_an_application_stands_on_the_store(engine):
    store = EventStore(engine, KEYRING)

    class Ours(Application):
        def construct_factory(self, _env):
            return store.factory

    application = Ours()
    assert application.recorder is store.log
    assert application.mapper is store.codec
    assert isinstance(store.log, Recorder)
    assert isinstance(store.codec, EventCodec)
    assert [] == list(application.notification_log.select(1, 10))
    application.close()


@pytest.mark.parametrize("what", ["aggregate_recorder", "tracking_recorder", "process_recorder"])
def test_what_does_not_apply_says_why(engine, what):
    with pytest.raises(NotImplementedError, match=r"no .* recorder|no recorder for"):
        getattr(EventStore(engine, KEYRING).factory, what)()
