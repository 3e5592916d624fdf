"""Which event gives occasion to which letter, to whom, and when a letter is not wanted any more."""

from dataclasses import asdict, replace
from datetime import timedelta
from uuid import UUID

import pytest

from domain.aggregates.api_token import ApiToken
from domain.aggregates.institutional_account import InstitutionalAccount
from domain.aggregates.institutional_user_plan import InstitutionalUserPlan
from domain.catalogue import CURRENT, BulkData, Product
from domain.correspondence import Audience, Mailbox, NoRecipient, email_id, letters, recipient, unwanted
from domain.events import EVENTS, correction, onboarding, people, portfolios
from domain.events import api_token as token
from domain.events import email_delivery as email
from domain.events import institutional_account as account
from domain.events import institutional_user_plan as plan
from domain.events import itk_subscription as subscription
from domain.events import user_import as imports
from domain.events.base import Metadata, Recorded
from domain.events.institutional_account import Contact, Role
from domain.streams import KINDS, kind_of
from projections.emails.facts import SAMPLES
from tests.domain.subscription_facts import (
    ACTIVATED,
    CANCELLED,
    COMPENSATED,
    DAY,
    ENDS_AT,
    GRACE_ENDS_AT,
    IN_FORCE,
    IN_GRACE,
    JUNE,
    LAPSED,
    MARCH_1,
    RENEWED,
    SECOND_END,
    SUSPENDED,
    state_after,
)
from tests.eventstore.samples import sample

ACCOUNT, PLAN, TOKEN = UUID(int=2), UUID(int=5), UUID(int=6)
TO, BILLS, HOLDER = Audience.ADMINISTRATOR, Audience.BILLING, Audience.HOLDER

