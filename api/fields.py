"""What bodies and parameters are made of: instants, days and texts in the domain's own grammar, and the reason of a command."""

from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from domain.errors import Invalid
from domain.values import parse_date, parse_instant, parse_text

Parsed = TypeVar("Parsed")
Point = TypeVar("Point", date, datetime)


FIRST_YEAR, LAST_YEAR = 1970, 2199
"""No instant or date of this service lies outside: none is ever so far off that a term or a year after it could not be counted."""


def _instant(given: Any) -> datetime:
    return _bounded(_parsed(parse_instant, given))


def _day(given: Any) -> date:
    return _bounded(_parsed(parse_date, given))


def _text(given: str) -> str:
    return _parsed(lambda text: parse_text(text, field="text", max_length=500), given) if given else given


def _parsed(parse: Callable[[str], Parsed], given: Any) -> Parsed:
    if not isinstance(given, str):
        raise ValueError("this is written as a text")  # noqa: TRY004 - what pydantic takes for "not valid"
    try:
        return parse(given)
    except Invalid as invalid:
        raise ValueError(invalid.detail) from invalid


def _bounded(given: Point) -> Point:
    if not FIRST_YEAR <= given.year <= LAST_YEAR:
        raise ValueError(f"years go from {FIRST_YEAR} to {LAST_YEAR}")
    return given


Instant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339, with its offset from UTC."""
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Flag = Annotated[bool, Field(strict=True)]


class ReasonCode(StrEnum):
    ASKED_BY_INSTITUTION = "asked-by-institution"
    ASKED_BY_PERSON = "asked-by-person"
    CONTRACT = "contract"
    INVOICE = "invoice"
    CORRECTION = "correction"
    SECURITY = "security"
    SUPPORT_CASE = "support-case"
    OTHER = "other"


class Reason(BaseModel):
    """Why. No personal data: it is kept for ever, and shown to auditors."""

    model_config = ConfigDict(extra="forbid")
    code: ReasonCode
    text: Annotated[str, Field(max_length=500), AfterValidator(_text)] = ""

    def __str__(self) -> str:
        return f"{self.code.value}: {self.text}" if self.text else self.code.value


class Body(BaseModel):
    """What every command can say besides."""

    model_config = ConfigDict(extra="forbid")
    reason: Reason | None = None

    @property
    def why(self) -> str | None:
        return str(self.reason) if self.reason else None


Short = Annotated[str, Field(max_length=1_000)]
"""A text as it came; the domain's parser says what is wrong with it."""
Days = Annotated[int, Field(strict=True, ge=0, le=3_660)]
Months = Annotated[int, Field(strict=True, ge=1, le=120)]
