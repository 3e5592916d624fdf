"""Where the files of bulk data are: in a directory of ours, or in S3, to which an address of minutes can be signed."""

import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from domain.errors import Invalid, Refused
from ops.config import Settings

LONGEST = 1_024
_PART = r"[A-Za-z0-9_][A-Za-z0-9._=+@,-]*"
_PATH = rf"{_PART}(?:/{_PART})*"
_RELATIVE = re.compile(_PATH)
_S3 = re.compile(rf"s3://([a-z0-9][a-z0-9.-]{{1,61}}[a-z0-9])/({_PATH})")
_SHAPE = "a location is s3://bucket/key, or a path below the directory of bulk data: letters, digits and . _ = + @ , - between slashes"


class BulkFiles:
    """Knows a file by its location: `s3://bucket/key`, or a path relative to TENURE_BULK_DATA_DIRECTORY."""

    def __init__(self, settings: Settings) -> None:
        self._directory = settings.bulk_data_directory
        self._s3: dict[str, Any] = {}
        if settings.bulk_data_s3_region:
            self._s3["region"] = settings.bulk_data_s3_region
        if settings.bulk_data_s3_endpoint:
            self._s3 |= {
                "endpoint": settings.bulk_data_s3_endpoint,
                "client_options": {"allow_http": settings.bulk_data_s3_endpoint.startswith("http://")},
            }
        if settings.bulk_data_s3_access_key_id:
            self._s3["access_key_id"] = settings.bulk_data_s3_access_key_id
        if settings.bulk_data_s3_secret_access_key:
            self._s3["secret_access_key"] = settings.bulk_data_s3_secret_access_key.get_secret_value()
        self._store = cache(self._make_store)

    def check(self, location: str, size: int) -> None:
        """Invalid where it can be no location; Refused where there is no such file, or one of another size. S3 is not asked."""
        if len(location) > LONGEST or not (_S3.fullmatch(location) or _RELATIVE.fullmatch(location)):
            raise Invalid("invalid-location", _SHAPE, field="location")
        if found := _S3.fullmatch(location):
            self._store(found[1])
            return
        path = self.find(location)
        assert path is not None
        if (actual := path.stat().st_size) != size:
            raise Refused("size-differs", f"the file has {actual} bytes, not {size}", field="bytes")

    def find(self, location: str) -> Path | None:
        """The file in our directory, None for one in S3. Refused where it is not there, or where a symbolic link leads out."""
        if _S3.fullmatch(location):
            return None
        if self._directory is None:
            raise Refused("no-directory", "TENURE_BULK_DATA_DIRECTORY is not set: here files can only be in S3", field="location")
        missing = Refused("no-such-file", "there is no such file in the directory of bulk data", field="location")
        if not _RELATIVE.fullmatch(location):
            raise missing
        root = self._directory.resolve()
        try:
            path = (root / location).resolve(strict=True)
        except (OSError, RuntimeError):  # a loop of symbolic links is the latter
            raise missing from None
        if not path.is_relative_to(root) or not path.is_file():
            raise missing
        return path

    def presigned(self, location: str, method: str, seconds: int) -> str:
        """An address that lets anybody have the file for some seconds."""
        found = _S3.fullmatch(location)
        assert found is not None
        from obstore import sign  # noqa: PLC0415 - an extra, for those whose files are in S3

        if method not in {"GET", "HEAD"}:
            raise ValueError(method)
        return sign(self._store(found[1]), "HEAD" if method == "HEAD" else "GET", found[2], timedelta(seconds=seconds))

    def _make_store(self, bucket: str) -> Any:
        try:
            from obstore.store import S3Store  # noqa: PLC0415
        except ImportError:
            raise Refused("no-s3", "files in S3 need the extra of that name: pip install tenure[s3]", field="location") from None
        return S3Store(bucket, **self._s3)
