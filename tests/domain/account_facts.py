"""One institution's account as examples tell of it: who, when, and how it came about."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.aggregates.institutional_account import InstitutionalAccount
from domain.commands.institutional_account import Nominate
from domain.context import ClaimedDomain
from domain.events.institutional_account import (
    AccountClosed,
    AccountConverted,
    AccountNominated,
    AccountSuspended,
    Contact,
    ContactAdded,
    NominationRejected,
    NominationWithdrawn,
    Role,
)
from tests.domain.given import Given, given

ACCOUNT, OTHER = UUID(int=1), UUID(int=2)
LIBRARY, ANN, NEW_MAILBOX = UUID(int=11), UUID(int=12), UUID(int=13)
TRANSFER = UUID(int=21)
MAY_1 = datetime(2027, 5, 1, 12, tzinfo=UTC)
MAY_2 = MAY_1 + timedelta(days=1)
JUNE = datetime(2027, 6, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MIT = ClaimedDomain(domain="mit.edu")

NOMINATE = Nominate(
    id=ACCOUNT,
    email="library@mit.edu",
    contact_id=LIBRARY,
    contact_name="The library",
    registered_account_id="r1",
    institution="MIT",
    time_zone="America/New_York",
    ror_id="https://ror.org/042nb2s44",
    domains=(MIT,),
    ip_ranges=("18.0.0.0/11",),
)
NOMINATED = AccountNominated(
    at=MAY_1,
    account_id=ACCOUNT,
    email="library@mit.edu",
    contact_id=LIBRARY,
    contact_name="The library",
    registered_account_id="r1",
    institution="MIT",
    time_zone="America/New_York",
    ror_id="https://ror.org/042nb2s44",
    domains=(MIT,),
    ip_ranges=("18.0.0.0/11",),
    contacts=(),
    missing=(),
    chase_days=(7, 21),
    confirm_until=MAY_1 + timedelta(days=7),
)
CONVERTED = AccountConverted(at=MAY_1)
SUSPENDED = AccountSuspended(at=MAY_2, cause="unpaid")
CLOSED = AccountClosed(at=MAY_2)
WITHDRAWN = NominationWithdrawn(at=MAY_2, cause="asked")
REJECTED = NominationRejected(at=MAY_2, cause="no university")

ADMINISTRATOR = Contact(id=LIBRARY, email="library@mit.edu", name="The library", roles=(Role.ADMINISTRATOR,))
BILLING = Contact(id=ANN, email="ann@mit.edu", name="Ann", roles=(Role.BILLING,))
ANN_ADDED = ContactAdded(at=MAY_1, contact=BILLING)

NEW = given(InstitutionalAccount())
STANDINGS = {
    "new": (),
    "nominated": (NOMINATED,),
    "active": (NOMINATED, CONVERTED),
    "suspended": (NOMINATED, CONVERTED, SUSPENDED),
    "closed": (NOMINATED, CONVERTED, CLOSED),
    "withdrawn": (NOMINATED, WITHDRAWN),
    "rejected": (NOMINATED, REJECTED),
}
DEAD = ("new", "closed", "withdrawn", "rejected")


def account(standing: str, *events: object) -> Given:
    """An account in a standing, to which more has happened."""
    return given(InstitutionalAccount(), *STANDINGS[standing], *events)
