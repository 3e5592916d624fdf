"""Tells those who follow the event stream that there is something new: one look at the log for all of them."""

import asyncio
from collections.abc import Callable
from threading import Lock


class Reader:
    """Somebody who waits, in an event loop of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    def clear(self) -> None:
        """Before looking: what comes from now on is news."""
        self._news.clear()

    def wake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._news.set)

    async def wait(self, seconds: float) -> bool:
        """Until there is news; False when there was none for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        return True


class Feed:
    """`is_open` while somebody calls `look`; when nobody does, a stream ends where the log does."""

    def __init__(self, head: Callable[[], int]) -> None:
        self._head = head
        self._known = 0
        self._readers: set[Reader] = set()
        self._lock = Lock()
        self.is_open = False
        self.is_ending = False

    def open(self) -> None:
        self.is_open = True

    def close(self) -> None:
        """Every stream ends, wherever it is."""
        self.is_open, self.is_ending = False, True
        self._wake()

    def join(self) -> Reader:
        reader = Reader()
        with self._lock:
            self._readers.add(reader)
        return reader

    def leave(self, reader: Reader) -> None:
        with self._lock:
            self._readers.discard(reader)

    def look(self) -> int:
        """Wake all readers if the log has grown. Without readers it asks nothing."""
        if not self._readers:
            return 0
        head = self._head()
        if head == self._known:
            return 0
        self._known = head
        self._wake()
        return 1

    def _wake(self) -> None:
        with self._lock:
            readers = tuple(self._readers)
        for reader in readers:
            reader.wake()
