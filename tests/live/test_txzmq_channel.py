"""Channels over real sockets: what was learnt about 0MQ and txzmq, each as a test."""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
from math import inf
from pathlib import Path

import zmq
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pycom_tx import AddressError, ConnectionClosed
from pycom_tx.zerojson.interfaces import IChannel, IChannelListener, INetwork
from pycom_tx.zerojson.txzmq_base import BATCH, HANDSHAKE_TIMEOUT
from pycom_tx.zerojson.txzmq_channel import MAX_SOCKETS, ZmqNetwork
from pycom_tx.zerojson.txzmq_socket import HIGH_WATER_MARK
from tests.live.processes import PATIENCE

TCP = "tcp://127.0.0.1:*"


@implementer(IChannelListener)
class Listener:
    """Keeps what it is told, and fires Deferreds when it is enough."""

    def __init__(self):
        self.messages = []
        self.unsent = []
        self.lost = []
        self._waiting = []

    def message_received(self, channel, frames):
        self.messages.append(frames)
        self._told()

    def not_sent(self, channel, frames, reason):
        self.unsent.append((frames, reason))
        self._told()

    def peer_lost(self, channel, peer, reason):
        self.lost.append(reason)
        self._told()

    def until(self, enough):
        """A Deferred that fires once ``enough(self)``."""
        deferred = Deferred()
        self._waiting.append((enough, deferred))
        self._told()
        return deferred.addTimeout(PATIENCE, reactor)

    def _told(self):
        for entry in list(self._waiting):
            enough, deferred = entry
            if enough(self):
                self._waiting.remove(entry)
                deferred.callback(None)


class Echo(Listener):
    """Sends every message back, so that sending and reading overlap."""

    def message_received(self, channel, frames):
        super().message_received(channel, frames)
        channel.send(frames)


def received(number):
    return lambda listener: len(listener.messages) >= number


class Rude(Protocol):
    """Hangs up whatever is said."""

    def dataReceived(self, data):
        self.transport.loseConnection()


class ChannelCase(TestCase):
    def setUp(self):
        self.network = ZmqNetwork(reactor)
        self.addCleanup(self.network.close)

    def bound(self, listener=None, address=TCP):
        return self.network.bind(address, listener or Listener())

    async def bound_again(self, address):
        """Listen where somebody did until now: 0MQ takes its time to let go."""
        while True:
            try:
                return self.bound(Echo(), address)
            except AddressError:
                await deferLater(reactor, 0.02)

    def connected(self, address, listener=None):
        return self.network.connect(address, listener or Listener())

    def reserved_address(self):
        """An address at which nobody listens, and nobody else does before the test is over."""
        # libzmq reuses addresses, too: it can listen where this socket only sits.
        holder = socket.socket()
        self.addCleanup(holder.close)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{holder.getsockname()[1]}"

    def bind_when_free(self, opened, address):
        """Bind a bare socket: 0MQ gives an address back some time after it was closed."""
        deadline = time.monotonic() + 10
        while True:
            try:
                return opened.bind(address)
            except zmq.ZMQError:
                self.assertLess(time.monotonic(), deadline, f"{address} is not given back")

    def raw_socket(self, kind, **options):
        """A socket of bare 0MQ, in a context of its own."""
        context = zmq.Context()
        self.addCleanup(context.term)
        opened = context.socket(kind)
        opened.linger = 0
        self.addCleanup(opened.close)
        for name, value in options.items():
            setattr(opened, name, value)
        return opened


