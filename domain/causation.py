"""What an event is called as a cause, where no command is known that it belongs to."""

from datetime import timedelta
from uuid import UUID, uuid5

from domain.events.base import Recorded

NAMESPACE = UUID("f0a4a1f6-3f3f-4c1d-9d0e-6d2a4a5d8b11")
RESOLUTION = timedelta(microseconds=1)


def id_of(event: Recorded) -> UUID:
    return uuid5(NAMESPACE, f"{event.stream_id}/{event.version}")


def cause(event: Recorded) -> UUID:
    """What is recorded of whatever follows from the event: the command that made it happen, else the event itself."""
    return event.metadata.command_id or id_of(event)
