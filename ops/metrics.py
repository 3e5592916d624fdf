"""What operators watch: counters of what was done, gauges of what waits."""

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class Waiting(Collector):
    """Gauges that are read from the database when somebody looks."""

    def __init__(self, read: Callable[[], dict[str, Any]]) -> None:
        self._read = read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        waiting = self._read()
        lag = GaugeMetricFamily("tenure_follower_lag_events", "events that a follower has yet to take up", labels=["follower"])
        for name, events in waiting["lags"].items():
            lag.add_metric([name], events)
        yield lag
        deadlines = GaugeMetricFamily("tenure_deadlines", "deadlines that wait, and those of them that are overdue", labels=["state"])
        deadlines.add_metric(["waiting"], waiting["deadlines"])
        deadlines.add_metric(["overdue"], waiting["overdue"])
        yield deadlines
        for name, what, of in (
            ("tenure_webhook_lag_events", "events that a webhook's receiver has yet to take", "lag"),
            ("tenure_webhook_dead_letters", "events that a webhook's receiver did not take for days", "dead"),
            ("tenure_webhook_disabled", "1 for a webhook whose receiver failed for too long", "disabled"),
        ):
            gauge = GaugeMetricFamily(name, what, labels=["webhook"])
            for each in waiting.get("webhooks", ()):
                gauge.add_metric([each["id"]], each[of])
            yield gauge
        for name, what in (
            ("tenure_deadline_oldest_overdue_seconds", "since when the most overdue deadline is due"),
            ("tenure_outbox_emails", "emails that wait to be sent"),
            ("tenure_outbox_oldest_seconds", "since when the oldest of them waits"),
            ("tenure_smtp_channel_stopped", "1 while the mail server takes nothing from us"),
            ("tenure_reactions_lag_events", "events that the reactions have yet to pass"),
            ("tenure_checkpoint_behind_events", "events that no checkpoint covers yet"),
            ("tenure_checkpoint_forked", "1 while this process refuses to sign, since the log is not what was signed before"),
            ("tenure_erasures_overdue", "people who were to be forgotten by now, and are not"),
            ("tenure_heartbeat_age_seconds", "since when the heart of this process has not beaten"),
        ):
            if name in waiting:
                yield GaugeMetricFamily(name, what, value=waiting[name])


class Metrics:
    """The counters of one process, and its view of what waits."""

    def __init__(self, waiting: Callable[[], dict[str, Any]]) -> None:
        self.registry = CollectorRegistry()
        self.commands = Counter("tenure_commands", "commands by outcome", ["command", "outcome"], registry=self.registry)
        self.emails = Counter("tenure_emails", "emails by verdict", ["verdict"], registry=self.registry)
        self.webhooks = Counter("tenure_webhook_deliveries", "events sent to webhooks", ["webhook", "outcome"], registry=self.registry)
        self.refused_reactions = Counter("tenure_reactions_refused", "commands of policies that were refused", registry=self.registry)
        self.requests = Counter("tenure_http_requests", "requests", ["method", "route", "status"], registry=self.registry)
        self.seconds = Histogram("tenure_http_request_seconds", "how long requests take", registry=self.registry)
        self.registry.register(Waiting(waiting))
        self._requests: dict[tuple[str, str, int], Counter] = {}

    def count_command(self, command: str, outcome: str) -> None:
        self.commands.labels(command, outcome).inc()

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        counter = self._requests.get((method, route, status))
        if counter is None:
            counter = self._requests[method, route, status] = self.requests.labels(method, route, str(status))
        counter.inc()
        self.seconds.observe(seconds)

    def count_email(self, verdict: str) -> None:
        self.emails.labels(verdict).inc()

    def count_webhook(self, webhook: str, outcome: str) -> None:
        self.webhooks.labels(webhook, outcome).inc()

    def text(self) -> bytes:
        return generate_latest(self.registry)