LETTERS = {
    account.AccountNominated: [("account-nominated", TO)],
    account.NominationIncomplete: [("nomination-incomplete", TO)],
    account.AccountSuspended: [("account-suspended", TO)],
    account.AccountReinstated: [("account-reinstated", TO)],
    account.ContactUnreachable: [("contact-unreachable", TO)],
    people.ContactReplacementAsked: [("contact-replacement-asked", TO)],
    account.ContactTransferRequested: [("contact-transfer-confirm", Audience.NEW_MAILBOX), ("contact-transferred", Audience.OLD_MAILBOX)],
    account.ContactTransferred: [("contact-transferred", Audience.OLD_MAILBOX), ("contact-transferred", Audience.NEW_MAILBOX)],
    onboarding.ContactConfirmationAsked: [("contact-confirm", Audience.NEW_MAILBOX)],
    onboarding.OnboardingNudged: [("onboarding-nudge", TO)],
    subscription.SubscriptionActivated: [("subscription-activated", TO)],
    subscription.SubscriptionRenewed: [("subscription-renewed", TO), ("subscription-renewed", BILLS)],
    subscription.SubscriptionReinstated: [("subscription-reinstated", TO)],
    subscription.SubscriptionExpiring: [("subscription-expiring", TO), ("subscription-expiring", BILLS)],
    subscription.GraceStarted: [("subscription-in-grace", TO), ("subscription-in-grace", BILLS)],
    subscription.SubscriptionLapsed: [("subscription-lapsed", TO)],
    subscription.SubscriptionEnded: [("subscription-ended", TO)],
    subscription.SubscriptionSuspended: [("subscription-suspended", TO)],
    subscription.SubscriptionResumed: [("subscription-resumed", TO)],
    subscription.SubscriptionExtended: [("subscription-resumed", TO)],  # the sample gives back the time of a hold
    subscription.CancellationScheduled: [("cancellation-scheduled", TO)],
    subscription.CancellationUndone: [("cancellation-undone", TO)],
    subscription.PlansChanged: [("plans-changed", TO)],
    subscription.UsageStatementMade: [("usage-statement", TO)],
    subscription.QuotaReached: [("quota-nearly-used", TO)],  # three per cent, in the sample
    plan.UserPlanQuotaReached: [("quota-nearly-used", HOLDER)],
    subscription.BulkDataLinkIssued: [("bulk-data-link", TO)],
    subscription.BulkDataLinkExpiring: [("bulk-data-link-expiring", TO)],
    plan.UserPlanRequested: [("user-plan-under-review", HOLDER)],  # the sample has doubts
    plan.UserPlanActivated: [("user-plan-activated", HOLDER)],
    plan.UserPlanRejected: [("user-plan-rejected", HOLDER)],
    plan.UserPlanExpiring: [("user-plan-expiring", HOLDER)],
    plan.RenewalRefused: [("user-plan-rejected", HOLDER)],
    plan.UserPlanInvited: [("user-plan-invited", HOLDER)],
    plan.UserPlanAtRisk: [("user-plan-at-risk", HOLDER)],
    imports.UserImportCompleted: [("user-import-report", TO)],
    plan.RenewalRequested: [("user-plan-renewal-waiting", HOLDER)],
    plan.UserPlanRenewed: [("user-plan-renewed", HOLDER)],
    plan.UserPlanExpired: [("user-plan-expired", HOLDER)],
    plan.UserPlanEnded: [("user-plan-ended", HOLDER)],
    token.TokenIssued: [("token-issued", HOLDER)],  # the sample belongs to a user plan, the others to an institution
    token.TokenRotated: [("token-rotated", TO)],
    token.TokenExpiring: [("token-expiring", TO)],
    token.TokenExpired: [("token-expired", TO)],
    token.TokenRevoked: [("token-revoked", TO)],
    token.TokenLeaked: [("token-leaked", Audience.EVERYONE)],
}
SILENT = {
    account.AccountAmended,
    account.NominationWithdrawn,
    account.NominationRejected,
    people.ErasureRequested,
    people.ErasureConfirmed,
    people.ErasureWaits,
    people.ErasureFellDue,
    people.ErasureWithdrawn,
    people.ErasureRefused,
    people.PersonalDataErased,
    correction.CorrectionProposed,
    correction.CorrectionApproved,
    correction.CorrectionPutRight,
    correction.CorrectionDeclined,
    correction.CorrectionWithdrawn,
    account.AccountConverted,
    account.ContactAdded,
    account.ContactRolesSet,
    account.ContactAmended,
    account.ContactConfirmed,
    account.ContactRemoved,
    account.ContactTransferCancelled,
    account.ContactTransferLapsed,
    account.RegisteredAccountReplaced,
    account.DomainClaimed,
    account.DomainSharingConsented,
    account.DomainRetirementStarted,
    account.DomainRetired,
    account.IpRangesSet,
    account.LinkResolversSet,
    account.NominationReminderSkipped,
    account.LibrarianKeyIssued,
    account.LibrarianKeyReviewed,
    account.LibrarianKeyRevoked,
    account.AccountClosed,
    onboarding.PersonalMailboxAccepted,
    onboarding.OnboardingStepReached,
    onboarding.OnboardingNudgeSkipped,
    onboarding.CommunityTold,
    portfolios.PortfolioAttested,
    portfolios.AttestationAmended,
    portfolios.AttestationWithdrawn,
    portfolios.BrandingSet,
    subscription.SubscriptionOpened,
    subscription.RenewalWithdrawn,
    subscription.RenewalAnnounced,
    subscription.TermRolledOver,
    subscription.TermCorrectionProposed,
    subscription.TermCorrectionDeclined,
    subscription.TermCorrected,
    subscription.PlanChangeScheduled,
    subscription.PlanChangeUndone,
    subscription.EntitlementGranted,
    subscription.EntitlementWithdrawn,
    subscription.BulkDataLinkReminderSkipped,
    subscription.SubscriptionReminderSkipped,
    subscription.UsagePeriodClosed,
    subscription.UsagePeriodAdjusted,
    plan.UserPlanTermMoved,
    plan.UserPlanReminderSkipped,
    plan.UserPlanAccepted,
    plan.UserPlanRegistered,
    plan.UserPlanAddressChanged,
    plan.UserPlanReconfirmed,
    imports.UserImportSubmitted,
    imports.UserImportRowsSettled,
    imports.UserImportAbsencesConfirmed,
    imports.UserImportUndone,
    plan.UserPlanSuspended,
    plan.UserPlanResumed,
    plan.UserPlanEndScheduled,
    token.TokenReminderSkipped,
    email.EmailSent,
    email.EmailBounced,
    email.EmailSkipped,
}

