"""The lists of people that institutions hand in, as they came: kept beside the log, until everybody on them is judged and after.

They are no projection: they come by upload, and the log holds what became of each row. A rebuild does not touch them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from sqlalchemy import Column, Connection, Index, Integer, String, Table, Uuid, delete, func, insert, select

from projections.tables import facts

BATCH = 5_000

listed_people = Table(
    "listed_people",
    facts,
    Column("import_id", Uuid, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("line", Integer, nullable=False),
    Column("email", String, nullable=False),
    Column("folded", String, nullable=False),
    Column("registered_account_id", String),
    Column("name", String),
    Index("listed_people_folded", "import_id", "folded"),
    Index("listed_people_address", "folded"),
)


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """A row as it came. `row` counts from 1, `line` is where it stands in the file."""

    row: int
    line: int
    email: str
    registered_account_id: str | None
    name: str | None


def store(connection: Connection, import_id: UUID, people: Iterable[ListedPerson]) -> None:
    coming = iter(people)
    while some := list(islice(coming, BATCH)):
        rows = [
            {
                "import_id": import_id,
                "row": each.row,
                "line": each.line,
                "email": each.email,
                "folded": each.email.lower(),
                "registered_account_id": each.registered_account_id,
                "name": each.name,
            }
            for each in some
        ]
        connection.execute(insert(listed_people), rows)


def drop(connection: Connection, import_id: UUID) -> None:
    connection.execute(delete(listed_people).where(listed_people.c.import_id == import_id))


def read(connection: Connection, import_id: UUID, *, after: int, limit: int) -> list[ListedPerson]:
    """The rows behind row `after`, in order."""
    table = listed_people.c
    rows = connection.execute(
        select(table.row, table.line, table.email, table.registered_account_id, table.name)
        .where(table.import_id == import_id, table.row > after)
        .order_by(table.row)
        .limit(limit)
    )
    return [ListedPerson(*row) for row in rows]


def first_lines(connection: Connection, import_id: UUID, addresses: Iterable[str]) -> dict[str, tuple[int, int]]:
    """(row, line) at which each address stands first, by the address in lower case."""
    table = listed_people.c
    first = (
        select(table.folded, func.min(table.row).label("row"))
        .where(table.import_id == import_id, table.folded.in_({address.lower() for address in addresses}))
        .group_by(table.folded)
        .subquery()
    )
    rows = connection.execute(select(first.c.folded, table.row, table.line).where(table.import_id == import_id, table.row == first.c.row))
    return {folded: (row, line) for folded, row, line in rows}


def numbered(rows: Iterable[tuple[int, str, str | None, str | None]]) -> Iterator[ListedPerson]:
    """(line, email, registered account, name) each."""
    for row, (line, email, registered_account_id, name) in enumerate(rows, 1):
        yield ListedPerson(row, line, email, registered_account_id, name)
