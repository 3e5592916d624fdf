"""After somebody is forgotten every derived table holds what a rebuild gives, and nothing of them."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import select

from domain.attempt import Pending
from domain.correspondence import Audience, NoRecipient, recipient
from domain.events import EVENTS
from domain.events.api_token import TokenIssued, TokenLeaked
from domain.events.base import ERASED, Event, Metadata
from domain.events.email_delivery import EmailBounced, EmailSent, EmailSkipped
from domain.events.institutional_account import (
    AccountNominated,
    Contact,
    ContactAdded,
    ContactAmended,
    ContactTransferred,
    ContactTransferRequested,
    ContactUnreachable,
    LibrarianKeyIssued,
    Role,
)
from domain.events.institutional_user_plan import (
    UserPlanAccepted,
    UserPlanActivated,
    UserPlanAddressChanged,
    UserPlanInvited,
    UserPlanRegistered,
    UserPlanRenewed,
    UserPlanRequested,
)
from domain.events.onboarding import ContactConfirmationAsked
from domain.events.portfolios import AttestationAmended, PortfolioAttested
from ops.eventstore.sealing import parts
from projections.emails.outbox import emails
from tests.eventstore.samples import sample
from tests.lifetimes.worlds import World
from tests.projections.story import START, SUBSCRIBED, done

ACCOUNT, PLAN, TOKEN = UUID(int=11), UUID(int=12), UUID(int=13)
FIRST, SECOND, LATER = UUID(int=21), UUID(int=22), UUID(int=23)
WHO = Metadata(actor="admin-south", role="admin")
CANARY = "canary"
WRITTEN: dict[UUID, tuple[type[Event], ...]] = {
    ACCOUNT: (
        AccountNominated,
        ContactAdded,
        ContactAmended,
        ContactUnreachable,
        ContactTransferRequested,
        ContactTransferred,
        ContactConfirmationAsked,
        LibrarianKeyIssued,
        PortfolioAttested,
        AttestationAmended,
    ),
    PLAN: (
        UserPlanInvited,
        UserPlanAccepted,
        UserPlanRequested,
        UserPlanRegistered,
        UserPlanActivated,
        UserPlanRenewed,
        UserPlanAddressChanged,
    ),
    TOKEN: (TokenIssued, TokenLeaked),
}
OF_LETTERS: tuple[type[Event], ...] = (EmailBounced, EmailSent, EmailSkipped)


def told(kind: type[Event], stream: UUID, number: int) -> Event:
    """A sample in which each personal text is one that is nowhere else."""
    event = _fitting(sample(kind))
    state = msgspec.json.decode(msgspec.json.encode(event))
    for part in parts(event, stream):
        *way, last = part.path.split(".")
        within: Any = state
        for step in way:
            within = within[int(step)] if isinstance(within, list) else within[step]
        within[last] = f"{CANARY}-{number}-{part.path}@mail.example"
    return msgspec.json.Decoder(kind).decode(msgspec.json.encode(state))


def _fitting(event: Any) -> Any:
    match event:
        case AccountNominated():
            others = tuple(Contact(id=id, email="o", name="n", roles=(Role.BILLING,)) for id in (FIRST, SECOND))
            return replace(event, at=START, account_id=ACCOUNT, time_zone=None, contacts=others)
        case ContactAdded():
            return replace(event, at=START, contact=Contact(id=LATER, email="o", name="n", roles=(Role.ADMINISTRATOR,)))
        case ContactAmended() | ContactUnreachable() | ContactConfirmationAsked():
            return replace(event, at=START, contact_id=FIRST)
        case ContactTransferRequested():
            return replace(event, at=START, contact_id=SECOND)
        case ContactTransferred():
            return replace(event, at=START, contact_id=SECOND, new_contact=replace(event.new_contact, id=UUID(int=24)))
        case UserPlanInvited() | UserPlanRequested():
            return replace(event, at=START, account_id=ACCOUNT)
        case TokenIssued():
            return replace(event, at=START, account_id=ACCOUNT, owner_id=PLAN, digest=TOKEN.hex)
        case EmailSent() | EmailBounced() | EmailSkipped():
            return replace(event, at=START, account_id=ACCOUNT, role="administrator")
    return replace(event, at=START)


class Writer:
    """Appends events as they come, whatever the aggregates would say to them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.versions: dict[UUID, int] = {}
        self.number = 0

    def write(self, stream: UUID, *kinds: type[Event]) -> None:
        store = self.world.assembly.store
        for kind in kinds:
            self.number += 1
            self.versions[stream] = self.versions.get(stream, 0) + 1
            pending = Pending(
                originator_id=stream,
                originator_version=self.versions[stream],
                account_id=ACCOUNT,
                metadata=WHO,
                event=told(kind, stream, self.number),
            )
            store.log.insert_events(store.codec.to_stored_events([pending]))

    def everything(self) -> None:
        for stream, kinds in WRITTEN.items():
            self.write(stream, *kinds)
        self.world.assembly.tables.catch_up()
        with self.world.assembly.database.reading() as connection:
            letters = list(connection.scalars(select(emails.c.id).where(emails.c.account_id == ACCOUNT).order_by(emails.c.number)))
        assert len(letters) >= len(OF_LETTERS)
        for kind, letter in zip(OF_LETTERS, letters, strict=False):
            self.write(letter, kind)
        self.world.assembly.tables.catch_up()

    def people(self) -> list[UUID]:
        """Everybody of whom something is sealed."""
        found: set[UUID] = set()
        for recorded in self.world.log():
            for part in parts(recorded.event, recorded.stream_id):
                for kind, text in (("subject", str(part.subject)), (part.kind, part.text)):
                    person = self.world.assembly.store.people.find(kind, text) if kind else None
                    found |= {person} if person else set()
        return sorted(found)