ADA, BO, CY = (Contact(id=UUID(int=n), email=f"{name}@uni.example", name=name) for n, name in enumerate(("ada", "bo", "cy"), 1))
NOMINATED = replace(
    sample(account.AccountNominated),
    at=MARCH_1,
    email=ADA.email,
    contact_id=ADA.id,
    contact_name=ADA.name,
    contacts=(replace(BO, roles=(Role.BILLING,)), CY),
    missing=("time_zone",),
)
INSTITUTION = InstitutionalAccount().evolve(NOMINATED)
REQUESTED = replace(sample(plan.UserPlanRequested), account_id=ACCOUNT, email="eve@uni.example", name="Eve", doubts=())
GRANTED = plan.UserPlanActivated(
    at=MARCH_1, term=1, until=GRACE_ENDS_AT, plans=CURRENT.user, catalogue=CURRENT.version, reminders=(30, 7), override=None
)
EVE = InstitutionalUserPlan().evolve(REQUESTED).evolve(GRANTED)
ISSUED = replace(sample(token.TokenIssued), at=MARCH_1, account_id=ACCOUNT, owner_id=ACCOUNT, expires_at=ENDS_AT)
ISSUED_TO_EVE = replace(ISSUED, owner_id=PLAN)
LIVE_TOKEN = ApiToken().evolve(ISSUED)
LINKED = replace(
    sample(subscription.BulkDataLinkIssued),
    link_id=sample(subscription.BulkDataLinkExpiring).link_id,
    product=BulkData.SCHOLARLY,
    release="202721",
    expires_at=JUNE + 7 * DAY,
)
ASKED = sample(onboarding.ContactConfirmationAsked)
WITH_ASKED = INSTITUTION.evolve(replace(sample(account.ContactAdded), contact=replace(CY, id=ASKED.contact_id)))
BEFORE = {
    ASKED.TOPIC: WITH_ASKED,
    "account": INSTITUTION,
    "subscription": state_after(*IN_FORCE, LINKED),
    "user-plan": EVE,
    "token": LIVE_TOKEN,
}


def recorded(event, stream=UUID(int=9), version=3):
    return Recorded(
        position=7,
        stream_id=stream,
        version=version,
        account_id=ACCOUNT,
        recorded_at=event.at,
        metadata=Metadata(actor="ann", role="support"),
        event=event,
    )


def written(event, before=None):
    before = before or BEFORE.get(event.TOPIC) or BEFORE.get(kind_of(event)) or KINDS[kind_of(event)]()
    return list(letters(recorded(event), before.evolve(event)))


def named(event, before=None):
    return [(letter.template, letter.audience) for letter in written(event, before)]


# what is written


def test_of_every_event_it_is_said_whether_a_letter_follows():
    assert set(EVENTS) == set(LETTERS) | SILENT
    assert not set(LETTERS) & SILENT


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.TOPIC)
def test_each_event_has_its_letters(kind):
    assert LETTERS.get(kind, []) == named(sample(kind))


@pytest.mark.parametrize("kind", LETTERS, ids=lambda kind: kind.TOPIC)
def test_a_letter_holds_the_facts_that_its_template_asks_for(kind):
    for letter in written(sample(kind)):
        links = {
            "transfer_id": "confirm_url",
            "confirmation_id": "confirm_url",
            "plan_id": "accept_url",
            "link_id": "download_url",
        }  # made when the letter leaves
        told = {links.get(fact, fact) for fact in letter.facts} | {"institution"}
        assert set(SAMPLES[letter.template]) == told


