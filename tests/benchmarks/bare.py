"""A FastAPI route that does nothing but parse and answer: what HTTP alone costs."""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Given(BaseModel):
    email: str
    registered_account_id: str
    institution: str
    time_zone: str


@app.post("/v1/accounts", status_code=201)
def nominate(given: Given) -> Given:
    return given


class Asked(BaseModel):
    token: str
    product: str
    records: int | None = None


class Answered(BaseModel):
    allowed: bool
    product: str
    remaining: int


@app.post("/v1/access/check")
async def check(asked: Asked) -> Answered:
    return Answered(allowed=True, product=asked.product, remaining=len(asked.token))