@pytest.fixture
def writer(world: World) -> Writer:
    done(world, *SUBSCRIBED)
    writer = Writer(world)
    writer.everything()
    return writer


def test_every_event_that_tells_of_somebody_is_among_them():
    personal = {kind for kind in EVENTS if list(parts(sample(kind), ACCOUNT))}
    assert personal <= {kind for kinds in (*WRITTEN.values(), OF_LETTERS) for kind in kinds}


@pytest.mark.parametrize("share", [1, 2, 3])
def test_what_follows_the_log_is_what_a_rebuild_gives(writer: Writer, world: World, share: int):
    people = writer.people()
    forgotten = people[::share]
    assert CANARY in str(world.tables())
    world.lifecycle.forget(forgotten, uuid4(), metadata=WHO)
    world.assembly.tables.catch_up()
    followed = world.tables()
    world.assembly.tables.rebuild()
    rebuilt = world.tables()
    assert followed.keys() == rebuilt.keys()
    for name, rows in rebuilt.items():
        assert followed[name] == rows, name
    assert (CANARY in str(rebuilt)) == (share > 1)
    assert ERASED in str(rebuilt)


def test_one_after_the_other_and_behind_what_happens_meanwhile(writer: Writer, world: World):
    for number, person in enumerate(writer.people()):
        world.lifecycle.forget([person], uuid4(), metadata=WHO)
        for stream in writer.versions:
            writer.versions[stream] = world.lifecycle.load(stream).version
        writer.write(PLAN, UserPlanRegistered)
        if number % 2:
            world.assembly.tables.catch_up()
    world.lifecycle.forget(writer.people(), uuid4(), metadata=WHO)
    world.assembly.tables.catch_up()
    followed = world.tables()
    world.assembly.tables.rebuild()
    assert followed == world.tables()
    assert CANARY not in str(followed)


def test_nothing_stays_in_the_memory_of_who_decides(writer: Writer, world: World):
    gatekeeper = world.assembly.gatekeeper
    gatekeeper.follow()
    assert CANARY in str(vars(gatekeeper))
    world.lifecycle.forget(writer.people(), uuid4(), metadata=WHO)
    gatekeeper.follow()
    for name in ("_standings", "_settled", "_tokens", "_by_id"):
        assert CANARY not in str(vars(gatekeeper)[name])


def test_nobody_is_written_to_where_nobody_is_known(writer: Writer, world: World):
    world.lifecycle.forget(writer.people(), uuid4(), metadata=WHO)
    account, plan = world.lifecycle.load(ACCOUNT).state, world.lifecycle.load(PLAN).state
    moved = {"old_email": ERASED, "new_email": ERASED}
    for audience in Audience:
        with pytest.raises(NoRecipient):
            recipient(audience, 0, moved, account, plan)
    world.tick()
    assert not [caught for caught in world.catcher.messages if CANARY in str(caught) or ERASED in str(caught.message["To"])]
