"""A request of HTTP: its body is bounded, and refused as soon as it is wrong."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, cast

from twisted.logger import Logger
from twisted.web import server
from twisted.web.http import parse_qs

from pycom_tx.gateway.answers import begin
from pycom_tx.gateway.problems import Problem
from pycom_tx.host.call_log import Seconds

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall
    from twisted.python.failure import Failure

    from pycom_tx.gateway.bodies import Body, Receiving
    from pycom_tx.gateway.site import Channel, Site

LINGER: Final = 5.0
"""Seconds that a client which was refused may go on sending before its connection is cut: at
once, the system would throw away the answer as well."""

GONE: Final = "gone"
"""What is counted in the place of a status where the client hung up before."""

ANSWERED: Final = "{verb} {path}: {status} in {duration}"
HUNG_UP: Final = "{verb} {path}: its client hung up after {duration}"
"""What a line of the log says."""


class Request(server.Request):
    """A request, from its first header to the end of its answer."""

    _log = Logger()
    _receiving: Receiving | None = None
    _refused = False
    _wrong: Problem | None = None
    _lingering: IDelayedCall | None = None
    _began = 0.0
    _call: dict[str, Any] | None = None
    defaultContentType = None

    @property
    def body(self) -> Body:
        """What came as its body."""
        assert self._receiving is not None  # noqa: S101 # without it, nobody gets here
        return self._receiving.body

    def begin(self, line: bytes, now: float) -> None:
        """Its first line came."""
        self.method, self.uri, self.clientproto = line.split(b" ")
        self._began = now

    def tell(self, **call: Any) -> None:
        """Have the log say more of it: which call it is, and how that ended."""
        if self._site.verbose:
            self._call = {**(self._call or {}), **call}

    # What Twisted calls while it comes.

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()  # the body is not put there
        try:
            self._receiving = self._site.bodies.open(self.requestHeaders, length)
        except Problem as problem:
            self._refuse(problem)

    def handleContentChunk(self, data: bytes) -> None:
        if self._refused or self._receiving is None:
            return
        try:
            self._receiving.received(data)
        except Problem as problem:
            self._refuse(problem)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if self._refused:
            self.finish()
            return
        self.method, self.uri, self.clientproto = command, path, version
        if path == b"*" and command != b"OPTIONS":
            self._wrong = Problem(405, "* is for OPTIONS only", {"Allow": "OPTIONS"})
            self.render(None)
            return
        self.path, _, query = path.partition(b"?")
        if self.path.startswith((b"http://", b"https://")):  # as proxies have it
            self.path = b"/" + b"".join(self.path.split(b"/", 3)[3:])
        self.args = parse_qs(query, keep_blank_values=True)
        try:
            self.body.complete()
        except Problem as problem:
            self._wrong = problem
        self.process()

    def render(self, resrc: Any) -> None:
        try:
            self._set_headers()
            if self._wrong is not None:
                raise self._wrong
            preflight = self._site.origins.preflight(self)
        except Problem as problem:
            problem.answer().send(self)
            return
        if preflight is not None:
            preflight.send(self)
            return
        super().render(resrc)

    def processingFailed(self, reason: Failure) -> None:
        if self.channel is None:
            return  # what its client was waiting for was cancelled
        self._log.failure("{path} failed", failure=reason, path=self.path)
        if self.startedWriting:
            self._connection.abort()
        else:
            Problem(500, "The gateway is broken here; its log says how").answer().send(self)

    def finish(self) -> None:
        self._over(str(self.code))
        super().finish()

    def connectionLost(self, reason: Failure) -> None:
        self._over(GONE)
        super().connectionLost(reason)

    @property
    def _connection(self) -> Channel:
        return cast("Channel", self.channel)

    @property
    def _site(self) -> Site:
        return self._connection.site

    def _set_headers(self) -> None:
        self.setHeader("Server", "pycom_tx")
        self.setHeader("X-Content-Type-Options", "nosniff")
        self._site.hosts.check(self)
        self._site.origins.check(self)

    def _refuse(self, problem: Problem) -> None:
        """Answer at once, and listen no more: the connection is of no use any more."""
        self._refused = True
        self.channel.persistent = False
        self.requestHeaders.removeHeader("Expect")  # there is no going on
        self.setHeader("Connection", "close")
        try:
            self._set_headers()
        except Problem as forbidden:
            problem = forbidden
        answer = problem.answer()
        body = b"".join(answer.parts)
        begin(self, answer.status, {**answer.headers, "Content-Length": str(len(body))})
        self.write(body)
        self._release()
        self._lingering = self._site.reactor.callLater(LINGER, self._connection.abort)

    def _over(self, status: str) -> None:
        self._release()
        if self._site.figures is not None:
            self._site.figures.ended(status)
        if self._lingering is not None:
            if self._lingering.active():
                self._lingering.cancel()
            self._lingering = None
        if self._site.verbose:
            self._say(status)

    def _say(self, status: str) -> None:
        """Tell the log how it ended, in the words of a service that logs its calls."""
        fields: dict[str, Any] = {
            "verb": self.method.decode("ascii", "backslashreplace"),
            "path": ascii(self.uri.partition(b"?")[0])[2:-1],
        }
        line = HUNG_UP
        if status != GONE:
            line, fields["status"] = ANSWERED, self.code
        fields.update(self._call or {})
        peer = getattr(self.client, "host", None)
        if peer is not None:
            line += " for {peer}"
            fields["peer"] = peer
        fields["duration"] = Seconds(self._site.reactor.seconds() - self._began)
        self._log.info(line, **fields)

    def _release(self) -> None:
        if self._receiving is not None:
            self._receiving.close()
