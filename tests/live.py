"""A database under load: writers who note what was acknowledged to them, followers behind them, and a look at a copy made meanwhile."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import select, text

from domain.commands.institutional_account import Amend, Convert, Nominate
from domain.events.base import Metadata
from domain.store import Selection
from ops.assembly import Assembly
from ops.config import Settings
from ops.eventstore.engine import connect, normalised, reading
from ops.eventstore.evidence import TreeEvidence
from ops.eventstore.schema import events
from ops.verification import verify
from ops.verify import verify_export
from projections.exports.export import begin
from projections.exports.writers import ndjson
from projections.follower import followers
from projections.proof import checkpoints
from projections.proof.notes import Verifier
from tests.databases import postgresql_program

WRITERS = 8
Place = tuple[UUID, int]
BY_HAND = Metadata(actor="support-north", role="support")


@dataclass
class Load:
    """`acknowledged`: every event of which a writer has been told that it is on record. `signed`: there is a checkpoint."""

    acknowledged: list[Place] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)
    busy: threading.Event = field(default_factory=threading.Event)
    signed: bool = False
    _ended: threading.Event = field(default_factory=threading.Event)

    def wait_for(self, more: int) -> None:
        """Until so many more events were acknowledged, and a checkpoint has been signed."""
        wanted = len(self.acknowledged) + more
        while not (len(self.acknowledged) >= wanted and self.signed) and not self.faults:
            self.busy.wait(1)
            self.busy.clear()

    def write(self, assembly: Assembly) -> None:
        """Institutions, one after the other: nominated, amended, converted."""
        lifecycle = assembly.lifecycle
        for number in count():
            id = uuid4()
            nominate = Nominate(
                id=id,
                email=f"library@{id}.example",
                contact_id=uuid4(),
                institution="A University",
                time_zone="Europe/London",
                registered_account_id=f"R-{id}",
            )
            for command in (nominate, Amend(id=id, institution=f"University {number}"), Convert(id=id)):
                if self._ended.is_set():
                    return
                metadata = Metadata(actor="support-north", role="support", command_id=uuid4())
                outcome = lifecycle.handle(command, metadata=metadata)
                self.acknowledged += [(each.originator_id, each.originator_version) for each in outcome.events]
                self.busy.set()

    def follow(self, assembly: Assembly) -> None:
        while not self._ended.is_set():
            assembly.tables.catch_up()
            self.signed = assembly.checkpoints.make_now() is not None
            self.busy.set()

    def end(self) -> None:
        self._ended.set()


def assembly_of(url: str, folder: Path) -> Assembly:
    return Assembly(Settings(database_url=url, keys_directory=folder / "keys"), smtp_url="smtp+plain://127.0.0.1:1")


@contextmanager
def under_load(url: str, folder: Path, writers: int = WRITERS) -> Iterator[Load]:
    """Writers with connections of their own, and one who follows and signs checkpoints; an error of any of them is raised at the end."""
    load = Load()
    on_sqlite = url.startswith("sqlite")
    shared = assembly_of(url, folder)
    shared.prepare()
    assemblies = [shared if on_sqlite else assembly_of(url, folder) for _ in range(writers)]

    def noting(work: Callable[[Assembly], None], assembly: Assembly) -> None:
        try:
            work(assembly)
        except BaseException as fault:
            load.faults.append(fault)
            load.busy.set()

    threads = [threading.Thread(target=noting, args=(load.write, each)) for each in assemblies]
    threads.append(threading.Thread(target=noting, args=(load.follow, shared)))
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.end()
        for thread in threads:
            thread.join()
        for each in {id(each): each for each in (*assemblies, shared)}.values():
            each.close()
    if load.faults:
        raise load.faults[0]


def dump(url: str, to: Path) -> None:
    run_program("pg_dump", "--format=custom", f"--file={to}", libpq(url))


def restore(path: Path, url: str) -> None:
    run_program("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", f"--dbname={libpq(url)}", str(path))


def run_program(program: str, *arguments: str) -> None:
    found = postgresql_program(program)
    assert found is not None
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def libpq(url: str) -> str:
    return normalised(url).set(drivername="postgresql").render_as_string(hide_password=False)


@dataclass(frozen=True)
class Copied:
    """What a copy holds. `followed`: how many of its events its tables had not taken up yet; `proven`: how many its checkpoint covers."""

    events: int
    followed: int
    proven: int


def look_at(url: str, folder: Path, acknowledged: list[Place]) -> Copied:
    """A copy is whole: nothing that was acknowledged before it began is missing, no stream has a gap, and its followers go on."""
    engine = connect(url)
    with reading(engine) as connection:
        held = {(row.stream_id, row.stream_version) for row in connection.execute(select(events.c.stream_id, events.c.stream_version))}
        gaps = connection.execute(
            text("SELECT stream_id FROM events GROUP BY stream_id HAVING max(stream_version) <> count(*) OR min(stream_version) <> 1")
        )
        assert [] == gaps.all()
        orphans = (
            "SELECT count(*) FROM events e LEFT JOIN commands c USING (command_id) WHERE e.command_id IS NOT NULL AND c.command_id IS NULL"
        )
        assert 0 == connection.scalar(text(orphans))
    missing = set(acknowledged) - held
    assert not missing, f"{len(missing)} acknowledged events are missing"
    engine.dispose()
    assembly = assembly_of(url, folder)
    try:
        assembly.prepare()
        proven = _verified(assembly)
        followed = assembly.tables.catch_up()
        assert assembly.tables.position() == assembly.store.log.max_notification_id()
        before = _derived(assembly)
        assembly.tables.rebuild()
        assert before == _derived(assembly)
        id = uuid4()
        assembly.lifecycle.handle(Nominate(id=id, email="library@after.example", contact_id=uuid4()), metadata=BY_HAND)
        assert assembly.tables.catch_up() == 1
    finally:
        assembly.close()
    return Copied(len(held), followed, proven)


def _verified(assembly: Assembly) -> int:
    """The log as it was copied, against the last checkpoint that was copied with it, by the file that imports nothing of ours, and by our own."""
    with assembly.database.reading() as connection:
        last = checkpoints.latest(connection)
    assert last is not None
    export = begin(assembly.lifecycle, Selection(), TreeEvidence(assembly.database, None), lambda *_: None)
    lines = (line + b"\n" for chunk in ndjson(export, lambda _: None) for line in chunk.splitlines())
    found = verify_export(lines, last.vkey, last.note)
    assert found["kind"] == "log"
    with assembly.database.reading() as connection:
        assert [] == verify(connection, [Verifier.parse(last.vkey)], [last.note]).findings
    return int(found["size"])


def _derived(assembly: Assembly) -> dict[str, set[tuple[object, ...]]]:
    """What a rebuild makes anew; leases aside."""
    with assembly.database.reading() as connection:
        rows = {
            table.name: {tuple(row) for row in connection.execute(select(table))}
            for projection in assembly.tables.projections
            for table in projection.tables
        }
        rows["followers"] = {tuple(row) for row in connection.execute(select(followers.c.name, followers.c.position))}
    return rows
