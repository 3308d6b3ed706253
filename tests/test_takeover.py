"""Paths whose holders have died, and those that want them."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

import pycom_tx as pycom
from pycom_tx.nameserver.probes import Probes
from pycom_tx.nameserver.registry import Held, Record
from pycom_tx.testing import MemoryNetwork
from pycom_tx.zerojson.interfaces import IChannelListener, INetwork
from pycom_tx.zerojson.memory_channel import Unqueued
from tests.test_nameserver import NameServerCase
from tests.test_registry import RegistryCase

HOLDER = "tcp://box:1"
DENIED = "Service /one already registered on a different address"


@implementer(IChannelListener)
class Holder:
    """Whoever is at an address; counts what it is asked.

    :param reply: the frames that it answers everything with; None for silence.
    """

    def __init__(self, network, reply, address=HOLDER):
        self.asked = []
        self._reply = reply
        network.bind(address, self)

    def message_received(self, channel, frames):
        self.asked.append(frames[-1])
        if self._reply is not None:
            channel.send([*frames[: frames.index(b"") + 1], *self._reply])

    def not_sent(self, channel, frames, reason):
        """Nothing to do."""

    def peer_lost(self, channel, peer, reason):
        """Nothing to do."""


@implementer(INetwork)
class Abyss:
    """A network that ends in a cut cable: what is sent to some addresses waits for ever."""

    def __init__(self, clock):
        self.cut_off = set()
        self.asked = []
        self._reachable = MemoryNetwork(clock)

    def connect(self, address, listener):
        if address in self.cut_off:
            return Waiting(self.asked)
        return self._reachable.connect(address, listener)

    def close(self):
        """Nothing to do."""


class Waiting(Unqueued):
    """A channel that never connects.

    :param asked: what waits in any of them, for ever.
    """

    def __init__(self, asked):
        self._asked = asked

    def send(self, frames):
        self._asked.append(frames)

    def withdraw(self, frames):
        return True

    def close(self):
        """Nothing to do."""


class TakeoverCase(NameServerCase):
    def open_network(self):
        self.abyss = Abyss(self.clock)
        return MemoryNetwork(self.clock, beyond=self.abyss)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.network.close)
        self.register("/one", "com.a")
        self.clock.advance(5)

    def newcomer(self, address="tcp://box:2", *interfaces):
        """A registration of the same path from another address, on its way."""
        args = {"service": "/one", "address": address, "interfaces": interfaces or ["com.a"]}
        registered = self.component.invoke("register", args)
        self.settle()
        return registered

    def settle(self):
        """Let messages be exchanged."""
        self.clock.pump([0] * 10)

    def assertDenied(self, registered):
        error = self.failureResultOf(registered, pycom.AccessDenied).value
        self.assertEqual(str(error), DENIED)

    def assertHolds(self, address):
        """The path belongs to that address."""
        (record,) = self.invoke("list_services", service="/one")
        self.assertEqual(record["address"], address)


class HolderTests(TakeoverCase):
    def test_dead(self):
        """Where nothing answers at the holder's address, a newcomer gets the path."""
        with capturedLogs() as events:
            registered = self.newcomer()
        self.assertEqual(self.successResultOf(registered), {})
        self.assertHolds("tcp://box:2")
        self.assertIn(
            f"/one was at {HOLDER}, where nothing answers", [formatEvent(e) for e in events]
        )

    def test_in_a_hurry(self):
        """A newcomer that has little time does not take it from the holder."""
        Holder(self.network, [b"OK", b'{"code":4,"error":"what?"}'])
        self.addCleanup(setattr, self.network, "delivery", self.network.delivery)
        self.network.delivery = lambda frames: (0.3,)
        args = {"service": "/one", "interfaces": ["com.a"]}
        hurried = self.component.invoke("register", {**args, "address": "tcp://box:2"}, 0.25)
        patient = self.component.invoke("register", {**args, "address": "tcp://box:3"})
        self.clock.pump([0.1] * 20)
        self.failureResultOf(hurried, pycom.CallTimeout)
        self.assertDenied(patient)

    def test_busy(self):
        """A holder that takes the question and does not come to answer it keeps the path."""
        holder = Holder(self.network, None)
        registered = self.newcomer()
        self.clock.advance(1)
        self.settle()
        self.assertDenied(registered)
        self.assertHolds(HOLDER)
        self.assertEqual(len(holder.asked), 1)

    def test_cut_off(self):
        """A holder that takes no question for a second loses the path, and not before."""
        self.abyss.cut_off.add(HOLDER)
        registered = self.newcomer()
        self.clock.advance(0.75)
        self.assertNoResult(registered)
        self.clock.advance(0.25)
        self.settle()
        self.assertEqual(self.successResultOf(registered), {})
        self.assertHolds("tcp://box:2")

    def test_stood_still(self):
        """It does not where the nameserver itself stood still for that time, and cannot tell."""
        self.abyss.cut_off.add(HOLDER)
        registered = self.newcomer()
        self.clock.advance(2)
        self.settle()
        self.assertDenied(registered)
        registered = self.newcomer()
        self.clock.advance(1)
        self.settle()
        self.assertEqual(self.successResultOf(registered), {})

    def test_alive(self):
        """A holder that lives keeps the path."""
        Holder(self.network, [b"OK", b'{"code": 0, "result": null}'])
        self.assertDenied(self.newcomer())
        self.assertHolds(HOLDER)

    def test_any_answer(self):
        """Whatever a holder answers, it lives: an error, as services of PyCOM 0.6 give, or
        what is no answer at all."""
        for reply in (
            [b"OK", b'{"code": 4, "error": "Unsupported interface: org.pycom.probe"}'],
            [b"OK", b'{"code": 5, "error": "Authentication required"}'],
            [b"OK", b'{"code": 1, "error": "", "extensions": {"org.pycom.refused": {}}}'],
            [b"OK", b"rubbish"],
            [b"rubbish"],
        ):
            Holder(self.network, reply)
            self.assertDenied(self.newcomer())
            self.network.bound[HOLDER].close()
        self.assertHolds(HOLDER)

    def test_host(self):
        """A host keeps its path, and needs no token nor a session to be asked."""

        @pycom.interface("com.example.sessions", stateful=True)
        class Sessions:
            pass

        host = self.host(Sessions, service="/held", authentication="required")
        self.clock.advance(5)
        args = {"service": "/held", "address": "tcp://box:2", "interfaces": []}
        registered = self.component.invoke("register", args)
        self.settle()
        self.failureResultOf(registered, pycom.AccessDenied)
        (record,) = self.invoke("list_services", service="/held")
        self.assertEqual(record["address"], host.address)

    def test_fresh(self):
        """Who has registered within half a second is not asked, and keeps the path."""
        holder = Holder(self.network, None)
        self.register("/one", "com.a")
        self.clock.advance(0.25)
        self.assertDenied(self.newcomer())
        self.assertEqual(holder.asked, [])

    def test_renews_itself(self):
        """The holder itself is not asked: it renews."""
        holder = Holder(self.network, None)
        self.register("/one", "com.a")
        self.assertEqual(holder.asked, [])

    def test_told(self):
        """Who watches hears once of the change, and of other interfaces as well."""
        revision = self.invoke("resolve", interface="com.a")["revision"]
        watch = self.component.invoke("watch", {"interface": "com.a", "revision": revision})
        self.successResultOf(self.newcomer("tcp://box:2", "com.a"))
        (record,) = self.result(watch)["services"]
        self.assertEqual(record["address"], "tcp://box:2")


