"""Who is calling: a key in the Authorization header, its role, and for whom it acts."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from starlette.exceptions import HTTPException

from domain.errors import Forbidden, Invalid
from domain.events.base import ERASED
from projections.own_facts import StaffKey

ROLES = ("support", "auditor", "admin", "gateway", "platform", "institution", "security-provider", "integration")

TOLD_OF_PEOPLE = frozenset({"support", "auditor", "admin"})

bearer = HTTPBearer(auto_error=False, description="a staff, gateway, platform, institution or integration key")


@dataclass(frozen=True)
class Caller:
    """`account_id` binds a librarian's key, `key_id`, to one institution; `on_behalf_of` is whom the platform acts for.

    `personal`: events tell this caller what names people, too.
    """

    name: str
    role: str
    account_id: UUID | None = None
    on_behalf_of: str | None = None
    personal: bool = False
    key_id: UUID | None = None

    @property
    def actor(self) -> str:
        """Who is on record: a librarian, who is a person, by the id of the key, whose name the account has sealed."""
        return self.name if self.key_id is None else str(self.key_id)


class Allowed:
    """A dependency that lets only some roles in. `roles` is read when the contract is written."""

    def __init__(self, *roles: str, for_itself: bool = False) -> None:
        """`for_itself`: the platform need not name a registered account here."""
        self.roles = frozenset(roles)
        self._for_itself = for_itself
        self.parameters: dict[Callable[..., Any], frozenset[str]] = {}
        """The query parameters of each operation: a misspelt filter must not answer with everything."""

    def __call__(
        self,
        request: Request,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)] = None,
        on_behalf_of: Annotated[str | None, Header(alias="X-On-Behalf-Of", pattern="^[!-~]{1,128}$")] = None,
    ) -> Caller:
        find: Callable[[str], StaffKey | None] = request.app.state.service.find_key
        key = find(credentials.credentials) if credentials else getattr(request.state, "session_key", None)  # the console's visitor
        return self._admit(request, key, on_behalf_of)

    def _admit(self, request: Request, key: StaffKey | None, on_behalf_of: str | None) -> Caller:
        if key is None:
            raise HTTPException(
                401, "this needs a key: Authorization: Bearer <key>; make one with `tenure staff add`", {"WWW-Authenticate": "Bearer"}
            )
        if key.role not in self.roles:
            raise Forbidden("role-not-allowed", f"this is for {', '.join(sorted(self.roles))}; the key is of role {key.role}")
        if key.role == "platform" and on_behalf_of is None and not self._for_itself:
            raise Forbidden(
                "on-behalf-of-missing", "the platform acts for a registered account: name it in X-On-Behalf-Of", field="X-On-Behalf-Of"
            )
        if on_behalf_of == ERASED:
            raise Invalid("invalid-on-behalf-of", "this stands for somebody of whom nothing is known any more", field="X-On-Behalf-Of")
        if unknown := request.query_params.keys() - self.parameters.get(request.scope["endpoint"], frozenset()):
            name = min(unknown)
            raise Invalid("unknown-parameter", f"there is no query parameter {name!r} here", field=f"query.{name}")
        caller = Caller(
            key.name,
            key.role,
            key.account_id,
            on_behalf_of,
            personal=key.personal or key.role in TOLD_OF_PEOPLE,
            key_id=key.id if key.role == "institution" else None,
        )
        request.state.caller = caller
        return caller


KEY_TRUSTED_SECONDS = 1.0
"""For how long a gateway's own key need not be looked up again."""


@dataclass(slots=True)
class Known:
    """What a key was found to be, when it was last looked up; `renewing` while somebody looks again."""

    key: StaffKey | None
    at: float
    renewing: bool = False


class AllowedQuickly(Allowed):
    """For the gateway, which asks a thousand times a second: in the event loop, and with its key looked up twice a second."""

    def __init__(self, *roles: str) -> None:
        super().__init__(*roles)
        self._known: dict[tuple[int, str], Known] = {}
        self._looking: dict[tuple[asyncio.AbstractEventLoop, int, str], asyncio.Task[StaffKey | None]] = {}

    async def __call__(  # type: ignore[override]  # awaited by the framework
        self, request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)] = None
    ) -> Caller:
        return self._admit(request, await self._find(request.app.state.service, credentials.credentials) if credentials else None, None)

    async def _find(self, service: Any, secret: str) -> StaffKey | None:
        known = self._known.get((id(service), secret))
        if known is not None and time.monotonic() - known.at <= KEY_TRUSTED_SECONDS:
            return known.key
        return await asyncio.shield(self._look_up(service, secret))

    def _look_up(self, service: Any, secret: str) -> "asyncio.Task[StaffKey | None]":
        """Once, however many are waiting for it."""
        name = asyncio.get_running_loop(), id(service), secret
        if name not in self._looking:
            self._looking[name] = asyncio.create_task(self._found(service, secret))
            self._looking[name].add_done_callback(lambda done: self._done(name, done))
        return self._looking[name]

    async def _found(self, service: Any, secret: str) -> StaffKey | None:
        began = time.monotonic()
        key: StaffKey | None = await run_in_threadpool(service.find_key, secret)
        if len(self._known) > KEYS_REMEMBERED:
            self._known.clear()
        self._known[id(service), secret] = Known(key, began)
        return key

    def _done(self, name: tuple[asyncio.AbstractEventLoop, int, str], done: "asyncio.Task[StaffKey | None]") -> None:
        del self._looking[name]
        if not done.cancelled():
            done.exception()  # who waits for it is told; if nobody does, whoever asks when the time is up looks again

    def at_once(self, service: object, authorization: bytes) -> Caller | None:
        """The caller, if there is nothing to wait for and nothing to say against it. Well before the time is up it is looked up again."""
        secret = authorization[7:].decode("latin-1") if authorization.startswith(b"Bearer ") else ""
        known = self._known.get((id(service), secret))
        if known is None or known.key is None or known.key.role not in self.roles:
            return None
        age = time.monotonic() - known.at
        if age > KEY_TRUSTED_SECONDS:
            return None
        if age > KEY_TRUSTED_SECONDS / 2 and not known.renewing:
            known.renewing = True
            self._look_up(service, secret)
        return Caller(known.key.name, known.key.role)


KEYS_REMEMBERED = 100
Support = Annotated[Caller, Depends(Allowed("support", "admin"))]
Reader = Annotated[Caller, Depends(Allowed("support", "auditor", "admin"))]
Insider = Annotated[Caller, Depends(Allowed("support", "auditor", "admin", "institution"))]
"""Readers, and a librarian, who sees what belongs to the own institution: anything of another is not found."""
Manager = Annotated[Caller, Depends(Allowed("support", "admin", "institution"))]
Admin = Annotated[Caller, Depends(Allowed("admin"))]
