"""Makes the claims anew from the events."""

from sqlalchemy import delete, insert

from domain.store import StoredNotification
from ops.eventstore.append import APPEND_LOCK
from ops.eventstore.claims import Holdings
from ops.eventstore.codec import EventCodec
from ops.eventstore.engine import writing
from ops.eventstore.faults import library_errors
from ops.eventstore.recorder import Recorder
from ops.eventstore.schema import claims

BATCH = 5_000


def rebuild_claims(recorder: Recorder, codec: EventCodec) -> int:
    """Replace all claims by what the log says, in one transaction in which nobody appends. Returns how many there are."""
    holdings = Holdings()
    with library_errors(), writing(recorder.engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({APPEND_LOCK})")
        position = 0
        while batch := recorder.select_notifications(position, BATCH, topics=codec.claiming_topics(), inclusive_of_start=False):
            for stored in batch:
                assert isinstance(stored, StoredNotification)
                recorded = codec.to_recorded(stored)
                for change in recorded.event.claims():
                    holdings.apply(recorded.stream_id, change)
            position = batch[-1].id
        connection.execute(delete(claims))
        rows = [{"kind": kind, "key": key, "stream_id": stream} for (kind, key), stream in holdings.holders.items()]
        for start in range(0, len(rows), BATCH):
            connection.execute(insert(claims), rows[start : start + BATCH])
    return len(rows)
