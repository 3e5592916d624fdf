"""A secret is in the one answer that shows it, and nowhere else: no line of the log, no letter, no row."""

from sqlalchemy import MetaData, select

from tests.api.running import Running, done


def test_a_secret_is_in_its_one_answer_only(running: Running, logged):
    account, subscription = running.subscribed()
    first = running.issue(account)
    key = {"Idempotency-Key": "turn"}
    second = done(running.admin.post(f"/v1/tokens/{first['id']}/rotate", headers=key), 201)
    again = running.admin.post(f"/v1/tokens/{first['id']}/rotate", headers=key)
    plan = running.request_plan(subscription)
    third = done(
        running.client("platform", on_behalf_of=plan["registered_account_id"]).post(
            "/v1/tokens", json={"owner_id": plan["id"], "label": "hers"}
        ),
        201,
    )
    done(running.support.post(f"/v1/tokens/{second['id']}/report-leak", json={"where": "a public repository"}))
    running.advance("2027-03-01T00:00:00Z")
    running.client(None).get("/v1/tokens", headers={"Authorization": f"Bearer {first['secret']}"})
    done(running.client("institution", account=account).get("/v1/tokens"))
    secrets = [token["secret"] for token in (first, second, third)] + list(running.keys.values())

    assert again.json()["secret"] is None
    letters = [caught.message for caught in running.catcher.messages]
    assert {letter["X-Tenure-Template"] for letter in letters} >= {"token-issued", "token-rotated", "token-leaked"}
    written = str(logged) + "".join(
        part.get_content() for letter in letters for part in letter.walk() if part.get_content_maintype() == "text"
    )
    rows = _rows(running)
    assert first["prefix"] in rows
    for secret in secrets:
        assert secret not in written
        assert secret not in rows
        assert secret[len(first["prefix"]) : -4] not in rows  # nor without what may be shown of it


def _rows(running: Running) -> str:
    """Everything in every table, as text."""
    found = MetaData()
    found.reflect(running.assembly.engine)
    with running.assembly.database.reading() as connection:
        cells = [
            bytes(cell).decode("utf-8", "replace") if isinstance(cell, bytes | memoryview) else str(cell)
            for table in found.sorted_tables
            for row in connection.execute(select(table))
            for cell in row
        ]
    assert {"events", "commands", "claims", "staff", "versions_2", "api_tokens"} <= set(found.tables)
    return "\n".join(cells)
