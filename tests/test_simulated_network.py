"""The network of a simulation, and what becomes of the processes in it."""

from __future__ import annotations

import random

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

import pycom_tx as pycom
from pycom_tx.testing import Faults, Process, SimulatedNetwork, Simulation
from pycom_tx.zerojson.interfaces import IChannel, INetwork
from tests.test_memory_channel import Listener

ADDRESS = "tcp://server:2013"


class ChannelCase(SynchronousTestCase):
    """A bound and a connected channel, in processes of their own; a message takes 0.1 s."""

    def setUp(self):
        self.clock = Clock()
        self.faults = Faults(delay=(0.1, 0.1))
        self.network = SimulatedNetwork(self.clock, random.Random(1), self.faults)
        self.processes = {name: Process(name, self.clock) for name in ("client", "server")}
        self.client, self.server = Listener(), Listener()
        self.bound = self.on("server").bind(ADDRESS, self.server)
        self.connected = self.on("client").connect(ADDRESS, self.client)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(self.close)

    def close(self):
        for process in self.processes.values():
            self.network.of(process).close()
            self.assertEqual(self.network.left(process), [])
        self.clock.advance(100)

    def on(self, name):
        return self.network.of(self.processes[name])

    def known(self):
        """Connect; gives the name by which the bound channel knows the other."""
        self.connected.send([b"hello"])
        self.pass_(0.2)
        return self.server.received.pop()[0]

    def pass_(self, seconds):
        """Let time pass in small steps: what arrives may send."""
        self.clock.pump([0.05] * round(seconds / 0.05 + 1))

    def crash(self, name):
        self.processes[name].die()
        self.network.close(self.processes[name])


class ChannelTests(ChannelCase):
    """A connection that works."""

    def test_interfaces(self):
        """The network and its channels are what they say."""
        verifyObject(INetwork, self.on("client"))
        for channel in (self.bound, self.connected):
            verifyObject(IChannel, channel)
            self.assertIs(self.successResultOf(channel.flushed()), None)
        self.assertIs(self.bound.withdraw([b"1"]), False)
        self.bound.watch()

    def test_both_ways(self):
        """A message arrives with its sender's name, by which an answer finds its way."""
        peer = self.known()
        self.assertIs(self.connected.offer([b"ping"]), True)
        self.pass_(0.1)
        self.assertEqual(self.server.received, [[peer, b"ping"]])
        self.assertIs(self.bound.offer([peer, b"pong"]), True)
        self.pass_(0.1)
        self.assertEqual(self.client.received, [[b"pong"]])

    def test_connecting(self):
        """What waits for the connection can be withdrawn, and what has left cannot."""
        first, second = [b"1"], [b"2"]
        self.connected.send(first)
        self.connected.send(second)
        self.assertIs(self.connected.withdraw(first), True)
        self.assertIs(self.connected.withdraw(first), False)
        self.pass_(0.2)
        self.assertIs(self.connected.withdraw(second), False)
        self.assertEqual([frames[1:] for frames in self.server.received], [[b"2"]])

    def test_order(self):
        """Messages of one connection arrive in order, those of several in any."""
        self.faults.delay = (0.0, 1.0)
        channels = [self.connected, self.on("client").connect(ADDRESS, Listener())]
        sent = [(channel, b"%d" % number) for number in range(20) for channel in (0, 1)]
        for channel, number in sent:
            channels[channel].send([number])
        self.pass_(3)
        arrived = self.server.received
        self.assertEqual(len(arrived), 40)
        for peer in {frames[0] for frames in arrived}:
            numbers = [frames[1] for frames in arrived if frames[0] == peer]
            self.assertEqual(numbers, [b"%d" % number for number in range(20)])
        self.assertNotEqual([frames[1] for frames in arrived], [number for _, number in sent])

    def test_nobody(self):
        """What is sent to an address where nobody listens has not left."""
        nowhere = self.on("client").connect("tcp://nowhere:1", self.client)
        nowhere.send([b"1"])
        self.pass_(0.1)
        self.assertEqual(self.client.unsent, [([b"1"], "Nothing answers at tcp://nowhere:1")])

    def test_closed(self):
        """A closed channel takes nothing and is told nothing."""
        peer = self.known()
        self.bound.send([peer, b"1"])
        self.connected.close()
        self.connected.close()
        self.assertRaises(pycom.ConnectionClosed, self.connected.send, [b"1"])
        self.assertIs(self.connected.offer([b"1"]), False)
        self.bound.send([peer, b"2"])
        self.assertEqual(len(self.server.unsent), 1)
        self.pass_(0.2)
        self.assertEqual((self.client.received, self.server.lost), ([], []))
        self.bound.close()
        self.assertRaises(pycom.ConnectionClosed, self.bound.send, [peer, b"1"])
        self.assertIs(self.bound.offer([peer, b"1"]), False)

    def test_addresses(self):
        """An address is bound once, a port is found where none is named."""
        self.assertRaises(pycom.AddressError, self.on("client").bind, ADDRESS, self.server)
        found = {self.on("server").bind("tcp://server:*", self.server).address for _ in range(3)}
        self.assertEqual(len(found), 3)