class SendingTests(ChannelCase):
    async def test_messages_arrive_whole_and_in_order(self):
        """Messages of several frames arrive as they were sent, and are answered."""
        ours, theirs = Listener(), Echo()
        channel = self.connected(self.bound(theirs).address, ours)
        sent = [[b"%d" % n, b"", b"x" * n] for n in range(500)]
        for frames in sent:
            channel.send(frames)
        await ours.until(received(len(sent)))
        self.assertEqual(ours.messages, sent)
        self.assertEqual([frames[1:] for frames in theirs.messages], sent)

    async def test_what_takes_long_to_make(self):
        """It leaves at once, though others have arrived whose turn it is next."""
        raw, arrived = self.raw_socket(zmq.DEALER), []

        class Busy(Echo):
            def message_received(self, channel, frames):
                time.sleep(2 * BATCH)
                super().message_received(channel, frames)
                arrived.append(raw.poll(1000) and raw.recv())

        raw.connect(self.bound(Busy()).address)
        sent = [b"%d" % number for number in range(5)]
        for message in sent:
            raw.send(message)
        while len(arrived) < len(sent):
            await deferLater(reactor, 0.02)
        self.assertEqual(arrived, sent)

    async def test_answer_to_the_first(self):
        """It leaves at once: its client has it while the turn of reading goes on."""
        raw, arrived = self.raw_socket(zmq.DEALER), []

        class Quick(Echo):
            def message_received(self, channel, frames):
                channel._batch_ends = inf
                super().message_received(channel, frames)
                arrived.append(raw.poll(1000) and raw.recv())

        raw.connect(self.bound(Quick()).address)
        raw.send(b"first")
        while not arrived:
            await deferLater(reactor, 0.02)
        self.assertEqual(arrived, [b"first"])

    async def test_large_frames(self):
        """A frame of several megabytes arrives as it was sent, as a view that nobody can change."""
        ours = Listener()
        channel = self.connected(self.bound(Echo()).address, ours)
        frames = [b"1", b"", bytes(range(256)) * 20_000]
        channel.send(frames)
        await ours.until(received(1))
        self.assertEqual(ours.messages, [frames])
        view = ours.messages[0][-1]
        self.assertEqual((type(view), view.readonly), (memoryview, True))

    async def test_frames_that_are_not_bytes(self):
        """A message with a wrong frame is refused whole: the next one is not merged into it."""
        theirs = Listener()
        channel = self.connected(self.bound(theirs).address)
        with self.assertRaisesRegex(TypeError, "A frame is bytes, got str"):
            channel.send([b"first", b"", "text"])
        channel.send([b"second", b"", b"message"])
        await theirs.until(received(1))
        self.assertEqual([frames[1:] for frames in theirs.messages], [[b"second", b"", b"message"]])

    async def test_two_clients_of_one_address(self):
        """Clients have identities of their own: each gets its own replies."""
        address = self.bound(Echo()).address
        listeners = [Listener(), Listener()]
        for number, listener in enumerate(listeners):
            self.connected(address, listener).send([b"%d" % number])
        for number, listener in enumerate(listeners):
            await listener.until(received(1))
            self.assertEqual(listener.messages, [[b"%d" % number]])

    async def test_waits_until_somebody_listens(self):
        """What was refused is told; what is sent once somebody listens arrives."""
        address = self.reserved_address()
        ours = Listener()
        channel = self.connected(address, ours)
        channel.send([b"early"])
        await ours.until(lambda listener: listener.unsent)
        self.assertEqual(ours.unsent, [([b"early"], f"Nothing answers at {address}")])
        self.bound(Echo(), address)
        while not ours.messages:
            channel.send([b"late"])
            await deferLater(reactor, 0.02)
        self.assertEqual(ours.messages[0], [b"late"])

    async def test_no_such_host(self):
        """What goes to a name that nobody has is told at once, with the reason."""
        address = "tcp://nobody.invalid:2013"
        ours = Listener()
        self.connected(address, ours).send([b"lost"])
        await ours.until(lambda listener: listener.unsent)
        said = f"Nothing answers at {address}: its host cannot be resolved"
        self.assertEqual(ours.unsent, [([b"lost"], said)])

    async def test_something_else(self):
        """So is what goes to somebody who speaks another protocol, and hangs up."""
        factory = Factory.forProtocol(Rude)
        factory.noisy = False
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        self.addCleanup(port.stopListening)
        address = f"tcp://127.0.0.1:{port.getHost().port}"
        ours = Listener()
        self.connected(address, ours).send([b"lost"])
        await ours.until(lambda listener: listener.unsent)
        said = f"Nothing answers at {address}: what listens there stands still, or speaks no 0MQ"
        self.assertEqual(ours.unsent, [([b"lost"], said)])

    async def test_withdrawn(self):
        """A message that waits can be taken back, and then nobody is told of it."""
        address = self.reserved_address()
        ours = Listener()
        channel = self.connected(address, ours)
        kept, withdrawn = [b"kept"], [b"withdrawn"]
        channel.send(withdrawn)
        channel.send(kept)
        self.assertTrue(channel.withdraw(withdrawn))
        self.assertFalse(channel.withdraw(withdrawn))
        await ours.until(lambda listener: listener.unsent)
        self.assertEqual([frames for frames, _ in ours.unsent], [kept])

    def test_closed(self):
        """A closed channel takes no message and says so."""
        channel = self.connected("tcp://127.0.0.1:9")
        channel.close()
        with self.assertRaisesRegex(ConnectionClosed, "tcp://127.0.0.1:9 is closed"):
            channel.send([b"message"])
        self.assertIs(channel.offer([b"message"]), False)

    def test_interfaces(self):
        """The network and both kinds of channels are what they claim to be."""
        channel = self.bound()
        verifyObject(INetwork, self.network)
        verifyObject(IChannel, channel)
        verifyObject(IChannel, self.connected(channel.address))
        verifyObject(IChannelListener, Listener())


