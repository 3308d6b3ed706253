"""A component somewhere else, and what it costs to call it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, fail, succeed

from pycom_tx.components.hooks import passed
from pycom_tx.zerojson.errors import ConnectionClosed, RemoteError, SessionExpired
from pycom_tx.zerojson.extensions import AUTH
from pycom_tx.zerojson.request import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure
    from typing_extensions import Self

    from pycom_tx.client.connections import Connection
    from pycom_tx.client.context import Context


class Component:
    """An interface of a service, to call its methods by name.

    Given by :class:`~pycom_tx.Context`. It keeps the session that a stateful interface
    opened for it, and shares its connection with the context's other components at the
    same address. Let the first call to a stateful interface finish before making others:
    each call without a session opens one.

    .. attribute:: address

        Where the service is.

    .. attribute:: interface

        The interface's name.

    .. attribute:: session_id

        The session that the last reply named, or None.

    .. attribute:: context

        The context that gave it, whose hooks see each call and whose token goes with it.
        None for a nameserver, which both leave alone.
    """

    def __init__(
        self,
        connection: Connection,
        interface: str,
        timeout: float,
        context: Context | None = None,
    ) -> None:
        self.context = context
        self.address = connection.address
        self.interface = interface
        self.session_id: str | None = None
        self._connection: Connection | None = connection
        self._timeout = timeout
        self._tell: Callable[[], object] | None = None

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
        return self.call(request, timeout, on_progress=on_progress).addCallback(_result)

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
        context = self.context
        if context is not None and (context.prehooks or context.posthooks):
            steps = self._call_with_hooks(context, request, timeout, on_progress)
            return Deferred.fromCoroutine(steps)
        return self._call(request, timeout, on_progress)

    def when_lost(self, tell: Callable[[], object]) -> None:
        """Call a function whenever the connection breaks, until the component is closed."""
        if self._connection is not None:
            self._tell = tell
            self._connection.lost.append(tell)

    def close(self) -> Deferred[None]:
        """Let go of the connection. Calls in flight still get their replies.

        :returns: Deferred that has fired: there is nothing to wait for.
        """
        if self._connection is not None:
            connection, self._connection = self._connection, None
            if self._tell is not None:
                connection.lost.remove(self._tell)
            connection.release()
        return succeed(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Component {self.interface} at {self.address}>"

    async def _call_with_hooks(
        self,
        context: Context,
        request: Request,
        timeout: float | None,
        on_progress: Callable[[Any], object] | None,
    ) -> Response:
        request = await passed(context.prehooks, request, self)
        response = await self._call(request, timeout, on_progress)
        return await passed(context.posthooks, response, self)

    def _call(
        self,
        request: Request,
        timeout: float | None,
        on_progress: Callable[[Any], object] | None,
    ) -> Deferred[Response]:
        if timeout is None:
            timeout = self._timeout
        request.session_id = self.session_id
        if self.context is not None and self.context.token is not None:
            request.extensions = {AUTH: self.context.token, **request.extensions}
        try:
            if self._connection is None:
                raise ConnectionClosed(f"The component {self.interface} is closed")
            call = self._connection.client.call(request, checked_timeout(timeout), on_progress)
        except Exception:
            return fail()
        session = (request.session_id,)
        return call.addCallbacks(
            self._answered, self._failed, callbackArgs=session, errbackArgs=session
        )

    def _answered(self, response: Response, sent: str | None) -> Response:
        self._enter(response.session_id, sent)
        return response

    def _failed(self, failure: Failure, sent: str | None) -> Failure:
        if isinstance(failure.value, SessionExpired):
            if self.session_id == sent:
                # Whoever waits for this call is told; the next one starts a new session.
                self.session_id = None
        elif isinstance(failure.value, RemoteError):
            self._enter(failure.value.session_id, sent)
        return failure

    def _enter(self, session_id: str | None, sent: str | None) -> None:
        """Keep the session that a reply names, unless its call was from an older one."""
        if session_id is not None and self.session_id == sent:
            self.session_id = session_id


def _result(response: Response) -> Any:
    if response.attachment is None:
        return response.result
    return response.result, response.attachment


def checked_timeout(timeout: Any) -> float:
    """Give back *timeout*.

    :raises ValueError: it is no number more than 0.
    """
    if not isinstance(timeout, (int, float)) or not timeout > 0:
        msg = f"A timeout is a number of seconds more than 0, got {timeout!r}"
        raise ValueError(msg)
    return float(timeout)
