"""The log as it stood at a moment that is past, for the same use cases to read: none of them knows the difference."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NoReturn
from uuid import UUID

from domain.application import Lifecycle
from domain.events.itk_subscription import SubscriptionEnded, SubscriptionOpened
from domain.moment import Moment
from domain.store import Codec, CommandRecord, Log, Selection, StoredNotification

_RESOLUTION = timedelta(microseconds=1)


@dataclass(frozen=True)
class _Still:
    """A clock that stands."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant


class PastLog:
    """What of a log counts at a moment. Nothing can be added to it."""

    def __init__(self, log: Log, moment: Moment) -> None:
        self._log = log
        self._moment = moment

    def insert_events(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("nothing happens in the past")

    def read_stream(self, stream_id: UUID, *, after: int = 0, until: int | None = None) -> list[StoredNotification]:
        return self._counting(self._log.read_stream(stream_id, after=after, until=until))

    def read_streams(self, after: Mapping[UUID, int]) -> list[StoredNotification]:
        of_each: dict[UUID, list[StoredNotification]] = defaultdict(list)
        for each in self._log.read_streams(after):
            of_each[UUID(str(each.originator_id))].append(each)
        return [each for stored in of_each.values() for each in self._counting(stored)]

    def _counting(self, stored: list[StoredNotification]) -> list[StoredNotification]:
        last = max((each.originator_version for each in stored if self._moment.counts(each.at, each.recorded_at)), default=0)
        return [each for each in stored if each.originator_version <= last]

    def read_log(self, *, after: int, limit: int, only: Selection | None = None) -> list[StoredNotification]:
        return self._log.read_log(after=after, limit=limit, only=self._narrowed(only))

    def count_log(self, *, until: int, only: Selection | None = None) -> int:
        return self._log.count_log(until=until, only=self._narrowed(only))

    def _narrowed(self, only: Selection | None) -> Selection:
        only = only or Selection()
        to = self._moment.as_of + _RESOLUTION
        narrowed = replace(only, to=min(only.to, to) if only.to else to)
        if self._moment.known_at is not None:
            known = self._moment.known_at + _RESOLUTION
            narrowed = replace(narrowed, recorded_to=min(only.recorded_to, known) if only.recorded_to else known)
        return narrowed

    def max_notification_id(self) -> int | None:
        return self._log.max_notification_id()

    def find_command(self, command_id: UUID) -> CommandRecord | None:
        return self._log.find_command(command_id)

    def find_commands(self, command_ids: Sequence[UUID]) -> dict[UUID, CommandRecord]:
        return self._log.find_commands(command_ids)

    def streams_of(self, people: Collection[UUID]) -> NoReturn:
        raise ValueError(f"in which streams {len(people)} people were then is not told")

    def holder(self, kind: str, key: str) -> UUID | None:
        """Which subscription an account had; nobody asks for anything else of the past."""
        if kind != "subscription":
            raise ValueError(f"who held a {kind} then is not told")
        opened = self._of_account(UUID(key), SubscriptionOpened.TOPIC)
        ended = {each.originator_id for each in self._of_account(UUID(key), SubscriptionEnded.TOPIC)}
        held = [each.originator_id for each in opened if each.originator_id not in ended]
        return UUID(str(held[-1])) if held else None

    def _of_account(self, account: UUID, topic: str) -> list[StoredNotification]:
        return self.read_log(after=0, limit=1_000, only=Selection(account=account, topic=topic))

    def holders(self, kind: str, keys: Sequence[str]) -> dict[str, UUID]:
        found = {key: self.holder(kind, key) for key in keys}
        return {key: stream for key, stream in found.items() if stream is not None}

    def claims(self, kind: str, low: str, high: str) -> NoReturn:
        raise ValueError(f"who held a {kind} from {low} to {high} then is not told")


@dataclass(frozen=True)
class _PastStore:
    log: PastLog
    codec: Codec
    factory: Any


class _Past(Lifecycle):
    def close(self) -> None:
        """What it reads is the present's to close; the library would do it as soon as nobody looks at this past any more."""


def back_to(lifecycle: Lifecycle, moment: Moment) -> Lifecycle:
    """The use cases as of a moment; whatever is asked of them to do is refused."""
    store = _PastStore(PastLog(lifecycle.log_reader, moment), lifecycle.codec, lifecycle.factory)
    past = _Past(store, _Still(moment.as_of), lifecycle.rules)
    past.moment = moment
    return past
