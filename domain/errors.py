"""What can be said instead of yes. Each is a sentence for the caller, never a stack."""

from uuid import UUID


class DomainError(Exception):
    """A `slug` that never changes, a sentence, and the field that it is about, where there is one."""

    def __init__(self, slug: str, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.slug = slug
        self.detail = detail
        self.field = field


class Invalid(DomainError):
    """The input itself cannot be right, whatever the state. `errors` are all that is wrong with it, where that can be many things."""

    def __init__(self, slug: str, detail: str, *, field: str | None = None, errors: tuple[tuple[str, str], ...] = ()) -> None:
        """Each of `errors` is a field, and a sentence about it."""
        super().__init__(slug, detail, field=field)
        self.errors = errors


class Refused(DomainError):
    """The input is well formed, but the state of things forbids it."""


class Forbidden(DomainError):
    """Somebody else may do this, the caller may not."""


class NotFound(DomainError):
    """There is no such thing, or it is not the caller's."""

    def __init__(self, what: str, id: UUID | str) -> None:
        super().__init__("not-found", f"there is no {what} {id}")


class ClaimHeld(Exception):
    """Another stream holds what an append would claim."""

    def __init__(self, kind: str, key: str, holder: UUID) -> None:
        super().__init__(f"{kind} {key} is held by {holder}")
        self.kind = kind
        self.key = key
        self.holder = holder


class Outdated(Exception):
    """A stream that a decision looked at has moved on: decide again."""