def test_every_template_has_its_event():
    by_sample = {template for each in LETTERS.values() for template, _ in each}
    assert set(SAMPLES) == by_sample | {"quota-used"}  # the samples are of less than all


def test_who_is_let_in_at_once_is_not_told_of_a_review():
    assert [] == named(REQUESTED, InstitutionalUserPlan())


def test_days_given_are_told_of_only_where_they_make_up_for_a_hold():
    extended = replace(sample(subscription.SubscriptionExtended), compensates=False)
    assert [] == named(extended)


def test_a_leak_is_told_to_all_contacts_and_to_the_person_but_the_revocation_not_once_more():
    leaked, revoked = token.TokenLeaked(at=JUNE, where="a gist"), token.TokenRevoked(at=JUNE, cause="leaked")
    assert [("token-leaked", Audience.EVERYONE)] == named(leaked)
    assert [("token-expired", HOLDER)] == named(token.TokenExpired(at=ENDS_AT), ApiToken().evolve(ISSUED_TO_EVE))
    assert [("token-leaked", Audience.EVERYONE), ("token-leaked", HOLDER)] == named(leaked, ApiToken().evolve(ISSUED_TO_EVE))
    assert [] == named(revoked)


def test_what_comes_too_late_to_be_of_use_says_so():
    expiring = subscription.SubscriptionExpiring(at=ENDS_AT - 7 * DAY, days_left=7, ends_at=ENDS_AT, announced=False)
    assert [ENDS_AT, ENDS_AT] == [letter.not_after for letter in written(expiring)]
    assert [GRACE_ENDS_AT, GRACE_ENDS_AT] == [letter.not_after for letter in written(IN_GRACE)]
    assert [LAPSED.ends_for_good_at] == [letter.not_after for letter in written(LAPSED, state_after(*IN_FORCE, IN_GRACE))]
    assert [None, None] == [letter.not_after for letter in written(RENEWED)]
    requested = sample(account.ContactTransferRequested)
    assert [requested.lapses_at, requested.lapses_at] == [letter.not_after for letter in written(requested)]
    last_days = token.TokenExpiring(at=ENDS_AT - DAY, days_left=1, expires_at=ENDS_AT)
    assert [ENDS_AT] == [letter.not_after for letter in written(last_days)]


def test_no_secret_and_no_digest_is_ever_a_fact():
    for kind in (token.TokenIssued, token.TokenRotated, token.TokenLeaked):
        for letter in written(sample(kind)):
            assert not {"digest", "secret", "pepper"} & set(letter.facts)


def test_an_email_is_the_same_however_often_it_is_derived_and_tells_nothing_of_the_address():
    once, twice = written(RENEWED), written(RENEWED)
    assert email_id(recorded(RENEWED), once[0], 0) == email_id(recorded(RENEWED), twice[0], 0)
    elsewhere = replace(recorded(RENEWED), position=8, recorded_at=JUNE)
    assert email_id(recorded(RENEWED), once[0], 0) == email_id(elsewhere, once[0], 0)
    ids = {
        email_id(recorded(RENEWED), once[0], 0),
        email_id(recorded(RENEWED), once[0], 1),
        email_id(recorded(RENEWED), once[1], 0),
        email_id(recorded(RENEWED, version=4), once[0], 0),
        email_id(recorded(RENEWED, stream=UUID(int=10)), once[0], 0),
    }
    assert 5 == len(ids)


# to whom


def mailbox(audience, institution=INSTITUTION, holder=None, index=0, **facts):
    return recipient(audience, index, facts, institution, holder)


def without(*gone):
    contacts = tuple(replace(each, reachable=each.email not in {contact.email for contact in gone}) for each in INSTITUTION.contacts)
    return replace(INSTITUTION, contacts=contacts)


