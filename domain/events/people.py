"""What can happen to what is known of a person: somebody asks that it be forgotten, another agrees, what is live ends, and it is gone."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.events.base import Claim, Event, Release


class Ground(StrEnum):
    """Why somebody is to be forgotten."""

    ASKED = "asked"  # by the person
    RETENTION = "retention"  # kept for as long as was said
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class ErasureRequested(Event):
    """These people, who are one, are to be forgotten by `due_at`. One request at a time concerns a person."""

    TOPIC = "person.erasure-requested"
    people: tuple[UUID, ...]
    ground: Ground
    requested_by: str
    due_at: datetime

    def claims(self) -> tuple[Claim | Release, ...]:
        return tuple(Claim("erasure", str(person)) for person in self.people)


@dataclass(frozen=True, kw_only=True)
class ErasureConfirmed(Event):
    """A second admin agrees; or, for `rule`, what was laid down before does."""

    TOPIC = "person.erasure-confirmed"
    confirmed_by: str
    rule: str | None = None


@dataclass(frozen=True, kw_only=True)
class ErasureWaits(Event):
    """Everything else has ended: these accounts have nobody yet to take the person's place. None at all: it goes on."""

    TOPIC = "person.erasure-waits"
    accounts: tuple[UUID, ...]


@dataclass(frozen=True, kw_only=True)
class ErasureFellDue(Event):
    """The time is over: nothing is waited for any more."""

    TOPIC = "person.erasure-fell-due"


@dataclass(frozen=True, kw_only=True)
class ErasureWithdrawn(Event):
    """Who asked has changed their mind. What has ended meanwhile stays ended."""

    TOPIC = "person.erasure-withdrawn"
    cause: str

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Release(),)


@dataclass(frozen=True, kw_only=True)
class ErasureRefused(Event):
    """It is not done, for a reason that the person is told."""

    TOPIC = "person.erasure-refused"
    cause: str

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Release(),)


@dataclass(frozen=True, kw_only=True)
class PersonalDataErased(Event):
    """The keys of `people` are gone: whatever this stream holds of them reads as erased, from its first event on.

    `request_id` is the stream of the request, which tells who asked and who confirmed. Whoever comes with the same address is somebody new.
    """

    TOPIC = "person.data-erased"
    people: tuple[UUID, ...]
    request_id: UUID

    def claims(self) -> tuple[Claim | Release, ...]:
        return (Release("person"),)


@dataclass(frozen=True, kw_only=True)
class ContactReplacementAsked(Event):
    """The only administrator is to be forgotten: somebody else must take the place before `until`, or nobody has it."""

    TOPIC = "account.contact-replacement-asked"
    contact_id: UUID
    request_id: UUID
    until: datetime
