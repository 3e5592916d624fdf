"""A librarian's key lives until it ends, is revoked or the account is over, and is looked at again when a contact changes hands."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from domain.aggregates.institutional_account import InstitutionalAccount
from domain.commands.institutional_account import IssueLibrarianKey, ReviewLibrarianKey, RevokeLibrarianKey
from domain.events.institutional_account import (
    Contact,
    ContactTransferred,
    LibrarianKeyIssued,
    LibrarianKeyReviewed,
    LibrarianKeyRevoked,
    Role,
)
from domain.rules import Rules
from tests.domain.account_facts import (
    ACCOUNT,
    CLOSED,
    DEAD,
    JUNE,
    LIBRARY,
    MAY_1,
    MAY_2,
    MICROSECOND,
    NEW_MAILBOX,
    NOMINATED,
    REJECTED,
    STANDINGS,
    TRANSFER,
    WITHDRAWN,
    account,
)

KEY, OTHER_KEY = UUID(int=31), UUID(int=32)
NEXT_MAY_1 = MAY_1 + timedelta(days=365)
ISSUE = IssueLibrarianKey(id=ACCOUNT, key_id=KEY, name="Ada Archivist")
REVIEW = ReviewLibrarianKey(id=ACCOUNT, key_id=KEY)
REVOKE = RevokeLibrarianKey(id=ACCOUNT, key_id=KEY)
ISSUED = LibrarianKeyIssued(at=MAY_1, key_id=KEY, name="Ada Archivist", expires_at=NEXT_MAY_1)
REVIEWED = LibrarianKeyReviewed(at=JUNE, key_id=KEY)
REVOKED = LibrarianKeyRevoked(at=JUNE, key_id=KEY, cause="asked")
OFFICE = Contact(id=NEW_MAILBOX, email="office@mit.edu", roles=(Role.ADMINISTRATOR,), verified=True)
TRANSFERRED = ContactTransferred(at=MAY_2, transfer_id=TRANSFER, contact_id=LIBRARY, old_email="library@mit.edu", new_contact=OFFICE)
LIVING = [standing for standing in STANDINGS if standing not in DEAD]


def _key(*events):
    (key,) = account("active", *events).state.librarian_keys
    return key


@pytest.mark.parametrize("standing", LIVING)
def test_a_librarian_of_a_living_account_is_given_a_key(standing):
    account(standing).when(ISSUE, now=MAY_1).then(ISSUED)


@pytest.mark.parametrize("standing", DEAD)
def test_nobody_is_given_a_key_to_what_is_not_alive(standing):
    account(standing).when(ISSUE, now=JUNE).then_refused("not-now", f"cannot issue librarian key: the account is {standing}")


def test_the_same_key_is_issued_once():
    account("active", ISSUED).when(ISSUE, now=JUNE).then_nothing()
    account("active", ISSUED).when(replace(ISSUE, name="Bob"), now=JUNE).then_refused("librarian-key-known")


@pytest.mark.parametrize(("days", "fine"), [(1, True), (366, True), (0, False), (367, False), (-1, False)])
def test_a_key_is_good_for_a_year_at_most(days, fine):
    outcome = account("active").when(replace(ISSUE, days=days), now=MAY_1)
    if fine:
        outcome.then(replace(ISSUED, expires_at=MAY_1 + timedelta(days=days)))
    else:
        outcome.then_refused("days-out-of-range", "1 to 366")


def test_how_long_a_key_is_good_for_is_a_rule():
    account("active").when(ISSUE, now=MAY_1, rules=Rules(librarian_key_days=30)).then(
        replace(ISSUED, expires_at=MAY_1 + timedelta(days=30))
    )


@pytest.mark.parametrize("name", ["Ada Archivist", "ada archivist"])
def test_a_name_is_not_used_twice_while_its_key_lives(name):
    again = replace(ISSUE, key_id=OTHER_KEY, name=name)
    until = NEXT_MAY_1 + timedelta(days=365)
    account("active", ISSUED).when(again, now=NEXT_MAY_1 - MICROSECOND).then_refused("name-taken", name)
    account("active", ISSUED).when(again, now=NEXT_MAY_1).then(
        LibrarianKeyIssued(at=NEXT_MAY_1, key_id=OTHER_KEY, name=name, expires_at=until)
    )
    account("active", ISSUED, REVOKED).when(again, now=JUNE).then(
        LibrarianKeyIssued(at=JUNE, key_id=OTHER_KEY, name=name, expires_at=JUNE + timedelta(days=365))
    )


def test_the_twenty_first_live_key_is_refused():
    twenty = [replace(ISSUED, key_id=UUID(int=100 + number), name=f"Librarian {number}") for number in range(20)]
    account("active", *twenty[:19]).when(ISSUE, now=MAY_1).then(ISSUED)
    account("active", *twenty).when(ISSUE, now=MAY_1).then_refused("too-many-librarian-keys", "20 live keys")
    account("active", *twenty, replace(REVOKED, key_id=twenty[3].key_id)).when(ISSUE, now=MAY_1).then(ISSUED)


@pytest.mark.parametrize("standing", LIVING)
def test_revoking(standing):
    account(standing, ISSUED).when(REVOKE, now=JUNE).then(REVOKED)
    account(standing, ISSUED, REVOKED).when(REVOKE, now=JUNE).then_nothing()
    account(standing).when(REVOKE, now=JUNE).then_refused("no-such-librarian-key", str(KEY))


def test_what_has_ended_by_itself_need_not_be_revoked():
    account("active", ISSUED).when(REVOKE, now=NEXT_MAY_1 - MICROSECOND).then(replace(REVOKED, at=NEXT_MAY_1 - MICROSECOND))
    account("active", ISSUED).when(REVOKE, now=NEXT_MAY_1).then_nothing()


def test_the_cause_of_a_revocation_is_on_record():
    account("active", ISSUED).when(replace(REVOKE, cause="left"), now=JUNE).then(replace(REVOKED, cause="left"))


def test_a_key_lives_until_the_very_moment_it_ends():
    assert _key(ISSUED).is_live(NEXT_MAY_1 - MICROSECOND)
    assert not _key(ISSUED).is_live(NEXT_MAY_1)
    assert not _key(ISSUED, REVOKED).is_live(JUNE)


@pytest.mark.parametrize(("before", "over"), [("active", CLOSED), ("suspended", CLOSED), ("nominated", WITHDRAWN), ("nominated", REJECTED)])
def test_the_keys_stop_with_their_account(before, over):
    ended = account(before, ISSUED, over)
    (key,) = ended.state.librarian_keys
    assert (key.revoked_at, key.is_live(over.at)) == (over.at, False)
    ended.when(REVOKE, now=JUNE).then_nothing()
    ended.when(REVIEW, now=JUNE).then_refused("not-now")


def test_a_key_that_was_over_before_its_account_was():
    earlier = replace(REVOKED, at=MAY_1)
    assert _key(ISSUED, earlier, CLOSED).revoked_at == MAY_1
    assert _key(replace(ISSUED, expires_at=MAY_2), CLOSED).revoked_at is None


def test_a_key_is_to_be_reviewed_when_a_contact_has_changed_hands_since():
    assert not _key(ISSUED).needs_review(JUNE)
    assert _key(ISSUED, TRANSFERRED).needs_review(JUNE)
    assert not _key(TRANSFERRED, ISSUED).needs_review(JUNE)
    assert not _key(ISSUED, TRANSFERRED, REVIEWED).needs_review(JUNE)
    assert _key(ISSUED, TRANSFERRED, REVIEWED, replace(TRANSFERRED, at=JUNE)).needs_review(JUNE)


def test_what_is_over_is_not_to_be_reviewed():
    unreviewed = _key(ISSUED, TRANSFERRED)
    assert unreviewed.needs_review(NEXT_MAY_1 - MICROSECOND)
    assert not unreviewed.needs_review(NEXT_MAY_1)
    assert not _key(ISSUED, TRANSFERRED, REVOKED).needs_review(JUNE)


def test_the_order_counts_and_not_the_instant():
    """Where time stands still, a key of the same instant as the transfer is reviewed if it was there before it."""
    now = replace(TRANSFERRED, at=MAY_1)
    assert _key(ISSUED, now).needs_review(MAY_1)
    assert not _key(now, ISSUED).needs_review(MAY_1)


def test_reviewing():
    account("active", ISSUED, TRANSFERRED).when(REVIEW, now=JUNE).then(REVIEWED)
    account("active", ISSUED, TRANSFERRED, REVIEWED).when(REVIEW, now=JUNE).then_nothing()
    account("active", ISSUED).when(REVIEW, now=JUNE).then_nothing()
    account("active").when(REVIEW, now=JUNE).then_refused("no-such-librarian-key")
    assert _key(ISSUED, TRANSFERRED, REVIEWED).reviewed_at == JUNE


def test_what_is_over_is_not_reviewed():
    unreviewed = account("active", ISSUED, TRANSFERRED)
    last = NEXT_MAY_1 - MICROSECOND
    unreviewed.when(REVIEW, now=last).then(replace(REVIEWED, at=last))
    unreviewed.when(REVIEW, now=NEXT_MAY_1).then_refused("librarian-key-over", "Ada Archivist")
    account("active", ISSUED, TRANSFERRED, REVOKED).when(REVIEW, now=JUNE).then_refused("librarian-key-over")


@pytest.mark.parametrize("standing", DEAD)
def test_no_key_of_what_is_not_alive_is_reviewed(standing):
    account(standing).when(REVIEW, now=JUNE).then_refused("not-now", "cannot review librarian key")


def test_an_account_without_keys_has_none():
    assert InstitutionalAccount().evolve(NOMINATED).librarian_key(KEY) is None