def test_the_administrator_is_written_to_and_after_a_bounce_whoever_is_next():
    assert Mailbox(address=ADA.email, name="ada") == mailbox(TO)
    assert BO.email == mailbox(TO, without(ADA)).address
    assert CY.email == mailbox(TO, without(ADA, BO)).address
    with pytest.raises(NoRecipient, match="no contact of the institution can be reached"):
        mailbox(TO, without(ADA, BO, CY))


def test_bills_go_to_the_one_who_pays_and_never_twice_to_the_same_mailbox():
    assert BO.email == mailbox(BILLS).address
    with pytest.raises(NoRecipient, match="the administrator gets it already"):
        mailbox(BILLS, without(BO))
    with pytest.raises(NoRecipient, match="the administrator gets it already"):
        mailbox(Audience.SECURITY)
    with pytest.raises(NoRecipient, match="the administrator gets it already"):
        mailbox(BILLS, without(ADA))  # bo stands in for ada


def test_everyone_is_each_contact_that_can_be_reached():
    assert [ADA.email, BO.email, CY.email] == [mailbox(Audience.EVERYONE, index=index).address for index in range(3)]
    assert [ADA.email, CY.email] == [mailbox(Audience.EVERYONE, without(BO), index=index).address for index in (0, 2)]
    with pytest.raises(NoRecipient, match="this contact cannot be reached"):
        mailbox(Audience.EVERYONE, without(BO), index=1)
    with pytest.raises(NoRecipient, match="fewer contacts"):
        mailbox(Audience.EVERYONE, index=3)


def test_another_contact_stands_in_only_where_it_does_not_matter_who_reads_it():
    assert {TO, BILLS, Audience.SECURITY} == {audience for audience in Audience if audience.passes_on}


def test_a_holder_is_the_person_whoever_can_be_reached():
    assert Mailbox(address="eve@uni.example", name="Eve") == mailbox(HOLDER, without(ADA, BO, CY), holder=EVE)
    with pytest.raises(NoRecipient, match="no user plan"):
        mailbox(HOLDER)


def test_without_an_account_there_is_nobody():
    with pytest.raises(NoRecipient, match="no account"):
        mailbox(TO, institution=None)


def test_a_transfer_writes_to_the_mailboxes_that_it_names():
    assert "old@uni.example" == mailbox(Audience.OLD_MAILBOX, old_email="old@uni.example").address
    assert "new@uni.example" == mailbox(Audience.NEW_MAILBOX, new_email="new@uni.example").address


# is it still wanted


SUBSCRIBED = state_after(*IN_FORCE)
ENDS = {"ends_at": ENDS_AT.isoformat()}
RESUMED = subscription.SubscriptionResumed(at=JUNE + 10 * DAY, suspended_at=JUNE)
NO_DAYS = ENDS | {"extended_days": 0}
LATER = replace(SUBSCRIBED, terms=(replace(SUBSCRIBED.terms[0], ends_at=ENDS_AT + 10 * DAY),))
OTHER = {"transfer_id": str(UUID(int=77))}
TRANSFER = replace(sample(account.ContactTransferRequested), transfer_id=UUID(int=78))
MOVING = replace(INSTITUTION, pending_transfer=TRANSFER)
THIS = {"transfer_id": str(TRANSFER.transfer_id)}
COMPLETE = INSTITUTION.evolve(account.AccountAmended(at=JUNE, time_zone="Europe/Berlin", institution="FU", registered_account_id="r1"))
LACKING = replace(INSTITUTION, time_zone=None)
HELD = INSTITUTION.evolve(account.AccountConverted(at=JUNE)).evolve(account.AccountSuspended(at=JUNE, cause="misuse"))
UNTIL = {"until": GRACE_ENDS_AT.isoformat()}
WAITING = EVE.evolve(plan.RenewalRequested(at=ENDS_AT - DAY, term=1, opened_at=ENDS_AT - 30 * DAY))
DOUBTED = InstitutionalUserPlan().evolve(replace(REQUESTED, doubts=("shared-domain",)))


