"""What the platform tells us of its accounts: which addresses each of them has."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from api.answers import RegisteredAccountsShown
from api.auth import Allowed, Caller
from api.fields import Short
from api.wiring import Calling
from domain.errors import Invalid, Refused
from domain.values import folded, parse_email, parse_registered_account_id
from projections import registrations

router = APIRouter(prefix="/v1/registered-accounts", tags=["registered accounts"])

Platform = Annotated[Caller, Depends(Allowed("platform", "admin", for_itself=True))]


class RegisteredAccountBody(BaseModel):
    """An account with all its addresses; without any, it is gone."""

    model_config = ConfigDict(extra="forbid")
    registered_account_id: Short
    emails: Annotated[list[Short], Field(max_length=20)]


class RegisteredAccountsBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    accounts: Annotated[list[RegisteredAccountBody], Field(min_length=1, max_length=1_000)]


@router.put("", response_model=RegisteredAccountsShown)
def tell(service: Calling, caller: Platform, body: RegisteredAccountsBody) -> Response:
    """Each account is told whole, and replaces what was told of it before. An address has one account: the one told last."""
    if not service.lifecycle.rules.registered_accounts_known:
        raise Refused("registrations-off", "by this installation's rules every address counts as registered; nothing is kept of accounts")
    accounts: dict[str, list[str]] = {}
    for number, each in enumerate(body.accounts):
        id = parse_registered_account_id(each.registered_account_id, field=f"accounts.{number}.registered_account_id")
        if id in accounts:
            raise Invalid("repeated-account", f"{id} is told twice", field=f"accounts.{number}.registered_account_id")
        accounts[id] = [folded(parse_email(email, field=f"accounts.{number}.emails.{place}")) for place, email in enumerate(each.emails)]
    with service.database.writing() as connection:
        registrations.tell(connection, accounts, service.lifecycle.clock.now())
    return Response(f'{{"accounts": {len(accounts)}, "emails": {sum(map(len, accounts.values()))}}}', media_type="application/json")
