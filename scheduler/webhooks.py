"""Tells other systems of events at addresses of theirs: each event until it is taken, and those of a stream one after the other.

What may be told is decided by `projections.webhooks`: an event leaves the deliveries when the receiver has taken it, and none is sent while
one of its stream stands before it. Whoever dies in between has noted nothing, so another sends the same again, under the same id.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID
from zlib import crc32

import httpx2
import msgspec
import structlog
from standardwebhooks import Webhook as Signer

from domain.application import Lifecycle
from domain.clock import Clock
from domain.store import Selection, StoredNotification
from projections import cloud_events, webhooks
from projections.follower import Database
from projections.webhooks import ACTIVE, DEAD, DISABLED, Delivery, Webhook
from scheduler.receivers import NEVER, Answer, Receivers

BATCH = 100
PAGE = 500
TOGETHER = 8
"""How many streams one receiver is told of at the same time."""
ROUND_SECONDS = 5.0
"""After so long nothing new is begun in a tick: others wait for their turn."""
RESTS_AFTER = 5
"""So many events in a row that fail at their first try are the receiver's failure, and not theirs: all of it waits then."""
FIRST_WAIT, LONGEST_WAIT, LONGEST_REST = timedelta(seconds=5), timedelta(hours=1), timedelta(minutes=10)
LONGEST_ASKED = timedelta(hours=1)
GIVE_UP = timedelta(days=3)
GONE = 410

log = structlog.get_logger()


@dataclass
class _Round:
    """One webhook's turn within a tick."""

    webhook: Webhook
    client: httpx2.AsyncClient
    keeping: "asyncio.Task[None]"
    until: float
    known: dict[int, StoredNotification] = field(default_factory=dict)
    failures: int = 0
    gone: bool = False

    @property
    def goes_on(self) -> bool:
        return not (self.keeping.done() or self.gone or self.failures >= RESTS_AFTER or time.monotonic() > self.until)


