"""What may be announced, and when: only while it is true, and naming nobody who has not said that several people read the mailbox."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.aggregates.institutional_account import InstitutionalAccount
from domain.announcement import community_facts, shared_mailbox
from domain.catalogue import CURRENT
from domain.errors import Refused
from domain.events.institutional_account import (
    AccountSuspended,
    ContactAmended,
    ContactConfirmed,
    ContactUnreachable,
    DomainRetirementStarted,
    LinkResolversSet,
)
from domain.events.itk_subscription import EntitlementWithdrawn
from tests.domain.account_facts import ACCOUNT, CONVERTED, JUNE, LIBRARY, MAY_1, MIT, NOMINATED
from tests.domain.given import given
from tests.domain.subscription_facts import GRACE, IN_FORCE, MARCH_1, OVER, PENDING, SUSPENDED, state_after

SHARED = ContactConfirmed(at=MAY_1, contact_id=LIBRARY, mailbox="shared")


def account(*events):
    return given(InstitutionalAccount(), NOMINATED, CONVERTED, *events).state


def facts(*events, subscription=IN_FORCE):
    return community_facts(account(*events), state_after(*subscription), CURRENT.user, JUNE)


def test_an_announcement_says_whom_it_is_for_what_they_get_and_until_which_day():
    found = facts()
    assert (found.institution, found.domains, found.plans) == ("MIT", (MIT,), CURRENT.user)
    assert state_after(*IN_FORCE).ends_at.isoformat() == "2028-02-29T23:00:00+00:00", "midnight in Berlin"
    assert found.last_day == date(2028, 2, 29)


def test_in_grace_no_day_is_promised():
    assert facts(subscription=GRACE).last_day is None


def test_a_domain_that_is_given_up_is_not_named():
    assert facts(DomainRetirementStarted(at=MAY_1, domain="mit.edu", retires_at=JUNE + timedelta(days=90))).domains == ()


@pytest.mark.parametrize(
    ("events", "named"),
    [
        ((), None),
        ((SHARED,), "library@mit.edu"),
        ((replace(SHARED, mailbox="personal"),), None),
        ((replace(SHARED, mailbox=None),), None),
        ((SHARED, replace(SHARED, mailbox="personal")), None),
        ((replace(SHARED, mailbox="personal"), SHARED), "library@mit.edu"),
        ((SHARED, ContactUnreachable(at=MAY_1, contact_id=LIBRARY, address="library@mit.edu", email_id=ACCOUNT)), None),
        ((SHARED, ContactAmended(at=MAY_1, contact_id=LIBRARY, email="ann@mit.edu", name="Ann")), None),
    ],
    ids=["unconfirmed", "shared", "personal", "kind not said", "personal after all", "shared after all", "unreachable", "another address"],
)
def test_only_a_mailbox_that_says_it_is_shared_and_can_be_reached_is_named(events, named):
    assert shared_mailbox(account(*events)) == named


def test_full_text_is_promised_where_there_is_a_link_resolver_and_the_entitlement():
    resolver = LinkResolversSet(at=MAY_1, libkey_id="215", worldcat_registry_id=None)
    assert not facts().link_outs
    assert facts(resolver).link_outs
    withdrawn = EntitlementWithdrawn(at=MARCH_1, name="link_outs")
    assert not facts(resolver, subscription=(*IN_FORCE, withdrawn)).link_outs


@pytest.mark.parametrize(("subscription", "status"), [(PENDING, "pending"), ((*IN_FORCE, SUSPENDED), "suspended"), (OVER, "lapsed")])
def test_a_subscription_that_gives_no_access_is_not_announced(subscription, status):
    with pytest.raises(Refused, match=f"the subscription is {status}") as refused:
        facts(subscription=subscription)
    assert refused.value.slug == "nothing-to-announce"


def test_an_account_that_is_not_active_or_has_nothing_announces_nothing():
    with pytest.raises(Refused, match="the account is nominated"):
        community_facts(given(InstitutionalAccount(), NOMINATED).state, state_after(*IN_FORCE), CURRENT.user, JUNE)
    with pytest.raises(Refused, match="the account is suspended"):
        facts(AccountSuspended(at=MAY_1, cause="misuse"))
    with pytest.raises(Refused, match="no subscription"):
        community_facts(account(), None, CURRENT.user, JUNE)
