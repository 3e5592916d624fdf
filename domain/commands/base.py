"""What every command has."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Command:
    """Something that somebody, or a deadline, asks for. `id` is the stream that decides."""

    id: UUID

    @property
    def verb(self) -> str:
        """How a refusal names the command: `ClaimDomain` is "claim domain"."""
        return re.sub(r"(?<!^)(?=[A-Z])", " ", type(self).__name__).lower()


@dataclass(frozen=True)
class Deadline:
    """A command of the stream that falls due at an instant. Within a stream each name stands once."""

    name: str
    due_at: datetime
    command: Command
