"""The database's errors under the names of the eventsourcing library, so that callers need to know only those."""

from collections.abc import Iterator
from contextlib import contextmanager

from eventsourcing import persistence
from sqlalchemy import exc

_NAMES: tuple[tuple[type[exc.DBAPIError], type[persistence.PersistenceError]], ...] = (
    (exc.IntegrityError, persistence.IntegrityError),
    (exc.OperationalError, persistence.OperationalError),
    (exc.DataError, persistence.DataError),
    (exc.InternalError, persistence.InternalError),
    (exc.ProgrammingError, persistence.ProgrammingError),
    (exc.NotSupportedError, persistence.NotSupportedError),
    (exc.DatabaseError, persistence.DatabaseError),
    (exc.InterfaceError, persistence.InterfaceError),
)


@contextmanager
def library_errors() -> Iterator[None]:
    try:
        yield
    except exc.TimeoutError as error:
        raise persistence.OperationalError(str(error)) from error
    except exc.DBAPIError as error:
        name = next((theirs for ours, theirs in _NAMES if isinstance(error, ours)), persistence.PersistenceError)
        raise name(str(error.orig)) from error