class AddressTests(ChannelCase):
    def test_address_in_use(self):
        """A second listener is refused, leaves nothing behind, and the first goes on."""
        address = self.bound().address
        before = set(reactor.getReaders())
        other = ZmqNetwork(reactor)
        with self.assertRaisesRegex(AddressError, f"Cannot listen at '{address}': it is in use"):
            other.bind(address, Listener())
        self.assertEqual(set(reactor.getReaders()), before)
        other.close()

    def test_addresses_that_are_none(self):
        """What is no address is refused, with what one looks like."""
        for address in ("nonsense", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:x", "foo://bar"):
            for opened, verb in ((self.bound, "listen at"), (self.connected, "connect to")):
                with self.assertRaisesRegex(AddressError, f"Cannot {verb} '{address}': .+ like"):
                    opened(address=address)

    def test_address_to_listen_at(self):
        """One that leaves the port or the host open is none to connect to."""
        for address in "tcp://127.0.0.1:*", "tcp://*:2012":
            with self.assertRaisesRegex(AddressError, r"Cannot connect to .*: with \* it"):
                self.connected(address=address)

    def test_an_address_of_another_machine(self):
        """What the system refuses is told with what would be right."""
        for address, hint in (
            ("tcp://nowhere:2013", "this machine has no such address; name one of its own"),
            ("tcp://192.0.2.1:2013", "this machine has no such address; name one of its own"),
            ("ipc:///nowhere/at/all", "there is no such folder"),
            (f"ipc:///tmp/{'x' * 200}", "File name too long"),
        ):
            with self.assertRaisesRegex(AddressError, f"Cannot listen at '{address}': {hint}"):
                self.bound(address=address)

    async def test_path_in_use(self):
        """A path at which somebody listens is not taken from him; one that was left is."""
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        address = f"ipc://{folder}/s"
        first = self.bound(Echo(), address)
        with self.assertRaisesRegex(AddressError, f"Cannot listen at '{address}': it is in use"):
            self.bound(address=address)
        first.close()
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(f"{folder}/t")
        ours = Listener()
        self.bound(Echo(), f"ipc://{folder}/t")
        self.connected(f"ipc://{folder}/t", ours).send([b"message"])
        await ours.until(received(1))

    def test_file(self):
        """A file at a path stays what it is."""
        file = Path(self.mktemp())
        file.write_text("precious", "ascii")
        with self.assertRaisesRegex(AddressError, "something is there that is no socket"):
            self.bound(address=f"ipc://{file}")
        self.assertEqual(file.read_text("ascii"), "precious")

    async def test_ipc(self):
        """A path of the file system is an address."""
        ours = Listener()
        server = self.bound(Echo(), "ipc://*")
        self.connected(server.address, ours).send([b"message"])
        await ours.until(received(1))
        self.assertTrue(server.address.startswith("ipc://"))

    def test_options(self):
        """Queues are finite, and a connection that makes no progress is given up."""
        server = self.bound()
        client = self.connected(server.address)
        for channel in (server, client):
            opened = channel._connection.socket
            self.assertEqual(opened.get(zmq.SNDHWM), HIGH_WATER_MARK)
            self.assertEqual(opened.get(zmq.RCVHWM), HIGH_WATER_MARK)
            self.assertEqual(opened.get(zmq.HANDSHAKE_IVL), HANDSHAKE_TIMEOUT)
            self.assertEqual(opened.get(zmq.IDENTITY), b"")
        self.assertEqual(client._monitor._pair.socket.get(zmq.RCVHWM), 0)
        self.assertEqual(self.network.factory().context.get(zmq.MAX_SOCKETS), MAX_SOCKETS)


class NetworkTests(ChannelCase):
    def test_closing_leaves_nothing(self):
        """A closed network holds no socket, reader or context, and can be used again."""
        before = set(reactor.getReaders())
        for _ in range(2):
            channel = self.bound()
            client = self.connected(channel.address)
            context = self.network.factory().context
            client.close()
            self.assertFalse(context.closed)
            channel.close()
            self.assertTrue(context.closed)
            self.assertEqual(set(reactor.getReaders()), before)
