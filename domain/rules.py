"""Every choice that is ours, as one frozen value. What a decision used of it is pinned in the event."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Days unless the name says otherwise."""

    grace_days: int = 30
    reinstatement_days: int = 90
    subscription_reminders: tuple[int, ...] = (90, 60, 30, 14, 7, 1)
    user_plan_reminders: tuple[int, ...] = (30, 7)
    token_reminders: tuple[int, ...] = (30, 14, 7, 1)
    bulk_data_link_reminders: tuple[int, ...] = (1,)
    bulk_data_link_days: int = 7
    term_months: int = 12
    max_queued_terms: int = 2
    max_live_tokens: int = 5
    max_overlap_days: int = 30
    max_extension_days: int = 60
    domain_retirement_days: int = 90
    contact_transfer_days: int = 7
    incomplete_nomination_reminders: tuple[int, ...] = (7, 21)
    """Days after a nomination at which what is still missing is asked for again."""
    contact_confirmation_days: int = 7
    onboarding_nudges: tuple[int, ...] = (7, 30)
    """Days after the activation at which the contact is told which steps of the onboarding are still open."""
    onboarding_users: int = 10
    """So many users with plans of their own make an institution a working one."""
    platform_host: str = "www.lens.org"
    """Where the collections are that institutions attest."""
    max_live_attestations: int = 200
    withdrawn_attestation_days: int = 365
    """For so long the page of a withdrawn attestation says that it was withdrawn; after that there is none."""
    max_images: int = 100
    """Pictures of one institution; what is stored is never changed or deleted."""
    librarian_key_days: int = 365
    max_librarian_key_days: int = 366
    max_live_librarian_keys: int = 20
    late_usage_hours: int = 48
    """For so long after a quota month what is reported late still counts in it."""
    quota_percents: tuple[int, ...] = (80, 100)
    """Shares of a limit of the month that are told of when they are reached."""
    academic_year_month: int = 9
    """The month in which an academic year begins."""
    usage_statement_days: tuple[int, ...] = (30, 0)
    """Days before the end of a term at which a statement of usage is made."""
    user_renewal_opens_days: int = 30
    user_plans_follow_renewal: bool = False
    invitation_days: int = 14
    at_risk_days: int = 14
    review_working_days: int = 1
    import_undo_days: int = 14
    registered_accounts_known: bool = False
    """True where the platform keeps our table of registered accounts; False counts every address as registered."""
    retention_months: int = 0
    """So long after the end of a plan its holder is forgotten, unless something else of theirs is live. 0: never."""
    erasure_months: int = 1
    """Calendar months within which somebody who asks for it is forgotten."""
    emails_per_minute_after_outage: int = 600
    email_retry_days: int = 5


DEFAULT_RULES = Rules()
