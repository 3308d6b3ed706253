"""What a network over 0MQ finds out about its peers, where somebody wants to know."""

from __future__ import annotations

import os
import socket

import zmq
from twisted.internet import reactor
from twisted.internet.task import deferLater
from zope.interface.verify import verifyObject

from pycom_tx.zerojson.interfaces import ICountsConnections
from pycom_tx.zerojson.txzmq_base import HANDSHAKE_TIMEOUT
from pycom_tx.zerojson.txzmq_channel import ZmqNetwork
from pycom_tx.zerojson.txzmq_socket import Socket
from tests.live.test_txzmq_channel import TCP, ChannelCase, Echo, Listener, received

PATIENCE = HANDSHAKE_TIMEOUT / 1000 + 10
"""Seconds after which what was waited for will not come any more."""


class ConnectionsTests(ChannelCase):
    def setUp(self):
        super().setUp()
        self.network.count_connections()

    async def counted(self, connections, accepted):
        """Wait until the network has counted as many."""
        deadline = reactor.seconds() + PATIENCE
        while (self.network.connections, self.network.accepted) != (connections, accepted):
            if reactor.seconds() > deadline:
                self.fail(f"{self.network.connections} of {self.network.accepted} are connected")
            await deferLater(reactor, 0.02)

    def test_interface(self):
        """A network over 0MQ can count."""
        verifyObject(ICountsConnections, self.network)

    async def test_come_and_go(self):
        """Clients count from when they connect until they are gone, whatever ends them."""
        address = self.bound(Echo()).address
        network = ZmqNetwork(reactor)
        self.addCleanup(network.close)
        first, second = (network.connect(address, Listener()) for _ in range(2))
        await self.counted(2, 2)
        first.close()
        await self.counted(1, 2)
        second.close()
        await self.counted(0, 2)
        bare = self.raw_socket(zmq.DEALER)
        bare.connect(address)
        await self.counted(1, 3)
        bare.close()
        await self.counted(0, 3)

    async def test_heartbeats_come_later(self):
        """They have a connection of their own, and one that is closed soon does without."""
        address = self.bound(Echo()).address
        network = ZmqNetwork(reactor, silence=40)
        self.addCleanup(network.close)
        ours = Listener()
        client = network.connect(address, ours)
        client.send([b"message"])
        await ours.until(received(1))
        client.watch()
        other = network.connect(address, Listener())
        await self.counted(2, 2)
        client.close()
        other.close()
        await self.counted(0, 2)

    async def test_heartbeats(self):
        """A connection that is kept has another one for them."""
        network = ZmqNetwork(reactor, silence=0.4)
        self.addCleanup(network.close)
        ours = Listener()
        client = network.connect(self.bound(Echo()).address, ours)
        client.send([b"message"])
        await ours.until(received(1))
        client.watch()
        await self.counted(2, 2)

    async def test_strangers(self):
        """Who connects and never says anything right counts, and no longer once it is given up."""
        address = self.bound(Echo()).address
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as stranger:
            # That it was one of them may be over by the time that somebody looks.
            await self.counted(0, 1)
            stranger.close()
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as stranger:
            stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
            await self.counted(1, 2)
        await self.counted(0, 2)

    async def test_ours_count_for_those_who_listen(self):
        """What the network connects to elsewhere is none of its clients."""
        other = ZmqNetwork(reactor)
        self.addCleanup(other.close)
        ours = Listener()
        self.connected(other.bind(TCP, Echo()).address, ours).send([b"message"])
        await ours.until(received(1))
        self.assertEqual((self.network.connections, other.connections), (0, 0))

    async def test_closed(self):
        """A channel that is closed has no clients, and leaves nothing of what counted them."""
        channel = self.bound(Echo())
        bare = self.raw_socket(zmq.DEALER)
        bare.connect(channel.address)
        await self.counted(1, 1)
        context = self.network.factory().context
        channel.close()
        self.assertEqual(self.network.connections, 0)
        self.assertTrue(context.closed)
        left = [reader for reader in reactor.getReaders() if isinstance(reader, Socket)]
        self.assertEqual(left, [])

    async def test_broken(self):
        """A socket that is replaced begins with no clients, and counts those that come back."""
        channel = self.bound(Echo(), self.reserved_address())
        bare = self.raw_socket(zmq.DEALER)
        bare.connect(channel.address)
        await self.counted(1, 1)
        channel._broken()
        self.assertEqual(self.network.connections, 0)
        await self.counted(1, 2)

    async def test_unasked(self):
        """Who has not asked pays for no monitor."""
        network = ZmqNetwork(reactor)
        self.addCleanup(network.close)
        self.assertIsNone(network.bind(TCP, Listener())._monitor)
        self.assertEqual((network.connections, network.accepted), (0, 0))


class Named(Listener):
    """Keeps who sent each message, as the channel has it at that moment."""

    def __init__(self):
        super().__init__()
        self.senders = []

    def message_received(self, channel, frames):
        self.senders.append(channel.sender)
        super().message_received(channel, frames)


class NamedEcho(Named, Echo):
    """Sends them back, too."""


class SenderTests(ChannelCase):
    def setUp(self):
        super().setUp()
        self.network = ZmqNetwork(reactor, name_peers=True)
        self.addCleanup(self.network.close)

    async def test_tcp(self):
        """A message over TCP comes from an IP address, and is whole all the same."""
        theirs, ours = NamedEcho(), Listener()
        channel = self.connected(self.bound(theirs).address, ours)
        sent = [[b"%d" % n, b"", b"x" * n] for n in range(300)]
        for frames in sent:
            channel.send(frames)
        await ours.until(received(len(sent)))
        self.assertEqual(ours.messages, sent)
        self.assertEqual({type(frame) for frames in theirs.messages for frame in frames}, {bytes})
        self.assertEqual(set(theirs.senders), {"127.0.0.1"})

    async def test_ipc(self):
        """One over a path comes from a user and a process of this machine."""
        theirs, ours = NamedEcho(), Listener()
        self.connected(self.bound(theirs, "ipc://*").address, ours).send([b"message"])
        await ours.until(received(1))
        self.assertEqual(theirs.senders, [f"localhost:{os.geteuid()}:{os.getegid()}:{os.getpid()}"])

    async def test_unasked(self):
        """Who has not asked is not told."""
        network = ZmqNetwork(reactor)
        self.addCleanup(network.close)
        theirs, ours = NamedEcho(), Listener()
        network.connect(network.bind(TCP, theirs).address, ours).send([b"message"])
        await ours.until(received(1))
        self.assertEqual(theirs.senders, [None])

    async def test_connected(self):
        """Nor is who connected: it knows where its messages come from."""
        ours = Named()
        self.connected(self.bound(Echo()).address, ours).send([b"message"])
        await ours.until(received(1))
        self.assertEqual(ours.senders, [None])
