"""The schemas of records say what a record is: they are themselves right, take what is one, and name what is wrong with what is none."""

import json
from collections.abc import Iterator
from copy import deepcopy
from hashlib import sha256
from typing import Any, get_args

import jsonschema_rs
import pytest

from api.record_schemas import RecordKind, etag_of, schema_of

KINDS = get_args(RecordKind)
SCHEMAS: dict[str, Any] = {kind: json.loads(schema_of(kind)) for kind in KINDS}
VALIDATORS = {kind: jsonschema_rs.validator_for(schema, validate_formats=True) for kind, schema in SCHEMAS.items()}

ARTICLE = {
    "lens_id": "012-345-678-901-23X",
    "created": "2024-03-01T10:15:30.250000+00:00",
    "publication_type": "journal article",
    "publication_supplementary_type": ["review"],
    "title": "On the lending of books by post",
    "abstract": "Books were posted. Most came back.",
    "authors": [
        {
            "first_name": "Ada",
            "last_name": "Archivist",
            "initials": "A",
            "ids": [{"type": "orcid", "value": "0000-0002-1825-0097"}],
            "affiliations": [
                {
                    "name": "Northfield University",
                    "name_original": "The Library, Northfield University, Northfield",
                    "country_code": "GB",
                    "ids": [{"type": "ror", "value": "042nb2s44"}],
                }
            ],
        },
        {"collective_name": "The Northfield Lending Group"},
    ],
    "author_count": 2,
    "external_ids": [{"type": "doi", "value": "10.5555/12345678"}, {"type": "pmid", "value": "26082390"}],
    "date_published": "2024-02-29",
    "date_published_parts": [2024, 2, 29],
    "year_published": 2024,
    "source": {
        "title": "Journal of Lending",
        "type": "Journal",
        "publisher": "Northfield Press",
        "country": "United Kingdom",
        "issn": [{"type": "print", "value": "0378595X"}],
        "asjc_codes": ["3309"],
        "asjc_subjects": ["Library and Information Sciences"],
    },
    "volume": "12",
    "issue": "3-4",
    "start_page": "e101",
    "end_page": "e119",
    "languages": ["en"],
    "fields_of_study": ["Library science"],
    "keywords": ["lending", "post"],
    "mesh_terms": [{"mesh_id": "D008000", "mesh_heading": "Libraries", "qualifier_id": "Q000706", "qualifier_name": "statistics"}],
    "chemicals": [{"substance_name": "Paper", "registry_number": "0"}],
    "clinical_trials": [{"id": "nct00000000", "registry": "10.18810/clinical-trials-gov"}],
    "funding": [{"org": "The Reading Trust", "funding_id": "R-7", "country": "United Kingdom"}],
    "open_access": {"license": "cc-by", "colour": "gold", "locations": {"pdf_urls": ["https://press.northfield.example/101.pdf"]}},
    "is_open_access": True,
    "source_urls": [{"type": "html", "url": "https://press.northfield.example/101"}],
    "references": [{"lens_id": "111-222-333-444-555"}, {"text": "Bindery, B. On paste. 1901."}],
    "references_count": 2,
    "references_resolved_count": 1,
    "scholarly_citations": ["999-888-777-666-555"],
    "scholarly_citations_count": 1,
    "patent_citations": [{"lens_id": "031-156-664-516-153"}],
    "patent_citations_count": 1,
    "retraction_updates": [{"updated": "2025-01-05", "update_nature": "Correction", "reasons": ["a table was upside down"]}],
}
REPORT = {
    "lens_id": "000-000-000-000-000",
    "created": "2019-01-01",
    "publication_type": "report",
    "title": "Annual report",
    "shelf": "later",
}