class RaceTests(TakeoverCase):
    def setUp(self):
        super().setUp()
        self.abyss.cut_off.add(HOLDER)

    def test_asked_once(self):
        """However many want the path, its holder is asked once at a time."""
        newcomers = [self.newcomer(f"tcp://box:{number}") for number in range(2, 10)]
        self.assertEqual(len(self.abyss.asked), 1)
        self.clock.advance(1)
        self.settle()
        self.assertEqual(len(self.abyss.asked), 1)
        for newcomer in newcomers:
            newcomer.addErrback(lambda failure: failure.trap(pycom.AccessDenied))

    def test_two(self):
        """Of two newcomers one gets the path."""
        first, second = self.newcomer("tcp://box:2"), self.newcomer("tcp://box:3")
        self.clock.advance(1)
        self.settle()
        self.assertEqual(self.successResultOf(first), {})
        self.assertDenied(second)
        self.assertHolds("tcp://box:2")

    def test_renews(self):
        """A holder that renews while it is asked keeps the path."""
        registered = self.newcomer()
        self.clock.advance(0.5)
        self.register("/one", "com.a")
        self.clock.advance(0.5)
        self.settle()
        self.assertDenied(registered)
        self.assertHolds(HOLDER)

    def test_leaves(self):
        """Where a holder leaves while it is asked, the newcomer gets the path."""
        registered = self.newcomer()
        self.clock.advance(0.5)
        self.invoke("unregister", service="/one", address=HOLDER)
        self.clock.advance(0.5)
        self.settle()
        self.assertEqual(self.successResultOf(registered), {})
        self.assertHolds("tcp://box:2")

    def test_leaves_while_it_is_busy(self):
        """So it does where the holder takes the question, and leaves."""
        self.abyss.cut_off.clear()
        Holder(self.network, None)
        registered = self.newcomer()
        self.invoke("unregister", service="/one", address=HOLDER)
        self.clock.advance(1)
        self.settle()
        self.assertEqual(self.successResultOf(registered), {})
        self.assertHolds("tcp://box:2")

    def test_expires(self):
        """Where a lease ends while its holder is asked, the newcomer gets the path."""
        self.clock.advance(54.5)
        registered = self.newcomer()
        self.clock.advance(0.5)
        self.assertEqual(self.listed(service="/one"), set())
        self.clock.advance(0.5)
        self.settle()
        self.assertEqual(self.successResultOf(registered), {})
        self.assertHolds("tcp://box:2")

    def test_gives_up(self):
        """A newcomer that does not wait for the answer leaves the others alone."""
        first, second = self.newcomer("tcp://box:2"), self.newcomer("tcp://box:3")
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.clock.advance(1)
        self.settle()
        self.assertEqual(len(self.abyss.asked), 1)
        self.assertEqual(self.successResultOf(second), {})

    def test_stops(self):
        """A nameserver that stops asks nobody any more."""
        registered = self.newcomer()
        self.result(self.nameserver.stopService())
        self.settle()
        self.failureResultOf(registered, pycom.ServiceNotAvailable)


