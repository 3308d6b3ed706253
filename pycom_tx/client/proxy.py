"""Remote methods that look like methods."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from math import inf
from operator import attrgetter
from textwrap import shorten
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred

from pycom_tx.client.agreement import introspected
from pycom_tx.client.component import Component, outcome
from pycom_tx.client.context import Context, PostHook, PreHook
from pycom_tx.client.opening import Opening
from pycom_tx.client.signatures import is_free, signature
from pycom_tx.zerojson.errors import InvalidReply, MethodNotFound
from pycom_tx.zerojson.request import Request, Response

if TYPE_CHECKING:
    from inspect import Signature

    from typing_extensions import Self

    from pycom_tx.client.balancing import IBalancer


_OPTIONS: Final = ("timeout", "on_progress", "attachment_view")
"""What is said about a call beside its arguments."""


class ProxyComponent:
    """A component whose remote methods are its own: with their names, signatures and docs.

    ::

        component.bar("field1", value=42)  # a Deferred of the result

    Arguments are given in the order in which the method declares them, or by name. Others are a
    ``TypeError``; where a method declares neither arguments nor the type of what it returns,
    whatever is given by name is sent. Where it declares several results the result is a
    namedtuple; where it declares one, that alone; where none, whatever it returns. An attachment
    is an argument, or a result, like the others.

    What is said about the call itself comes before its arguments, as
    :meth:`Component.invoke() <pycom_tx.Component.invoke>` takes it::

        component.bar.with_options(timeout=60, on_progress=print)("field1", value=42)

    With ``attachment_view=True`` the attachment of the result is a ``memoryview``, read-only: of a
    large one that saves a copy.

    Given by :class:`~pycom_tx.ProxyContext`. A remote method named ``close`` is reached
    through a :class:`~pycom_tx.Component` only.
    """

    def __init__(self, component: Component, introspection: dict[str, Any]) -> None:
        self._component = component
        self._methods = {
            name: _proxied(component, name, described, signature(name, described))
            for name, described in introspection["methods"].items()
        }
        own = dir(self)
        # What a proxy has itself is not hidden by a remote method of that name.
        vars(self).update((n, method) for n, method in self._methods.items() if n not in own)

    def close(self) -> Deferred[None]:
        """As :meth:`Component.close() <pycom_tx.Component.close>`."""
        return self._component.close()

    def __getattr__(self, name: str) -> Callable[..., Deferred[Any]]:
        # Only for names that are not there.
        where = vars(self).get("_component")
        has = shorten(", ".join(vars(self).get("_methods", ())), 500, placeholder=" …")
        msg = f"{where!r} has no method {name!r}, it has {has}"
        raise AttributeError(msg, name=name, obj=self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ProxyComponent {self._component.interface} at {self._component.address}>"


class ProxyContext:
    """A :class:`~pycom_tx.Context` that gives proxies.

    Each of its methods does what the context's method of that name does, asks the service
    for its methods, and gives a :class:`~pycom_tx.ProxyComponent`.

    :param nameserver: the nameserver's address, or a Context to wrap.
    :param options: what else :class:`~pycom_tx.Context` takes: ``gateway``, too, to reach
        services through one.

    .. attribute:: context

        The wrapped Context.
    """

    def __init__(self, nameserver: str | Context | None = None, **options: Any) -> None:
        if isinstance(nameserver, Context):
            if options:
                msg = f"A context that is there takes no options, got {', '.join(options)}"
                raise TypeError(msg)
            self.context = nameserver
        else:
            self.context = Context(nameserver, **options)

    @property
    def prehooks(self) -> list[PreHook]:
        """Those of the context."""
        return self.context.prehooks

    @property
    def posthooks(self) -> list[PostHook]:
        """Those of the context."""
        return self.context.posthooks

    @property
    def token(self) -> str | None:
        """That of the context."""
        return self.context.token

    @token.setter
    def token(self, token: str | None) -> None:
        self.context.token = token

    def nameserver(self) -> Opening[ProxyComponent]:
        """See :meth:`Context.nameserver() <pycom_tx.Context.nameserver>`."""
        return _proxies(self.context.nameserver())

    def locate(
        self,
        interface: str,
        service_name: str | None = None,
        *,
        contract: type | None = None,
        balance: str | IBalancer = "least-loaded",
    ) -> Opening[ProxyComponent]:
        """See :meth:`Context.locate() <pycom_tx.Context.locate>`."""
        return _proxies(
            self.context.locate(interface, service_name, contract=contract, balance=balance)
        )

    def wait_for(
        self,
        interface: str,
        service_name: str | None = None,
        *,
        timeout: float = inf,
        contract: type | None = None,
        balance: str | IBalancer = "least-loaded",
    ) -> Opening[ProxyComponent]:
        """See :meth:`Context.wait_for() <pycom_tx.Context.wait_for>`."""
        return _proxies(
            self.context.wait_for(
                interface, service_name, timeout=timeout, contract=contract, balance=balance
            )
        )

    def connect(
        self, address: str, interface: str, *, contract: type | None = None
    ) -> Opening[ProxyComponent]:
        """See :meth:`Context.connect() <pycom_tx.Context.connect>`."""
        return _proxies(self.context.connect(address, interface, contract=contract))

    def authenticate(
        self, user: str | None = None, credentials: Any = None, *, token: str | None = None
    ) -> Deferred[None]:
        """See :meth:`Context.authenticate() <pycom_tx.Context.authenticate>`."""
        return self.context.authenticate(user, credentials, token=token)

    def user_info(self) -> Deferred[dict[str, Any] | None]:
        """See :meth:`Context.user_info() <pycom_tx.Context.user_info>`."""
        return self.context.user_info()

    def close(self) -> Deferred[None]:
        """See :meth:`Context.close() <pycom_tx.Context.close>`."""
        return self.context.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _proxies(opening: Opening[Component]) -> Opening[ProxyComponent]:
    async def steps() -> ProxyComponent:
        component = await opening
        try:
            return ProxyComponent(component, await introspected(component))
        except BaseException as error:
            component.close()
            if isinstance(error, MethodNotFound):
                raise MethodNotFound(
                    f"{component.interface} does not tell its methods, its class does not derive "
                    "from pycom_tx.Service: call it through a Context"
                ) from error
            if isinstance(error, (KeyError, TypeError, AttributeError, ValueError, SyntaxError)):
                raise InvalidReply(
                    f"{component.interface} at {component.address} answered introspect "
                    "with something that describes no methods"
                ) from error
            raise

    return Opening.of(steps())


def _proxied(
    component: Component,
    method: str,
    described: dict[str, Any],
    shown: Signature,
    *,
    timeout: float | None = None,
    on_progress: Callable[[Any], object] | None = None,
    attachment_view: bool = False,
) -> Callable[..., Deferred[Any]]:
    """The function that calls one remote method."""
    required = list(described["required_arguments"])
    declared = required + list(described["optional_arguments"])
    incoming = described["attachments"]["incoming"]
    attachment_of = attrgetter("attachment_view" if attachment_view else "attachment")
    unpack = _unpacking(method, described, attachment_of)

    needed, known = frozenset(required), frozenset(declared)
    free = is_free(described)

    # Positional only: any name may be an argument's.
    def call(*args: Any, **kwargs: Any) -> Deferred[Any]:
        if args or not (needed.issubset(kwargs) and known.issuperset(kwargs)):
            _bind(method, required, declared, args, kwargs, free=free)
        request = Request(component.interface, method, kwargs)
        if incoming is not None:
            request.carried = kwargs.pop(incoming, None)
        return component.unpacked(request, timeout, on_progress, unpack)

    def with_options(**options: Any) -> Callable[..., Deferred[Any]]:
        for name in options:
            if name not in _OPTIONS:
                msg = f"{method}.with_options() has no {name!r}, it has {', '.join(_OPTIONS)}"
                raise TypeError(msg)
        return _proxied(component, method, described, shown, **options)

    with_options.__qualname__ = f"{method}.with_options"
    call.with_options = with_options  # type: ignore[attr-defined] # any other may be an argument's
    call.__name__ = method
    call.__qualname__ = f"{component.interface}.{method}"
    call.__signature__ = shown  # type: ignore[attr-defined] # for help()
    call.__doc__ = described.get("docstring") or f"Remote method {call.__qualname__}."
    return call


def _bind(
    method: str,
    required: list[str],
    declared: list[str],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    free: bool,
) -> None:
    """Put the arguments that are given by position among those that are given by name.

    :param free: whether any may be given by name.

    :raises TypeError: the method does not take them.
    """
    if len(args) > len(declared):
        msg = f"{method}() takes {len(declared)} arguments, got {len(args)}"
        raise TypeError(msg)
    for name, value in zip(declared, args, strict=False):
        if name in kwargs:
            msg = f"{method}() got two values for the argument {name!r}"
            raise TypeError(msg)
        kwargs[name] = value
    for name in () if free else kwargs:
        if name not in declared:
            hint = f"; say {method}.with_options({name}=…)(…)" if name in _OPTIONS else ""
            has = ", ".join(declared) or "none"
            msg = f"{method}() has no argument {name!r}, it has {has}{hint}"
            raise TypeError(msg)
    for name in required:
        if name not in kwargs:
            msg = f"{method}() needs the argument {name!r}"
            raise TypeError(msg)


def _unpacking(
    method: str, described: dict[str, Any], attachment_of: Callable[[Response], Any]
) -> Callable[[Response], Any]:
    """What makes of a response what the caller gets."""
    names = list(described["results"])
    outgoing = described["attachments"]["outgoing"]

    def named(response: Response) -> dict[str, Any]:
        result = response.result
        if not isinstance(result, dict):
            raise InvalidReply(f"{method} declares results and answered {result!r:.60}")
        return result if outgoing is None else {**result, outgoing: attachment_of(response)}

    if not names:
        return lambda response: outcome(response, attachment_of)
    if len(names) == 1:
        return lambda response: named(response).get(names[0])
    kind = namedtuple("Results", names, rename=True)  # type: ignore[misc] # noqa: PYI024 # known at run time
    kind.__name__ = kind.__qualname__ = method
    return lambda response: kind._make(map(named(response).get, names))
