"""Answers the gateway: decides each call and counts it, exactly, whatever other processes count at the same time.

Calls that arrive while others are being counted wait for the next transaction, and share it: none waits for a clock.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import SimpleQueue
from typing import Any
from uuid import UUID, uuid4

import structlog

from domain.access import Access, Code, Question, Usage, decide_access, with_usage
from domain.catalogue import Product
from domain.clock import Clock
from projections import usage
from projections.follower import Database
from projections.gatekeeper import Gatekeeper, Token, Views
from projections.usage import Books, Entry, Refusal, Tab

LARGEST_BATCH = 500
MINUTE = timedelta(minutes=1)
SIZE = {Code.TOO_MANY_RECORDS, Code.TOO_MANY_NESTED_AGGREGATIONS}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call is told. `usage` is as it was when the call came; `reference` finds a refusal again."""

    access: Access
    at: datetime
    views: Views | None = None
    usage: Usage | None = None
    reference: UUID | None = None


@dataclass(slots=True)
class Call:
    digests: Sequence[bytes]
    question: Question
    future: asyncio.Future[Answer]
    loop: asyncio.AbstractEventLoop


@dataclass(slots=True)
class Decision:
    """`tab` where it depends on the counters too."""

    question: Question
    views: Views | None
    access: Access
    tab: Tab | None


class Meter:
    """A thread or two count for the whole process; they are started by the first call."""

    def __init__(
        self, gatekeeper: Gatekeeper, database: Database, clock: Clock, digests: Callable[[str], Sequence[bytes]], *, threads: int
    ) -> None:
        """`digests`: the keyed hashes that a secret may be stored as, one for each pepper. `threads`: one where there is one writer."""
        self.gatekeeper = gatekeeper
        self._database = database
        self._clock = clock
        self._digests = digests
        self._arriving: dict[asyncio.AbstractEventLoop, list[Call]] = {}
        self._waiting: SimpleQueue[list[Call] | None] = SimpleQueue()
        self._most = threads
        self._threads: list[threading.Thread] = []
        self._starting = threading.Lock()

    async def ask(self, secret: str, question: Question) -> Answer:
        """May this token do this? If so, it is counted before the answer."""
        if not self._threads:
            self._start()
        loop = asyncio.get_running_loop()
        call = Call(self._digests(secret), question, loop.create_future(), loop)
        if loop in self._arriving:
            self._arriving[loop].append(call)
        else:
            self._arriving[loop] = [call]
            loop.call_soon(self._hand_over, loop)  # with all that the loop has at hand: each on its own would wake the thread
        return await call.future

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        self._waiting.put(self._arriving.pop(loop))

    def token(self, secret: str) -> Token | None:
        """Whose secret it is. The time that it takes tells nothing of what is wrong with one that is nobody's."""
        return self._token(self._digests(secret))

    def _token(self, digests: Iterable[bytes]) -> Token | None:
        found = [self.gatekeeper.token(digest) for digest in digests]
        return next((token for token in found if token is not None), None)

    def stop(self) -> None:
        for _ in self._threads:
            self._waiting.put(None)
        while self._threads:
            self._threads.pop().join()

    def _start(self) -> None:
        """With two, one counts while the other waits for the disk."""
        with self._starting:
            while len(self._threads) < self._most:
                thread = threading.Thread(target=self._run, name=f"meter-{len(self._threads) + 1}", daemon=True)
                thread.start()
                self._threads.append(thread)

    def _run(self) -> None:
        more = self._waiting.get()
        while more is not None:
            calls = more
            while len(calls) < LARGEST_BATCH and not self._waiting.empty() and (more := self._waiting.get()) is not None:
                calls += more
            self._serve(calls)
            more = self._waiting.get() if more is not None else None

    def _serve(self, calls: Sequence[Call]) -> None:
        try:
            answers: list[Any] = list(self.answer([(call.digests, call.question) for call in calls]))
        except Exception as error:
            log.exception("meter_failed")
            answers = [error] * len(calls)
        by_loop: defaultdict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Answer], Any]]] = defaultdict(list)
        for call, answer in zip(calls, answers, strict=True):
            by_loop[call.loop].append((call.future, answer))
        for loop, answered in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_deliver, answered)

    # counting

    def answer(self, asked: Iterable[tuple[Sequence[bytes], Question]]) -> list[Answer]:
        """Decide in order, and count what is allowed: on disk before this returns. Each call comes with the digests of its secret.

        All that may be allowed is counted first, which tells what was used before; what is refused after all is taken back.
        """
        known: dict[UUID, Views] = {}
        tabs: dict[tuple[UUID, Product], Tab] = {}
        calls: list[Decision] = []
        books = Books()
        with self._database.sweeping() as connection:
            self.gatekeeper.keep_up(connection)
            now = self._clock.now()
            for digests, question in asked:
                token = self._token(digests)  # not sooner: it may be as new as what was taken up just now
                views = None
                if token is not None:
                    views = known.get(token.id)
                    if views is None:
                        views = known[token.id] = self.gatekeeper.views(token, now)
                calls.append(_looked_at(views, question, now, tabs))
            usage.count(connection, tabs.values())
            answers = [_decided(call, now, books) for call in calls]
            usage.take_back(connection, tabs.values())
            usage.write(connection, books, now)
        return answers

    def standing(self, secret: str, product: Product) -> Answer:
        """What has been used of a product, without using it. Refused where the token has no access; a used up quota is no obstacle."""
        self.gatekeeper.follow()
        now = self._clock.now()
        token = self.token(secret)
        views = self.gatekeeper.views(token, now) if token else None
        question = Question(product=product, records=0, cost=0)
        access = _told(views, question, now, None)
        if views is None or not access.allowed:
            refused = _refusal(views, question, now, access, None)
            with self._database.writing() as connection:
                usage.write(connection, Books(refusals=[refused]), now)
            return Answer(access, now, views, None, refused.reference)
        tab = _tab(views, question.product, now)
        with self._database.reading() as connection:
            usage.look(connection, tab)
        used = _usage(views, tab)
        return Answer(_told(views, question, now, used), now, views, used)


