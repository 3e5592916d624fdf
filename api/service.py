"""What the routes work with: given by `ops`, so that the API knows neither a configuration nor the scheduler."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import msgspec
from fastapi import Request, Response
from sqlalchemy import Connection

from api.auth import Caller
from api.feed import Feed
from api.meter import Meter
from api.problems import Unavailable
from domain.aggregates.institutional_account_state import LibrarianKey
from domain.application import Lifecycle, Outcome, PreviewOutdated, VersionMismatch
from domain.commands.base import Command
from domain.errors import Invalid, NotFound, Refused
from domain.events.base import Metadata
from domain.store import People
from domain.streams import Stream
from projections import previews
from projections.announcements.wording import Addresses
from projections.emails.compose import Letterhead
from projections.exports.export import NO_EVIDENCE, Evidence
from projections.follower import Database, TableFollowers
from projections.own_facts import StaffKey
from projections.shapes import show

TOKEN_KIND = "tnr_live"  # noqa: S105 - what the secret of every token begins with, and no secret
PATIENCE_SECONDS = 2.0
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Secrets(Protocol):
    """Secrets and keyed hashes; the keys themselves stay where they are."""

    def new_token(self) -> "NewToken": ...

    def is_token(self, text: str) -> bool:
        """Whether a text is written as tokens are; whether there is one, it does not say."""
        ...

    def derived(self, purpose: str, text: str) -> str: ...


class Links(Protocol):
    """Signed links of emails."""

    def sign(self, stream: UUID, what: UUID) -> str: ...

    def verify(self, value: str) -> tuple[UUID, UUID]: ...


class BulkFiles(Protocol):
    """The files of bulk data, each by the location that it was registered with. Refused where one is not there."""

    def check(self, location: str, size: int) -> None: ...

    def find(self, location: str) -> Path | None:
        """None for a file in S3."""
        ...

    def presigned(self, location: str, method: str, seconds: int) -> str:
        """An address in S3 that works for some seconds."""
        ...


@dataclass(frozen=True, repr=False)
class NewToken:
    secret: str
    digest: str
    pepper: int
    prefix: str
    last_four: str


@dataclass
class Rehearsal:
    """What a command that is only rehearsed would do, once it has been found out; `briefly` only how many events come of it."""

    told: dict[str, Any] | None = None
    briefly: bool = False


def _not_told(*_: Any) -> Any:
    raise Refused("no-preview", "what this does cannot be told before it is done", field="path")


@dataclass(frozen=True)
class _Untouched:
    """A database that is only read."""

    database: Database

    def reading(self) -> AbstractContextManager[Connection]:
        return self.database.reading()

    def writing(self) -> AbstractContextManager[Connection]:
        return _not_told()  # type: ignore[no-any-return]  # it raises

    def sweeping(self) -> AbstractContextManager[Connection]:
        return self.writing()


@dataclass
class Service:
    lifecycle: Lifecycle
    database: Database
    tables: TableFollowers
    secrets: Secrets
    links: Links
    bulk_files: BulkFiles
    download_url: Callable[[UUID, UUID], str]
    """The address of the page of a link to bulk data: of a subscription, and which."""
    public_url: str
    """Where the public reaches this service, without a slash at the end."""
    addresses: Addresses
    """What an announcement leads its readers to."""
    find_key: Callable[[str], StaffKey | None]
    find_digest: Callable[[str], StaffKey | None]
    """The same by what is kept of the secret."""
    add_librarian: Callable[[UUID, LibrarianKey], str]
    """Makes the secret of a librarian's key that is on the account's record."""
    meter: Meter
    feed: Feed
    event_source: str
    """The name under which other systems are told of events."""
    check_receiver: Callable[[str], str]
    """The address of a webhook; Invalid for one to which nothing may be sent."""
    count_command: Callable[[str, str], None]
    metrics: Callable[[], bytes]
    metrics_token: str | None
    ready: Callable[[], dict[str, Any]]
    people: People
    letterhead: Letterhead
    """Of letters that are only looked at."""
    evidence: Evidence = NO_EVIDENCE
    """What proves to an auditor that an event is in the log."""
    verify_leak_report: Callable[[str, str, bytes], bool] | None = None
    """Whether a key (its identifier) made a signature of a body; None where nobody's reports are believed."""
    advance: Callable[[datetime], Any] | None = None
    """Moves the virtual clock; None where time is real."""

    def rehearsing(self) -> "Service":
        """The same, but that nothing can be written."""
        return replace(self, database=_Untouched(self.database), add_librarian=_not_told, advance=_not_told)

    def do(self, request: Request, caller: Caller, *commands: Command, reason: str | None = None) -> Outcome:
        """Carry out commands for a caller, once per Idempotency-Key; the answer shows the last command's stream.

        Of a preview that the header X-Preview names, only what was shown in it: VersionMismatch where the world has moved on.
        """
        metadata = Metadata(
            actor=caller.actor,
            role=caller.role,
            on_behalf_of=caller.on_behalf_of,
            reason=reason,
            command_id=self._command_id(request, caller),
            correlation_id=request.state.request_id,
        )
        rehearsal: Rehearsal | None = getattr(request.state, "rehearsal", None)
        if rehearsal is not None:
            if rehearsal.briefly:
                rehearsal.told = {"events": len(self.lifecycle.preview(*commands, metadata=metadata))}
            else:
                rehearsal.told = self._rehearsed(request, commands, metadata).told
            raise Refused("only-a-preview", "this was asked to be told, not to be done")
        name = type(commands[0]).__name__
        try:
            outcome = self.lifecycle.handle(
                *commands,
                metadata=metadata,
                fingerprint=self._fingerprint(request),
                if_version=if_match(request),
                seen=self._seen(request, commands, metadata),
            )
        except Exception as error:
            self.count_command(name, "refused" if hasattr(error, "slug") else "failed")
            raise
        self.count_command(name, "repeated" if outcome.repeated else "done" if outcome.events else "nothing")
        return outcome

    def _rehearsed(self, request: Request, commands: Sequence[Command], metadata: Metadata) -> previews.Rehearsed:
        asked = f"{request.method} {request.url.path} {request.state.asked}"
        if (version := if_match(request)) is not None:
            found = self.lifecycle.find(commands[0].id)
            if version != (present := found.version if found else 0):
                raise VersionMismatch(present)
        return previews.rehearse(self.lifecycle, self.database, commands, metadata, self.public_url, asked)

    def _seen(self, request: Request, commands: Sequence[Command], metadata: Metadata) -> Mapping[UUID, int]:
        """The versions by which a preview was made, if the caller confirms one that still holds."""
        confirmed = request.headers.get("X-Preview")
        if confirmed is None or self.lifecycle.was_done(metadata):
            return {}
        rehearsed = self._rehearsed(request, commands, metadata)
        if confirmed != rehearsed.digest:
            raise PreviewOutdated
        return rehearsed.versions

    def _command_id(self, request: Request, caller: Caller) -> UUID | None:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return None
        if not _KEY.fullmatch(key):
            raise Invalid(
                "invalid-idempotency-key", "the key is 1 to 255 printable ASCII characters without spaces", field="Idempotency-Key"
            )
        return derived_id(self.secrets.derived, "command", f"{caller.role}/{caller.actor}/{caller.on_behalf_of or ''}/{key}")

    def _fingerprint(self, request: Request) -> str:
        return self.secrets.derived("fingerprint", f"{request.method} {request.url.path}?{request.url.query} {request.state.body_digest}")

    def stream(self, kind: type[Any], what: str, id: UUID, caller: Caller | None = None) -> Stream:
        """A thing as it is at this instant; NotFound for another kind, and for what belongs to another institution."""
        try:
            stream = self.lifecycle.present(id)
        except NotFound:
            raise NotFound(what, id) from None
        if not isinstance(stream.state, kind):
            raise NotFound(what, id)
        if caller is not None and caller.account_id is not None and stream.account_id != caller.account_id:
            raise NotFound(what, id)
        return stream

    def answer_now(self, stream: Stream) -> Response:
        return answer(stream, self.lifecycle.clock.now())

    def wait_for(self, position: int | None) -> None:
        """Let a reader see its own writes: wait until the tables have reached `position`, if it says one."""
        if position is None:
            return
        until = time.monotonic() + PATIENCE_SECONDS
        while self.tables.position() < position:
            if time.monotonic() > until:
                raise Unavailable(f"the tables have not reached position {position} yet; try again in a moment")
            time.sleep(0.01)


def derived_id(derived: Callable[[str, str], str], purpose: str, text: str) -> UUID:
    """An id out of a keyed hash: nobody without the key finds out what it was made of by trying."""
    return UUID(derived(purpose, text)[:32], version=5)


def if_match(request: Request) -> int | None:
    """The version that the caller has seen; None where it does not say, or says that any will do."""
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return None
    quoted = re.fullmatch(r'"(\d{1,9})"', given.strip())
    return int(quoted[1]) if quoted else -1  # a weak or foreign tag matches no version


def answer(
    stream: Stream, at: datetime, *, position: int | None = None, status: int = 200, location: str | None = None, extra: Any = None
) -> Response:
    """A thing as JSON, with its version as ETag."""
    headers = {"ETag": f'"{stream.version}"'}
    if position is not None:
        headers["X-Position"] = str(position)
    if location is not None:
        headers["Location"] = location
    body = show(stream.id, stream.version, stream.state, at)
    if extra:
        body |= extra
    return Response(msgspec.json.encode(body), status, headers, "application/json")
