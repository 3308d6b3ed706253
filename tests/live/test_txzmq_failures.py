"""Channels over real sockets whose peers are slow, leave or break."""

from __future__ import annotations

import errno
import os
import socket
import time
from itertools import count

import zmq
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IHostnameResolver
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from zope.interface import implementer

from pycom_tx import Overloaded
from pycom_tx.zerojson import txzmq_socket
from pycom_tx.zerojson.txzmq_heartbeat import TURNS, Heartbeat
from pycom_tx.zerojson.txzmq_held import HELD
from pycom_tx.zerojson.txzmq_socket import HIGH_WATER_MARK, READ_LIMIT, write_message
from pycom_tx.zerojson.waiting import QUEUE_LIMIT
from tests.live.test_txzmq_channel import ChannelCase, Echo, Listener, received


@implementer(IHostnameResolver)
class Unanswered:
    """Looks up names, to no end."""

    def resolveHostName(self, receiver, *_, **__):
        receiver.resolutionBegan(self)
        return self

    def cancel(self):
        """Nothing to do."""


class Unknown(Unanswered):
    """Finds that nobody knows them."""

    def resolveHostName(self, receiver, *_, **__):
        receiver.resolutionBegan(self)
        receiver.resolutionComplete()
        return self


class BackpressureTests(ChannelCase):
    async def test_a_flood_does_not_hold_the_reactor(self):
        """However much has arrived, no turn of the reactor reads more than its share."""
        turns = count()
        turn = next(turns)
        read = {}

        class Counting(Listener):
            def message_received(self, channel, frames):
                read[turn] = read.get(turn, 0) + 1
                super().message_received(channel, frames)

        theirs = Counting()
        flood = 10 * READ_LIMIT
        flooding = self.raw_socket(zmq.DEALER, sndhwm=0)
        flooding.connect(self.bound(theirs).address)
        for _ in range(flood):
            flooding.send(b"message")
        while len(theirs.messages) < flood:
            turn = next(turns)
            await deferLater(reactor, 0)
        # Two: one for the descriptor, and one for the turn that was asked for before.
        self.assertLessEqual(max(read.values()), 2 * READ_LIMIT)

    async def test_a_peer_that_does_not_read(self):
        """A connection holds so many messages; the next is refused, at once."""
        deaf = self.raw_socket(zmq.ROUTER, rcvhwm=1)
        port = deaf.bind_to_random_port("tcp://127.0.0.1")
        ours = Listener()
        channel = self.connected(f"tcp://127.0.0.1:{port}", ours)
        frame = b"x" * 2_000
        sent = 0
        with self.assertRaisesRegex(Overloaded, f"{QUEUE_LIMIT} messages wait"):
            # Beside both queues, the operating system's buffers take their share.
            for sent in range(5 * (HIGH_WATER_MARK + QUEUE_LIMIT)):
                channel.send([frame])
                if not sent % 100:
                    await deferLater(reactor, 0)
        self.assertGreaterEqual(sent, QUEUE_LIMIT)

    async def test_a_slow_client_does_not_hold_up_another(self):
        """Replies for a client that does not read wait by themselves."""
        echo = Echo()
        channel = self.bound(echo)
        deaf = self.raw_socket(zmq.DEALER, rcvhwm=1)
        deaf.connect(channel.address)
        deaf.send(b"hello")
        await echo.until(received(1))
        await deferLater(reactor, 0)
        deaf_peer = echo.messages[0][0]
        with self.assertRaises(Overloaded):
            for _ in range(5 * (HIGH_WATER_MARK + QUEUE_LIMIT)):
                channel.send([deaf_peer, b"x" * 2_000])
        other = Listener()
        self.connected(channel.address, other).send([b"quick"])
        await other.until(received(1))
        self.assertEqual(other.messages, [[b"quick"]])

    async def test_what_waits_leaves_when_the_peer_reads_again(self):
        """Messages that a peer did not take at once arrive later, all and in order."""
        slow = self.raw_socket(zmq.ROUTER, rcvhwm=1)
        port = slow.bind_to_random_port("tcp://127.0.0.1")
        channel = self.connected(f"tcp://127.0.0.1:{port}")
        sent = 0
        try:
            while True:
                channel.send([b"%d" % sent, b"x" * 2_000])
                sent += 1
                if not sent % 100:
                    await deferLater(reactor, 0)
        except Overloaded:
            pass
        for number in range(sent):
            while not slow.poll(0):
                await deferLater(reactor, 0)
            _, label, _ = slow.recv_multipart()
            self.assertEqual(int(label), number)

    async def test_large_messages_for_a_peer_that_does_not_read(self):
        """0MQ is handed so many bytes for one peer and no more; all arrive once it reads."""
        size = 1 << 24
        theirs = Listener()
        server = self.bound(theirs)
        client = self.raw_socket(zmq.DEALER, rcvhwm=1, rcvbuf=4096)
        client.connect(server.address)
        client.send(b"hello")
        await theirs.until(received(1))
        peer = theirs.messages[0][0]
        await deferLater(reactor, 0)  # what is sent while messages are read is collected
        sent = 0
        with self.assertRaises(Overloaded):
            while sent < 100:
                server.send([peer, b"%d" % sent, bytes(size)])
                sent += 1
        waiting = sum(len(queue.messages) for queue in server._waiting.queues.values())
        self.assertGreater(waiting, 1)
        # One or two are in the buffers of the system.
        self.assertLessEqual((sent - waiting) * size, HELD + 3 * size)
        client.rcvtimeo = 20_000
        for number in range(sent):
            frames = await deferToThread(client.recv_multipart)
            self.assertEqual((frames[0], len(frames[1])), (b"%d" % number, size))
        while server.held.frames:
            server.held.full(peer)
            await deferLater(reactor, 0.02)