@pytest.mark.parametrize(
    ("template", "facts", "state", "why"),
    [
        ("subscription-expiring", ENDS, SUBSCRIBED, None),
        ("subscription-expiring", ENDS, state_after(*IN_FORCE, SUSPENDED), None),
        ("subscription-expiring", ENDS, state_after(*IN_FORCE, RENEWED), "the subscription was renewed"),
        ("subscription-expiring", ENDS, state_after(*IN_FORCE, CANCELLED), "the subscription was cancelled"),
        ("subscription-expiring", ENDS, state_after(*IN_FORCE, IN_GRACE), "the subscription is grace"),
        ("subscription-in-grace", ENDS, state_after(*IN_FORCE, IN_GRACE), None),
        ("subscription-in-grace", ENDS, state_after(*IN_FORCE, IN_GRACE, RENEWED), "the subscription is active"),
        ("subscription-lapsed", {}, state_after(*IN_FORCE, IN_GRACE, LAPSED), None),
        ("subscription-lapsed", {}, SUBSCRIBED, "the subscription is active"),
        ("cancellation-scheduled", {}, state_after(*IN_FORCE, CANCELLED), None),
        ("cancellation-scheduled", {}, SUBSCRIBED, "the cancellation was undone"),
        ("cancellation-scheduled", {}, state_after(*IN_FORCE, subscription.SubscriptionEnded(at=ENDS_AT, cause="cancelled")), None),
        ("subscription-suspended", {}, state_after(*IN_FORCE, SUSPENDED), None),
        ("subscription-suspended", {}, state_after(*IN_FORCE, COMPENSATED, RESUMED), "access is back"),
        ("subscription-resumed", NO_DAYS, SUBSCRIBED, None),
        ("subscription-resumed", NO_DAYS, LATER, "the letter that names the days given back follows"),
        ("subscription-resumed", NO_DAYS | {"extended_days": 10}, LATER, None),
        ("subscription-ended", {}, SUBSCRIBED, None),
        ("token-expiring", {}, LIVE_TOKEN, None),
        ("token-expiring", {}, LIVE_TOKEN.evolve(token.TokenRevoked(at=JUNE, cause="asked")), "the token is revoked"),
        ("token-expiring", {}, LIVE_TOKEN.evolve(token.TokenExpired(at=ENDS_AT)), "the token is expired"),
        ("token-expiring", {}, LIVE_TOKEN.evolve(sample(token.TokenRotated)), "the token is rotating"),
        ("token-revoked", {}, LIVE_TOKEN.evolve(token.TokenRevoked(at=JUNE, cause="asked")), None),
        ("user-plan-expiring", UNTIL, EVE, None),
        ("user-plan-expiring", UNTIL, replace(EVE, until=SECOND_END), "the plan goes on"),
        ("user-plan-expiring", UNTIL, EVE.evolve(plan.UserPlanEnded(at=JUNE, cause="left")), "the plan is ended"),
        ("user-plan-renewal-waiting", UNTIL, WAITING, None),
        ("user-plan-renewal-waiting", UNTIL, EVE, "it does not wait any more"),
        ("user-plan-under-review", {}, DOUBTED, None),
        ("user-plan-under-review", {}, DOUBTED.evolve(GRANTED), "the request has been decided"),
        ("user-plan-under-review", {}, DOUBTED.evolve(plan.UserPlanRejected(at=JUNE, why="x")), "the request has been decided"),
        ("nomination-incomplete", {}, LACKING, None),
        ("nomination-incomplete", {}, COMPLETE, "nothing is missing any more"),
        ("account-suspended", {}, HELD, None),
        ("account-suspended", {}, HELD.evolve(account.AccountReinstated(at=JUNE)), "the account is active"),
        ("contact-transfer-confirm", THIS, MOVING, None),
        ("contact-transfer-confirm", OTHER, MOVING, "the transfer is over"),
        ("contact-transfer-confirm", THIS, INSTITUTION, "the transfer is over"),
    ],
)
def test_what_the_world_has_overtaken_need_not_leave(template, facts, state, why):
    assert why == unwanted(template, facts, state)