class Webhooks:
    """Any number of processes may do so: a webhook is served under a lease, which is renewed while it is."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        database: Database,
        receivers: Receivers,
        derived: Callable[[str, str], str],
        source: str,
        real_clock: Clock,
        owner: str,
        lease: timedelta,
        count: Callable[[str, str], None] = lambda _, __: None,
    ) -> None:
        """`derived` makes the keys that sign, `source` is the name under which events are told."""
        self._lifecycle = lifecycle
        self._database = database
        self._receivers = receivers
        self._derived = derived
        self._source = source
        self._real_clock = real_clock
        self._owner = owner
        self._lease = lease
        self._count = count
        self._stopping = False

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopping = True

    def tick(self) -> int:
        """Serve every webhook for which there is something to do. Returns how many events were sent, taken or not."""
        now, real_now = self._lifecycle.clock.now(), self._real_clock.now()
        head = self._lifecycle.log_reader.max_notification_id() or 0
        with self._database.reading() as connection:
            due = webhooks.due(connection, now=now, real_now=real_now, head=head)
        if not due or self._stopping:
            return 0
        with self._database.writing() as connection:
            claimed = webhooks.claim(connection, due, owner=self._owner, now=now, real_now=real_now, lease=self._lease)
        return asyncio.run(self._serve_all(claimed, now)) if claimed else 0

    async def _serve_all(self, claimed: list[Webhook], now: datetime) -> int:
        return sum(await asyncio.gather(*(self._serve(webhook, now) for webhook in claimed)))

    async def _serve(self, webhook: Webhook, now: datetime) -> int:
        done = 0
        keeping = asyncio.create_task(self._keep(webhook.id))
        try:
            async with self._receivers.client() as client:
                turn = _Round(webhook, client, keeping, time.monotonic() + ROUND_SECONDS)
                while turn.goes_on and not self._stopping and (batch := await asyncio.to_thread(self._next, turn, now)):
                    results = await self._send_all(turn, batch, now)
                    done += len(results)
                    if not await asyncio.to_thread(self._note, turn, results, now):
                        break
        except Exception:
            log.exception("webhook_failed", webhook=str(webhook.id))  # the next tick tries again
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await asyncio.to_thread(self._release, webhook.id)
        return done

    async def _keep(self, id: UUID) -> None:
        """Renew the lease; returns when it is lost, or the webhook is paused."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            if not await asyncio.to_thread(self._renew, id):
                return

    def _renew(self, id: UUID) -> bool:
        with self._database.writing() as connection:
            return webhooks.renew(connection, id, self._owner, self._real_clock.now() + self._lease)

    def _release(self, id: UUID) -> None:
        with self._database.writing() as connection:
            webhooks.release(connection, id, self._owner)

    # what is next

    def _next(self, turn: _Round, now: datetime) -> list[Delivery]:
        """What is to be sent now; of a receiver that rested, one event only, to see whether it is back: each time of another stream."""
        is_back = turn.webhook.failures < RESTS_AFTER and turn.webhook.rests_until is None
        while True:
            with self._database.reading() as connection:
                if is_back:
                    found = webhooks.sendable(connection, turn.webhook.id, now, BATCH)
                    enough = len(found) == BATCH
                else:
                    found = webhooks.least_tried(connection, turn.webhook.id)
                    enough = any(each.attempts == 0 for each in found)
            if enough or not self._take_up(turn):
                return found

    def _take_up(self, turn: _Round) -> bool:
        """Let the next page of the log wait for the receiver; False when there is none."""
        webhook = turn.webhook
        page = self._lifecycle.log_reader.read_log(after=webhook.position, limit=PAGE, only=Selection(account=webhook.account_id))
        if not page or turn.keeping.done():
            return False
        wanted = [each for each in page if webhook.wants(each.topic)]
        rows = [
            Delivery(
                webhook_id=webhook.id,
                position=each.id,
                stream_id=UUID(str(each.originator_id)),
                version=each.originator_version,
                topic=each.topic,
            )
            for each in wanted
        ]
        with self._database.writing() as connection:
            held = webhooks.held(connection, webhook.id, self._owner)
            if held is None or held.position != webhook.position:
                return False
            webhooks.take_up(connection, webhook.id, rows, page[-1].id)
        if len(turn.known) < PAGE:
            turn.known |= {each.id: each for each in wanted}
        turn.webhook = replace(webhook, position=page[-1].id)
        return True

    # sending

    async def _send_all(self, turn: _Round, batch: list[Delivery], now: datetime) -> list[tuple[Delivery, Answer]]:
        """In the order in which the answers came. What is not among them was not tried."""
        streams: dict[UUID, list[Delivery]] = {}
        for each in batch:
            streams.setdefault(each.stream_id, []).append(each)
        results: list[tuple[Delivery, Answer]] = []
        lanes = asyncio.Semaphore(TOGETHER)

        async def send_stream(events: list[Delivery]) -> None:
            async with lanes:
                for each in events:
                    if not turn.goes_on or self._stopping:
                        return
                    answer = await self._send(turn, each, now)
                    results.append((each, answer))
                    turn.failures = 0 if answer.is_taken else turn.failures + (each.attempts == 0)
                    turn.gone = turn.gone or answer.status == GONE
                    if not answer.is_taken:
                        return

        await asyncio.gather(*(send_stream(each) for each in streams.values()))
        return results

    async def _send(self, turn: _Round, delivery: Delivery, now: datetime) -> Answer:
        stored = turn.known.pop(delivery.position, None)
        if stored is None:
            stored = await asyncio.to_thread(self._read, delivery)
        recorded = self._lifecycle.codec.to_recorded(stored)
        body = msgspec.json.encode(cloud_events.cloud_event(recorded, self._source, personal=turn.webhook.personal))
        headers = self._signed(turn.webhook, cloud_events.event_id(recorded), body, now)
        return await self._receivers.send(turn.client, turn.webhook.url, headers, body, self._real_clock.now())

    def _read(self, delivery: Delivery) -> StoredNotification:
        (stored,) = self._lifecycle.log_reader.read_stream(delivery.stream_id, after=delivery.version - 1, until=delivery.version)
        return stored

    def _signed(self, webhook: Webhook, id: str, body: bytes, now: datetime) -> dict[str, str]:
        """As Standard Webhooks has it; by the old secret too, while it is still good."""
        sent_at = self._real_clock.now()
        salts = [webhook.salt]
        if webhook.old_salt is not None and webhook.old_until is not None and webhook.old_until > now:
            salts.append(webhook.old_salt)
        keys = (webhooks.secret(self._derived, webhook.id, salt) for salt in salts)
        return {
            "content-type": f"{cloud_events.MEDIA_TYPE}; charset=utf-8",
            "webhook-id": id,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": " ".join(Signer(key).sign(id, sent_at, body.decode()) for key in keys),
        }

    # what came of it

    def _note(self, turn: _Round, results: list[tuple[Delivery, Answer]], now: datetime) -> bool:
        """Record it, unless the lease is lost: then another sends the same again. Returns whether to go on at once."""
        with self._database.writing() as connection:
            held = webhooks.held(connection, turn.webhook.id, self._owner)
            if held is None:
                return False
            after = replace(held, rests_until=None)
            taken, late = [], []
            for delivery, answer in results:
                if answer.is_taken:
                    if after.failing_since is not None:
                        webhooks.try_at_once(connection, held.id, after.failing_since, now)
                    taken.append(delivery.position)
                    after = replace(after, failures=0, failing_since=None, last_delivered_at=now)
                else:
                    counts = delivery.attempts == 0 or after.failures >= RESTS_AFTER  # one event that fails again says nothing new
                    after = replace(after, failures=after.failures + counts, failing_since=after.failing_since or now)
                    late.append(_put_off(delivery, answer, after, now))
                after = _judged(replace(after, last_answer=answer.said), answer, now)
            webhooks.taken(connection, held.id, taken)
            for delivery in late:
                webhooks.put_off(connection, delivery)
            after = replace(after, delivered=after.delivered + len(taken), failed=after.failed + len(late))
            webhooks.change(connection, held.id, **_changed(after, paused=held.status != ACTIVE))
        for _, answer in results:
            self._count(str(held.id), "delivered" if answer.is_taken else "failed")
        if after.status == DISABLED:
            log.error("webhook_disabled", webhook=str(held.id), reason=after.reason)
        turn.webhook = after
        return held.status == ACTIVE and after.status == ACTIVE and after.rests_until is None


