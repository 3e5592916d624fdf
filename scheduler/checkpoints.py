"""Signs a checkpoint in every minute in which something happened, and lays each down in a folder for whoever wants to keep it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

import structlog

from domain.clock import Clock
from projections.follower import Database
from projections.proof import checkpoints
from projections.proof.checkpoints import Checkpoint, Forked
from projections.proof.notes import Signer
from projections.proof.tiles import Tree

LATEST = "latest"
NAME_DIGITS = 12

log = structlog.get_logger()


class Checkpoints:
    """Any number of processes may do so: one makes a checkpoint, each lays down those that its folder lacks."""

    def __init__(self, database: Database, clock: Clock, signer: Signer, folder: Path | None) -> None:
        self._database = database
        self._clock = clock
        self._signer = signer
        self._folder = Folder(folder) if folder else None
        self.forked = False
        """Whether the tree was found to be another than the one that was signed: then nothing is signed any more."""

    def tick(self) -> int:
        now = self._clock.now()
        made = self._make(now)
        if self._folder is not None:
            try:
                self._folder.fill(self._database)
            except OSError as error:
                log.error("checkpoints_not_published", folder=str(self._folder.path), error=str(error))  # noqa: TRY400 - a sentence will do
        return int(made)

    def make_now(self) -> Checkpoint | None:
        """A checkpoint of all that the tree holds, whatever minute it is; the last one where nothing was added. Raises Forked."""
        with self._database.writing() as connection:
            made = checkpoints.make(connection, self._signer, self._clock.now())
            return made or checkpoints.latest(connection)

    def _make(self, now: datetime) -> bool:
        with self._database.reading() as connection:  # most heartbeats end here, and hold nobody up
            size, last = Tree(connection).size(), checkpoints.latest(connection)
        if size == 0 or (last is not None and (last.size == size or not _is_due(last, now))):
            return False
        try:
            with self._database.writing() as connection:
                made = checkpoints.make(connection, self._signer, now, is_due=lambda known: _is_due(known, now))
        except Forked as error:
            self.forked = True
            log.critical("checkpoint_refused", error=str(error))
            return False
        self.forked = False
        return made is not None


class Folder:
    """A file for each checkpoint, never changed, and `latest`; each appears whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._published: int | None = None

    def fill(self, database: Database) -> None:
        if self._published is None:
            self.path.mkdir(parents=True, exist_ok=True)
            self._published = max((int(each.name) for each in self.path.iterdir() if each.name.isdigit()), default=-1)
        with database.reading() as connection:
            last = checkpoints.latest(connection)
            if last is None or last.size <= self._published:
                return
            missing = list(checkpoints.everything(connection, after=self._published))
        with self._alone():
            for each in missing:
                self._lay_down(f"{each.size:0{NAME_DIGITS}}", each.note)
            newest = max(each.name for each in self.path.iterdir() if each.name.isdigit())
            self._lay_down(LATEST, (self.path / newest).read_text(encoding="utf-8"))
        self._published = last.size

    def _lay_down(self, name: str, text: str) -> None:
        with NamedTemporaryFile("w", dir=self.path, prefix=".", delete=False, encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).chmod(0o644)
        Path(file.name).replace(self.path / name)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Of processes that share the folder one at a time, so that `latest` never goes back."""
        with (self.path / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _is_due(last: Checkpoint, now: datetime) -> bool:
    """In another minute than the last one: also in an earlier one, should the clock step back."""
    return last.made_at.replace(second=0, microsecond=0) != now.replace(second=0, microsecond=0)
