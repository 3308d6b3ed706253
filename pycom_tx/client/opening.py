"""What opens a component: a Deferred that ``async with`` closes again."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, NoReturn, Protocol, TypeVar

from twisted.internet.defer import Deferred


class Closable(Protocol):
    """What has to be closed."""

    def close(self) -> Deferred[None]: ...


_C = TypeVar("_C", bound=Closable)


class Opening(Deferred[_C]):
    """A Deferred of a component, and an asynchronous context manager of it.

    ::

        component = await context.locate("com.foo.example")

        async with context.locate("com.foo.example") as component:
            ...  # closed at the end, however it ends
    """

    _component: _C | None = None

    @classmethod
    def of(cls, steps: Coroutine[Deferred[Any], Any, _C]) -> Opening[_C]:
        """Run *steps*, which open the component; cancelling cancels them."""
        opening = Deferred.fromCoroutine(steps)
        result: Opening[_C] = cls(lambda _: opening.cancel())
        opening.chainDeferred(result)
        return result

    def __getattr__(self, name: str) -> Any:
        msg = f"{name!r}: this is no component yet, await it or use 'async with'"
        raise AttributeError(msg, name=name, obj=self)

    def __enter__(self) -> NoReturn:
        msg = "A component is opened and closed by 'async with', not by 'with'"
        raise TypeError(msg)

    def __exit__(self, *_: object) -> None:
        """For ``with`` to get as far as the message above."""

    async def __aenter__(self) -> _C:
        self._component = await self
        return self._component

    async def __aexit__(self, *_: object) -> None:
        if self._component is not None:
            self._component.close()