class FaultTests(ChannelCase):
    """One that does not."""

    def test_loss(self):
        """A lost message vanishes without a word."""
        self.known()
        self.faults.loss = 1.0
        self.connected.send([b"1"])
        self.pass_(100)
        self.assertEqual((self.server.received, self.client.lost), ([], []))
        self.assertEqual(self.network.counts["lost"], 1)

    def test_duplication(self):
        """A doubled one arrives twice."""
        peer = self.known()
        self.faults.duplication = 1.0
        self.connected.send([b"1"])
        self.pass_(0.1)
        self.assertEqual(self.server.received, [[peer, b"1"]] * 2)

    def test_breaks(self):
        """One that breaks the connection may arrive; its end does, in either direction."""
        for sender in ("client", "server"):
            peer = self.known()
            self.faults.breaks = 1.0
            if sender == "client":
                self.connected.send([b"1"])
            else:
                self.bound.send([peer, b"1"])
            self.faults.breaks = 0.0
            self.connected.send([b"too late"])
            self.pass_(0.3)
            reason = f"The connection to {ADDRESS} broke: it was closed there"
            self.assertEqual(self.client.lost.pop(), (b"", reason))
            self.server.received.clear()
        self.assertEqual(self.server.lost, [])

    def test_disconnected(self):
        """Who loses the connection makes another with the next message."""
        peer = self.known()
        self.network.disconnect("server", "somebody")
        self.network.disconnect("server", "client")
        self.network.disconnect("server")
        self.pass_(0.2)
        self.assertEqual(len(self.client.lost), 1)
        self.assertNotEqual(self.known(), peer)

    def test_server_crashes(self):
        """Clients of one that crashed learn of it, and that nobody is there any more."""
        self.known()
        self.crash("server")
        self.pass_(0.2)
        self.assertEqual(len(self.client.lost), 1)
        self.connected.send([b"1"])
        self.pass_(0.1)
        self.assertEqual(len(self.client.unsent), 1)

    def test_client_crashes(self):
        """A server is not told that a client is gone, and its answer does not leave."""
        peer = self.known()
        self.crash("client")
        self.pass_(0.2)
        self.assertEqual(self.server.lost, [])
        self.bound.send([peer, b"1"])
        self.assertEqual(len(self.server.unsent), 1)

    def test_dead(self):
        """The dead say nothing and hear nothing, and nobody can tell them so."""
        peer = self.known()
        self.bound.send([peer, b"1"])
        network = self.on("client")
        self.crash("client")
        self.connected.send([b"1"])
        network.connect(ADDRESS, self.client).send([b"1"])
        network.bind("tcp://client:1", self.client)
        self.crash("server")
        self.bound.send([peer, b"1"])
        self.pass_(10)
        self.assertEqual((self.client.received, self.client.unsent), ([], []))
        self.assertEqual(self.network.bound, {})


