"""The API plans, by version. A grant copies its limits, so a new version changes nothing that was promised.

Source of the figures: the onboarding page of the Lens Institutional Toolkit, sections 2 and 4, as of 9 April 2024.
"""

from dataclasses import dataclass
from enum import StrEnum


class Product(StrEnum):
    SCHOLARLY = "scholarly"
    PATENT = "patent"
    SCHOLARLY_AGGREGATION = "scholarly_aggregation"
    PATENT_AGGREGATION = "patent_aggregation"


class BulkData(StrEnum):
    """What a subscription may include in full."""

    SCHOLARLY = "scholarly"
    PATENT = "patent"


@dataclass(frozen=True, kw_only=True)
class ApiPlan:
    """The limits on one product. None means that there is no such limit."""

    product: Product
    requests_per_month: int
    requests_per_minute: int
    records_per_request: int | None = None
    nested_aggregations_per_request: int | None = None
    records_per_month: int | None = None


@dataclass(frozen=True, kw_only=True)
class Entitlement:
    """Something beside the API plans. `limit` counts what the name says (records of a collection)."""

    name: str
    limit: int | None = None


@dataclass(frozen=True)
class Catalogue:
    version: str
    institution: tuple[ApiPlan, ...]
    user: tuple[ApiPlan, ...]
    entitlements: tuple[Entitlement, ...]


CATALOGUE_2024 = Catalogue(
    version="2024-04",
    institution=(
        ApiPlan(product=Product.SCHOLARLY, requests_per_month=50_000, requests_per_minute=20, records_per_request=1_000),
        ApiPlan(product=Product.PATENT, requests_per_month=20_000, requests_per_minute=10, records_per_request=500),
        ApiPlan(
            product=Product.SCHOLARLY_AGGREGATION, requests_per_month=10_000, requests_per_minute=10, nested_aggregations_per_request=2
        ),
        ApiPlan(product=Product.PATENT_AGGREGATION, requests_per_month=5_000, requests_per_minute=10, nested_aggregations_per_request=2),
    ),
    user=(
        ApiPlan(product=Product.SCHOLARLY, requests_per_month=5_000, requests_per_minute=10, records_per_request=500),
        ApiPlan(product=Product.PATENT, requests_per_month=5_000, requests_per_minute=10, records_per_request=100),
        ApiPlan(product=Product.SCHOLARLY_AGGREGATION, requests_per_month=1_000, requests_per_minute=5, nested_aggregations_per_request=2),
        ApiPlan(product=Product.PATENT_AGGREGATION, requests_per_month=1_000, requests_per_minute=5, nested_aggregations_per_request=2),
    ),
    entitlements=(
        Entitlement(name="collections", limit=100_000),
        Entitlement(name="attested_portfolios"),
        Entitlement(name="branding"),
        Entitlement(name="report_builder"),
        Entitlement(name="work_area"),
        Entitlement(name="link_outs"),
    ),
)

CURRENT = CATALOGUE_2024
