"""A component somewhere else, and what it costs to call it."""

from __future__ import annotations

from functools import partial
from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from twisted.internet.defer import Deferred, DeferredLock, fail, succeed

from pycom_tx.client.attempts import Attempts
from pycom_tx.client.balancing import LeastLoaded
from pycom_tx.client.observing import observers_of
from pycom_tx.components.deadline import deadline
from pycom_tx.components.hooks import passed
from pycom_tx.components.trace import trace_context
from pycom_tx.zerojson.errors import CallTimeout, ConnectionClosed, Error, ServiceNotAvailable
from pycom_tx.zerojson.request import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IReactorTime
    from typing_extensions import Self

    from pycom_tx.client.balancing import IBalancer
    from pycom_tx.client.connections import Connection
    from pycom_tx.client.context import Context
    from pycom_tx.client.providers import Provider, Providers

PATIENCE: Final = 1.0
"""Seconds that a call which failed waits to learn whether it may be made again; and until
that is asked again, where there was no answer."""

_T = TypeVar("_T")


class Component:
    """An interface, to call its methods by name.

    Given by :class:`~pycom_tx.Context`. One that was located knows all providers of the
    interface and follows their changes; each call goes to one of them. Once a stateful
    interface has opened a session, calls go to the provider that did. Let the first call to
    a stateful interface finish before making others: each call without a session opens one.

    .. attribute:: address

        Where the last call went, or the next one goes.

    .. attribute:: interface

        The interface's name.

    .. attribute:: session_id

        The session that the last reply named, or None.

    .. attribute:: context

        The context that gave it, whose hooks see each call and whose token goes with it.
    """

    def __init__(
        self,
        context: Context,
        providers: Providers,
        interface: str,
        *,
        balancer: IBalancer | None = None,
        bare: bool = False,
        closed: Callable[[], object],
    ) -> None:
        self.context = context
        self.interface = interface
        self.session_id: str | None = None
        self._providers: Providers | None = providers
        self._balancer = balancer or LeastLoaded()
        self.bare = bare
        self._clock = context.connections.clock
        self.room = providers.room
        self._observers = () if bare else observers_of(context)
        self._closed = closed
        self._pinned: Provider | None = None
        self._twice: dict[str, bool] = {}
        self._asking = DeferredLock()
        self._ask_again = 0.0
        self._told: tuple[Connection, Callable[[], object]] | None = None
        first = providers.choose(self._balancer, [])
        self.address = "" if first is None else first.address

    def invoke(
        self,
        method: str,
        args: Any = None,
        timeout: float | None = None,
        attachment: bytes | None = None,
        *,
        on_progress: Callable[[Any], object] | None = None,
    ) -> Deferred[Any]:
        """Call a method.

        :param method: its name.
        :param args: what JSON can hold. A method that declares arguments takes an object
            of them by their names.
        :param timeout: seconds to wait for the reply, ``math.inf`` for ever; the
            context's, if left out.
        :param attachment: bytes to send along.
        :param on_progress: called with each value that the method reports with
            :meth:`Request.progress`, in their order and before the Deferred fires. An old
            service, of PyCOM 0.6, reports none.

        :returns: Deferred firing with the result. Where the reply has an attachment, with
            a tuple of the result and the attachment.

        :raises RemoteError: the service answered with an error; each code has its class.
        :raises ServiceNotAvailable: no answer came.
        :raises NotSerializable: *args* is nothing that JSON can hold. All of them as
            failures.
        """
        request = Request(self.interface, method, args, attachment=attachment)
        return self.unpacked(request, timeout, on_progress, outcome)

    def introspect(self) -> Deferred[dict[str, Any]]:
        """Ask the service about its interface.

        :returns: Deferred firing with a dict: ``name``, ``methods`` (a dict of what each
            takes and gives), ``docstring`` and ``data``.

        :raises MethodNotFound: (as a failure) the service does not derive from
            :class:`~pycom_tx.Service`.
        """
        return self.invoke("introspect")

    def call(
        self,
        request: Request,
        timeout: float | None = None,
        *,
        on_progress: Callable[[Any], object] | None = None,
    ) -> Deferred[Response]:
        """Send a request as it is, but for the session and the token.

        :param timeout: as in :meth:`invoke`, and *on_progress* too.

        :returns: Deferred firing with the :class:`~pycom_tx.Response`.

        :raises ValueError: *timeout* is not more than 0. (As a failure, as the errors of
            :meth:`invoke` are.)
        """
        return self.unpacked(request, timeout, on_progress, None)

    def when_lost(self, tell: Callable[[], object]) -> None:
        """Call a function whenever the connection breaks, until the component is closed.

        For a component at one address.
        """
        if self._providers is not None:
            connection = self._providers.only().connection()
            connection.lost.append(tell)
            self._told = connection, tell

    def close(self) -> Deferred[None]:
        """Let go of the connections. Calls in flight still get their replies.

        Those that wait for room are not sent any more, and fail.

        :returns: Deferred that has fired: there is nothing to wait for.
        """
        if self._providers is not None:
            self._unpin()
            self._providers = None
            if self._told is not None:
                connection, tell = self._told
                connection.lost.remove(tell)
            if self.room is not None:
                self.room.leave(self)
            self._closed()
        return succeed(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Component {self.interface} at {self.address}>"

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._providers is None

    def unpacked(
        self,
        request: Request,
        timeout: float | None,
        on_progress: Callable[[Any], object] | None,
        unpack: Callable[[Response], Any] | None,
    ) -> Deferred[Any]:
        """As :meth:`call`; what comes of it is what *unpack* makes of the response, if given."""
        context = self.context
        if (context.prehooks or context.posthooks) and not self.bare:
            seconds = context.timeout if timeout is None else timeout
            steps = self._call_with_hooks(request, timeout, on_progress)
            call: Deferred[Any] = within(Deferred.fromCoroutine(steps), seconds, self._clock)
        elif self._observers:
            call = self._observed(request, timeout, on_progress)
        else:
            # Unpacked where it is taken: a callback more would cost as much as doing that.
            return self._call(request, timeout, on_progress, unpack=unpack)
        return call if unpack is None else call.addCallback(unpack)

    # What an attempt at a call needs.

    def provider(self, tried: list[Provider]) -> Provider:
        """Who gets the call, of those that were not tried.

        :raises ServiceNotAvailable: nobody is left.
        """
        if self._providers is None:
            raise ConnectionClosed(f"The component {self.interface} is closed", not_started=True)
        if self._pinned is not None and self._pinned not in tried:
            return self._pinned
        chosen = self._providers.choose(self._balancer, tried)
        if chosen is None:
            raise ServiceNotAvailable(
                f"Nobody provides {self.interface} any more", not_started=True
            )
        self.address = chosen.address
        return chosen

    def has_others(self, tried: list[Provider]) -> bool:
        """Whether there are providers that were not tried yet."""
        return self._providers is not None and self._providers.left(tried)

    def answered(self, provider: Provider, session_id: str | None, sent: str | None) -> None:
        """A reply came: keep the session that it names, unless its call was from an older one."""
        self.context.budget.earn()
        if self.room:
            self.room.made()
        if session_id is not None and self.session_id == sent:
            self.session_id = session_id
            if self._pinned is not provider:
                self._unpin()
            self._pinned = provider

    def forget_session(self, sent: str | None) -> None:
        """A session is over: the next call starts a new one."""
        if self.session_id == sent:
            self.session_id = None
            self._unpin()

    def provider_lost(self, provider: Provider, sent: str | None) -> None:
        """The provider of a session did not answer: it is over if that is gone for good."""
        if self._providers is None or provider not in self._providers:
            self.forget_session(sent)

    def _unpin(self) -> None:
        """Let go of the provider of a session; nobody else does, if it is not known any more."""
        pinned, self._pinned = self._pinned, None
        if pinned is not None and self._providers is not None:
            self._providers.close_unknown(pinned)

    def may_run_twice(self, method: str, ends: float, tried: list[Provider]) -> Deferred[bool]:
        """Whether a method is declared so that it may be executed twice.

        Asked once for all calls that fail together.

        :param ends: when the time of the call is over that wants to know.
        :param tried: providers that cannot tell.
        """
        if method == "introspect":
            return succeed(True)  # noqa: FBT003 # to ask for that one would take no end
        clock = self.context.connections.clock
        asked: Deferred[bool] = self._asking.run(
            lambda: Deferred.fromCoroutine(self._may_run_twice(method, ends, tried))
        )
        if ends == inf:
            return asked
        return asked.addTimeout(max(0.0, ends - clock.seconds()), clock, lambda *_: False)

    async def _may_run_twice(self, method: str, ends: float, tried: list[Provider]) -> bool:
        now = self._clock.seconds()
        if method not in self._twice and now < ends and now >= self._ask_again:
            request = Request(self.interface, "introspect")
            left = min(ends - now, PATIENCE)
            try:
                asking = Attempts(self, request, left, now + left, list(tried))
                told = await asking.make(left)
                self._twice = {
                    name: described.get("idempotent") is True
                    for name, described in told.result["methods"].items()
                }
            except (Error, LookupError, TypeError, AttributeError):
                self._ask_again = self._clock.seconds() + PATIENCE
        return self._twice.get(method, False)

    async def _call_with_hooks(
        self,
        request: Request,
        timeout: float | None,
        on_progress: Callable[[Any], object] | None,
    ) -> Response:
        request = await passed(self.context.prehooks, request, self)
        response = await self._observed(request, timeout, on_progress)
        return await passed(self.context.posthooks, response, self)

    def _observed(
        self,
        request: Request,
        timeout: float | None,
        on_progress: Callable[[Any], object] | None,
    ) -> Deferred[Response]:
        make: Callable[..., Deferred[Response]]
        make = partial(self._call, request, timeout, on_progress)
        for observer in self._observers:
            make = partial(observer.call, self, request, make)
        return make()

    def _call(
        self,
        request: Request,
        timeout: float | None,
        on_progress: Callable[[Any], object] | None,
        trace: dict[str, str] | None = None,
        unpack: Callable[[Response], Any] | None = None,
    ) -> Deferred[Any]:
        try:
            left = self.context.timeout if timeout is None else checked_timeout(timeout)
            now = self._clock.seconds()
            ends = deadline.get()
            if ends is not None and ends - now < left:
                left = ends - now
                if left <= 0:
                    raise CallTimeout(
                        f"There is no time left to call {self.interface}.{request.method}: "
                        "the call that it is part of is over",
                        not_started=True,
                    )
            if trace is None and not self.bare:
                trace = trace_context.get()
            attempts = Attempts(
                self, request, left, now + left, [], on_progress, trace=trace, unpack=unpack
            )
            return attempts.wait(self.room) if self.room else attempts.make(left)
        except Exception:
            return fail()


def outcome(
    response: Response, attachment_of: Callable[[Response], Any] = attrgetter("attachment")
) -> Any:
    """The result; where there is an attachment, a tuple of both."""
    if response.carried is None:
        return response.result
    return response.result, attachment_of(response)


def within(call: Deferred[_T], seconds: float, clock: IReactorTime) -> Deferred[_T]:
    """Fail a call, and what its hooks wait for, when its time is over."""

    def over(_: object, timeout: float) -> NoReturn:
        raise CallTimeout(f"The call and its hooks were not done within {timeout:g} s")

    return call if seconds == inf else call.addTimeout(seconds, clock, over)


def checked_timeout(timeout: Any) -> float:
    """Give back *timeout*.

    :raises ValueError: it is no number more than 0.
    """
    if not isinstance(timeout, (int, float)) or not timeout > 0:
        msg = f"A timeout is a number of seconds more than 0, got {timeout!r}"
        raise ValueError(msg)
    return float(timeout)
