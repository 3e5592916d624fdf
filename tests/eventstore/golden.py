"""The stored form of one sample of each event class, per version. `python -m tests.eventstore.golden` writes those that are missing.

A file is never written anew: it is what logs out there hold. A class whose shape changes gets a new `class_version` and an
`upcast_vN_vM`, and the old files stay, to be read for ever.
"""

from pathlib import Path
from uuid import UUID

import msgspec

from domain.events import EVENTS
from domain.events.base import Event, Metadata
from domain.store import StoredRecord
from tests.eventstore.samples import sample

FOLDER = Path(__file__).parent / "golden"
STREAM = UUID(int=99)


def path_of(topic: str, version: int) -> Path:
    return FOLDER / f"{topic}.v{version}.json"


def stored(event: Event) -> StoredRecord:
    """As it was stored before anything was sealed, which is still read."""
    metadata = Metadata(actor="staff:ann", role="support")
    return StoredRecord(
        originator_id=STREAM,
        originator_version=1,
        topic=event.TOPIC,
        class_version=event.class_version,
        state=msgspec.json.encode(event, order="deterministic"),
        at=event.at,
        metadata=metadata,
    )


def write_missing() -> list[Path]:
    FOLDER.mkdir(exist_ok=True)
    missing = [(each, path) for each in EVENTS if not (path := path_of(each.TOPIC, each.class_version)).exists()]
    for each, path in missing:
        path.write_bytes(stored(sample(each)).state + b"\n")
    return [path for _, path in missing]


if __name__ == "__main__":
    for path in write_missing():
        print(path.name)
