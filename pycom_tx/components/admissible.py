"""Which types the values of a method can have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, get_origin

from msgspec import Struct
from msgspec import inspect as kinds

from pycom_tx.components.unions import is_sound

_BYTES: Final = (kinds.BytesType, kinds.ByteArrayType, kinds.MemoryViewType)
_FOREIGN: Final = (kinds.CustomType, kinds.RawType, kinds.ExtType)
_UNHASHABLE: Final = (
    *(kinds.AnyType, kinds.ListType, kinds.SetType),
    *(kinds.DictType, kinds.TypedDictType),
)


def check_attachment(kind: Any, where: str) -> None:
    """Make sure that an attachment can be of that type.

    :param where: how to name what is annotated.

    :raises TypeError: it cannot.
    """
    for part in parts_of(_known(kind, where)):
        if not isinstance(part, (*_BYTES, kinds.NoneType, kinds.UnionType, kinds.Metadata)):
            raise TypeError(f"{where}, but an attachment is bytes, or None")


def check_json(kind: Any, where: str) -> None:
    """Make sure that JSON can be of that type, and its JSON Schema says so.

    :param where: how to name what is annotated.

    :raises TypeError: it cannot.
    """
    for part in parts_of(_known(kind, where)):
        wrong = _wrong(part)
        if wrong:
            raise TypeError(f"{where}, but {wrong}")


def parts_of(known: kinds.Type) -> Iterator[kinds.Type]:
    """A type and those that it is made of."""
    return _parts(known, set())


def _known(kind: Any, where: str) -> kinds.Type:
    if not is_sound(kind):
        raise TypeError(
            f"{where}, but a union of a pattern and a list, set or dict is not possible, "
            "nor one of a bound and a tuple of some length"
        )
    try:
        return kinds.type_info(kind)
    except Exception as error:
        # Fields of classes are annotated, too, and evaluated only here.
        raise TypeError(f"{where}: {error}") from None


def _wrong(part: kinds.Type) -> str | None:
    if isinstance(part, _BYTES):
        return "JSON has no bytes: declare them as the attachment"
    if isinstance(part, _FOREIGN):
        what = getattr(part, "cls", kinds.RawType).__name__
        return f"{what} is no type that JSON can be converted to"
    if isinstance(part, kinds.DictType) and not _is_text(part.key_type):
        return "the keys of JSON's objects are any strings, so annotate them as str"
    if isinstance(part, (kinds.SetType, kinds.FrozenSetType)) and not _is_hashable(part.item_type):
        return "a set holds no lists or objects: annotate what is in it, like set[str]"
    if isinstance(part, kinds.UnionType) and _is_ambiguous(part):
        return "parts of a union overlap: what one refuses, the other is not asked about"
    return None


def _is_text(key: kinds.Type) -> bool:
    return isinstance(_bare(key), (kinds.StrType, kinds.AnyType))


def _is_hashable(item: kinds.Type) -> bool:
    return not any(
        isinstance(part, _UNHASHABLE) or not _has_hash(getattr(part, "cls", object))
        for part in parts_of(item)
    )


def _has_hash(kind: Any) -> bool:
    kind = get_origin(kind) or kind  # of a generic class
    if issubclass(kind, Struct) and kind.__hash__ is Struct.__hash__:
        config = kind.__struct_config__
        return config.frozen or not config.eq
    return kind.__hash__ is not None


def _is_ambiguous(union: kinds.UnionType) -> bool:
    """Whether one type decides for values that another, in the same union, has too.

    msgspec asks one type only: for 5 in ``Literal[1, 2] | float`` it is the first.
    """
    types = [_bare(kind) for kind in union.types]
    free: kinds.Type
    for free, scalar, alike in (
        (kinds.IntType(), int, (kinds.IntType, kinds.FloatType)),
        (kinds.StrType(), str, (kinds.StrType,)),
    ):
        among = [
            kind
            for kind in types
            if isinstance(kind, alike) or any(type(value) is scalar for value in _choices(kind))
        ]
        if len(among) > 1 and (free not in among or _has_twins(among)):
            return True
    return False


def _has_twins(types: list[kinds.Type]) -> bool:
    # The bounds of one, if any, would hold for the other.
    bounded = [type(kind) for kind in types if not isinstance(kind, kinds.LiteralType)]
    return len(bounded) != len(set(bounded))


def _choices(kind: kinds.Type) -> Iterable[Any]:
    if isinstance(kind, kinds.EnumType):
        return [member.value for member in kind.cls]
    return kind.values if isinstance(kind, kinds.LiteralType) else ()


def _bare(kind: kinds.Type) -> kinds.Type:
    return kind.type if isinstance(kind, kinds.Metadata) else kind


def _parts(known: Any, seen: set[int]) -> Iterator[kinds.Type]:
    if id(known) in seen:
        return
    seen.add(id(known))
    if isinstance(known, kinds.Type):
        yield known
    if isinstance(known, (kinds.Type, kinds.Field)):
        for field in known.__struct_fields__:
            value = getattr(known, field)
            for part in value if isinstance(value, tuple) else (value,):
                yield from _parts(part, seen)
