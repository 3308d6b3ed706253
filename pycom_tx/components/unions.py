"""Unions that msgspec must not see."""

from __future__ import annotations

import typing
from collections import abc
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Final, Union

from msgspec import Meta

_COLLECTIONS: Final = (
    *(list, set, frozenset, tuple, dict),
    *(abc.Collection, abc.Sequence, abc.MutableSequence, abc.Set, abc.MutableSet),
    *(abc.Mapping, abc.MutableMapping),
)
_BOUNDS: Final = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length")


def is_sound(annotation: Any) -> bool:
    """Whether msgspec can be asked about an annotation.

    As of 0.22 it mixes up what it keeps about a union of a pattern and a list, set or dict,
    and of a bound and a tuple of some length. What it frees then is something else, and
    the process crashes, at once or much later.
    """
    return not any(map(_is_mixed_up, _nested(annotation, set())))


def _is_mixed_up(annotation: Any) -> bool:
    members = list(_members(annotation, ()))
    if len(members) < 2:
        return False
    metas = [meta for _, more in members for meta in more if isinstance(meta, Meta)]
    has_pattern = any(meta.pattern is not None for meta in metas)
    has_bound = any(getattr(meta, bound) is not None for meta in metas for bound in _BOUNDS)
    for kind, _ in members:
        origin, inner = typing.get_origin(kind) or kind, typing.get_args(kind)
        # Nothing tells typing.Tuple, of any length, from tuple[()], of none.
        is_row = origin is tuple and Ellipsis not in inner
        is_list = origin in _COLLECTIONS and (not is_row or not inner)
        if (has_bound and is_row) or (has_pattern and is_list):
            return True
    return False


def _members(annotation: Any, metas: tuple[Any, ...]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """What an annotation is a union of, if it is one, each with what it is annotated with."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        yield from _members(inner[0], (*metas, *inner[1:]))
    elif origin in (Union, UnionType):
        for kind in inner:
            yield from _members(kind, metas)
    elif hasattr(annotation, "__supertype__"):
        yield from _members(annotation.__supertype__, metas)
    else:
        yield annotation, metas


def _nested(annotation: Any, seen: set[type]) -> Iterator[Any]:
    """An annotation and those that it is made of."""
    yield annotation
    inner = list(typing.get_args(annotation))
    if hasattr(annotation, "__supertype__"):
        inner.append(annotation.__supertype__)
    kind = typing.get_origin(annotation) or annotation
    if isinstance(kind, type) and kind not in seen:
        seen.add(kind)
        inner += _fields(kind)
    for part in inner:
        yield from _nested(part, seen)


def _fields(kind: type) -> list[Any]:
    try:
        return list(typing.get_type_hints(kind, include_extras=True).values())
    except Exception:
        return []  # msgspec says so, too