US = {"jurisdiction": "US", "doc_number": "2031000001", "kind": "A1", "date": "2031-01-02"}
GRANT = {
    "lens_id": "186-488-232-022-055",
    "jurisdiction": "EP",
    "doc_number": "9900001",
    "kind": "B1",
    "date_published": "2033-05-25",
    "doc_key": "EP_9900001_B1_20330525",
    "docdb_id": 999000111,
    "publication_type": "GRANTED_PATENT",
    "lang": "en",
    "biblio": {
        "publication_reference": {"jurisdiction": "EP", "doc_number": "9900001", "kind": "B1", "date": "2033-05-25"},
        "application_reference": {"jurisdiction": "EP", "doc_number": "31000001", "kind": "A", "date": "2031-12-30"},
        "application_number": "31000001.4",
        "priority_claims": {"claims": [US | {"sequence": 1, "linkage_type": "DIVISION"}], "earliest_claim": {"date": "2031-01-02"}},
        "invention_title": [{"text": "Book trolley", "lang": "en"}, {"text": "Bücherwagen", "lang": "de"}],
        "parties": {
            "applicants": [{"residence": "GB", "sequence": 1, "extracted_name": {"value": "NORTHFIELD UNIVERSITY"}}],
            "inventors": [{"residence": "GB", "sequence": 1, "orcid": "0000-0002-1825-0097", "extracted_name": {"value": "ARCHIVIST ADA"}}],
            "owners_all": [
                {"recorded_date": "2032-02-01", "extracted_name": {"value": "Northfield University"}, "extracted_country": "GB"}
            ],
            "agents": [{"extracted_name": {"value": "Quill, Q."}, "extracted_address": "1 Inkwell Lane\nNorthfield"}],
            "examiners": {"primary_examiner": {"extracted_name": {"value": "Strict, S."}, "department": "3618"}},
        },
        "classifications_cpc": {
            "classifications": [{"symbol": "B62B3/00", "classification_value": "I", "classification_symbol_position": "F"}]
        },
        "classifications_ipcr": {"classifications": [{"symbol": "B62B3/00"}]},
        "references_cited": {
            "citations": [
                {"sequence": 1, "patcit": {"document_id": US, "lens_id": "118-962-823-688-691"}, "category": ["X"], "cited_phase": "SEA"},
                {"sequence": 2, "nplcit": {"text": "On the lending of books by post", "lens_id": "012-345-678-901-23X"}},
            ],
            "patent_count": 1,
            "npl_count": 1,
            "npl_resolved_count": 1,
        },
        "cited_by": {"patents": [{"document_id": {"jurisdiction": "WO", "doc_number": "2034000001"}}], "patent_count": 1},
    },
    "families": {
        "simple_family": {"size": 2, "members": [{"document_id": US, "lens_id": "089-849-576-069-505"}]},
        "extended_family": {"size": 2},
    },
    "abstract": [{"text": "A trolley for books.", "lang": "en"}],
    "claims": [{"claims": [{"claim_text": ["1. A trolley, characterised by shelves."]}], "lang": "en"}],
    "description": {"text": "Books are heavy.", "lang": "en"},
    "legal_status": {
        "patent_status": "ACTIVE",
        "granted": True,
        "grant_date": "2033-05-25",
        "anticipated_term_date": "2051-12-30",
        "has_spc": False,
        "calculation_log": ["Granted date: 2033-05-25"],
    },
    "sequence_listing": {
        "sequence_types": ["N", "DNA"],
        "length_buckets": ["NT_1_100", "AA_301"],
        "organisms": [{"tax_id": 9606, "name": "Homo sapiens"}],
        "count": 3,
    },
}
APPLICATION = {
    "lens_id": "100-200-300-400-50X",
    "jurisdiction": "US",
    "doc_number": "2031000001",
    "kind": "A1",
    "date_published": "2032-07-01",
    "doc_key": "US_2031000001_A1_20320701",
    "publication_type": "PATENT_APPLICATION",
    "biblio": {"publication_reference": {"jurisdiction": "US", "doc_number": "2031000001"}},
}
RIGHT = [("scholarly", ARTICLE), ("scholarly", REPORT), ("patent", GRANT), ("patent", APPLICATION)]