def _put_off(delivery: Delivery, answer: Answer, webhook: Webhook, now: datetime) -> Delivery:
    """To be tried again later; or given up, if others were taken while this one was not."""
    attempts, since = delivery.attempts + 1, delivery.since or now
    tried = replace(delivery, attempts=attempts, since=since, tried_at=now, answer=answer.said)
    if now - since >= GIVE_UP and webhook.failing_since is not None and now - webhook.failing_since < GIVE_UP:
        log.error("webhook_dead_letter", webhook=str(webhook.id), position=delivery.position, attempts=attempts)
        return replace(tried, status=DEAD, not_before=None)
    wait = min(FIRST_WAIT * 4 ** min(attempts - 1, 10), LONGEST_WAIT)
    return replace(tried, not_before=now + max(_jittered(wait, f"{delivery.position}/{attempts}"), min(answer.wait, LONGEST_ASKED)))


def _judged(webhook: Webhook, answer: Answer, now: datetime) -> Webhook:
    """Whether the receiver is to rest, or nothing is to be sent there any more."""
    if answer.status == GONE:
        return replace(webhook, status=DISABLED, reason=f"the receiver says that it is gone: {answer.said}")
    if answer.is_taken or webhook.failing_since is None:
        return replace(webhook, rests_until=None)
    if now - webhook.failing_since >= GIVE_UP:
        return replace(webhook, status=DISABLED, reason=f"nothing was taken for {GIVE_UP.days} days; the last answer was: {answer.said}")
    rest = NEVER
    if webhook.failures >= RESTS_AFTER:
        wait = min(FIRST_WAIT * 2 ** min(webhook.failures - RESTS_AFTER, 10), LONGEST_REST)
        rest = _jittered(wait, f"{webhook.id}/{webhook.failures}")
    if answer.status in {429, 503}:
        rest = max(rest, min(answer.wait, LONGEST_ASKED))
    return replace(webhook, rests_until=now + rest if rest else None)


def _jittered(wait: timedelta, what: str) -> timedelta:
    """A little longer, not by the same for everything that failed together."""
    return wait * (1 + crc32(what.encode()) % 256 / 1024)


def _changed(after: Webhook, *, paused: bool) -> dict[str, object]:
    """What of a webhook the sending changes. Who has paused it meanwhile has the last word."""
    names = ["failures", "failing_since", "rests_until", "delivered", "failed", "last_answer", "last_delivered_at"]
    return {name: getattr(after, name) for name in names + ([] if paused else ["status", "reason"])}
