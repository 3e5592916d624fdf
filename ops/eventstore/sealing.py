"""What of an event is personal, and by whose key each part of it is sealed and opened."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache, partial
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from uuid import UUID, uuid4

import msgspec

from domain.attempt import Pending
from domain.events.base import ERASED, Personal
from domain.store import Sealed
from domain.values.emails import folded
from ops.keyring import Keyring, PersonKey, Wrapped

ADDRESS, REGISTERED_ACCOUNT, SUBJECT = "address", "registered-account", "subject"
_BEGIN = b'{"sealed":'
_BEHALF = "sealed:"


@dataclass(frozen=True)
class Part:
    """A personal text within an event. `subject` is whom it is about; `kind` says that the text itself tells who that is."""

    path: str
    text: str
    subject: UUID
    kind: str | None


def parts(event: Any, stream: UUID, path: str = "") -> Iterator[Part]:
    """Every personal text of an event, and of what is nested in it."""
    kind: Any = type(event)
    for name, mark, nested in _marks(kind):
        value = getattr(event, name)
        if mark is not None and value not in {None, ERASED}:  # what is erased is nobody's any more, wherever it is copied to
            subject = stream if mark.of == "stream" else getattr(event, mark.of)
            yield Part(f"{path}{name}", value, subject, mark.kind)
        elif nested:
            for place, each in enumerate(value) if isinstance(value, tuple) else ((None, value),):
                if is_dataclass(each):
                    yield from parts(each, stream, f"{path}{name}." if place is None else f"{path}{name}.{place}.")


def told_of(event: Any, stream: UUID) -> dict[UUID, list[Part]]:
    """The personal texts of an event by whom they are about."""
    told: dict[UUID, list[Part]] = {}
    for part in parts(event, stream):
        told.setdefault(part.subject, []).append(part)
    return told


@cache
def _marks(kind: Any) -> tuple[tuple[str, Personal | None, bool], ...]:
    """The fields of a class that are personal, and those in which there may be such."""
    hints = get_type_hints(kind, include_extras=True)
    found = []
    for each in fields(kind):
        mark = _mark(hints[each.name])
        nested = mark is None and any(_marks(inner) for inner in _classes(hints[each.name]))
        if mark is not None or nested:
            found.append((each.name, mark, nested))
    return tuple(found)


def _mark(hint: Any) -> Personal | None:
    extras = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((each for each in extras if isinstance(each, Personal)), None)


def _classes(hint: Any) -> Iterator[Any]:
    if isinstance(hint, type) and is_dataclass(hint):
        yield hint
    for each in get_args(hint):
        yield from _classes(each)


@dataclass
class Sealing:
    """People as they are found for one append, and whoever is met for the first time in it."""

    keyring: Keyring
    known: dict[str, UUID]
    """By handle."""
    keys: dict[UUID, PersonKey]
    made: dict[UUID, Wrapped] = field(default_factory=dict)
    handles: dict[str, tuple[str, UUID]] = field(default_factory=dict)

    def seal(self, pending: Pending, told_of_each: Mapping[UUID, Sequence[Part]]) -> tuple[bytes, Sealed]:
        """The event as JSON with its personal texts sealed, and in front of it by whose key each of them is."""
        before = set(self.made), set(self.handles)
        state: dict[str, Any] = msgspec.to_builtins(pending.event, order="deterministic")
        people: dict[str, str] = {}
        for subject, told in told_of_each.items():
            person = self._person(subject, told)
            for part in told:
                where = place(pending.originator_id, pending.originator_version, part.path)
                _change(state, part.path, partial(self.keys[person].seal, place=where))
                people[part.path] = str(person)
        used = frozenset(map(UUID, people.values()))
        made = {id: (each.kek, each.key) for id, each in self.made.items() if id not in before[0]}
        handles = {handle: each for handle, each in self.handles.items() if handle not in before[1]}
        return msgspec.json.encode({"sealed": people, **state}), Sealed(people=used, made=made, handles=handles)

    def on_behalf_of(self, pending: Pending) -> tuple[str | None, UUID | None]:
        """For whom somebody acts, sealed where that is known to be a person; and who it is."""
        given = pending.metadata.on_behalf_of
        person = self.known.get(self.keyring.handle(REGISTERED_ACCOUNT, given)) if given else None
        if given is None or person is None:
            return given, None
        sealed = self.keys[person].seal(given, place(pending.originator_id, pending.originator_version, "on_behalf_of"))
        return f"{_BEHALF}{person}:{sealed}", person

    def _person(self, subject: UUID, told: Sequence[Part]) -> UUID:
        """Whose address this is, or else who the subject is; or else somebody new. By all of it the person is found from now on."""
        handles = {self.keyring.handle(kind, text): kind for kind, text in telling(subject, told)}
        person = next((self.known[handle] for handle in handles if handle in self.known), None)
        if person is None:
            person = uuid4()
            self.keys[person], self.made[person] = self.keyring.make(person)
        for handle, kind in handles.items():
            if handle not in self.known:
                self.known[handle] = person
                self.handles[handle] = (kind, person)
        return person


def telling(subject: UUID, told: Sequence[Part]) -> Iterator[tuple[str, str]]:
    """What tells who somebody is, the surest first: an address, a registered account, and whom it is about."""
    kinds = sorted({(part.kind, normal(part.kind, part.text)) for part in told if part.kind is not None})
    yield from kinds
    yield SUBJECT, str(subject)


def normal(kind: str, text: str) -> str:
    """A text in the form in which it tells who somebody is, however it was written."""
    return folded(text) if kind == ADDRESS else text


def place(stream: UUID, version: int, path: str) -> str:
    """The associated data of what is sealed: it opens nowhere else."""
    return f"{stream}|{version}|{path}"


def people_in(state: bytes, on_behalf_of: str | None) -> Iterator[str]:
    """By whose keys something of a stored event is sealed."""
    if state.startswith(_BEGIN):
        yield from msgspec.json.decode(state[len(_BEGIN) : state.index(b"}") + 1]).values()
    if on_behalf_of is not None and is_sealed_behalf(on_behalf_of):
        yield on_behalf_of[len(_BEHALF) :].partition(":")[0]


def opened(state: dict[str, Any], keys: Mapping[str, PersonKey], stream: UUID, version: int) -> dict[str, Any]:
    """The state as it was before it was sealed; what is of a person whose key is gone reads as ERASED."""
    for path, person in state.pop("sealed").items():
        key = keys.get(person)
        _change(state, path, (lambda _: ERASED) if key is None else partial(key.open, place=place(stream, version, path)))
    return state


def texts_of(state: bytes, person: str, key: PersonKey, stream: UUID, version: int) -> dict[str, str]:
    """What of a stored event is this person's, by its path."""
    decoded = msgspec.json.decode(state)
    paths = [path for path, whose in decoded["sealed"].items() if whose == person]
    return {path: key.open(_at(decoded, path), place(stream, version, path)) for path in paths}


def opened_behalf(given: str, keys: Mapping[str, PersonKey], stream: UUID, version: int) -> str:
    """For whom somebody acted, of what is sealed of that."""
    person, _, sealed = given.removeprefix(_BEHALF).partition(":")
    key = keys.get(person)
    return ERASED if key is None else key.open(sealed, place(stream, version, "on_behalf_of"))


def is_sealed_behalf(given: str) -> bool:
    return given.startswith(_BEHALF)


def is_sealed(state: bytes) -> bool:
    return state.startswith(_BEGIN)


def _at(state: Any, path: str) -> Any:
    for step in path.split("."):
        state = state[int(step)] if isinstance(state, list | tuple) else state[step]
    return state


def _change(state: Any, path: str, change: Callable[[Any], Any]) -> None:
    way, _, last = path.rpartition(".")
    holder = _at(state, way) if way else state
    holder[last] = change(holder[last])