class HostTests(NameServerCase):
    def test_service_that_died(self):
        """A service that is started elsewhere after it was killed has its path at once."""
        first = self.host(service="/com/example")
        self.clock.advance(5)
        # It is killed: it cannot say farewell.
        self.network.bound[first.address].close()
        second = self.host(service="/com/example")
        self.assertHolds(second)

    def test_service_that_was_out_of_reach(self):
        """A service that lost its path without having died gets it back when it is free."""
        first = self.host(service="/com/example")
        self.clock.advance(5)
        channel = self.network.bound.pop(first.address)
        second = self.host(service="/com/example")
        self.assertHolds(second)
        self.network.bound[first.address] = channel
        self.clock.pump([1] * 60)
        self.assertHolds(second)
        self.result(second.stopService())
        self.clock.pump([1] * 3)
        self.assertHolds(first)

    def assertHolds(self, host):
        """The path belongs to that host."""
        self.clock.pump([0] * 10)
        (record,) = self.invoke("list_services", service="/com/example")
        self.assertEqual(record["address"], host.address)


class RegistryTests(RegistryCase):
    """What the registry in memory does with a lease that is over."""

    def held(self, address="tcp://box:2"):
        """The error of a newcomer."""
        failed = self.registry.register(Record("/one", address, ("com.b",)))
        return self.failureResultOf(failed, Held).value

    def test_held(self):
        """A newcomer is told who holds the path, and since when that was not renewed."""
        record = self.register("/one", "com.a")
        self.clock.advance(10)
        held = self.held()
        self.assertEqual((held.holder, held.age, held.code), (record, 10, 5))
        self.register("/one", "com.a")
        self.assertEqual(self.held().age, 0)

    def test_instead_of(self):
        """A newcomer takes the holder's place, also among the providers."""
        self.register("/one", "com.a")
        held = self.held()
        record = Record("/one", "tcp://box:2", ("com.b",))
        self.assertIsNone(self.successResultOf(self.registry.register(record, held)))
        self.assertEqual(self.records(), {record})
        self.assertIsNone(self.locate("com.a"))
        self.assertEqual(self.locate("com.b"), record)
        self.clock.advance(60)
        self.assertEqual(self.counts(), (0, 0))

    def test_instead_of_whom(self):
        """A holder that has renewed since, or another, stays."""
        self.register("/one", "com.a")
        held = self.held()
        self.clock.advance(1)
        renewed = self.register("/one", "com.a")
        newcomer = Record("/one", "tcp://box:2", ("com.b",))
        self.failureResultOf(self.registry.register(newcomer, held), Held)
        self.assertEqual(self.records(), {renewed})
        self.unregister("/one")
        other = self.register("/one", "com.a", address="tcp://box:3")
        self.failureResultOf(self.registry.register(newcomer, held), Held)
        self.assertEqual(self.records(), {other})

    def test_instead_of_nobody(self):
        """Where the holder has gone since, the path is free."""
        self.register("/one", "com.a")
        held = self.held()
        self.unregister("/one")
        newcomer = Record("/one", "tcp://box:2", ("com.b",))
        self.successResultOf(self.registry.register(newcomer, held))
        self.assertEqual(self.records(), {newcomer})


