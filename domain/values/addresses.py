"""Addresses on the web that institutions give: of works on the platform, and of the sites that may show what they attest."""

import re
from urllib.parse import SplitResult, urlsplit

from domain.errors import Invalid
from domain.values.characters import refuse_controls, refuse_longer
from domain.values.domains import parse_domain

LONGEST = 2_000
_URL = re.compile(r"[!#-;=?-Z\[\]_a-z~]")
"""What a URL is written with: no quotation marks, angle brackets, braces, backslashes, spaces, nor anything beyond ASCII."""
_PORT = re.compile(r"[1-9][0-9]{0,4}")


def parse_platform_address(text: str, *, host: str, field: str = "address") -> str:
    """An https address on the platform's own host, in ASCII."""
    parts = _split(text, "invalid-address", f"https://{host}/ and what comes after it", field)
    if parts.netloc.lower() != host:
        said = f"{parts.netloc!r} is not the platform" if parts.netloc else "it names no host"
        raise Invalid("invalid-address", f"{field}: {said}; the works are at https://{host}/", field=field)
    if (strange := next((character for character in text if not _URL.fullmatch(character)), None)) is not None:
        said = f"an address has no {strange!r} in it; copy it from the browser's address bar"
        raise Invalid("invalid-address", f"{field}: {said}", field=field)
    return f"https://{host}{text[len('https://') + len(host) :]}"


def parse_origin(text: str, *, field: str) -> str:
    """https, a host and at most a port: `https://library.example.edu`, in the form in which browsers compare it."""
    right = "https:// and a host, such as https://library.example.edu"
    parts = _split(text, "invalid-origin", right, field)
    if parts.path not in {"", "/"} or parts.query or parts.fragment or "?" in text or "#" in text:
        raise Invalid("invalid-origin", f"{field}: a site is named without a path; right would be {right}", field=field)
    if "@" in parts.netloc:
        raise Invalid("invalid-origin", f"{field}: a site is named without a user; right would be {right}", field=field)
    host, colon, port = parts.netloc.partition(":")
    if "*" in host:
        raise Invalid("invalid-origin", f"{field}: no stars; name each host by itself, such as https://library.example.edu", field=field)
    if colon and (not _PORT.fullmatch(port) or int(port) > 65_535):
        raise Invalid("invalid-origin", f"{field}: {port!r} is not a port; right would be {right}", field=field)
    try:
        domain = parse_domain(host, field=field)
    except Invalid as error:
        raise Invalid(
            "invalid-origin", f"{field}: {host[:253]!r} is not a host ({error.detail}); right would be {right}", field=field
        ) from error
    return f"https://{domain}" if port in {"", "443"} else f"https://{domain}:{port}"


def is_safe_link(text: str) -> bool:
    """Whether a link in somebody's text may be followed: https, a host, and nobody's name or password before it."""
    try:
        parts = urlsplit(text)
        return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and text.lower().startswith("https://")
    except ValueError:
        return False


def _split(text: str, slug: str, right: str, field: str) -> SplitResult:
    refuse_longer(text, LONGEST, slug, field=field)
    refuse_controls(text, slug, field=field)
    if not text.startswith("https://"):
        raise Invalid(slug, f"{field}: {text[:60]!r} does not begin with https://; right would be {right}", field=field)
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise Invalid(slug, f"{field}: this is not an address; right would be {right}", field=field) from error
    return parts
