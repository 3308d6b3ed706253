"""What is asked of a service, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any

from twisted.logger import Logger

from pycom_tx.zerojson import codec
from pycom_tx.zerojson.errors import ConnectionClosed, checked_code
from pycom_tx.zerojson.sessions import Session


class _Message:
    """What requests and responses have in common: an attachment.

    .. attribute:: carried

        It as it was given, or received: bytes or a memoryview. What is received becomes bytes
        only for those who ask for them.
    """

    __slots__ = ("carried",)

    carried: bytes | memoryview | None

    @property
    def attachment(self) -> bytes | None:
        """As the classes have it."""
        if type(self.carried) is memoryview:
            self.carried = bytes(self.carried)
        return self.carried

    @attachment.setter
    def attachment(self, attachment: bytes | None) -> None:
        self.carried = attachment

    @property
    def attachment_view(self) -> memoryview | None:
        """As the classes have it."""
        return None if self.carried is None else memoryview(self.carried).toreadonly()


class Request(_Message):
    """One call of one method.

    A method gets it as its first argument; a client may build one for
    :meth:`Component.call <pycom_tx.Component.call>`.

    .. attribute:: interface

        The interface's name.

    .. attribute:: method

        The method's name.

    .. attribute:: args

        Whatever JSON the client sent, as Python values; None where it sent nothing.

    .. attribute:: attachment

        The bytes that came with it, or None. No bytes are not None.

    .. attribute:: attachment_view

        The same as a ``memoryview``, read-only: of what 0MQ received, without a copy, as long as
        nobody has asked for *attachment*.

    .. attribute:: extensions

        What the client sent beside the arguments: a dict keyed by dotted names.

    .. attribute:: session

        On a stateful interface the caller's :class:`~pycom_tx.Session`, elsewhere None.

    .. attribute:: session_id

        The session that the client asked for, or None.

    .. attribute:: deadline

        When its client stops waiting for the answer, by the reactor's clock; None if the
        client did not say.

    .. attribute:: user

        Who calls, where the interface wants to know that: what the authenticator's
        ``validate`` answered, a dict with ``name`` and ``roles``. Elsewhere None.

    .. attribute:: peer

        Where it came from, as the log has it, where every call is logged: an address
        without a port, or what tells its connection from others. Elsewhere None.
    """

    __slots__ = (
        "_context",
        "_in_reactor",
        "_observers",
        "_open_context",
        "_replaced",
        "_report",
        "_thread",
        "args",
        "deadline",
        "extensions",
        "interface",
        "method",
        "peer",
        "session",
        "session_id",
        "user",
    )

    _log = Logger()

    def __init__(
        self,
        interface: str,
        method: str,
        args: Any = None,
        *,
        attachment: bytes | None = None,
        extensions: dict[str, Any] | None = None,
        session_id: str | None = None,
    ) -> None:
        self.carried = attachment
        self.interface = interface
        self.method = method
        self.args = args
        self.extensions = {} if extensions is None else extensions
        self.session_id = session_id
        self.session: Session | None = None
        self.deadline: float | None = None
        self.user: dict[str, Any] | None = None
        self.peer: str | None = None
        self._context: Any = None
        self._in_reactor: Callable[..., object] | None = None
        self._observers: list[Callable[[Response, BaseException | None], object]] | None = None
        self._replaced: Request | None = None
        self._thread = 0
        self._open_context: Callable[[Request], Any] | None = None
        self._report: Callable[[bytes], object] | None = None

    def context(self) -> Any:
        """The caller's context, to call other services on behalf of whoever called.

        It shares the host's connections and sends the token along that came with this
        request. What was opened through it is closed when the call is answered. Only for
        the reactor's thread.

        :returns: a :class:`~pycom_tx.Context`, the same each time.

        :raises ConnectionClosed: the call is over, or nobody serves it.
        """
        if self._replaced is not None:
            return self._replaced.context()
        if self._context is None:
            if self._open_context is None:
                raise ConnectionClosed(f"{self!r} is not being served: it has no context")
            self._context = self._open_context(self)
        return self._context

    def progress(self, value: Any) -> None:
        """Tell the client how far the call is, any number of times before it is answered.

        A client that does not listen is told nothing. Nor does a value wait for a client
        that reads too slowly: while half of what may wait for it does, it is left out;
        the answer never is. May be called in any thread.

        :param value: what JSON can hold.

        :raises NotSerializable: it is something else.
        """
        if self._replaced is not None:
            self._replaced.progress(value)
            return
        encoded = codec.encode(value)  # also where nobody listens: a mistake shows at once
        report = self._report
        if report is None:
            return
        if self._in_reactor is None or get_ident() == self._thread:
            report(encoded)
        else:
            self._in_reactor(self._report_in_time, report, encoded)

    def response(self, result: Any = None, attachment: bytes | None = None) -> Response:
        """Answer with *result* and, unless it is None, an *attachment*."""
        return Response(result, attachment=attachment)

    def error(self, code: int, message: str | None = None) -> Response:
        """Answer with an error, without raising one.

        :raises ValueError: *code* is 0 or no integer.
        """
        return Response(code=checked_code(code), error=message)

    def __repr__(self) -> str:
        return f"<Request {self.interface}.{self.method}>"

    # What those who serve a request hand to it, and not to the method.

    def serve(
        self, open_context: Callable[[Request], Any], in_reactor: Callable[..., object]
    ) -> None:
        """Let the method have a context, and report its progress from any thread.

        :param open_context: makes the context.
        :param in_reactor: runs a function in the reactor's thread.
        """
        self._open_context = open_context
        self._in_reactor = in_reactor

    def report_to(self, report: Callable[[bytes], object]) -> None:
        """Let the method report its progress: JSON goes to *report*, in this thread."""
        self._report = report
        self._thread = get_ident()

    def replace(self, other: Request) -> None:
        """Go on in the place of *other*, whose caller this one has from now on."""
        self.session, self.user, self.deadline = other.session, other.user, other.deadline
        self.peer = other.peer
        self._replaced = other

    def when_answered(self, observer: Callable[[Response, BaseException | None], object]) -> None:
        """Call a function once, when it is known what the client gets, or would have got.

        For as long as the call is in progress: once it is answered, nothing is called any more.

        :param observer: called with the response, and with the exception that it tells of,
            or None. A result that cannot be sent is such an error.
        """
        if self._replaced is not None:
            self._replaced.when_answered(observer)
        elif self._observers is None:
            self._observers = [observer]
        else:
            self._observers.append(observer)

    def over(self, response: Response, error: BaseException | None = None) -> None:
        """The request is answered: nothing more may come of it.

        :param response: with what.
        :param error: what was raised in the place of that, if anything was.
        """
        self._open_context = self._report = None
        if self._context is not None:
            self._context.close()
            self._context = None
        if self._observers is not None:
            observers, self._observers = self._observers, None
            for observer in observers:
                try:
                    observer(response, error)
                except Exception:  # which is nothing that its client has to wait for
                    self._log.failure(
                        "{interface}.{method} was answered, and {observer} failed to note it",
                        interface=self.interface,
                        method=self.method,
                        observer=observer,
                    )

    def _report_in_time(self, report: Callable[[bytes], object], value: bytes) -> None:
        if self._report is not None:
            report(value)


class Response(_Message):
    """What a call is answered with.

    .. attribute:: result

        Any JSON, as Python values.

    .. attribute:: code

        0, or the error's code.

    .. attribute:: error

        What went wrong, where *code* is not 0.

    .. attribute:: attachment

        Bytes beside the result, or None.

    .. attribute:: attachment_view

        The same as a ``memoryview``, as that of a :class:`Request`.

    .. attribute:: session_id

        The caller's session, on a stateful interface.

    .. attribute:: extensions

        What the service sent beside the result: a dict keyed by dotted names.
    """

    __slots__ = ("code", "error", "extensions", "result", "session_id")

    def __init__(
        self,
        result: Any = None,
        *,
        code: int = 0,
        error: str | None = None,
        attachment: bytes | memoryview | None = None,
        session_id: str | None = None,
        extensions: dict[str, Any] | None = None,
    ) -> None:
        self.carried = attachment
        self.result = result
        self.code = code
        self.error = error
        self.session_id = session_id
        self.extensions = {} if extensions is None else extensions

    def __repr__(self) -> str:
        return f"<Response code={self.code}>"
