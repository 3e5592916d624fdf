"""An administrator always remains, no address stands twice, and a new mailbox takes over only by confirming itself."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from domain.commands.base import Deadline
from domain.commands.institutional_account import (
    AddContact,
    AmendContact,
    CancelContactTransfer,
    ConfirmContact,
    ConfirmContactTransfer,
    LapseContactTransfer,
    MarkContactUnreachable,
    RemoveContact,
    RequestContactTransfer,
    SetContactRoles,
)
from domain.events.institutional_account import (
    AccountReinstated,
    Contact,
    ContactAdded,
    ContactAmended,
    ContactConfirmed,
    ContactRemoved,
    ContactRolesSet,
    ContactTransferCancelled,
    ContactTransferLapsed,
    ContactTransferred,
    ContactTransferRequested,
    ContactUnreachable,
    Role,
)
from domain.rules import Rules
from tests.domain.account_facts import (
    ACCOUNT,
    ADMINISTRATOR,
    ANN,
    ANN_ADDED,
    BILLING,
    CLOSED,
    DEAD,
    JUNE,
    LIBRARY,
    MAY_1,
    MAY_2,
    MICROSECOND,
    NEW_MAILBOX,
    SUSPENDED,
    TRANSFER,
    account,
)

NOBODY, LETTER = UUID(int=99), UUID(int=41)
ADD_ANN = AddContact(id=ACCOUNT, contact_id=ANN, email="ann@mit.edu", name="Ann", roles=(Role.BILLING,))
REQUEST = RequestContactTransfer(
    id=ACCOUNT, transfer_id=TRANSFER, new_contact_id=NEW_MAILBOX, email="research@mit.edu", contact_name="Research office"
)
CONFIRM = ConfirmContactTransfer(id=ACCOUNT, transfer_id=TRANSFER)
CANCEL = CancelContactTransfer(id=ACCOUNT, transfer_id=TRANSFER)
LAPSE = LapseContactTransfer(id=ACCOUNT, transfer_id=TRANSFER)
LAPSES_AT = MAY_2 + timedelta(days=7)
REQUESTED = ContactTransferRequested(
    at=MAY_2,
    transfer_id=TRANSFER,
    contact_id=LIBRARY,
    old_email="library@mit.edu",
    new_contact_id=NEW_MAILBOX,
    email="research@mit.edu",
    contact_name="Research office",
    lapses_at=LAPSES_AT,
)
RESEARCH = Contact(id=NEW_MAILBOX, email="research@mit.edu", name="Research office", roles=(Role.ADMINISTRATOR,), verified=True)
TRANSFERRED = ContactTransferred(
    at=LAPSES_AT - MICROSECOND, transfer_id=TRANSFER, contact_id=LIBRARY, old_email="library@mit.edu", new_contact=RESEARCH
)
CANCELLED = ContactTransferCancelled(at=JUNE, transfer_id=TRANSFER)
LAPSED = ContactTransferLapsed(at=LAPSES_AT, transfer_id=TRANSFER)
ADMINISTRATING = ContactRolesSet(at=MAY_2, contact_id=ANN, roles=(Role.BILLING, Role.ADMINISTRATOR))

live = pytest.mark.parametrize("standing", ["nominated", "active", "suspended"])
dead = pytest.mark.parametrize("standing", DEAD)


def of_contact(command, **fields):
    return command(id=ACCOUNT, contact_id=NOBODY, **fields)


@dead
@pytest.mark.parametrize(
    "command",
    [
        ADD_ANN,
        of_contact(SetContactRoles, roles=(Role.BILLING,)),
        of_contact(AmendContact, name="Ann"),
        of_contact(ConfirmContact),
        of_contact(RemoveContact),
        MarkContactUnreachable(id=ACCOUNT, address="ann@mit.edu", email_id=LETTER),
        REQUEST,
        CONFIRM,
        CANCEL,
    ],
    ids=lambda command: command.verb,
)
def test_nothing_is_asked_of_the_contacts_of_an_account_that_is_not_alive(standing, command):
    account(standing).when(command, now=JUNE).then_refused("not-now", f"cannot {command.verb}: the account is {standing}")


# adding


@live
def test_a_contact_is_added_once(standing):
    added = ContactAdded(at=MAY_2, contact=BILLING)
    account(standing).when(ADD_ANN, now=MAY_2).then(added)
    account(standing, added).when(ADD_ANN, now=JUNE).then_nothing()
    assert (ADMINISTRATOR, BILLING) == account(standing, added).state.contacts


def test_an_address_stands_once_among_the_contacts():
    account("active").when(replace(ADD_ANN, email="library@mit.edu"), now=MAY_2).then_refused("contact-known")
    account("active", ANN_ADDED).when(replace(ADD_ANN, contact_id=NOBODY), now=MAY_2).then_refused("contact-known")
    account("active", ANN_ADDED).when(replace(ADD_ANN, roles=(Role.SECURITY,)), now=MAY_2).then_refused("contact-known")


def test_an_identity_stands_once_among_the_contacts():
    account("active", ANN_ADDED).when(replace(ADD_ANN, email="ann2@mit.edu"), now=MAY_2).then_refused("contact-known")


def test_an_address_that_is_to_take_over_is_not_added_meanwhile():
    account("active", REQUESTED).when(replace(ADD_ANN, email="research@mit.edu"), now=MAY_2).then_refused("contact-known", "asks it")
    account("active", REQUESTED).when(ADD_ANN, now=MAY_2).then(ContactAdded(at=MAY_2, contact=BILLING))


# roles


@live
def test_roles_are_set_once_and_their_order_says_nothing(standing):
    both = (Role.BILLING, Role.SECURITY)
    set_both = SetContactRoles(id=ACCOUNT, contact_id=ANN, roles=both)
    roles_set = ContactRolesSet(at=MAY_2, contact_id=ANN, roles=both)
    account(standing, ANN_ADDED).when(set_both, now=MAY_2).then(roles_set)
    account(standing, ANN_ADDED, roles_set).when(replace(set_both, roles=both[::-1]), now=JUNE).then_nothing()


def test_the_last_administrator_keeps_the_role():
    demote = SetContactRoles(id=ACCOUNT, contact_id=LIBRARY, roles=(Role.BILLING,))
    account("active", ANN_ADDED).when(demote, now=MAY_2).then_refused("last-administrator")
    demoted = ContactRolesSet(at=JUNE, contact_id=LIBRARY, roles=(Role.BILLING,))
    account("active", ANN_ADDED, ADMINISTRATING).when(demote, now=JUNE).then(demoted)


def test_the_last_administrator_may_have_more_roles():
    roles = (Role.ADMINISTRATOR, Role.SECURITY)
    promote = SetContactRoles(id=ACCOUNT, contact_id=LIBRARY, roles=roles)
    account("active").when(promote, now=MAY_2).then(ContactRolesSet(at=MAY_2, contact_id=LIBRARY, roles=roles))


@pytest.mark.parametrize(
    "command",
    [of_contact(SetContactRoles, roles=()), of_contact(AmendContact, name="Ann"), of_contact(ConfirmContact)],
    ids=lambda c: c.verb,
)
def test_a_contact_that_there_is_not_is_named(command):
    account("active").when(command, now=MAY_2).then_refused("no-such-contact", str(NOBODY))


# amending and confirming


@live
def test_a_contact_with_a_new_address_is_to_be_verified_again(standing):
    amend = AmendContact(id=ACCOUNT, contact_id=ANN, email="ann@cs.mit.edu")
    amended = ContactAmended(at=MAY_2, contact_id=ANN, email="ann@cs.mit.edu", name="Ann")
    verified = ContactAdded(at=MAY_1, contact=replace(BILLING, verified=True, reachable=False))
    account(standing, verified).when(amend, now=MAY_2).then(amended)
    account(standing, verified, amended).when(amend, now=JUNE).then_nothing()
    expected = replace(BILLING, email="ann@cs.mit.edu", verified=False, reachable=True)
    assert expected == account(standing, verified, amended).state.contact(ANN)


def test_a_contact_with_a_new_name_stays_verified():
    amended = ContactAmended(at=MAY_2, contact_id=ANN, email="ann@mit.edu", name="Ann Lee")
    verified = ContactAdded(at=MAY_1, contact=replace(BILLING, verified=True))
    account("active", verified).when(AmendContact(id=ACCOUNT, contact_id=ANN, name="Ann Lee"), now=MAY_2).then(amended)
    assert replace(BILLING, verified=True, name="Ann Lee") == account("active", verified, amended).state.contact(ANN)


@pytest.mark.parametrize("taken", ["library@mit.edu", "research@mit.edu"])
def test_a_contact_takes_no_address_of_another(taken):
    amend = AmendContact(id=ACCOUNT, contact_id=ANN, email=taken)
    account("active", ANN_ADDED, REQUESTED).when(amend, now=MAY_2).then_refused("contact-known")


@live
def test_a_mailbox_is_confirmed_once(standing):
    confirm = ConfirmContact(id=ACCOUNT, contact_id=ANN)
    confirmed = ContactConfirmed(at=MAY_2, contact_id=ANN)
    account(standing, ANN_ADDED).when(confirm, now=MAY_2).then(confirmed)
    account(standing, ANN_ADDED, confirmed).when(confirm, now=JUNE).then_nothing()


def test_a_mailbox_that_confirms_itself_can_be_reached_again():
    unreachable = ContactUnreachable(at=MAY_2, contact_id=ANN, address="ann@mit.edu", email_id=LETTER)
    bounced = account("active", ANN_ADDED, ContactConfirmed(at=MAY_1, contact_id=ANN), unreachable)
    confirmed = ContactConfirmed(at=JUNE, contact_id=ANN)
    bounced.when(ConfirmContact(id=ACCOUNT, contact_id=ANN), now=JUNE).then(confirmed)
    assert replace(BILLING, verified=True) == bounced.state.evolve(confirmed).contact(ANN)


# removing


@live
def test_a_contact_is_removed_once(standing):
    removed = ContactRemoved(at=MAY_2, contact_id=ANN)
    account(standing, ANN_ADDED).when(RemoveContact(id=ACCOUNT, contact_id=ANN), now=MAY_2).then(removed)
    account(standing, ANN_ADDED, removed).when(RemoveContact(id=ACCOUNT, contact_id=ANN), now=JUNE).then_nothing()


def test_the_last_administrator_is_not_removed():
    remove = RemoveContact(id=ACCOUNT, contact_id=LIBRARY)
    account("active", ANN_ADDED).when(remove, now=MAY_2).then_refused("last-administrator")
    account("active", ANN_ADDED, ADMINISTRATING).when(remove, now=JUNE).then(ContactRemoved(at=JUNE, contact_id=LIBRARY))


def test_whoever_is_removed_is_not_replaced_any_more():
    leaving = account("active", ANN_ADDED, ADMINISTRATING, REQUESTED)
    removed = ContactRemoved(at=JUNE, contact_id=LIBRARY)
    leaving.when(RemoveContact(id=ACCOUNT, contact_id=LIBRARY), now=JUNE).then(CANCELLED, removed)
    after = account("active", ANN_ADDED, ADMINISTRATING, REQUESTED, CANCELLED, removed)
    after.when(CONFIRM, now=JUNE).then_refused("transfer-over")
    assert after.state.contacts == (replace(BILLING, roles=ADMINISTRATING.roles),)


def test_another_contact_is_removed_beside_a_transfer():
    removed = ContactRemoved(at=MAY_2, contact_id=ANN)
    account("active", ANN_ADDED, REQUESTED).when(RemoveContact(id=ACCOUNT, contact_id=ANN), now=MAY_2).then(removed)


# bounces


@live
def test_a_bounce_makes_the_contact_with_the_address_unreachable_once(standing):
    mark = MarkContactUnreachable(id=ACCOUNT, address="ann@mit.edu", email_id=LETTER)
    unreachable = ContactUnreachable(at=MAY_2, contact_id=ANN, address="ann@mit.edu", email_id=LETTER)
    account(standing, ANN_ADDED).when(mark, now=MAY_2).then(unreachable)
    account(standing, ANN_ADDED, unreachable).when(mark, now=JUNE).then_nothing()


def test_a_bounce_of_an_address_that_nobody_has_any_more_says_nothing():
    mark = MarkContactUnreachable(id=ACCOUNT, address="ann@mit.edu", email_id=LETTER)
    account("active").when(mark, now=MAY_2).then_nothing()


# asking for a transfer


def test_a_transfer_is_asked_for_and_lapses_after_seven_days():
    account("active").when(REQUEST, now=MAY_2).then(REQUESTED)
    account("active").when(REQUEST, now=MAY_2, rules=Rules(contact_transfer_days=2)).then(
        replace(REQUESTED, lapses_at=MAY_2 + timedelta(days=2))
    )


def test_any_contact_can_be_replaced():
    requested = replace(REQUESTED, contact_id=ANN, old_email="ann@mit.edu")
    account("active", ANN_ADDED).when(replace(REQUEST, contact_id=ANN), now=MAY_2).then(requested)
    account("active").when(replace(REQUEST, contact_id=NOBODY), now=MAY_2).then_refused("no-such-contact", str(NOBODY))


def test_asking_for_the_same_transfer_twice_is_asking_once():
    pending = account("active", REQUESTED)
    pending.when(replace(REQUEST, transfer_id=NOBODY), now=JUNE).then_nothing()
    pending.when(replace(REQUEST, contact_id=LIBRARY), now=JUNE).then_nothing()
    pending.when(replace(REQUEST, email="dean@mit.edu"), now=JUNE).then_refused("transfer-pending")
    account("active", ANN_ADDED, REQUESTED).when(replace(REQUEST, contact_id=ANN), now=JUNE).then_refused("transfer-pending")


def test_a_log_that_left_no_administrator_has_nobody_to_replace():
    bereft = account("active", ContactRolesSet(at=MAY_1, contact_id=LIBRARY, roles=()))
    bereft.when(REQUEST, now=MAY_2).then_refused("no-such-contact", "to replace")
    bereft.when(replace(REQUEST, contact_id=LIBRARY), now=MAY_2).then(REQUESTED)


def test_no_contact_takes_the_place_of_another():
    account("active", ANN_ADDED).when(replace(REQUEST, email="ann@mit.edu"), now=MAY_2).then_refused("contact-known")


@pytest.mark.parametrize("standing", ["nominated", "suspended"])
def test_only_the_contacts_of_an_active_account_are_handed_over(standing):
    account(standing).when(REQUEST, now=JUNE).then_refused("not-now", "cannot request contact transfer")


# confirming a transfer


def test_the_new_mailbox_takes_over_until_the_very_moment_of_the_lapse():
    pending = account("active", REQUESTED)
    pending.when(CONFIRM, now=LAPSES_AT - MICROSECOND).then(TRANSFERRED)
    pending.when(CONFIRM, now=LAPSES_AT).then_refused("transfer-over")


def test_confirming_twice_is_confirming_once():
    done = account("active", REQUESTED, TRANSFERRED)
    done.when(CONFIRM, now=JUNE).then_nothing()
    assert (RESEARCH,) == done.state.contacts
    assert done.state.pending_transfer is None


def test_the_new_mailbox_has_the_roles_that_the_old_one_has_by_then():
    roles = (Role.ADMINISTRATOR, Role.SECURITY)
    pending = account("active", REQUESTED, ContactRolesSet(at=MAY_2, contact_id=LIBRARY, roles=roles))
    pending.when(CONFIRM, now=TRANSFERRED.at).then(replace(TRANSFERRED, new_contact=replace(RESEARCH, roles=roles)))


def test_the_address_that_the_old_mailbox_has_by_then_is_told():
    moved = ContactAmended(at=MAY_2, contact_id=LIBRARY, email="books@mit.edu", name="The library")
    account("active", REQUESTED, moved).when(CONFIRM, now=TRANSFERRED.at).then(replace(TRANSFERRED, old_email="books@mit.edu"))


def test_the_others_stay_where_they_are():
    assert account("active", ANN_ADDED, REQUESTED, TRANSFERRED).state.contacts == (RESEARCH, BILLING)


@pytest.mark.parametrize("events", [(), (REQUESTED, CANCELLED), (REQUESTED, LAPSED)])
def test_what_is_over_or_was_never_asked_for_cannot_be_confirmed(events):
    account("active", *events).when(CONFIRM, now=MAY_2).then_refused("transfer-over")


def test_another_transfer_cannot_be_confirmed():
    account("active", REQUESTED).when(replace(CONFIRM, transfer_id=NOBODY), now=MAY_2).then_refused("transfer-over")


def test_a_contact_that_a_log_has_removed_is_not_replaced():
    gone = account("active", ANN_ADDED, ADMINISTRATING, REQUESTED, ContactRemoved(at=MAY_2, contact_id=LIBRARY))
    gone.when(CONFIRM, now=MAY_2).then_refused("transfer-over")


def test_a_transfer_waits_for_the_account_to_be_reinstated():
    account("active", REQUESTED, SUSPENDED).when(CONFIRM, now=TRANSFERRED.at).then_refused("not-now", "the account is suspended")
    account("active", REQUESTED, SUSPENDED, AccountReinstated(at=MAY_2)).when(CONFIRM, now=TRANSFERRED.at).then(TRANSFERRED)


# the mailbox of the account


BOOKS = ContactAmended(at=MAY_2, contact_id=LIBRARY, email="books@mit.edu", name="The library")
ANN_TRANSFERRED = replace(TRANSFERRED, contact_id=ANN, old_email="ann@mit.edu")
LIBRARY_REMOVED = ContactRemoved(at=JUNE, contact_id=LIBRARY)


@pytest.mark.parametrize(
    ("events", "mailbox"),
    [
        ((), "library@mit.edu"),
        ((ADMINISTRATING,), "library@mit.edu"),
        ((BOOKS,), "books@mit.edu"),
        ((REQUESTED, TRANSFERRED), "research@mit.edu"),
        ((BOOKS, REQUESTED, TRANSFERRED), "research@mit.edu"),
        ((ANN_TRANSFERRED,), "library@mit.edu"),
        ((ADMINISTRATING, LIBRARY_REMOVED), "ann@mit.edu"),
        ((LIBRARY_REMOVED,), "ann@mit.edu"),
        ((LIBRARY_REMOVED, ContactRemoved(at=JUNE, contact_id=ANN)), ""),
    ],
)
def test_the_mailbox_of_an_account_is_the_nominated_one_or_whichever_took_its_place(events, mailbox):
    assert mailbox == account("active", ANN_ADDED, *events).state.email


# the end of a transfer that was not confirmed


@pytest.mark.parametrize("events", [(), (SUSPENDED,)])
def test_a_transfer_is_cancelled_once(events):
    account("active", REQUESTED, *events).when(CANCEL, now=JUNE).then(CANCELLED)
    account("active", REQUESTED, *events, CANCELLED).when(CANCEL, now=JUNE).then_nothing()


def test_another_transfer_is_not_cancelled():
    account("active", REQUESTED).when(replace(CANCEL, transfer_id=NOBODY), now=MAY_2).then_nothing()


def test_after_a_transfer_is_cancelled_another_may_be_asked_for():
    again = replace(REQUEST, transfer_id=NOBODY)
    requested = replace(REQUESTED, at=JUNE, transfer_id=NOBODY, lapses_at=JUNE + timedelta(days=7))
    account("active", REQUESTED, CANCELLED).when(again, now=JUNE).then(requested)


@pytest.mark.parametrize("events", [(), (SUSPENDED,)])
def test_a_transfer_lapses_at_the_very_moment_that_was_said_once(events):
    pending = account("active", REQUESTED, *events)
    pending.when(LAPSE, now=LAPSES_AT - MICROSECOND).then_nothing()
    pending.when(LAPSE, now=LAPSES_AT).then(LAPSED)
    account("active", REQUESTED, *events, LAPSED).when(LAPSE, now=JUNE).then_nothing()
    pending.when(replace(LAPSE, transfer_id=NOBODY), now=JUNE).then_nothing()


# deadlines and claims


@pytest.mark.parametrize("events", [(), (SUSPENDED,)])
def test_a_transfer_that_waits_falls_due(events):
    assert account("active", REQUESTED, *events).state.deadlines(ACCOUNT) == (Deadline("contact-transfer", LAPSES_AT, LAPSE),)


@pytest.mark.parametrize("over", [TRANSFERRED, CANCELLED, LAPSED, CLOSED], ids=lambda event: event.TOPIC)
def test_a_transfer_that_is_over_does_not_fall_due(over):
    assert account("active", REQUESTED, over).state.deadlines(ACCOUNT) == ()


def test_one_mailbox_may_serve_several_accounts():
    events = (
        ANN_ADDED,
        ADMINISTRATING,
        ContactAmended(at=MAY_2, contact_id=ANN, email="ann@cs.mit.edu", name="Ann"),
        ContactConfirmed(at=MAY_2, contact_id=ANN),
        ContactUnreachable(at=MAY_2, contact_id=ANN, address="ann@mit.edu", email_id=LETTER),
        ContactRemoved(at=MAY_2, contact_id=ANN),
        REQUESTED,
        TRANSFERRED,
        CANCELLED,
        LAPSED,
    )
    assert [event.claims() for event in events] == [()] * len(events)
