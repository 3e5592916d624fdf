"""What happens to a subscription, in words."""

from collections.abc import Mapping

from domain.events import itk_subscription as events
from domain.events.base import Event
from projections.sentences.base import Words, count


def _suspended(event: events.SubscriptionSuspended) -> str:
    return "suspended the subscription" + (" until {until}" if event.until else "") + " ({cause})"


def _announced(event: events.RenewalAnnounced) -> str:
    return "announced the renewal, reference {reference}" + (", expected by {expected_by}" if event.expected_by else "")


def _granted(event: events.EntitlementGranted) -> str:
    limit = f" (up to {event.entitlement.limit:,})" if event.entitlement.limit is not None else ""
    until = " until {until}" if event.until else ""
    return f"granted {{entitlement.name}}{limit}{until}, approved by {{approver}}"


def _withdrawn(event: events.EntitlementWithdrawn) -> str:
    return "withdrew {name}" + (", approved by {approver}" if event.approver else "")


def _warned(event: events.SubscriptionExpiring) -> str:
    told = "; a renewal is announced" if event.announced else ""
    return f"warned {count(event.days_left, 'day')} before the end of the term on {{ends_at}}{told}"


def _renewed(event: events.SubscriptionRenewed) -> str:
    return "renewed the subscription to {ends_at}" + (", reference {reference}" if event.reference else "")


WORDS: Mapping[type[Event], Words] = {
    events.SubscriptionOpened: "opened a subscription from {starts_on} to {ends_at}",
    events.SubscriptionActivated: "activated the subscription from {starts_on} to {ends_at}",
    events.SubscriptionRenewed: _renewed,
    events.RenewalWithdrawn: "withdrew the renewal for term {number}",
    events.RenewalAnnounced: _announced,
    events.TermRolledOver: "began term {number} of the subscription, to {ends_at}",
    events.GraceStarted: "started the grace of the subscription, until {grace_ends_at}",
    events.SubscriptionLapsed: "let the subscription lapse; it can be reinstated until {ends_for_good_at}",
    events.SubscriptionReinstated: "reinstated the subscription ({mode}), to {ends_at}",
    events.SubscriptionEnded: "ended the subscription ({cause})",
    events.SubscriptionExtended: lambda event: f"extended term {{number}} by {count(event.days, 'day')}",
    events.TermCorrectionProposed: "proposed to correct term {number}: {starts_on} to {ends_on}",
    events.TermCorrectionDeclined: "declined the correction of term {number}",
    events.TermCorrected: "corrected term {number}, as {proposed_by} proposed and {approved_by} approved",
    events.PlanChangeScheduled: lambda event: f"scheduled {count(len(event.plans), 'API plan')} from {{takes_effect_at}}",
    events.PlansChanged: lambda event: f"changed the subscription to {count(len(event.plans), 'API plan')}",
    events.PlanChangeUndone: "took the scheduled change of API plans back",
    events.EntitlementGranted: _granted,
    events.EntitlementWithdrawn: _withdrawn,
    events.SubscriptionSuspended: _suspended,
    events.SubscriptionResumed: "let the subscription go on, which was suspended on {suspended_at}",
    events.CancellationScheduled: "scheduled the end of the subscription for {takes_effect_at}",
    events.CancellationUndone: "took the scheduled end of the subscription back",
    events.BulkDataLinkIssued: "issued a link to bulk data {product}, release {release}, until {expires_at}",
    events.BulkDataLinkExpiring: "warned that the link to bulk data {product}, release {release}, ends on {expires_at}",
    events.BulkDataLinkReminderSkipped: "did not warn that a link to bulk data ends on {expires_at}: {why}",
    events.SubscriptionExpiring: _warned,
    events.SubscriptionReminderSkipped: lambda event: (
        f"did not warn {count(event.days_left, 'day')} before the end of the term on {{ends_at}}: {{why}}"
    ),
    events.UsagePeriodClosed: lambda event: (
        f"closed the month of {{starts_at}} for {{product}}: {count(event.requests, 'request')}, {count(event.records, 'record')}"
    ),
    events.UsagePeriodAdjusted: lambda event: (
        f"adjusted the month of {{starts_at}} for {{product}}: {count(event.requests, 'request')}, {count(event.records, 'record')}"
    ),
    events.QuotaReached: "noted that {percent} % of the {counted} of {product} are used until {resets_at}",
    events.UsageStatementMade: lambda event: (
        f"made the statement of usage from {{starts_at}} to {{ends_at}}: {count(event.people, 'user')}"
    ),
}
