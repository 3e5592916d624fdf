"""What happens to tokens and to emails, in words."""

from collections.abc import Mapping

from domain.events import api_token as tokens
from domain.events import email_delivery as emails
from domain.events.base import Event
from projections.sentences.base import Words, count


def _bounced(event: emails.EmailBounced) -> str:
    kind = "for good" if event.hard else "for now"
    if event.reported:
        return f"was told that the letter {{template}} to {{to}} came back, {kind}: {{answer}}"
    return f"could not hand over the letter {{template}} to {{to}}, {kind}: {{answer}}"


WORDS: Mapping[type[Event], Words] = {
    tokens.TokenIssued: lambda event: (
        "issued the token {label}, until {expires_at}" + (", in another one's place" if event.replaces else "")
    ),
    tokens.TokenRotated: "rotated the token, which works until {expires_at}",
    tokens.TokenExpiring: lambda event: f"warned {count(event.days_left, 'day')} before the end of the token on {{expires_at}}",
    tokens.TokenReminderSkipped: lambda event: f"did not warn {count(event.days_left, 'day')} before the end of the token: {{why}}",
    tokens.TokenExpired: "let the token expire",
    tokens.TokenRevoked: "revoked the token ({cause})",
    tokens.TokenLeaked: "was told that the token had leaked: {where}",
    emails.EmailSent: "sent the letter {template} to {to}: {subject}",
    emails.EmailBounced: _bounced,
    emails.EmailSkipped: lambda event: (
        "did not send the letter {template} to the {role}: {why}" + (" ({answer})" if event.answer is not None else "")
    ),
}
