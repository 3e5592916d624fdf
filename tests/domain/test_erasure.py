"""A request that somebody be forgotten: two admins, a month, and an end that is one of three."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.aggregates.erasure import Erasure, Status
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.commands.people import (
    AskForReplacement,
    ConfirmErasure,
    NoteErasureDue,
    NoteErasureWaits,
    RefuseErasure,
    RemoveForgottenContact,
    RequestErasure,
    WithdrawErasure,
)
from domain.context import Context
from domain.errors import Forbidden, Invalid, Refused
from domain.events.base import Claim, Release
from domain.events.institutional_account import AccountNominated, ContactRemoved
from domain.events.people import (
    ContactReplacementAsked,
    ErasureConfirmed,
    ErasureFellDue,
    ErasureRefused,
    ErasureRequested,
    ErasureWaits,
    ErasureWithdrawn,
    Ground,
    PersonalDataErased,
)
from tests.eventstore.samples import sample

JAN_31 = datetime(2027, 1, 31, 12, tzinfo=UTC)
DUE = datetime(2027, 2, 28, 12, tzinfo=UTC)
ID, ANN, UNI = UUID(int=1), UUID(int=2), UUID(int=3)
ASK = RequestErasure(id=ID, people=(ANN,), ground=Ground.ASKED)
REQUESTED = ErasureRequested(at=JAN_31, people=(ANN,), ground=Ground.ASKED, requested_by="ada", due_at=DUE)
CONFIRMED = ErasureConfirmed(at=JAN_31, confirmed_by="bob")
WAITS = ErasureWaits(at=JAN_31, accounts=(UNI,))
ERASED = PersonalDataErased(at=JAN_31, people=(ANN,), request_id=ID)


def by(actor, role="admin", now=JAN_31):
    return Context(now=now, observed_at=now, role=role, actor=actor)


def after(*events):
    state = Erasure()
    for event in events:
        state = state.evolve(event)
    return state


def test_one_admin_asks_and_another_confirms():
    assert (REQUESTED,) == Erasure().decide(ASK, by("ada"))
    assert () == after(REQUESTED).decide(ASK, by("ada"))
    assert (CONFIRMED,) == after(REQUESTED).decide(ConfirmErasure(id=ID), by("bob"))
    assert () == after(REQUESTED, CONFIRMED).decide(ConfirmErasure(id=ID), by("cleo"))


def test_nobody_confirms_what_they_asked_for():
    with pytest.raises(Refused, match="an admin other than the one who asked") as refused:
        after(REQUESTED).decide(ConfirmErasure(id=ID), by("ada"))
    assert refused.value.slug == "four-eyes"


@pytest.mark.parametrize(
    ("state", "command"),
    [
        (after(), ASK),
        (after(REQUESTED), ConfirmErasure(id=ID)),
        (after(REQUESTED), WithdrawErasure(id=ID)),
        (after(REQUESTED), RefuseErasure(id=ID)),
    ],
)
@pytest.mark.parametrize("role", ["support", "auditor", "institution"])
def test_only_an_admin_decides(state, command, role):
    with pytest.raises(Forbidden):
        state.decide(command, by("eve", role))


def test_a_rule_stands_for_the_second_admin_and_only_the_service_goes_by_it():
    asked = RequestErasure(id=ID, people=(ANN,), ground=Ground.RETENTION, rule="24 months")
    requested, confirmed = Erasure().decide(asked, by("tenure", "system"))
    assert isinstance(requested, ErasureRequested)
    assert confirmed == ErasureConfirmed(at=JAN_31, confirmed_by="tenure", rule="24 months")
    for context, command in ((by("ada"), asked), (by("tenure", "system"), ASK)):
        with pytest.raises(Forbidden):
            Erasure().decide(command, context)


def test_somebody_must_be_named():
    with pytest.raises(Invalid) as refused:
        Erasure().decide(RequestErasure(id=ID, people=(), ground=Ground.ASKED), by("ada"))
    assert refused.value.field == "people"


def test_it_waits_and_goes_on():
    agreed = after(REQUESTED, CONFIRMED)
    assert (WAITS,) == agreed.decide(NoteErasureWaits(id=ID, accounts=(UNI,)), by("tenure", "system"))
    waiting = agreed.evolve(WAITS)
    assert waiting.status is Status.WAITING
    assert () == waiting.decide(NoteErasureWaits(id=ID, accounts=(UNI,)), by("tenure", "system"))
    assert waiting.evolve(ErasureWaits(at=JAN_31, accounts=())).status is Status.CONFIRMED


def test_it_falls_due_after_a_month():
    (due,) = after(REQUESTED, CONFIRMED, WAITS).deadlines(ID)
    assert due.due_at == DUE
    assert () == after(REQUESTED).decide(NoteErasureDue(id=ID), by("tenure", "system", DUE - timedelta(microseconds=1)))
    fell = (ErasureFellDue(at=DUE),)
    assert fell == after(REQUESTED).decide(NoteErasureDue(id=ID), by("tenure", "system", DUE))
    assert () == after(REQUESTED, *fell).deadlines(ID)
    assert after(REQUESTED).is_overdue(DUE)
    assert not after(REQUESTED, CONFIRMED, ERASED).is_overdue(DUE)


@pytest.mark.parametrize(
    ("events", "command", "event"),
    [
        ((REQUESTED,), WithdrawErasure(id=ID, cause="asked"), ErasureWithdrawn(at=JAN_31, cause="asked")),
        ((REQUESTED, CONFIRMED), WithdrawErasure(id=ID, cause="asked"), ErasureWithdrawn(at=JAN_31, cause="asked")),
        ((REQUESTED,), RefuseErasure(id=ID, cause="other"), ErasureRefused(at=JAN_31, cause="other")),
    ],
)
def test_it_can_be_taken_back_or_refused_and_the_person_is_free_to_ask_again(events, command, event):
    state = after(*events)
    assert (event,) == state.decide(command, by("cleo"))
    assert () == state.evolve(event).decide(command, by("cleo"))
    assert (Claim("erasure", str(ANN)),) == REQUESTED.claims()
    assert (Release(),) == event.claims()


@pytest.mark.parametrize("command", [WithdrawErasure(id=ID), RefuseErasure(id=ID)])
def test_what_is_done_is_done(command):
    with pytest.raises(Refused, match="the erasure is erased"):
        after(REQUESTED, CONFIRMED, ERASED).decide(command, by("cleo"))


def account():
    nominated = replace(sample(AccountNominated), contacts=())
    return InstitutionalAccount().evolve(nominated), nominated.contact_id


def test_a_replacement_is_asked_for_once_by_each_request():
    state, contact = account()
    ask = AskForReplacement(id=UNI, contact_id=contact, request_id=ID, until=DUE)
    asked = ContactReplacementAsked(at=JAN_31, contact_id=contact, request_id=ID, until=DUE)
    assert (asked,) == state.decide(ask, by("tenure", "system"))
    assert () == state.evolve(asked).decide(ask, by("tenure", "system"))


def test_whoever_is_forgotten_goes_though_nobody_remains():
    state, contact = account()
    assert (ContactRemoved(at=JAN_31, contact_id=contact),) == state.decide(
        RemoveForgottenContact(id=UNI, contact_id=contact), by("tenure", "system")
    )
    assert () == state.decide(RemoveForgottenContact(id=UNI, contact_id=UUID(int=77)), by("tenure", "system"))