class Unanswered:
    """A context that takes note of who is connected to, and connects to nobody."""

    def __init__(self):
        self.asked = []

    def connect(self, address, interface):
        self.asked.append(address)
        return self

    async def __aenter__(self):
        self.answer = Deferred()
        return self

    async def __aexit__(self, *_):
        pass

    def invoke(self, method, timeout):
        return self.answer


class ProbesTests(SynchronousTestCase):
    def setUp(self):
        self.probes = Probes(Clock(), limit=2)
        self.context = Unanswered()

    def test_limit(self):
        """No more than so many addresses are asked at once; others count as alive."""
        asked = [self.probes.alive(self.context, f"tcp://box:{number}") for number in (1, 2, 2)]
        self.assertIs(self.successResultOf(self.probes.alive(self.context, "tcp://box:3")), True)
        self.assertEqual(self.context.asked, ["tcp://box:1", "tcp://box:2"])
        self.context.answer.errback(pycom.CallTimeout("No reply", not_started=True))
        self.assertIs(self.successResultOf(asked[1]), False)
        self.assertIs(self.successResultOf(asked[2]), False)
        self.assertEqual(len(self.probes), 1)
        self.assertNoResult(asked[0])

    def test_cancelled(self):
        """Who does not want to know any more is not told, the others are."""
        first = self.probes.alive(self.context, "tcp://box:1")
        second = self.probes.alive(self.context, "tcp://box:1")
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.context.answer.callback(None)
        self.assertIs(self.successResultOf(second), True)
        self.assertEqual(len(self.probes), 0)

    def test_closed_too_early(self):
        """Where the asking ends too early, the holder counts as alive."""
        self.assertAlive(pycom.ConnectionClosed("The context is closed"))

    def test_address_that_is_none(self):
        """A holder at an address that cannot be asked counts as alive."""
        self.assertAlive(pycom.AddressError("Cannot connect to 'elsewhere'"))

    def assertAlive(self, error):
        asked = self.probes.alive(self.context, "tcp://box:1")
        self.context.answer.errback(error)
        self.assertIs(self.successResultOf(asked), True)
