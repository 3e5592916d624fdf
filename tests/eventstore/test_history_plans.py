"""A rare filter of history is found by an index that has the order of its page: the log is not gone through."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event, insert

from domain.store import Selection
from ops.eventstore.people import People
from ops.eventstore.recorder import Recorder
from ops.eventstore.schema import events
from tests.keyring import KEYRING

RARE = {
    "role": (Selection(role="auditor"), "events_role"),
    "command": (Selection(command=uuid4()), "events_command_id"),
    "correlation": (Selection(correlation=uuid4()), "events_correlation_id"),
    "causation": (Selection(causation=uuid4()), "events_causation_id"),
    "actor": (Selection(actor="nobody"), "events_actor"),
    "account": (Selection(account=uuid4()), "events_account_id"),
    "topic": (Selection(topic="token.leaked"), "events_topic"),
    "topics": (Selection(topic="email."), "events_topic"),
}
MANY = 20_000


@pytest.fixture
def recorder(engine: Engine) -> Recorder:
    start = datetime(2027, 1, 1, tzinfo=UTC)
    rows = [
        {
            "stream_id": UUID(int=number),
            "stream_version": 1,
            "topic": ("account.amended", "token.issued", "user-plan.requested")[number % 3],
            "class_version": 1,
            "state": b"{}",
            "at": start + timedelta(minutes=number),
            "recorded_at": start + timedelta(minutes=number),
            "account_id": UUID(int=number % 500),
            "command_id": uuid4(),
            "actor": f"support-{number % 5}",
            "role": ("system", "support", "platform", "admin")[number % 4],
            "correlation_id": uuid4(),
            "causation_id": uuid4() if number % 2 else None,
        }
        for number in range(MANY)
    ]
    with engine.begin() as connection:
        connection.execute(insert(events), rows)
        connection.exec_driver_sql("ANALYZE")
    return Recorder(engine, People(engine, KEYRING))


def test_rare_filters_are_found_by_their_index(recorder: Recorder) -> None:
    asked: list[tuple[str, object]] = []
    engine = recorder.engine

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    for name, (only, index) in RARE.items():
        asked.clear()
        assert recorder.read_log(after=100, limit=51, only=only) == []
        statement, parameters = next(each for each in asked if "FROM events" in each[0])
        explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
        with engine.connect() as connection:
            plan = "\n".join(str(row) for row in connection.exec_driver_sql(explain + statement, parameters))  # type: ignore[arg-type]
        assert index in plan, (name, plan)