def _deliver(answered: list[tuple[asyncio.Future[Answer], Any]]) -> None:
    for future, answer in answered:
        if future.cancelled():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)


def _told(views: Views | None, question: Question, now: datetime, used: Usage | None) -> Access:
    if views is None:
        return decide_access(question, token=None, account=None, subscription=None, plan=None, usage=None, now=now)
    return decide_access(
        question, token=views.token, account=views.account, subscription=views.subscription, plan=views.plan, usage=used, now=now
    )


def _looked_at(views: Views | None, question: Question, now: datetime, tabs: dict[tuple[UUID, Product], Tab]) -> Decision:
    """As far as it can be decided without the counters; who is refused already keeps nobody waiting for them."""
    access = _told(views, question, now, None)
    if views is None or access.limits is None or any(reason.code not in SIZE for reason in access.reasons):
        return Decision(question, views, access, None)
    key = views.owner_id, question.product
    tab = tabs.get(key)
    if tab is None:
        tab = tabs[key] = _tab(views, question.product, now)
    tab.requests += question.cost
    tab.records += question.counted_records
    return Decision(question, views, access, tab)


def _tab(views: Views, product: Product, now: datetime) -> Tab:
    return Tab(views.owner_id, str(product), views.month[0], now.replace(second=0, microsecond=0))


def _usage(views: Views, tab: Tab) -> Usage:
    return Usage(
        requests=tab.before.requests,
        records=tab.before.records,
        resets_at=views.month[1],
        requests_this_minute=tab.before_this_minute,
        minute_resets_at=tab.minute + MINUTE,
    )


def _decided(call: Decision, now: datetime, books: Books) -> Answer:
    question, views, access, tab = call.question, call.views, call.access, call.tab
    used = None
    if views is not None and tab is not None:
        used = _usage(views, tab)
        access = with_usage(access, question, views.plan, used)
        if access.allowed:
            tab.allow(question.cost, question.counted_records)
    if views is not None:
        reason = "" if access.allowed else str(access.reasons[0].code)
        hour = now.replace(minute=0, second=0, microsecond=0)
        line = books.entries[Entry(views.token_id, str(question.product), hour, reason, views.owner_id, views.account_id)]
        line.requests += question.cost
        line.records += question.counted_records if access.allowed else 0
    if access.allowed:
        return Answer(access, now, views, used)
    refused = _refusal(views, question, now, access, used)
    books.refusals.append(refused)
    return Answer(access, now, views, used, refused.reference)


def _refusal(views: Views | None, question: Question, now: datetime, access: Access, used: Usage | None) -> Refusal:
    return Refusal(
        reference=uuid4(),
        at=now,
        product=str(question.product),
        token_id=views.token_id if views else None,
        account_id=views.account_id if views else None,
        told={"reasons": [{"code": each.code, "detail": each.detail, "position": each.position} for each in access.reasons], "usage": used},
    )
