"""A channel on which each call is a request of HTTP to a gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from pycom_tx.client.over_http.answer import Answer, reply_of
from pycom_tx.client.over_http.body import Body
from pycom_tx.client.over_http.posting import post_of
from pycom_tx.zerojson.errors import ConnectionClosed, ServiceNotAvailable
from pycom_tx.zerojson.interfaces import IChannel, check_frames
from pycom_tx.zerojson.messages import CALL, decode_request

if TYPE_CHECKING:
    from pycom_tx.client.over_http.network import GatewayNetwork
    from pycom_tx.client.over_http.posting import Post
    from pycom_tx.zerojson.interfaces import ICallListener


@implementer(IChannel)
class GatewayChannel:
    """Makes a request of HTTP of each call, and a reply of its answer.

    :param network: what makes requests.
    :param address: the gateway's URL; behind a ``#`` the path of the one service that will do.
    :param listener: who calls.
    """

    def __init__(self, network: GatewayNetwork, address: str, listener: ICallListener) -> None:
        self.address = address
        self.listener = listener
        self.network = network
        self._service = address.partition("#")[2]
        self._exchanges: dict[int, Exchange] = {}
        self._closed = False

    def send(self, frames: list[bytes]) -> None:
        """As :meth:`IChannel.send`.

        :raises NotSerializable: it is a call whose arguments are no standard JSON.
        :raises BadRequest: or one that has something which HTTP does not carry.
        """
        if self._closed:
            raise ConnectionClosed(f"The channel to {self.address} is closed")
        check_frames(frames)
        if frames[2] != CALL:
            return  # what else there is, a gateway does not know
        exchange = Exchange(self, frames, post_of(decode_request(frames[2:]), self._service))
        self.network.put(exchange)
        self._exchanges[id(frames)] = exchange

    def offer(self, frames: list[bytes]) -> bool:
        return False

    def withdraw(self, frames: list[bytes]) -> bool:
        """As :meth:`IChannel.withdraw`; what has left is cancelled."""
        exchange = self._exchanges.pop(id(frames), None)
        return exchange is not None and exchange.cancel()

    def flushed(self) -> Deferred[None]:
        return succeed(None)

    def watch(self) -> None:
        """A connection that breaks tells those who wait on it."""

    def close(self) -> None:
        self._closed = True
        while self._exchanges:
            self._exchanges.popitem()[1].cancel()
        self.network.forget(self)

    def abandon(self, reason: str) -> None:
        """Fail all calls."""
        self.listener.peer_lost(self, b"", reason)

    def ended(self, exchange: Exchange) -> bool:
        """Forget a call; whether anybody still wants to know what became of it."""
        return self._exchanges.pop(id(exchange.frames), None) is not None


class Exchange:
    """A call, as a request of HTTP and its answer.

    :param channel: where it was made.
    :param frames: what was sent there.
    :param post: what that is in HTTP.
    """

    __slots__ = ("_body", "_channel", "_post", "_running", "frames")

    _log = Logger()

    def __init__(self, channel: GatewayChannel, frames: list[bytes], post: Post) -> None:
        self.frames = frames
        self._channel = channel
        self._post = post
        self._body = Body(post.parts)
        self._running: Deferred[None] | None = None

    def start(self) -> None:
        """Make the request."""
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(lambda failure: self._log.failure("A reply failed", failure))

    def cancel(self) -> bool:
        """Do not make it, or have it cancelled; whether nobody can have seen it."""
        unseen = not self._body.begun
        if self._running is None:
            self._channel.network.withdraw(self)
        else:
            self._running.cancel()
        return unseen

    async def _run(self) -> None:
        channel = self._channel
        reply: list[bytes] = []
        failed: ServiceNotAvailable | None = None
        try:
            reply = reply_of(await self._answer(), channel.address)
        except ServiceNotAvailable as error:
            failed = error
        finally:
            channel.network.ended()
        if not channel.ended(self):
            return
        if failed is None:
            channel.listener.message_received(channel, [self.frames[0], b"", *reply])
        else:
            channel.listener.no_reply(channel, self.frames, failed)

    async def _answer(self) -> Answer:
        """What is answered.

        :raises ServiceNotAvailable: nothing.
        """
        post, url = self._post, self._channel.network.url
        try:
            response = await self._channel.network.request(
                "POST", post.path, headers=post.headers, data=self._body
            )
            return await Answer(response).read()
        except ServiceNotAvailable:
            raise
        except Exception as error:
            raise broken(error, url, begun=self._body.begun) from error


def broken(error: Exception, url: str, *, begun: bool) -> ServiceNotAvailable:
    """What a request failed with that got no answer.

    :param begun: whether it was written.
    """
    causes = list(_causes(error))
    texts = [str(cause).rstrip(".") or type(cause).__name__ for cause in causes]
    told = ", ".join(dict.fromkeys(texts))
    if any(map(_is_distrust, causes)):
        text = f"What answers at {url} is not trusted: {told}"
        return ServiceNotAvailable(text, not_started=True)
    if begun:
        return ServiceNotAvailable(f"The connection to {url} broke: {told}")
    return ServiceNotAvailable(f"Nothing answers at {url}: {told}", not_started=True)


def _causes(error: BaseException) -> Any:
    """What is behind an error of Twisted's client."""
    reasons = getattr(error, "reasons", None)
    if reasons is None:
        yield error
    for reason in reasons or ():
        yield from _causes(reason.value)


def _is_distrust(error: BaseException) -> bool:
    """Whether a handshake of TLS ended with it, so that nothing was said."""
    return isinstance(error, VerificationError) or (
        isinstance(error, TLSError) and "certificate verify failed" in str(error)
    )
