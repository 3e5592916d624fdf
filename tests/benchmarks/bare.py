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
