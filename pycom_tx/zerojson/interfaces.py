"""Where the wire, the dispatch and the network meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from pycom_tx.zerojson.errors import ServiceNotAvailable
    from pycom_tx.zerojson.request import Request, Response


class IRequestHandler(Interface):
    """All that the wire knows of components."""

    def handle(request: Request) -> Response | Deferred[Response]:
        """Answer *request*, at once or later.

        An exception or a failed Deferred is answered too: a
        :class:`~pycom_tx.RemoteError` with its code and text, anything else as code 1,
        without its text and with a traceback in the log. So is a result that cannot be
        sent: what the client got in the end is told to who asks the request for it, with
        :meth:`Request.when_answered`.
        """


class IChannel(Interface):
    """Carries multipart messages: lists of one frame or more.

    A frame is bytes, or a read-only memoryview of bytes. A message that arrives has at most one
    of these: the last frame, where that is large.
    """

    address = Attribute("""Where it is connected to, or bound at: a port that was left to
        the system is filled in. A str.""")

    queued = Attribute("""How many messages wait here until their peers take more. An int.""")

    sender = Attribute("""On a bound channel, while a message is received: where it comes from,
        a str; None where nobody knows, or had to find out.""")

    def send(frames: list[bytes]) -> None:
        """Take a message on its way.

        What the peer does not take yet waits in the channel, in order, and leaves by
        itself. On a bound channel the first frame names the peer.

        :raises Overloaded: as much as may wait for that peer is waiting.
        :raises TypeError: a frame is not bytes; nothing was sent.
        """

    def offer(frames: list[bytes]) -> bool:
        """Send a message that may be left out.

        It is, while half of what may wait for that peer does: the rest is for messages
        that may not. So it is when the channel is closed.

        :returns: whether it was taken.

        :raises TypeError: as :meth:`send`.
        """

    def withdraw(frames: list[bytes]) -> bool:
        """Forget a message, the very list that was handed to :meth:`send`, if it still waits.

        :returns: whether it was still here. If not, it may have arrived.
        """

    def flushed() -> Deferred[None]:
        """Wait until nothing waits here any more.

        :returns: Deferred firing then: closing the channel loses nothing that its peers
            would take at once.
        """

    def finish(seconds: float) -> Deferred[None]:
        """Close, and let what was sent leave that peers take their time for.

        Nothing arrives from now on.

        :param seconds: how long they have.

        :returns: Deferred firing when all has left, or its time is over.
        """

    def watch() -> None:
        """Lose the peer also when it falls silent, from now on: it answers heartbeats.

        Only on a connected channel. Until then a silent peer is taken for a patient one:
        old ones understand no heartbeats.
        """

    def close() -> None:
        """Let go of the connection, or the address; nothing arrives from now on."""


class IChannelListener(Interface):
    """Is told what happens on a channel."""

    def message_received(channel: IChannel, frames: list[bytes]) -> None:
        """A whole message arrived; on a bound channel its first frame names the peer."""

    def not_sent(channel: IChannel, frames: list[bytes], reason: str) -> None:
        """A message that :meth:`IChannel.send` took has not left and never will.

        :param reason: for a reader: what happened, and where.
        """

    def peer_lost(channel: IChannel, peer: bytes, reason: str) -> None:
        """A connection broke: what was sent may have arrived, but no reply will come.

        A connected channel connects again by itself.

        :param peer: which one, on a bound channel; no bytes on a connected one.
        :param reason: for a reader: what happened, and where.
        """


class ICallListener(IChannelListener):
    """Is also told what becomes of a single call, by channels that know."""

    def no_reply(channel: IChannel, frames: list[bytes], error: ServiceNotAvailable) -> None:
        """No reply will come to a message that :meth:`IChannel.send` took.

        :param error: why, and whether it may have arrived.
        """


class INetwork(Interface):
    """Opens channels."""

    def connect(address: str, listener: IChannelListener) -> IChannel:
        """A channel to *address*; there need not be anybody yet.

        :raises AddressError: it is no address.
        """

    def bind(address: str, listener: IChannelListener, *, max_frame: int | None = None) -> IChannel:
        """A channel at *address*, for any number of peers.

        :param max_frame: bytes; a peer that sends a larger frame loses its connection,
            without a word.

        :raises AddressError: it cannot be listened at; the message says why.
        """

    def close() -> Deferred[None] | None:
        """Close the channels that are still open and let go of what carried them.

        :returns: Deferred firing when that is done, where it takes its time; else None.
        """


class ICountsConnections(Interface):
    """A network that can tell how many peers are connected to its bound channels."""

    connections = Attribute("""How many are now, of those that are counted. An int.""")

    accepted = Attribute("""How many have been since. An int.""")

    def count_connections() -> None:
        """Count those of the channels that are bound from now on."""


def check_frames(frames: list[bytes]) -> None:
    """Make sure that a message consists of bytes, before any of it is sent.

    :raises TypeError: it does not.
    """
    for frame in frames:
        kind: type = type(frame)
        if kind is not bytes and kind is not memoryview:
            msg = f"A frame is bytes, got {type(frame).__name__}"
            raise TypeError(msg)
