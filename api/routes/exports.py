"""The log to take away, for auditors and support: what the history shows page by page, whole and provable."""

from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from api.auth import Reader
from api.reads import SHOWS_PEOPLE
from api.selecting import Selected
from api.wiring import Calling
from projections.exports import export as exports
from projections.exports.export import MEDIA_TYPES, Format
from projections.exports.writers import written

router = APIRouter(prefix="/v1/history", tags=["history"])

_FILE = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/export",
    response_class=StreamingResponse,
    openapi_extra=SHOWS_PEOPLE,
    responses={200: {"content": {kind.partition(";")[0]: _FILE for kind in MEDIA_TYPES.values()}}},
)
def export(
    request: Request,
    service: Calling,
    caller: Reader,
    only: Selected,
    format: Format = Format.NDJSON,
) -> StreamingResponse:
    """The log, or a selection of it, as of this moment: NDJSON with proofs, CSV, or Parquet. What has no trailer was cut short."""
    made = exports.begin(service.lifecycle, only, service.evidence, partial(_on_record, request))
    headers = {
        "Content-Disposition": f'attachment; filename="tenure-{made.head}.{format.value}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(written(made, format), media_type=MEDIA_TYPES[format], headers=headers)


def _on_record(request: Request, query: exports.Query, count: int) -> None:
    """The answer goes on the read log before it leaves, as every one does that shows people: with how much is taken away."""
    request.state.read_filter = {"until": str(query["until"]), "events": str(count)}
