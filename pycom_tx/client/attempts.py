"""A call, and making it again where that does no harm."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
from twisted.internet.defer import Deferred, fail

from pycom_tx.zerojson.errors import (
    AddressError,
    CallTimeout,
    ConnectionClosed,
    Overloaded,
    RemoteError,
    ServiceNotAvailable,
    SessionExpired,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure

    from pycom_tx.client.component import Component
    from pycom_tx.client.providers import Provider
    from pycom_tx.client.room import Room
    from pycom_tx.zerojson.request import Request, Response


class Attempts(msgspec.Struct, eq=False):
    """One call of a component, at one provider after the other.

    What was provably not started goes to another provider, and so does what may be executed
    twice. The rest fails at once.

    :param component: whose call it is.
    :param request: what is asked.
    :param timeout: seconds that it has, attempts and all.
    :param ends: when its time is over, by the context's clock.
    :param tried: the providers that will not do any more.
    :param on_progress: as for :meth:`Component.invoke`.
    :param trace: the trace context that it is part of.
    :param unpack: what makes of the response what the caller gets; None if that is the response.
    """

    component: Component
    request: Request
    timeout: float
    ends: float
    tried: list[Provider]
    on_progress: Callable[[Any], object] | None = None
    trace: dict[str, str] | None = None
    unpack: Callable[[Response], Any] | None = None
    _provider: Any = None  # a Provider, from the first attempt on
    _ticket: int | None = None
    _unsure: ServiceNotAvailable | None = None

    def make(self, left: float) -> Deferred[Any]:
        """Make the call at a provider that was not tried yet.

        :param left: seconds that are left.

        :raises ServiceNotAvailable: there is none, or it cannot be sent.
        """
        component = self.component
        provider = self._provider = component.provider(self.tried)
        self.tried.append(provider)
        self.request.session_id = component.session_id
        try:
            call = provider.connection().client.call(
                self.request,
                self.timeout,
                self.on_progress,
                None if component.bare else component.context.token,
                self.trace,
                left=left,
            )
        except ServiceNotAvailable as error:
            return self._unanswered(error)
        except AddressError as error:  # somebody has registered nonsense
            return self._unanswered(ServiceNotAvailable(str(error), not_started=True))
        return call.addCallbacks(self._answered, self._failed)

    def wait(self, room: Room) -> Deferred[Any]:
        """Make the call when there is room for it.

        :raises CallTimeout: (as a failure) there was none in time.
        """
        clock = self.component.context.connections.clock
        left = self.ends - clock.seconds()
        if self._ticket is None:
            self._ticket = room.ticket()
        turn = room.wait(self._ticket, self.component)
        if left != inf:
            turn.addTimeout(max(0.0, left), clock, self._no_room)
        self.tried.clear()
        return turn.addCallback(lambda _: self.make(self.ends - clock.seconds()))

    def _no_room(self, _: object, __: float) -> NoReturn:
        request = self.request
        raise self._final(
            CallTimeout(
                f"No service had room for {request.interface}.{request.method} in its time",
                not_started=True,
            )
        )

    def _answered(self, response: Response) -> Any:
        if self._provider.pause_ends:
            self._provider.succeeded()
        self.component.answered(self._provider, response.session_id, self.request.session_id)
        return response if self.unpack is None else self.unpack(response)

    def _failed(self, failure: Failure) -> Any:
        error = failure.value
        if isinstance(error, ServiceNotAvailable):
            return self._unanswered(error)
        if isinstance(error, RemoteError):
            error.address = self._provider.address
            self._provider.succeeded()
            if isinstance(error, SessionExpired):
                self.component.forget_session(self.request.session_id)
            else:
                self.component.answered(self._provider, error.session_id, self.request.session_id)
        return failure

    def _unanswered(self, error: ServiceNotAvailable) -> Deferred[Any]:
        if not isinstance(error, ConnectionClosed):
            self._provider.failed(error)
        component = self.component
        if self.request.session_id is not None:
            component.provider_lost(self._provider, self.request.session_id)
        elif self._may_try_others(error):
            if error.not_started:
                return self._again(error)
            twice = component.may_run_twice(self.request.method, self.ends, self.tried)
            return twice.addCallback(
                lambda harmless: self._again(error) if harmless else fail(self._final(error))
            )
        return self._given_up(error)

    def _given_up(self, error: ServiceNotAvailable) -> Deferred[Any]:
        """Fail, or wait for better times where that helps and is wanted."""
        room = self.component.room
        if room is not None and isinstance(error, Overloaded):
            return self.wait(room)
        raise self._final(error)

    def _again(self, error: ServiceNotAvailable) -> Deferred[Any]:
        context = self.component.context
        left = self.ends - context.connections.clock.seconds()
        if left <= 0 or not self._may_try_others(error) or not context.budget.spend():
            return self._given_up(error)
        if not error.not_started:
            self._unsure = error
        return self.make(left)

    def _may_try_others(self, error: ServiceNotAvailable) -> bool:
        if isinstance(error, (CallTimeout, ConnectionClosed)):
            return False
        return self.component.has_others(self.tried)

    def _final(self, error: ServiceNotAvailable) -> ServiceNotAvailable:
        """The error that the caller gets: it says whether the call may have been executed."""
        if error.not_started and self._unsure is not None:
            error = self._unsure  # for all we know, an earlier attempt was
        if not self.component.bare:
            what = "was not started" if error.not_started else "may have been executed"
            call = f"{self.request.interface}.{self.request.method}"
            error.args = (f"{error}; {call} {what}",)
        return error
