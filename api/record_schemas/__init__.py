"""What the records of the platform look like, for those who read them: a JSON Schema (draft 2020-12) for works and one for patents.

The names of the fields are those of the platform's public API documentation; all else is our own. A schema that says something else gets
another number at the end of its `$id`.
"""

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Literal

RecordKind = Literal["scholarly", "patent"]
MEDIA_TYPE = "application/schema+json"


@cache
def schema_of(product: RecordKind) -> bytes:
    """The schema as it is served, in UTF-8."""
    return files(__name__).joinpath(f"{product}.json").read_bytes()


@cache
def etag_of(product: RecordKind) -> str:
    """A strong tag, in its quotes: another one whenever a byte of the schema is another."""
    return f'"{sha256(schema_of(product)).hexdigest()[:32]}"'
