"""Claims are derived: thrown away and made anew, they are what they were."""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from sqlalchemy import delete, select

from domain.attempt import Pending
from domain.errors import ClaimHeld
from domain.events.api_token import TokenExpired, TokenExpiring, TokenIssued, TokenRevoked, TokenRotated
from domain.events.base import Metadata
from ops.eventstore.engine import reading, writing
from ops.eventstore.factory import EventStore
from ops.eventstore.rebuild import rebuild_claims
from ops.eventstore.schema import claims
from tests.keyring import KEYRING

MAY_1 = datetime(2027, 5, 1, 12, tzinfo=UTC)
OWNER = UUID(int=77)
WHO = Metadata(actor="tenure", role="system")


class Tokens:
    """Tokens that come and go, by chance, through the store."""

    def __init__(self, store):
        self.store = store
        self.versions = {}

    def append(self, *happened):
        pending = []
        for stream, event in happened:
            version = self.versions.get(stream, 0) + sum(each.originator_id == stream for each in pending) + 1
            pending.append(Pending(originator_id=stream, originator_version=version, account_id=OWNER, metadata=WHO, event=event))
        changes = [(each.originator_id, change) for each in pending for change in each.event.claims()]
        self.store.log.insert_events(self.store.codec.to_stored_events(pending), claims=changes)
        for each in pending:
            self.versions[each.originator_id] = each.originator_version


def issued(number, slot):
    return TokenIssued(
        at=MAY_1, account_id=OWNER, owner_id=OWNER, label="l", digest=f"d{number}", pepper=1, prefix="p", last_four="four",
        expires_at=MAY_1 + timedelta(days=365), slot=slot, reminders=(),
    )  # fmt: skip


def table(engine):
    with reading(engine) as connection:
        return {tuple(row) for row in connection.execute(select(claims.c.kind, claims.c.key, claims.c.stream_id))}


def test_claims_rebuild_to_what_they_were(engine):
    store = EventStore(engine, KEYRING)
    tokens, chance = Tokens(store), Random(11)
    refused = 0
    for number in range(1, 151):
        new, old = UUID(int=number), UUID(int=chance.randint(1, number))
        ends = (TokenExpired(at=MAY_1), TokenRevoked(at=MAY_1, cause="asked"), TokenExpiring(at=MAY_1, days_left=7, expires_at=MAY_1))
        rotated = TokenRotated(at=MAY_1, replaced_by=new, expires_at=MAY_1)
        appended = chance.choice(
            [
                [(new, issued(number, chance.randint(1, 5)))],
                [(new, issued(number, chance.randint(1, 5))), (old, rotated)],
                [(old, rotated), (new, issued(number, chance.randint(1, 5)))],
                [(new, issued(number, 1)), (new, chance.choice(ends))],
                [(old, chance.choice(ends))],
            ]
        )
        try:
            tokens.append(*appended)
        except ClaimHeld:
            refused += 1
    before = table(engine)
    with writing(engine) as connection:
        connection.execute(delete(claims))
    assert len(before) == rebuild_claims(store.log, store.codec)
    assert before == table(engine)
    assert before
    assert refused


def test_rebuilding_an_empty_log(engine):
    store = EventStore(engine, KEYRING)
    assert 0 == rebuild_claims(store.log, store.codec)
