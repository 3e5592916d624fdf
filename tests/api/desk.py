"""The desk of a gateway: an institution with a token, and calls that are asked about."""

from datetime import datetime
from typing import Any

from tests.api.running import Running, Thing, done
from tests.scheduler.house import set_clock

PRODUCTS = ("scholarly", "patent", "scholarly_aggregation", "patent_aggregation")


class Desk:
    def __init__(self, running: Running) -> None:
        self.running = running
        self.account, self.subscription = running.subscribed()
        self.token = running.issue(self.account)
        self.gateway = running.client("gateway")

    def ask(self, token: Thing | None = None, product: str = "scholarly", *, style: str | None = None, **given: Any) -> Any:
        body = {"token": (token or self.token)["secret"], "product": product} | given
        return self.gateway.post("/v1/access/check", json=body, params={"style": style} if style else None)

    def check(self, token: Thing | None = None, product: str = "scholarly", **given: Any) -> Thing:
        return done(self.ask(token, product, **given))

    def why_not(self, token: Thing | None = None, product: str = "scholarly", **given: Any) -> list[tuple[str, int | None]]:
        """Each reason with its position."""
        answer = self.check(token, product, **given)
        assert answer["allowed"] == (not answer["reasons"])
        return [(reason["code"], reason["position"]) for reason in answer["reasons"]]

    def codes(self, token: Thing | None = None, product: str = "scholarly", **given: Any) -> list[str]:
        return [code for code, _ in self.why_not(token, product, **given)]

    def left(self, token: Thing | None = None, product: str = "scholarly", **given: Any) -> tuple[int, int]:
        """Requests of the month and of the minute that are left after a call."""
        left = self.check(token, product, **given)["limits"]["remaining"]
        return left["requests_per_month"], left["requests_per_minute"]

    def usage(self, token: Thing | None = None, product: str = "scholarly") -> Any:
        """What the holder is told."""
        return self.running.client(None).get(f"/subscriptions/{product}_api/usage", params={"token": (token or self.token)["secret"]})

    def used(self, token: Thing | None = None, product: str = "scholarly") -> tuple[int, int]:
        """Requests and records of the month."""
        shown = done(self.usage(token, product))
        return shown["requests_per_month"]["used"], shown["records_this_month"]

    def do(self, what: str, **body: Any) -> Thing:
        """A command on the subscription."""
        return done(self.running.support.post(f"/v1/subscriptions/{self.subscription['id']}/{what}", json=body))

    def limit(self, product: str = "scholarly", **limits: Any) -> Thing:
        """Change limits at once."""
        before = next(plan for plan in self.subscription["plans"] if plan["product"] == product)
        return self.do("change-plans", plans=[before | limits], when="now")

    def position(self, topic: str) -> int:
        """Of the last event of its kind."""
        found: int = done(self.running.support.get("/v1/history", params={"topic": topic, "limit": 500}))["items"][-1]["position"]
        return found

    def at(self, instant: str) -> None:
        """Time goes on, and nobody does what falls due."""
        set_clock(self.running.assembly, datetime.fromisoformat(instant))

    def refusal(self, reference: str | None) -> Any:
        return self.running.support.get(f"/v1/access/refusals/{reference}")
