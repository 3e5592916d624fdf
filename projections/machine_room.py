"""How the machine runs: who follows the log how closely, what is due, what of the mail waits and why, and how far the log is signed."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from projections import deadlines, erasures, webhooks
from projections.deadlines import due, due_work
from projections.emails.outbox import PENDING, depth, email_work, emails
from projections.follower import followers
from projections.proof import checkpoints

SHOWN = 50


def shown(connection: Connection, head: int, now: datetime) -> dict[str, Any]:
    """`head` is the last position of the log. Lists have at most fifty entries, those first that wait the longest."""
    everything, overdue = deadlines.overdue(connection, now)
    waiting, oldest = depth(connection)
    signed = checkpoints.latest(connection)
    returned = select(func.count()).select_from(emails).where(emails.c.status == "bounced")
    return {
        "now": now,
        "head": head,
        "followers": [
            {"name": row.name, "position": row.position, "lag": max(0, head - row.position)}
            for row in connection.execute(select(followers).order_by(followers.c.position, followers.c.name))
        ],
        "deadlines": {
            "waiting": everything,
            "overdue": overdue,
            "oldest_due_at": deadlines.oldest_overdue(connection, now),
            "failing": [row._asdict() for row in connection.execute(_failing())],
        },
        "mail": {
            "waiting": waiting,
            "oldest_written_at": oldest,
            "bounced": connection.scalar(returned) or 0,
            "put_off": [row._asdict() for row in connection.execute(_put_off())],
        },
        "webhooks": webhooks.gauges(connection, head),
        "checkpoint": {"size": signed.size, "position": signed.position, "made_at": signed.made_at, "behind": head - signed.position}
        if signed
        else None,
        "erasures_overdue": erasures.overdue(connection, now),
    }


def _failing() -> Any:
    """Streams whose deadlines could not be let take effect, with what went wrong and when it is tried again."""
    c = due_work.c
    columns = (c.id.label("stream_id"), due.c.due_at, c.attempts, c.not_before.label("again_at"), c.answer.label("why"))
    joined = due.join(due_work, due.c.stream_id == c.id)
    return select(*columns).select_from(joined).where(c.answer.is_not(None)).order_by(due.c.due_at).limit(SHOWN)


def _put_off() -> Any:
    """Letters that were tried, or could not be, and wait: each with what the mail server said last."""
    c = email_work.c
    columns = (c.id, emails.c.template, emails.c.account_id, c.attempts, c.since, c.not_before.label("again_at"), c.answer)
    joined = emails.join(email_work, emails.c.id == c.id)
    return select(*columns).select_from(joined).where(emails.c.status == PENDING, c.not_before.is_not(None)).order_by(c.since).limit(SHOWN)


def try_mail_now(connection: Connection) -> int:
    """Letters that were put off may be tried at once. Returns how many."""
    open_ones = select(emails.c.id).where(emails.c.status == PENDING)
    put_off = email_work.c.not_before.is_not(None) & email_work.c.id.in_(open_ones)
    return connection.execute(update(email_work).where(put_off).values(not_before=None)).rowcount
