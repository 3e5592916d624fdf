"""What led to an event, and what followed from it, down to the letters: told by the causes that the log holds."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from domain.application import Lifecycle
from domain.causation import RESOLUTION, id_of
from domain.errors import NotFound
from domain.events.base import Recorded
from domain.store import Selection, StoredNotification
from projections import corrections
from projections.actors import Actors
from projections.emails.outbox import LETTERS_OF_AN_EVENT, emails, shown
from projections.follower import Database
from projections.history import as_data

MOST = 1_000
"""A chain of more events is cut there, and says so: the renewal of a large institution reaches all its people."""


class Chain:
    def __init__(self, lifecycle: Lifecycle, database: Database) -> None:
        self._lifecycle = lifecycle
        self._log = lifecycle.log_reader
        self._codec = lifecycle.codec
        self._database = database

    def of(self, position: int) -> dict[str, Any]:
        """Raises NotFound for a position at which nothing is."""
        found = self._log.read_log(after=position - 1, limit=1)
        if not found or found[0].id != position:
            raise NotFound("event at position", str(position))
        event = self._codec.to_recorded(found[0])
        followed, cut = self._consequences(event)
        actors = Actors(self._lifecycle)
        told: dict[str, Any] = {
            "causes": [as_data(each, actors) for each in self._causes(event)],
            "event": as_data(event, actors),
            "consequences": [as_data(each, actors) | {"caused_by": by} for each, by in followed],
            "letters": self._letters([position, *(each.position for each, _ in followed)]),
            "cut": cut,
        }
        corrections.beside(self._database, [*told["causes"], told["event"], *told["consequences"]])
        return told

    def _causes(self, event: Recorded) -> list[Recorded]:
        """From the first cause on; of a command, all that it did."""
        found: dict[int, Recorded] = {}
        asked = deque([event])
        while asked and len(found) < MOST:
            for cause in self._caused(asked.popleft()):
                if cause.position < event.position and cause.position not in found:
                    found[cause.position] = cause
                    asked.append(cause)
        return [found[position] for position in sorted(found)]

    def _caused(self, event: Recorded) -> Iterator[Recorded]:
        occasion = getattr(event.event, "position", None)
        if event.event.TOPIC.startswith("email.") and occasion is not None:
            yield from self._read(self._log.read_log(after=occasion - 1, limit=1))
            return
        causation = event.metadata.causation_id
        if causation is None:
            return
        commanded = self._log.read_log(after=0, limit=MOST, only=Selection(command=causation))
        if commanded:
            yield from self._read(commanded)
            return
        if event.account_id is not None:
            yield from self._named(event, causation)

    def _named(self, event: Recorded, causation: UUID) -> Iterator[Recorded]:
        """No command was named: an event of the same institution was the cause, at the same instant where nothing had come in between."""
        at = event.event.at
        for only in (
            Selection(account=event.account_id, from_=at, to=at + RESOLUTION),
            Selection(account=event.account_id, to=at + RESOLUTION),
        ):
            after = 0
            while some := self._log.read_log(after=after, limit=MOST, only=only):
                for each in self._read(some):
                    if id_of(each) == causation:
                        yield each
                        return
                after = some[-1].id

    def _consequences(self, event: Recorded) -> tuple[list[tuple[Recorded, int]], bool]:
        """Each with the position of what it follows from; and whether there are more."""
        found: dict[int, tuple[Recorded, int]] = {}
        seen: set[UUID] = set()
        asked = deque([event])
        while asked:
            cause = asked.popleft()
            for id in {cause.metadata.command_id, id_of(cause)} - {None} - seen:
                assert id is not None
                seen.add(id)
                for each in self._read(self._log.read_log(after=0, limit=MOST, only=Selection(causation=id))):
                    if each.position != event.position and each.position not in found:
                        if len(found) == MOST:
                            return self._ordered(found), True
                        found[each.position] = (each, cause.position)
                        asked.append(each)
        return self._ordered(found), False

    @staticmethod
    def _ordered(found: dict[int, tuple[Recorded, int]]) -> list[tuple[Recorded, int]]:
        return [found[position] for position in sorted(found)]

    def _letters(self, positions: Sequence[int]) -> list[dict[str, Any]]:
        """What was written because of these events, and what became of it; `answer` says why it was not sent."""
        letters: list[dict[str, Any]] = []
        with self._database.reading() as connection:
            for position in positions:
                low = position * LETTERS_OF_AN_EVENT
                query = select(emails).where(emails.c.number >= low, emails.c.number < low + LETTERS_OF_AN_EVENT)
                letters.extend(shown(row) for row in connection.execute(query.order_by(emails.c.number)))
        return letters

    def _read(self, stored: Sequence[StoredNotification]) -> Iterator[Recorded]:
        return map(self._codec.to_recorded, stored)


def lines(chain: dict[str, Any]) -> Iterator[str]:
    """A chain to be read in a terminal."""
    for cause in chain["causes"]:
        yield _line(" ", cause)
    yield _line("*", chain["event"])
    yield from _of(chain, chain["event"]["position"])
    for each in chain["consequences"]:
        yield _line(">", each)
        yield from _of(chain, each["position"])
    if chain["cut"]:
        yield f"… and more than {MOST:,} events in all"


def _line(mark: str, item: dict[str, Any]) -> str:
    return f"{mark} {item['position']:>8}  {item['at']:%Y-%m-%d %H:%M:%S}  {item['sentence']}"


def _of(chain: dict[str, Any], position: int) -> Iterator[str]:
    for letter in chain["letters"]:
        if letter["position"] == position:
            to = f" to {letter['to']}" if letter["to"] else f" to the {letter['audience']}"
            when = f" {letter['closed_at']:%Y-%m-%d %H:%M:%S}" if letter["closed_at"] else ""
            why = f": {letter['answer']}" if letter["answer"] and letter["status"] != "sent" else ""
            yield f"             letter {letter['template']}{to}: {letter['status']}{when}{why}"
