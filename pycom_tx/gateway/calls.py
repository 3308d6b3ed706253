"""``POST /call/<interface>/<method>``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from twisted.internet import defer

from pycom_tx.client.over_http.fields import ARGS, SESSION
from pycom_tx.components.trace import trace_context
from pycom_tx.gateway.answers import Answer
from pycom_tx.gateway.headers import (
    extensions_of,
    last,
    prefers_bytes,
    service_of,
    session_header,
    session_of,
    timeout_of,
    trace_of,
)
from pycom_tx.gateway.names import name_of
from pycom_tx.gateway.pages import Page, text
from pycom_tx.gateway.problems import AGAIN, Problem, not_found, problem_of
from pycom_tx.gateway.results import result_of
from pycom_tx.zerojson import codec
from pycom_tx.zerojson.errors import (
    BadRequest,
    RemoteError,
    ServiceNotAvailable,
    ServiceNotFound,
    SessionExpired,
)
from pycom_tx.zerojson.extensions import AUTH
from pycom_tx.zerojson.request import Request

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.client.component import Component
    from pycom_tx.client.context import Context
    from pycom_tx.gateway.exposure import Exposure
    from pycom_tx.gateway.located import Located
    from pycom_tx.gateway.progress import InProgress

TIMEOUT: Final = 5.0
"""Seconds that a call takes at most, unless told otherwise."""

MAX_TIMEOUT: Final = 300.0
"""Seconds that it takes at most, whatever its client asks for."""


MAX_ARGS: Final = 2 * 1024 * 1024
"""Bytes of args: to read them holds up everybody, and takes many times their memory."""


class Calls(Page):
    """Calls of whatever is exposed.

    :param context: where services are called at known addresses.
    :param located: where the others are found.
    :param exposure: what may be called.
    :param in_progress: what each call counts for.
    :param find: gives the address of a provider by the interface and its name; None where
        there is none. It may take its time.
    :param clock: what times them.
    :param timeout: seconds that a call may take, unless its client asks for others.
    :param max_timeout: seconds that it may take at most.
    :param frank: whether addresses of services may be told.
    """

    isLeaf = True
    methods = (b"POST",)

    def __init__(
        self,
        *,
        context: Context,
        located: Located,
        exposure: Exposure,
        in_progress: InProgress,
        find: Callable[[str, str], Awaitable[str | None]],
        clock: IReactorTime,
        timeout: float = TIMEOUT,
        max_timeout: float = MAX_TIMEOUT,
        frank: bool = False,
    ) -> None:
        super().__init__()
        self._context = context
        self._located = located
        self._exposure = exposure
        self._in_progress = in_progress
        self._find = find
        self._clock = clock
        self._timeout = timeout
        self._max_timeout = max_timeout
        self._frank = frank

    async def answer(self, request: Any) -> Answer:
        interface, method = _named(request)
        request.tell(interface=interface, method=method)
        try:
            answer = await self._call(interface, method, request)
        except Problem as problem:
            if "code" in problem.members:
                request.tell(code=problem.members["code"])
            raise
        request.tell(code=0)
        return answer

    async def _call(self, interface: str, method: str, request: Any) -> Answer:
        if interface not in self._exposure:
            raise _nobody(interface, method)
        query = request.uri.partition(b"?")[2].decode("ascii", "backslashreplace")
        if query:
            raise _bad(f"args are in the body or in {ARGS}, not in the URL, got '?{query:.60}'")
        call = Request(
            interface,
            method,
            _args_of(request),
            attachment=request.body.attachment,
            extensions=extensions_of(request),
        )
        timeout = timeout_of(request, self._timeout, self._max_timeout)
        session, service = session_of(request), service_of(request)
        self._in_progress.begin(request)
        trace = trace_of(request)
        request.tell(trace=trace)
        # Of this coroutine only: each request has its own.
        trace_context.set(trace)
        ends = self._clock.seconds() + timeout
        component = await self._component(call, session, service, timeout)
        try:
            return await self._made(component, call, ends, request)
        finally:
            component.close()

    async def _component(
        self,
        call: Request,
        session: tuple[str, str] | None,
        service: str | None,
        timeout: float,
    ) -> Component:
        """What a call goes to: who has its session, or the service that it names, or anybody."""
        if session is None:
            return await self._anybody(call, service, timeout)
        session_id, provider = session
        address = await self._find(call.interface, provider)
        if address is None:
            raise Problem(
                410,
                "The provider of the session is gone, and the session with it",
                code=SessionExpired.code,
                not_started=True,
                **_names(call),
            )
        component: Component = await self._context.connect(address, call.interface)
        component.session_id = session_id
        return component

    async def _anybody(self, call: Request, service: str | None, timeout: float) -> Component:
        finding = defer.Deferred.fromCoroutine(self._located.open(call.interface, service))
        try:
            return await finding.addTimeout(timeout, self._clock)
        except ServiceNotFound:
            raise _nobody(call.interface, call.method, service) from None
        except (ServiceNotAvailable, defer.TimeoutError) as error:
            said = str(error) if self._frank else ""
            raise Problem(
                503,
                said or "The nameserver does not answer",
                {"Retry-After": str(AGAIN)},
                not_started=True,
                **_names(call),
            ) from None

    async def _made(self, component: Component, call: Request, ends: float, request: Any) -> Answer:
        left = max(ends - self._clock.seconds(), 0.001)
        try:
            response = await component.call(call, left)
            answer = result_of(response, alone=prefers_bytes(request))
        except (RemoteError, ServiceNotAvailable) as error:
            known = AUTH in call.extensions
            problem = problem_of(error, known=known, frank=self._frank, **_names(call))
            session_id = error.session_id if isinstance(error, RemoteError) else None
            _tell_session(problem.headers, session_id, component)
            raise problem from None
        _tell_session(answer.headers, response.session_id, component)
        return answer


def _named(request: Any) -> tuple[str, str]:
    """The interface and the method in a path."""
    names = [text(name) for name in request.postpath]
    if len(names) != 2 or not all(names):
        raise not_found("Calls are POST /call/INTERFACE/METHOD", not_started=True)
    interface, method = names
    return interface, method


def _args_of(request: Any) -> Any:
    body = request.body
    args, where = body.args, body.where
    header = last(request.requestHeaders, ARGS)
    if header is not None:
        if args is not None:
            raise _bad(f"args are in the body or in {ARGS}, not in both")
        args, where = header.encode("utf-8", "surrogateescape"), ARGS
    if args is None:
        return None
    if len(args) > MAX_ARGS:
        raise Problem(
            413,
            f"{where} has {len(args)} bytes of JSON, {MAX_ARGS} is what a call may have; "
            "what is larger goes as an attachment",
            not_started=True,
        )
    try:
        return codec.decode_strictly(args)
    except ValueError as error:
        raise _bad(f"{where} is no JSON: {error}") from None


def _tell_session(headers: dict[str, str], session_id: str | None, component: Component) -> None:
    if session_id is not None:
        headers[SESSION] = session_header(session_id, name_of(component.address))


def _names(call: Request) -> dict[str, str]:
    return {"interface": call.interface, "method": call.method}


def _nobody(interface: str, method: str, service: str | None = None) -> Problem:
    named = "" if service is None else f" as {service!r:.200}"
    return not_found(
        f"Nobody provides {interface!r:.200}{named} here",
        code=ServiceNotFound.code,
        not_started=True,
        interface=interface,
        method=method,
    )


def _bad(detail: str) -> Problem:
    return Problem(400, detail, code=BadRequest.code, not_started=True)
