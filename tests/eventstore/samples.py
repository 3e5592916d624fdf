"""Values of any event or command class, told by its annotations: one fixed sample each, and a hypothesis strategy for all."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from itertools import count
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from hypothesis import strategies as st

MAY_1 = datetime(2027, 5, 1, 12, tzinfo=UTC)


def sample(kind: type[Any]) -> Any:
    """Every field has a value, even where it may be None, and no two fields have the same."""
    return _sample(kind, count(1))


def _sample(hint: Any, numbers: Iterator[int]) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _sample(arguments[0], numbers)
    if origin is Literal:
        return arguments[0]
    if origin in {Union, UnionType}:
        return _sample(next(each for each in arguments if each is not NoneType), numbers)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return (_sample(arguments[0], numbers), _sample(arguments[0], numbers))
    if origin is tuple:
        return tuple(_sample(each, numbers) for each in arguments)
    if origin in {frozenset, list}:
        return origin([_sample(arguments[0], numbers), _sample(arguments[0], numbers)])
    if origin in {dict, Mapping}:
        return {_sample(arguments[0], numbers): _sample(arguments[1], numbers)}
    if is_dataclass(hint):
        hints = get_type_hints(hint, include_extras=True)
        return hint(**{field.name: _sample(hints[field.name], numbers) for field in fields(hint)})
    if issubclass(hint, Enum):
        return next(iter(hint))
    return _SCALARS[hint](next(numbers))


_SCALARS: dict[type[Any], Any] = {
    bool: lambda _: True,
    int: lambda number: number,
    float: lambda number: number + 0.5,
    str: lambda number: f"text {number}",
    bytes: lambda number: bytes([number]),
    UUID: lambda number: UUID(int=number),
    datetime: lambda number: MAY_1 + timedelta(seconds=number, microseconds=number),
    date: lambda number: MAY_1.date() + timedelta(days=number),
    timedelta: lambda number: timedelta(hours=number),
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return values(arguments[0])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in {Union, UnionType}:
        return st.one_of([values(each) for each in arguments])
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, arguments))
    if origin is frozenset:
        return st.frozensets(values(arguments[0]), max_size=3)
    if origin is list:
        return st.lists(values(arguments[0]), max_size=3)
    if origin in {dict, Mapping}:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=3)
    if is_dataclass(hint):
        hints = get_type_hints(hint, include_extras=True)
        return st.builds(hint, **{field.name: values(hints[field.name]) for field in fields(hint)})
    if hint is datetime:
        return st.datetimes(timezones=st.just(UTC))
    if hint is int:
        return st.integers(-(2**63), 2**63 - 1)
    if hint is float:
        return st.floats(allow_nan=False, allow_infinity=False)
    return st.from_type(hint)
