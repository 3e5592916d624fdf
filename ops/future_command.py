"""`tenure future`: what is coming for an institution."""

from getpass import getuser
from typing import Annotated, Any
from uuid import UUID

import typer

from domain.aggregates.institutional_account import InstitutionalAccount
from domain.errors import NotFound
from domain.values import parse_instant
from ops.console import AsJson, as_json_text, assembled, fail, out
from projections import futures
from projections.futures import Scenario


def future(
    account: Annotated[UUID, typer.Argument(help="the id of an institution's account")],
    until: Annotated[str | None, typer.Option(help="an instant, such as 2028-03-01T00:00:00Z; 18 months from now without it")] = None,
    scenario: Annotated[Scenario, typer.Option(help="what is taken for granted about the next end of the term")] = Scenario.AS_IS,
    as_json: AsJson = False,
) -> None:
    """Every event and letter to come, as things are, or if staff renew or do not.

    Example: tenure future 0190c7e2-…

    Example: tenure future 0190c7e2-… --scenario renew-in-grace --until 2028-06-01T00:00:00Z
    """
    with assembled() as assembly:
        asked = parse_instant(until) if until else None
        assembly.note_read(getuser(), "tenure future", {"account": account, "until": until, "scenario": str(scenario)})
        assembly.tables.catch_up()
        now = assembly.lifecycle.clock.now()
        farthest = futures.farthest(now)
        if asked is not None and not now <= asked <= farthest:
            fail(f"--until is between now ({now.isoformat()}) and {farthest.isoformat()}", 2)
        try:
            found = assembly.lifecycle.load(account).state
        except NotFound:
            found = None
        if not isinstance(found, InstitutionalAccount):
            fail(f"there is no account {account}", 1)
        told = futures.foresee(
            assembly.lifecycle,
            assembly.database,
            account,
            until=asked or farthest,
            scenario=scenario,
            public_url=assembly.settings.public_url,
        )
        if as_json:
            out.print(as_json_text(told), markup=False)
            return
        for line in lines(told):
            out.print(line, markup=False, highlight=False)


def lines(told: dict[str, Any]) -> list[str]:
    events = [(each["at"], each["sentence"]) for each in told["events"]]
    emails = [(each["at"], f"✉ {each['template']}  to {each['to']}: {each['subject']}") for each in told["emails"]]
    turns = [(each["at"], _turned(each)) for each in told["turns"]]
    lines = [f"{at:%Y-%m-%d %H:%M}  {what}" for at, what in sorted([*events, *emails, *turns], key=lambda each: each[0])]
    totals = told["totals"]
    return [*lines, f"{totals['events']} events and {totals['emails']} emails until {told['until']:%Y-%m-%d}, {told['scenario']}."]


def _turned(turn: dict[str, Any]) -> str:
    what = "let in again" if turn["works"] else "cut off"
    return f"→ {turn['what']} {what}: {turn['people']} people, {turn['tokens']} tokens"
