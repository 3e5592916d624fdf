"""A whole service in this process, or several on one database: virtual time, a mail catcher, and facts put straight into the log."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

from domain.attempt import SYSTEM, Pending
from domain.calendar import months_after
from domain.catalogue import CURRENT, ApiPlan
from domain.clock import Clock
from domain.context import ClaimedDomain
from domain.events.api_token import TokenIssued
from domain.events.base import Event, Metadata, Recorded
from domain.events.institutional_account import AccountConverted, AccountNominated, Contact, Role
from domain.events.institutional_user_plan import UserPlanActivated, UserPlanRequested
from domain.events.itk_subscription import SubscriptionActivated, SubscriptionOpened
from ops.assembly import Assembly
from ops.config import Settings

START = datetime(2027, 3, 1, 12, tzinfo=UTC)
ENDS_AT = datetime(2028, 3, 1, tzinfo=UTC)
GRACE_ENDS_AT = datetime(2028, 3, 31, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ANN = Metadata(actor="ann", role="support")
NOWHERE = "smtp+plain://127.0.0.1:9"  # nobody listens there


@dataclass
class House:
    """Every `process()` is an Assembly of its own on the same database."""

    url: str
    folder: Path
    processes: list[Assembly] = field(default_factory=list)

    def process(self, smtp_url: str = NOWHERE, *, clock: Clock | None = None, **given: Any) -> Assembly:
        """`clock` stands in for the virtual one, which asks the database each time."""
        settings = Settings(
            environment="development",
            clock=f"virtual:{START.isoformat()}",
            database_url=self.url,
            keys_directory=self.folder / "keys",
            log_level="error",
            **given,
        )
        assembly = Assembly(settings, smtp_url=smtp_url, clock=clock)
        assembly.prepare()
        self.processes.append(assembly)
        return assembly


@contextmanager
def house(url: str, folder: Path) -> Iterator[House]:
    made = House(url, folder)
    yield made
    for process in made.processes:
        process.close()


# what was


def put(assembly: Assembly, account_id: UUID, *streams: tuple[UUID, Sequence[Event]]) -> None:
    """Facts, as if they had been decided: in one append, which is as fast as it gets."""
    pending = [
        Pending(originator_id=stream, originator_version=version, account_id=account_id, metadata=ANN, event=event)
        for stream, events in streams
        for version, event in enumerate(events, 1)
    ]
    codec, log = assembly.store.codec, assembly.store.log
    claims = [(each.originator_id, claim) for each in pending for claim in each.event.claims()] if len(pending) < 50 else []
    log.insert_events(codec.to_stored_events(pending), claims=claims)


def put_institution(
    assembly: Assembly,
    *,
    name: str = "uni",
    others: tuple[Contact, ...] = (),
    reminders: tuple[int, ...] = (),
    plans: tuple[ApiPlan, ...] = CURRENT.institution,
    at: datetime = START,
) -> tuple[UUID, UUID]:
    """An account and its subscription, in force for a year from the midnight before `at`, at UTC: until ENDS_AT."""
    account, subscription = uuid4(), uuid4()
    ours, terms = institution_facts(account, name=name, others=others, reminders=reminders, plans=plans, at=at)
    put(assembly, account, (account, ours), (subscription, terms))
    return account, subscription


def institution_facts(
    account: UUID,
    *,
    name: str = "uni",
    others: tuple[Contact, ...] = (),
    reminders: tuple[int, ...] = (),
    plans: tuple[ApiPlan, ...] = CURRENT.institution,
    at: datetime = START,
) -> tuple[list[Event], list[Event]]:
    """What happened to the account, and to its subscription."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    ends_at = months_after(midnight, 12)
    nominated = AccountNominated(
        at=at,
        account_id=account,
        email=f"library@{name}.example",
        contact_id=uuid4(),
        contact_name=None,
        registered_account_id=f"r-{name}",
        institution=name,
        time_zone="UTC",
        ror_id=None,
        domains=(ClaimedDomain(domain=f"{name}.example"),),
        ip_ranges=(),
        contacts=others,
        missing=(),
        chase_days=(),
    )
    opened = SubscriptionOpened(
        at=at,
        account_id=account,
        starts_on=at.date(),
        months=12,
        time_zone="UTC",
        starts_at=midnight,
        ends_at=ends_at,
        grace_days=30,
        reinstatement_days=90,
        reminders=reminders,
        bulk_data=(),
        catalogue=CURRENT.version,
    )
    activated = SubscriptionActivated(
        at=at,
        number=1,
        starts_on=opened.starts_on,
        time_zone="UTC",
        starts_at=opened.starts_at,
        ends_at=ends_at,
        quota_anchor=at,
        plans=plans,
        catalogue=CURRENT.version,
        entitlements=CURRENT.entitlements,
        bulk_data=(),
    )
    return [nominated, AccountConverted(at=at)], [opened, activated]


def contact(address: str, *roles: Role) -> Contact:
    return Contact(id=uuid4(), email=address, roles=roles)


def token(owner: UUID, account: UUID, **changed: Any) -> tuple[UUID, list[Event]]:
    stream = uuid4()
    issued = TokenIssued(
        at=START,
        account_id=account,
        owner_id=owner,
        label="repository",
        digest=stream.hex,
        pepper=1,
        prefix="tnr_live_ab12",
        last_four="9xQz",
        expires_at=START + 365 * DAY,
        slot=1,
        reminders=(),
    )
    return stream, [replace(issued, **changed)]


def user_plan(account: UUID, subscription: UUID, name: str = "ada", **changed: Any) -> tuple[UUID, list[Event]]:
    requested = UserPlanRequested(
        at=START,
        account_id=account,
        subscription_id=subscription,
        registered_account_id=None,
        email=f"{name}@uni.example",
        name=name,
        person_key=uuid4().hex,
    )
    granted = UserPlanActivated(
        at=START, term=1, until=GRACE_ENDS_AT, plans=CURRENT.user, catalogue=CURRENT.version, reminders=(), override=None
    )
    return uuid4(), [requested, replace(granted, **changed)]


# what happened


def happened(assembly: Assembly, *kinds: type[Event], after: int = 0) -> list[Recorded]:
    """The log, in order, or what of it is of these kinds."""
    found: list[Recorded] = []
    while page := assembly.store.log.read_log(after=after, limit=5_000):
        recorded = (assembly.lifecycle.codec.to_recorded(each) for each in page)
        found += [each for each in recorded if not kinds or isinstance(each.event, kinds)]
        after = page[-1].id
    return found


def set_clock(assembly: Assembly, instant: datetime) -> None:
    assembly.clock.set(instant)  # type: ignore[attr-defined]


def ask(assembly: Assembly, *commands: Any) -> Any:
    return assembly.lifecycle.handle(*commands, metadata=SYSTEM)


def at_once(*tasks: Any) -> None:
    """Run all in threads of their own; the first error is raised here."""
    errors: list[BaseException] = []

    def guarded(task: Any) -> None:
        try:
            task()
        except BaseException as error:
            errors.append(error)

    threads = [Thread(target=guarded, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