class PartitionTests(ChannelCase):
    """Nothing gets from one group to another."""

    def part(self):
        self.network.partition([["client"]])

    def heal(self):
        self.network.partition([])

    def test_vanishes(self):
        """What is under way and what is sent vanishes, both ways."""
        peer = self.known()
        self.connected.send([b"1"])
        self.part()
        self.bound.send([peer, b"2"])
        self.pass_(100)
        self.heal()
        self.pass_(1)
        self.assertEqual((self.server.received, self.client.received), ([], []))
        self.assertEqual(self.client.lost, [])

    def test_silence(self):
        """A peer that knows heartbeats is lost when it is silent for too long."""
        self.known()
        self.connected.watch()
        self.part()
        self.pass_(1.4)
        self.assertEqual(self.client.lost, [])
        self.pass_(0.2)
        reason = f"The connection to {ADDRESS} broke: no heartbeat was answered for 1.5 s"
        self.assertEqual(self.client.lost, [(b"", reason)])

    def test_not_silent_for_long(self):
        """It is not, if it is heard again in time."""
        self.known()
        self.part()
        self.connected.watch()
        self.pass_(1.0)
        self.heal()
        self.part()
        self.pass_(1.0)
        self.heal()
        self.pass_(10)
        self.assertEqual(self.client.lost, [])
        self.known()

    def test_no_connection(self):
        """A connection that cannot be made is given up after two seconds."""
        self.part()
        self.connected.send([b"1"])
        self.pass_(1.9)
        self.assertEqual(self.client.unsent, [])
        self.pass_(0.2)
        self.assertEqual(len(self.client.unsent), 1)

    def test_connection_in_time(self):
        """It is made if that becomes possible before."""
        self.part()
        self.connected.send([b"1"])
        self.pass_(1)
        self.heal()
        self.pass_(0.3)
        self.assertEqual(len(self.server.received), 1)

    def test_crash(self):
        """That a peer has crashed is known as soon as it could be heard again."""
        self.known()
        self.part()
        self.crash("server")
        self.pass_(10)
        self.assertEqual(self.client.lost, [])
        self.heal()
        self.pass_(0.2)
        self.assertEqual(len(self.client.lost), 1)


@pycom.interface("com.foo.shop")
class Shop(pycom.Service):
    """Remembers what was asked."""

    def __init__(self):
        self.asked = 0

    @pycom.method
    def ask(self, request):
        self.asked += 1
        return self.asked

    @pycom.method
    def wait(self, request):
        return Deferred()


