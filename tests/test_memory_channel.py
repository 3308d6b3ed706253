"""Channels within one process."""

import contextlib

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pycom_tx.testing import MemoryNetwork, at_once
from pycom_tx.zerojson.errors import AddressError, ConnectionClosed
from pycom_tx.zerojson.interfaces import IChannel, IChannelListener, INetwork

ADDRESS = "tcp://127.0.0.1:2013"


@implementer(IChannelListener)
class Listener:
    """Keeps what it is told.

    :param then: called with the channel and the number of each message that was received.
    """

    def __init__(self, then=lambda _channel, _number: None):
        self.then = then
        self.received = []
        self.unsent = []
        self.lost = []

    def message_received(self, channel, frames):
        self.received.append(frames)
        self.then(channel, len(self.received))

    def not_sent(self, channel, frames, reason):
        self.unsent.append((frames, reason))

    def peer_lost(self, channel, peer, reason):
        self.lost.append((peer, reason))


class MemoryCase(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.server, self.client = Listener(), Listener()
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(self.network.close)

    def pair(self, delivery=at_once):
        """A bound channel, and one that is connected to it."""
        self.network.delivery = delivery
        bound = self.network.bind(ADDRESS, self.server)
        return bound, self.network.connect(ADDRESS, self.client)

    def known(self, delivery=at_once):
        """The same, and the name by which the bound channel knows the connected one."""
        bound, connected = self.pair()
        connected.send([b"hello"])
        self.clock.advance(0)
        self.network.delivery = delivery
        return bound, connected, self.server.received.pop()[0]


class DeliveryTests(MemoryCase):
    def test_interfaces(self):
        """The network and both kinds of channel are what they say."""
        bound, connected = self.pair()
        verifyObject(INetwork, self.network)
        verifyObject(IChannel, bound)
        verifyObject(IChannel, connected)
        self.assertEqual((bound.address, connected.address), (ADDRESS, ADDRESS))

    def test_both_ways(self):
        """A message arrives with its sender's name, by which an answer finds its way."""
        bound, connected = self.pair()
        connected.send([b"1", b"", b"ping"])
        self.clock.advance(0)
        [[peer, *frames]] = self.server.received
        self.assertEqual(frames, [b"1", b"", b"ping"])
        bound.send([peer, *frames[:2], b"pong"])
        self.clock.advance(0)
        self.assertEqual(self.client.received, [[b"1", b"", b"pong"]])

    def test_not_while_sending(self):
        """A message arrives in the clock's next turn, never while it is sent."""
        _, connected = self.pair()
        connected.send([b"1"])
        self.assertEqual(self.server.received, [])
        self.clock.advance(0)
        self.assertEqual(len(self.server.received), 1)

    def test_many_peers(self):
        """Each connection has a name of its own, and gets what is for it."""
        bound, connected = self.pair()
        other = Listener()
        connected.send([b"1"])
        self.network.connect(ADDRESS, other).send([b"2"])
        self.clock.advance(0)
        for frames in self.server.received:
            bound.send(frames)
        self.clock.advance(0)
        self.assertEqual((self.client.received, other.received), ([[b"1"]], [[b"2"]]))

    def test_delayed(self):
        """A message takes its time."""
        _, connected = self.pair(lambda _: (3.0,))
        connected.send([b"1"])
        self.clock.advance(2.9)
        self.assertEqual(self.server.received, [])
        self.clock.advance(0.1)
        self.assertEqual(len(self.server.received), 1)

    def test_order(self):
        """Messages arrive in the order they were sent in, however long each takes."""
        _, connected = self.pair(lambda frames: (float(frames[0]),))
        for delay in (b"3", b"0", b"5", b"1"):
            connected.send([delay])
        self.clock.advance(2)
        self.assertEqual(self.server.received, [])
        self.clock.advance(1)
        self.assertEqual([frames[1] for frames in self.server.received], [b"3", b"0"])
        self.clock.advance(2)
        self.assertEqual([frames[1] for frames in self.server.received[2:]], [b"5", b"1"])

    def test_lost(self):
        """A message can be lost without anybody being told."""
        _, connected = self.pair(lambda frames: () if frames == [b"2"] else (0.0,))
        for frame in (b"1", b"2", b"3"):
            connected.send([frame])
        self.clock.advance(0)
        self.assertEqual([frames[1] for frames in self.server.received], [b"1", b"3"])
        self.assertEqual((self.client.unsent, self.client.lost), ([], []))

    def test_doubled(self):
        """A message can arrive more than once."""
        _, connected = self.pair(lambda _: (0.0, 2.0))
        connected.send([b"1"])
        self.clock.advance(0)
        self.assertEqual(len(self.server.received), 1)
        self.clock.advance(2)
        self.assertEqual(self.server.received[0], self.server.received[1])

    def test_bytes_only(self):
        """A message with a frame that is no bytes is refused, and nothing of it is sent."""
        bound, connected, peer = self.known()
        for frame in ("text", None, bytearray(b"1")):
            self.assertRaises(TypeError, connected.send, [b"1", frame])
            self.assertRaises(TypeError, bound.send, [peer, b"1", frame])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothing_to_withdraw(self):
        """What was sent is on its way and cannot be withdrawn."""
        bound, connected, peer = self.known()
        connected.send([b"1"])
        bound.send([peer, b"2"])
        self.assertIs(connected.withdraw([b"1"]), False)
        self.assertIs(bound.withdraw([peer, b"2"]), False)
        self.clock.advance(0)
        self.assertEqual((self.server.received, self.client.received), ([[peer, b"1"]], [[b"2"]]))

    def test_sending_while_receiving(self):
        """What is sent on a connection while it delivers arrives too, and in order."""
        _, connected, peer = self.known()
        self.server.then = lambda _, number: number == 1 and connected.send([b"3"])
        connected.send([b"1"])
        connected.send([b"2"])
        self.clock.pump([0, 0])
        self.assertEqual(self.server.received, [[peer, b"1"], [peer, b"2"], [peer, b"3"]])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_failing_listener(self):
        """A message that its listener fails on does not hold up the next."""
        _, connected, peer = self.known()

        def fail_once(channel, number):
            if number == 1:
                raise LookupError

        self.server.then = fail_once
        connected.send([b"1"])
        connected.send([b"2"])
        with contextlib.suppress(LookupError):
            self.clock.advance(0)
        self.clock.advance(0)
        self.flushLoggedErrors(LookupError)
        self.assertEqual(self.server.received, [[peer, b"1"], [peer, b"2"]])


class AddressTests(MemoryCase):
    def test_nobody_listens(self):
        """What is sent where nobody listens comes back, in the clock's next turn."""
        connected = self.network.connect(ADDRESS, self.client)
        connected.send([b"1"])
        self.assertEqual(self.client.unsent, [])
        self.clock.advance(0)
        self.assertEqual(self.client.unsent, [([b"1"], f"Nothing answers at {ADDRESS}")])

    def test_listening_later(self):
        """A connection can be there before anybody listens."""
        connected = self.network.connect(ADDRESS, self.client)
        self.network.bind(ADDRESS, self.server)
        connected.send([b"1"])
        self.clock.advance(0)
        self.assertEqual([frames[1:] for frames in self.server.received], [[b"1"]])

    def test_in_use(self):
        """Two cannot listen at one address."""
        self.network.bind(ADDRESS, self.server)
        error = self.assertRaises(AddressError, self.network.bind, ADDRESS, self.server)
        self.assertIn(ADDRESS, str(error))
        self.assertIn("in use", str(error))

    def test_port_left_to_the_system(self):
        """A port that is left open is filled in, each time with another."""
        addresses = {self.network.bind("tcp://127.0.0.1:*", self.server).address for _ in range(3)}
        self.assertEqual(len(addresses), 3)
        for address in addresses:
            self.assertRegex(address, r"^tcp://127\.0\.0\.1:\d+$")
            self.network.connect(address, self.client).send([b"1"])
        self.clock.advance(0)
        self.assertEqual(len(self.server.received), 3)

    def test_port_in_use(self):
        """A port that is left open is never filled in with one that is in use."""
        taken = MemoryNetwork(self.clock).bind("tcp://127.0.0.1:*", self.server).address
        self.network.bind(taken, self.server)
        chosen = self.network.bind("tcp://127.0.0.1:*", self.server).address
        self.assertNotEqual(chosen, taken)

    def test_beyond(self):
        """Where nobody listens here, the network beyond is asked."""
        far = MemoryNetwork(self.clock)
        self.addCleanup(far.close)
        near = MemoryNetwork(self.clock, beyond=far)
        self.addCleanup(near.close)
        far_server = Listener()
        far.bind(ADDRESS, far_server)
        near.connect(ADDRESS, self.client).send([b"to far"])
        near.bind(ADDRESS, self.server)
        near.connect(ADDRESS, self.client).send([b"to near"])
        self.clock.advance(0)
        self.assertEqual([frames[1] for frames in far_server.received], [b"to far"])
        self.assertEqual([frames[1] for frames in self.server.received], [b"to near"])


class DisconnectionTests(MemoryCase):
    def test_both_are_told(self):
        """Both ends of a connection are told when it breaks."""
        *_, peer = self.known()
        self.network.disconnect(ADDRESS)
        self.assertEqual(self.server.lost, [(peer, f"A client of {ADDRESS} is gone")])
        self.assertEqual(self.client.lost, [(b"", f"The connection to {ADDRESS} broke")])

    def test_lost_on_the_way(self):
        """What is on its way when a connection breaks arrives nowhere."""
        bound, connected, peer = self.known(lambda _: (1.0,))
        connected.send([b"1"])
        bound.send([peer, b"2"])
        self.network.disconnect(ADDRESS)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual((self.server.received, self.client.received), ([], []))

    def test_connects_again(self):
        """The next message connects again, under another name; the old one is not known."""
        bound, connected, peer = self.known()
        self.network.disconnect(ADDRESS)
        connected.send([b"1"])
        self.clock.advance(0)
        [[other, frame]] = self.server.received
        self.assertEqual(frame, b"1")
        self.assertNotEqual(other, peer)
        bound.send([peer, b"2"])
        self.clock.advance(0)
        self.assertEqual(self.client.received, [])
        self.assertEqual(self.server.unsent, [([peer, b"2"], f"A client of {ADDRESS} is gone")])

    def test_nothing_to_break(self):
        """A connection that nothing was sent on, and one elsewhere, do not break."""
        self.pair()
        elsewhere = Listener()
        self.network.bind("tcp://elsewhere:1", elsewhere)
        self.network.connect("tcp://elsewhere:1", elsewhere).send([b"1"])
        self.network.disconnect(ADDRESS)
        self.clock.advance(0)
        self.assertEqual(len(elsewhere.received), 1)
        for listener in (self.client, self.server, elsewhere):
            self.assertEqual(listener.lost, [])


class ClosingTests(MemoryCase):
    def test_connected(self):
        """A closed connection sends and receives nothing; only its other end is told."""
        bound, connected, peer = self.known(lambda _: (1.0,))
        connected.send([b"1"])
        bound.send([peer, b"2"])
        connected.close()
        connected.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertRaises(ConnectionClosed, connected.send, [b"3"])
        self.assertIs(connected.offer([b"3"]), False)
        self.assertEqual((self.server.received, self.client.received), ([], []))
        self.assertEqual((len(self.server.lost), self.client.lost), (1, []))

    def test_connected_to_nobody(self):
        """A closed connection is not told what became of its messages."""
        connected = self.network.connect(ADDRESS, self.client)
        connected.send([b"1"])
        connected.close()
        self.clock.advance(0)
        self.assertEqual(self.client.unsent, [])

    def test_while_receiving(self):
        """A connection that is closed while it receives gets nothing more."""
        bound, _, peer = self.known()
        self.client.then = lambda channel, _: channel.close()
        bound.send([peer, b"1"])
        bound.send([peer, b"2"])
        self.clock.advance(0)
        self.assertEqual(self.client.received, [[b"1"]])

    def test_bound(self):
        """A closed address breaks its connections, and what they send comes back."""
        bound, connected, _ = self.known(lambda _: (1.0,))
        connected.send([b"1"])
        bound.close()
        self.assertEqual(self.client.lost, [(b"", f"The connection to {ADDRESS} broke")])
        connected.send([b"2"])
        self.clock.advance(1)
        self.assertEqual(self.server.received, [])
        self.assertEqual([frames for frames, _ in self.client.unsent], [[b"2"]])

    def test_bound_again(self):
        """A closed address is free, and the old connections find who listens there next."""
        bound, connected, _ = self.known()
        bound.close()
        successor = Listener()
        self.network.bind(ADDRESS, successor)
        connected.send([b"1"])
        self.clock.advance(0)
        self.assertEqual([frames[1:] for frames in successor.received], [[b"1"]])
        self.assertEqual(self.server.received, [])

    def test_bound_closed_twice(self):
        """Closing an address twice does not take it from who listens there now."""
        bound, connected = self.pair()
        bound.close()
        successor = Listener()
        self.network.bind(ADDRESS, successor)
        bound.close()
        connected.send([b"1"])
        self.clock.advance(0)
        self.assertEqual([frames[1:] for frames in successor.received], [[b"1"]])

    def test_network(self):
        """A closed network has closed every channel, and holds nothing."""
        _, connected, _ = self.known(lambda _: (1.0,))
        nowhere = self.network.connect("tcp://nowhere:1", self.client)
        for channel in (connected, nowhere):
            channel.send([b"1"])
        self.network.close()
        self.assertEqual(self.network.bound, {})
        self.assertEqual(self.clock.getDelayedCalls(), [])
        for channel in (connected, nowhere):
            self.assertRaises(ConnectionClosed, channel.send, [b"2"])
