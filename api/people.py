"""Who a person is to us: a keyed hash of an institution and an address, and the account that the platform knows the address by."""

from collections.abc import Callable
from uuid import UUID, uuid4

from fastapi import Response

from api.service import Service
from domain.errors import Refused
from domain.values import folded
from projections import registrations


def person_key(service: Service, account: UUID, email: str) -> str:
    """`email` is parsed."""
    return service.secrets.derived("person", f"{account}/{folded(email)}")


def stream_of(service: Service, account: UUID, email: str) -> UUID | None:
    """The user plan of a person at an institution, of whatever state."""
    return service.lifecycle.log_reader.holder("person", person_key(service, account, email))


def ask_of_person(service: Service, account: UUID, email: str, ask: Callable[[UUID], Response]) -> Response:
    """A question to the plan that the person has, or to a new one; should a list be faster with that, to the list's."""
    known = stream_of(service, account, email)
    try:
        return ask(known or uuid4())
    except Refused:
        listed = stream_of(service, account, email)
        if known is not None or listed is None:
            raise
        return ask(listed)


def registered_account_of(service: Service, email: str) -> str | None:
    """What the platform's table says, where it keeps one."""
    if not service.lifecycle.rules.registered_accounts_known:
        return None
    with service.database.reading() as connection:
        return registrations.accounts_of(connection, [folded(email)]).get(folded(email))


def require_registered(service: Service, email: str, account: str | None) -> str | None:
    """The account to ask for; Refused where the platform knows of none with this address, or of another."""
    if not service.lifecycle.rules.registered_accounts_known:
        return account
    known = registered_account_of(service, email)
    if known is None:
        raise Refused("not-registered", "no account on the platform has this address; register with it first", field="email")
    if account is not None and account != known:
        raise Refused("not-registered", f"the account {account} does not have this address", field="registered_account_id")
    return known