class SimulationTests(SynchronousTestCase):
    """``Simulation``."""

    def setUp(self):
        self.simulation = Simulation()
        self.addCleanup(self.simulation.abandon)
        self.simulation.nameserver()

    def shop(self, components=(Shop,)):
        """A component of a shop that was started."""
        self.simulation.host("shop", components)
        self.client = self.simulation.context("client")
        return self.simulation.run(self.client.wait_for("com.foo.shop"))

    def left(self):
        return str(self.assertRaises(AssertionError, self.simulation.close))

    def test_nothing_left(self):
        """Whoever closes what was opened hears nothing."""
        shop = self.shop()
        self.assertEqual(self.simulation.run(shop.invoke("ask")), 1)
        self.simulation.close()

    def test_restart(self):
        """A class is made an instance of at each start, an instance survives."""
        for components, expected in (([Shop], 1), ([Shop()], 2), (lambda _: [Shop()], 1)):
            self.simulation.close()
            self.simulation = Simulation()
            self.simulation.nameserver()
            shop = self.shop(components)
            self.assertEqual(self.simulation.run(shop.invoke("ask")), 1)
            self.simulation.crash("shop")
            host = self.simulation.restart("shop")
            self.assertIs(self.simulation.processes["shop"].host, host)
            self.simulation.advance(5)
            self.assertEqual(self.simulation.run(shop.invoke("ask")), expected)

    def test_crash(self):
        """What a process that crashed was about to do it never does."""
        shop = self.shop()
        call = shop.invoke("wait")
        self.simulation.processes["client"].clock.callLater(1, self.fail, "too late")
        self.simulation.crash("client")
        self.simulation.advance(100)
        self.assertNoResult(call)
        self.simulation.close()
        self.failureResultOf(call, pycom.ConnectionClosed)

    def test_crash_of_a_service(self):
        """Its registration ends with its lease."""
        self.shop()
        self.simulation.crash("shop")
        self.simulation.close()

    def test_stop(self):
        """A host stops as an operator stops it, and can be started again."""
        shop = self.shop()
        self.simulation.run(self.simulation.stop("shop"))
        self.assertNotIn("shop", self.simulation.processes)
        self.simulation.restart("shop")
        self.simulation.advance(5)
        self.assertEqual(self.simulation.run(shop.invoke("ask")), 1)

    def test_stop_and_crash(self):
        """One that crashes while it stops is started anew, and goes on."""
        shop = self.shop()
        self.simulation.run(shop.invoke("ask"))
        stopped = self.simulation.stop("shop")
        self.simulation.crash("shop")
        self.simulation.restart("shop")
        self.simulation.advance(100)
        self.assertNoResult(stopped)
        self.assertIn("shop", self.simulation.processes)

    def test_wrong(self):
        """A process has a name of its own, and only a host can be stopped."""
        self.shop()
        error = self.assertRaises(ValueError, self.simulation.context, "client")
        self.assertEqual(str(error), "client runs already")
        self.assertRaises(ValueError, self.simulation.restart, "shop")
        error = self.assertRaises(ValueError, self.simulation.stop, "client")
        self.assertEqual(str(error), "client has no host")

    def test_run(self):
        """``run`` gives what a Deferred fires with, raises its error, or gives up."""
        self.assertEqual(self.simulation.run(succeed(5)), 5)
        found = self.simulation.context("client").locate("com.foo.shop")
        self.assertRaises(pycom.ServiceNotFound, self.simulation.run, found)
        error = self.assertRaises(AssertionError, self.simulation.run, Deferred(), within=5)
        self.assertIn("did not fire within 5 s", str(error))

    def test_timers_left(self):
        """Timers that are left at the end are named."""
        process = self.simulation.context("client").connections.clock
        process.callLater(1000, self.fail)
        self.simulation.clock.callLater(2000, print)
        message = self.left()
        self.assertIn("client: a timer for", message)
        self.assertIn("a timer for print at 2000 s", message)

    def test_connections_left(self):
        """So are addresses and connections."""
        process = Process("other", self.simulation.clock)
        self.simulation.processes["other"] = process
        network = self.simulation.network.of(process)
        network.bind("tcp://other:1", Listener())
        network.connect("tcp://other:1", Listener())
        message = self.left()
        self.assertIn("other: tcp://other:1 is bound", message)
        self.assertIn("other: a connection to tcp://other:1", message)

    def test_registrations_left(self):
        """And so are services that are registered and not there."""
        record = {"service": "/ghost", "address": "tcp://ghost:1", "interfaces": ["com.foo.ghost"]}
        nameserver = self.simulation.processes["nameserver"]

        def haunt():
            nameserver.host.context.open_nameserver().invoke("register", record)

        nameserver.clock.callLater(30, haunt)
        self.assertIn("/ghost is registered at tcp://ghost:1", self.left())

    def test_random(self):
        """Afterwards the module ``random`` goes on as if nothing had been."""
        random.seed(5)
        expected = random.Random(5).random()
        simulation = Simulation()
        random.random()
        simulation.close()
        self.assertEqual(random.random(), expected)
        simulation.close()
        self.assertNotEqual(random.random(), expected)