def test_a_link_is_told_with_its_file_as_long_as_it_works():
    (letter,) = written(LINKED, state_after(*IN_FORCE))
    assert letter.not_after == LINKED.expires_at
    assert (letter.facts["file_name"], letter.facts["bytes"], letter.facts["md5"]) == (LINKED.file_name, LINKED.bytes, LINKED.md5)
    assert [] == written(replace(LINKED, file_name=None, bytes=None, md5=None), state_after(*IN_FORCE))


def test_a_reminder_of_a_link_is_not_wanted_once_there_is_a_newer_one():
    state = state_after(*IN_FORCE, LINKED)
    facts = {"product": "scholarly", "release": "202721", "link_id": str(LINKED.link_id)}
    again = replace(LINKED, link_id=UUID(int=77))
    withdrawn = subscription.EntitlementWithdrawn(at=JUNE, name="bulk_data:scholarly")
    for template in ("bulk-data-link", "bulk-data-link-expiring"):
        assert unwanted(template, facts, state) is None
        assert unwanted(template, facts, state.evolve(SUSPENDED)) is None
        assert unwanted(template, facts, state.evolve(replace(again, release="202722"))) is None
        assert unwanted(template, facts, state.evolve(withdrawn)) == "the subscription does not include it any more"
        assert unwanted(template, facts, state.evolve(IN_GRACE).evolve(LAPSED)) == "the subscription is lapsed"
    assert unwanted("bulk-data-link", facts, state.evolve(again)) is None
    assert unwanted("bulk-data-link-expiring", facts, state.evolve(again)) == "a newer link leads to the same file"


def test_an_extension_overtakes_a_reminder_of_the_old_end():
    moved = replace(SUBSCRIBED, terms=(replace(SUBSCRIBED.terms[0], ends_at=ENDS_AT + timedelta(days=1)),))
    assert unwanted("subscription-expiring", ENDS, moved) is not None
    assert unwanted("subscription-expiring", ENDS | {"ends_at": ACTIVATED.ends_at}, SUBSCRIBED) is None


NEARLY = subscription.QuotaReached(
    at=JUNE,
    product=Product.SCHOLARLY,
    counted="requests",
    percent=80,
    limit=50_000,
    used=40_000,
    starts_at=JUNE,
    resets_at=JUNE + 30 * DAY,
)
ALL = replace(NEARLY, percent=100, used=50_000)
OWN = plan.UserPlanQuotaReached(**asdict(replace(ALL, limit=5_000, used=5_000)))


def test_of_a_quota_the_one_is_told_who_uses_it_until_it_begins_anew():
    assert [("quota-used", TO)] == named(ALL)
    assert [("quota-used", HOLDER)] == named(OWN)
    assert [NEARLY.resets_at, OWN.resets_at] == [letter.not_after for event in (NEARLY, OWN) for letter in written(event)]
    assert [False, True] == [letter.facts["own"] for event in (NEARLY, OWN) for letter in written(event)]


def test_of_a_quota_nobody_need_be_told_whose_limit_was_raised():
    def raised(limit):
        return SUBSCRIBED.evolve(subscription.PlansChanged(at=JUNE, plans=(replace(CURRENT.institution[0], requests_per_month=limit),)))

    for event, enough, too_little in ((NEARLY, 50_001, 50_000), (ALL, 50_001, 50_000)):
        (letter,) = written(event)
        assert unwanted(letter.template, letter.facts, raised(enough)) == "the limit was raised"
        assert unwanted(letter.template, letter.facts, raised(too_little)) is None
    assert unwanted("quota-used", written(OWN)[0].facts, EVE) is None
