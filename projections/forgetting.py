"""What of our own facts goes with a person's key: addresses, names and registered accounts that stand beside the log."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, delete, func, update

from domain.events.base import ERASED
from domain.store import Forgotten
from domain.values import folded
from projections import lists, reads, registrations
from projections.own_facts import staff

AT_ONCE = 1_000


def clean(connection: Connection, forgotten: Forgotten) -> None:
    """In the transaction that forgets them."""
    rows, registered, read, things = lists.listed_people.c, registrations.registered_accounts.c, reads.reads.c, reads.read_things.c
    for addresses in _some(sorted(map(folded, forgotten.texts))):
        listed = update(lists.listed_people).where(rows.folded.in_(addresses))
        connection.execute(listed.values(email=ERASED, folded=ERASED, name=None, registered_account_id=None))
        connection.execute(delete(registrations.registered_accounts).where(registered.email.in_(addresses)))
    for names in _some(sorted(forgotten.texts)):
        known = update(staff).where(staff.c.account_id.in_(forgotten.streams), staff.c.name.in_(names))
        connection.execute(known.values(name=ERASED))
    connection.execute(delete(reads.read_things).where(things.thing.in_(forgotten.people)))
    for handle in sorted(forgotten.handles):
        looked_for = update(reads.reads).where(read.filter.contains(handle))
        connection.execute(looked_for.values(filter=func.replace(read.filter, handle, ERASED)))


def _some(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), AT_ONCE):
        yield texts[start : start + AT_ONCE]