class BrokenConnectionTests(ChannelCase):
    async def test_reply_to_a_client_that_is_gone(self):
        """A reply that nobody is there for is told, not dropped without a word."""
        theirs = Listener()
        channel = self.bound(theirs)
        client = self.connected(channel.address)
        client.send([b"request"])
        await theirs.until(received(1))
        client.close()
        peer = theirs.messages[0][0]
        while not theirs.unsent:
            channel.send([peer, b"reply"])
            await deferLater(reactor, 0.01)
        self.assertEqual(
            theirs.unsent, [([peer, b"reply"], f"A client of {channel.address} is gone")]
        )

    async def test_peer_lost(self):
        """A connection that breaks is told once, and is made again by itself."""
        address = self.reserved_address()
        server = self.bound(Echo(), address)
        ours = Listener()
        channel = self.connected(address, ours)
        channel.send([b"one"])
        await ours.until(received(1))
        server.close()
        await ours.until(lambda listener: listener.lost)
        self.assertEqual(ours.lost, [f"The connection to {address} broke: it was closed there"])
        await self.bound_again(address)
        while len(ours.messages) < 2:
            channel.send([b"two"])
            await deferLater(reactor, 0.02)
        self.assertEqual(ours.messages[1], [b"two"])

    async def test_answered_before_the_connection_broke(self):
        """Replies of a peer that answers and leaves are delivered before it is told lost."""
        for _ in range(10):
            server = self.raw_socket(zmq.ROUTER, linger=-1)
            port = server.bind_to_random_port("tcp://127.0.0.1")
            ours = Listener()
            channel = self.connected(f"tcp://127.0.0.1:{port}", ours)
            for number in range(20):
                channel.send([b"%d" % number])
            for _ in range(20):
                while not server.poll(0):
                    await deferLater(reactor, 0)
                server.send_multipart(server.recv_multipart())
            # All of it has left before this side looks again.
            server.close()
            server.context.term()
            await ours.until(lambda listener: listener.lost)
            self.assertEqual(ours.messages, [[b"%d" % number] for number in range(20)])
            channel.close()

    async def test_a_peer_that_always_hangs_up(self):
        """A peer that accepts and hangs up is tried again ten times a second, no more."""
        accepted = []

        class HangingUp(Protocol):
            def connectionMade(self):
                accepted.append(reactor.seconds())
                self.transport.abortConnection()

        port = reactor.listenTCP(0, Factory.forProtocol(HangingUp), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        ours = Listener()
        self.connected(f"tcp://127.0.0.1:{port.getHost().port}", ours)
        await ours.until(lambda listener: len(listener.lost) >= 5)
        self.assertGreater(accepted[-1] - accepted[0], 0.3)

    async def test_sent_when_the_connection_breaks(self):
        """What is sent the moment a connection breaks is told as not sent: 0MQ would lose it."""

        class Retrying(Listener):
            def peer_lost(self, channel, peer, reason):
                channel.send([b"again"])
                super().peer_lost(channel, peer, reason)

        for _ in range(10):
            server = self.bound(Echo())
            ours = Retrying()
            channel = self.connected(server.address, ours)
            channel.send([b"message"])
            await ours.until(received(1))
            server.close()
            await ours.until(lambda listener: listener.unsent)
            self.assertEqual([frames for frames, _ in ours.unsent], [[b"again"]])
            channel.close()

    async def test_sent_before_it_is_known_that_the_connection_broke(self):
        """So is what is sent when the reactor had no time to be told of it."""
        server = self.bound(Echo())
        ours = Listener()
        channel = self.connected(server.address, ours)
        channel.send([b"message"])
        await ours.until(received(1))
        server.close()
        self.assertTrue(channel._monitor._pair.socket.poll(10_000))
        late = [b"late"]
        channel.send(late)
        self.assertTrue(channel.withdraw(late))

    def test_a_peer_that_dies_in_the_middle_of_a_message(self):
        """The rest of a broken message is sent all the same: the next one starts afresh."""
        # 0MQ refuses the next frame or drops it, as its threads happen to run.
        for _ in range(10):
            self.break_a_message()

    def break_a_message(self):
        address = self.reserved_address()
        server = self.raw_socket(zmq.ROUTER)
        server.bind(address)
        client = self.raw_socket(zmq.DEALER, immediate=1)
        client.connect(address)
        client.send(b"hello")
        server.recv_multipart()
        monitor = client.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self.addCleanup(monitor.close)
        self.addCleanup(client.disable_monitor)

        def dying(client, frame, flags):
            """Send, and let the peer go away after the first frame."""
            client.send(frame, flags)
            if not server.closed:
                server.close()
                self.assertTrue(monitor.poll(10_000))
                monitor.recv_multipart()

        sending = self.patch(txzmq_socket, "_send", dying)
        write_message(client, [b"1", b"", b"lost"])
        sending.restore()
        successor = self.raw_socket(zmq.ROUTER)
        self.bind_when_free(successor, address)
        self.assertTrue(monitor.poll(10_000))
        self.assertTrue(client.poll(10_000, zmq.POLLOUT))
        self.assertTrue(write_message(client, [b"2", b"", b"whole"]))
        self.assertTrue(successor.poll(10_000))
        self.assertEqual(successor.recv_multipart()[1:], [b"2", b"", b"whole"])

    async def test_opening_and_closing_while_things_happen(self):
        """Channels close at any moment of their connections' lives without a wedge."""
        for number in range(40):
            server = self.bound(Echo())
            channels = [self.connected(server.address) for _ in range(3)]
            for channel in channels:
                channel.send([b"message"])
            if number % 2:
                await deferLater(reactor, 0)
            server.close()
            for channel in channels:
                channel.close()
        self.network.close()

    async def test_a_socket_that_breaks_is_replaced(self):
        """When the reactor drops a socket its channel opens another at the same address."""
        ours, theirs = Listener(), Echo()
        address = self.reserved_address()
        server = self.bound(theirs, address)
        client = self.connected(address, ours)
        client.send([b"one"])
        await ours.until(received(1))
        for channel, listener in ((server, theirs), (client, ours)):
            channel._connection.connectionLost(Failure(ConnectionLost()))
            broke = f"The 0MQ socket at {address} broke"
            await listener.until(lambda told, broke=broke: broke in told.lost)
        while len(ours.messages) < 2:
            client.send([b"two"])
            await deferLater(reactor, 0.02)
        self.assertEqual(server.address, address)
        self.assertEqual(ours.messages[1], [b"two"])

    async def test_a_socket_that_fails_is_replaced(self):
        """So it is when reading from a socket fails."""
        server = self.bound(Echo(), self.reserved_address())
        reactor.removeReader(server._connection)
        server._connection.socket.close()
        server._connection.doRead()
        self.assertEqual(len(self.flushLoggedErrors(zmq.ZMQError)), 1)
        ours = Listener()
        client = self.connected(server.address, ours)
        while not ours.messages:
            client.send([b"message"])
            await deferLater(reactor, 0.02)

    async def test_an_address_that_is_taken_meanwhile(self):
        """A channel that cannot open again tries until it can."""
        server = self.bound(Echo(), self.reserved_address())
        server._connection.connectionLost(Failure(ConnectionLost()))
        thief = zmq.Context()
        holding = thief.socket(zmq.ROUTER)
        self.bind_when_free(holding, server.address)
        await deferLater(reactor, 0)
        thief.destroy(linger=0)
        ours = Listener()
        client = self.connected(server.address, ours)
        while not ours.messages:
            client.send([b"message"])
            await deferLater(reactor, 0.02)

    async def watched(self, address, silence):
        """A heartbeat of whoever is at an address, and the list of its complaints."""
        lost = []
        heartbeat = Heartbeat(
            self.network.factory(), address, silence, lambda: lost.append(address)
        )
        self.addCleanup(heartbeat.close)
        while not heartbeat._up:
            await deferLater(reactor, 0.02)
        return lost

    async def test_no_files_for_heartbeats(self):
        """They begin when there are some; who closes before has nothing to close."""
        self.connected(self.bound().address)  # the network stays open
        address = self.bound().address
        files = []

        class Poor(Heartbeat):
            def _connect(self):
                super()._connect()
                if not files:
                    raise zmq.ZMQError(errno.EMFILE)

        heartbeats = [Poor(self.network.factory(), address, 0.4, self.fail) for _ in range(2)]
        await deferLater(reactor, 0.5)
        heartbeats.pop().close()
        files.append("some")
        self.addCleanup(heartbeats[0].close)
        while not heartbeats[0]._up:
            await deferLater(reactor, 0.02)

    async def test_a_peer_that_closes_and_one_that_is_silent(self):
        """Who has closed an address is not silent; who accepts and says nothing is."""
        self.connected(self.bound().address)  # the network stays open
        server, silence = self.bound(address=self.reserved_address()), 0.4
        lost = await self.watched(server.address, silence)
        host, port = server.address.removeprefix("tcp://").split(":")
        server.close()
        await deferLater(reactor, 2 * silence)
        self.assertEqual(lost, [])
        silent = socket.socket()
        self.addCleanup(silent.close)
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        silent.bind((host, int(port)))
        silent.listen()
        while not lost:
            await deferLater(reactor, 0.02)

    async def test_a_peer_that_is_silent_from_the_start(self):
        """So is who accepts a connection and has never said anything on it."""
        self.connected(self.bound().address)  # the network stays open
        with socket.create_server(("127.0.0.1", 0)) as mute:
            address = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
            lost = Deferred()
            heartbeat = Heartbeat(
                self.network.factory(), address, 0.4, lambda: lost.callback(address)
            )
            self.addCleanup(heartbeat.close)
            self.assertEqual(await lost, address)

    async def test_a_file_that_is_closed(self):
        """The same goes for paths of the file system."""
        self.connected(self.bound().address)
        server = self.bound(address="ipc://*")
        lost = await self.watched(server.address, 0.4)
        server.close()
        await deferLater(reactor, 0.8)
        self.assertEqual(lost, [])

    async def test_a_peer_that_closes_while_others_are_busy(self):
        """It is not taken for a silent one by who has no time to see that it refuses."""
        self.connected(self.bound().address)  # the network stays open
        server, silence = self.bound(address=self.reserved_address()), 0.4
        lost = await self.watched(server.address, silence)
        server.close()
        for _ in range(2 * TURNS):
            await deferLater(reactor, 0, time.sleep, silence / 4)
        self.assertEqual(lost, [])

    async def test_a_listener_that_raises(self):
        """A message that its listener chokes on is logged, and the next one is delivered."""

        class Choking(Listener):
            def message_received(self, channel, frames):
                super().message_received(channel, frames)
                if len(self.messages) == 1:
                    raise ArithmeticError

        theirs = Choking()
        channel = self.connected(self.bound(theirs).address)
        channel.send([b"one"])
        channel.send([b"two"])
        await theirs.until(received(2))
        self.assertEqual(len(self.flushLoggedErrors(ArithmeticError)), 1)

    async def test_a_listener_that_closes(self):
        """A channel closed by its own listener reads no further."""

        class Closing(Listener):
            def message_received(self, channel, frames):
                super().message_received(channel, frames)
                channel.close()

        theirs = Closing()
        ours = Listener()
        channel = self.connected(self.bound(theirs).address, ours)
        for _ in range(3):
            channel.send([b"message"])
        await ours.until(lambda listener: listener.lost)
        self.assertEqual(len(theirs.messages), 1)

    async def test_a_name_that_is_in_no_file_system(self):
        """Who accepts there and says nothing is silent, too; who has closed is not."""
        self.connected(self.bound().address)  # the network stays open
        name, silence = f"pycom-{os.getpid()}", 0.4
        server = self.bound(address=f"ipc://@{name}")
        lost = await self.watched(server.address, silence)
        server.close()
        await deferLater(reactor, 2 * silence)
        self.assertEqual(lost, [])
        silent = socket.socket(socket.AF_UNIX)
        self.addCleanup(silent.close)
        silent.bind(f"\0{name}")
        silent.listen()
        while not lost:
            await deferLater(reactor, 0.02)

    async def test_a_name_that_cannot_be_looked_up(self):
        """A peer is lost whose name nobody knows any more, or nobody answers for."""
        self.connected(self.bound().address)  # the network stays open
        for resolver in Unknown(), Unanswered():
            server = self.bound()
            lost = await self.watched(server.address.replace("127.0.0.1", "localhost"), 0.4)
            before = reactor.installNameResolver(resolver)
            try:
                server.close()
                while not lost:
                    await deferLater(reactor, 0.02)
            finally:
                reactor.installNameResolver(before)
