"""What happens to people's plans, and to the lists of people that institutions hand in, in words."""

from collections import Counter
from collections.abc import Mapping

from domain.events import institutional_user_plan as events
from domain.events import people
from domain.events import user_import as lists
from domain.events.base import Event
from projections.sentences.base import Words, count, literal


def _requested(event: events.UserPlanRequested) -> str:
    by = "listed {email} for a user plan" if event.import_id else "asked for a user plan for {email}"
    return by + ("; in doubt: {doubts}" if event.doubts else "")


def _settled(event: lists.UserImportRowsSettled) -> str:
    outcomes = Counter(str(row.outcome.value) for row in event.rows)
    told = ", ".join(f"{number:,} {name}" for name, number in sorted(outcomes.items()))
    return f"settled {count(len(event.rows), 'row')} of the list: {literal(told)}"


def _completed(event: lists.UserImportCompleted) -> str:
    told = ", ".join(f"{number:,} {name}" for name, number in sorted(event.outcomes.items()))
    absent = f"; {event.absent:,} absent" if event.absent is not None else ""
    return f"completed the list: {literal(told)}{absent}"


def _granted(event: events.UserPlanActivated) -> str:
    return "activated the user plan until {until}" + (", let in by hand: {override.ground}" if event.override else "")


WORDS: Mapping[type[Event], Words] = {
    events.UserPlanRequested: _requested,
    events.UserPlanInvited: "invited {email} to a user plan, until {expires_at}",
    events.UserPlanAccepted: "accepted the invitation to a user plan",
    events.UserPlanRegistered: "registered with the platform as {registered_account_id}",
    events.UserPlanActivated: _granted,
    events.UserPlanRejected: "rejected the request for a user plan ({why})",
    events.UserPlanTermMoved: "moved the end of the user plan to {until}",
    events.UserPlanExpiring: lambda event: f"warned {count(event.days_left, 'day')} before the end of the user plan on {{until}}",
    events.UserPlanReminderSkipped: lambda event: (
        f"did not warn {count(event.days_left, 'day')} before the end of the user plan on {{until}}: {{why}}"
    ),
    events.RenewalRequested: "asked for the renewal of the user plan",
    events.RenewalRefused: "refused the renewal of the user plan ({why})",
    events.UserPlanRenewed: "renewed the user plan until {until}",
    events.UserPlanSuspended: "suspended the user plan ({cause})",
    events.UserPlanResumed: "let the user plan go on",
    events.UserPlanAddressChanged: "changed the address of the user plan to {email}",
    events.UserPlanAtRisk: "put the user plan at risk ({why}), until {until}",
    events.UserPlanReconfirmed: "confirmed that the holder of the user plan belongs to the institution",
    events.UserPlanExpired: "let the user plan expire",
    events.UserPlanEndScheduled: "scheduled the end of the user plan for {ends_at} ({cause})",
    events.UserPlanEnded: "ended the user plan ({cause})",
    events.UserPlanQuotaReached: "noted that {percent} % of the {counted} of {product} are used until {resets_at}",
    lists.UserImportSubmitted: lambda event: (
        f"handed in a list of {count(event.rows, 'row')}, mode {{mode}}" + (", as a trial" if event.dry_run else "")
    ),
    lists.UserImportRowsSettled: _settled,
    lists.UserImportCompleted: _completed,
    lists.UserImportAbsencesConfirmed: lambda event: f"confirmed that {count(event.absent, 'person')} of the list are absent",
    lists.UserImportUndone: "took the list back",
    people.PersonalDataErased: lambda event: f"erased what was held here of {'a person' if len(event.people) == 1 else 'people'}",
}