LEFT_OUT = object()
WRONG: list[tuple[str, dict[str, Any], str, Any]] = [
    ("scholarly", ARTICLE, "lens_id", "12345"),
    ("scholarly", ARTICLE, "lens_id", LEFT_OUT),
    ("scholarly", ARTICLE, "title", ""),
    ("scholarly", ARTICLE, "publication_type", "blog post"),
    ("scholarly", ARTICLE, "created", "yesterday"),
    ("scholarly", ARTICLE, "date_published", "2024-02-30"),
    ("scholarly", ARTICLE, "date_published_parts", [2024, 13]),
    ("scholarly", ARTICLE, "date_published_parts", [2024, 2, 29, 1]),
    ("scholarly", ARTICLE, "year_published", "2024"),
    ("scholarly", ARTICLE, "authors.0", {"initials": "A"}),
    ("scholarly", ARTICLE, "authors.0.affiliations.0.country_code", "England"),
    ("scholarly", ARTICLE, "external_ids.0.url", "https://doi.example/"),
    ("scholarly", ARTICLE, "source.issn.0.value", "0378-595X"),
    ("scholarly", ARTICLE, "references.0", {}),
    ("scholarly", ARTICLE, "references_count", -1),
    ("scholarly", ARTICLE, "source_urls.0.url", "not an address"),
    ("scholarly", ARTICLE, "abstract", None),
    ("patent", GRANT, "biblio", LEFT_OUT),
    ("patent", GRANT, "jurisdiction", "Europe"),
    ("patent", GRANT, "kind", "b1"),
    ("patent", GRANT, "doc_key", "EP 9900001 B1"),
    ("patent", GRANT, "date_published", "2033-05-25T00:00:00Z"),
    ("patent", GRANT, "docdb_id", 0),
    ("patent", GRANT, "legal_status.patent_status", "active"),
    ("patent", GRANT, "biblio.publication_reference.colour", "red"),
    ("patent", GRANT, "biblio.references_cited.citations.0.nplcit", {"text": "both at once"}),
    ("patent", GRANT, "biblio.parties.inventors.0.orcid", "0000"),
    ("patent", GRANT, "claims.0.claims.0.claim_text", []),
    ("patent", GRANT, "families.simple_family.size", 0),
    ("patent", GRANT, "sequence_listing.sequence_types", ["Q"]),
]


def errors(kind: str, record: Any) -> list[str]:
    """Where a record is wrong."""
    return [".".join(map(str, each.instance_path)) for each in VALIDATORS[kind].iter_errors(record)]


def changed(record: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    made = deepcopy(record)
    place: Any = made
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in way:
        place = place[part]
    if value is LEFT_OUT:
        del place[last]
    else:
        place[last] = value
    return made


def properties(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property, however deep."""
    match schema:
        case dict():
            yield from schema.get("properties", {}).items()
            for each in schema.values():
                yield from properties(each)
        case list():
            for each in schema:
                yield from properties(each)


@pytest.mark.parametrize(("kind", "record"), RIGHT)
def test_a_record_is_taken(kind, record):
    assert [] == errors(kind, record)


@pytest.mark.parametrize(("kind", "record", "path", "value"), WRONG)
def test_what_is_wrong_is_found_where_it_is(kind, record, path, value):
    found = errors(kind, changed(record, path, value))
    assert found
    assert all(path.startswith(place) or place.startswith(path) for place in found), found


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_that_the_platform_adds_makes_no_record_wrong(kind):
    record = next(record for each, record in RIGHT if each == kind)
    assert [] == errors(kind, record | {"added_later": {"anything": 1}})


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_one_and_explains_every_field(kind):
    schema = SCHEMAS[kind]
    jsonschema_rs.meta.validate(schema)
    assert "https://json-schema.org/draft/2020-12/schema" == schema["$schema"]
    assert f"urn:tenure:record-schema:{kind}:1" == schema["$id"]
    named = dict(properties(schema))
    assert len(named) >= 50
    for name, found in properties(schema):
        told = SCHEMAS[kind]["$defs"][found["$ref"].rpartition("/")[2]] if "$ref" in found and "description" not in found else found
        assert told.get("description", "").endswith("."), name


@pytest.mark.parametrize("kind", KINDS)
def test_every_shape_is_used_and_says_whether_it_is_open(kind):
    schema = SCHEMAS[kind]
    text = json.dumps(schema)
    for name, shape in schema["$defs"].items():
        assert f'"#/$defs/{name}"' in text, name
        if shape.get("type") == "object":
            assert isinstance(shape["additionalProperties"], bool), name


@pytest.mark.parametrize(("kind", "first"), [("scholarly", ARTICLE), ("patent", GRANT)])
def test_the_sample_has_every_field_that_is_described_on_top(kind, first):
    assert set(SCHEMAS[kind]["properties"]) - set(first) <= {"conference"}


def test_a_tag_changes_with_the_bytes_alone():
    tags = [etag_of(kind) for kind in KINDS]
    assert [f'"{sha256(schema_of(kind)).hexdigest()[:32]}"' for kind in KINDS] == tags
    assert len(set(tags)) == len(KINDS)
