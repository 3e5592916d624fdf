"""What the words of an event are: a text with the names of its fields in braces, or what makes one."""

from collections.abc import Callable
from typing import Any

Words = str | Callable[[Any], str]


def count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def literal(text: str) -> str:
    """A text that is no template, whatever braces it has."""
    return text.replace("{", "{{").replace("}", "}}")
