"""The registry in memory: what it holds, for how long, and at what cost."""

import gc
import sys
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass, verifyObject

from pycom_tx import AccessDenied
from pycom_tx.nameserver.registry import IRegistry, MemoryRegistry, Record


class RegistryCase(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.registry = self.build()

    def build(self, **options):
        """A registry that is closed at the end, when it must leave nothing on the clock."""
        registry = MemoryRegistry(self.clock, **options)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(registry.close)
        return registry

    def register(self, service, *interfaces, address="tcp://box:1"):
        record = Record(service, address, interfaces)
        self.assertIsNone(self.successResultOf(self.registry.register(record)))
        return record

    def locate(self, interface, service=None):
        return self.successResultOf(self.registry.locate(interface, service))

    def unregister(self, service, address="tcp://box:1"):
        return self.successResultOf(self.registry.unregister(service, address))

    def records(self):
        return set(self.successResultOf(self.registry.records()))

    def counts(self):
        counts = self.successResultOf(self.registry.counts())
        return counts["services"], counts["interfaces"]


class MemoryRegistryTests(RegistryCase):
    def test_interface(self):
        """It is a registry."""
        verifyClass(IRegistry, MemoryRegistry)
        verifyObject(IRegistry, self.registry)

    def test_empty(self):
        """Nothing is there at first, and nothing is to be found."""
        self.assertEqual(self.counts(), (0, 0))
        self.assertEqual(self.records(), set())
        self.assertIsNone(self.locate("com.example"))
        self.assertIsNone(self.locate("com.example", "/one"))

    def test_found_by_each_interface(self):
        """A service is found by each interface that it provides, and by no other."""
        record = self.register("/one", "com.a", "com.b")
        self.assertEqual(self.locate("com.a"), record)
        self.assertEqual(self.locate("com.b"), record)
        self.assertIsNone(self.locate("com.c"))
        self.assertEqual(self.counts(), (1, 2))

    def test_found_by_name(self):
        """With a path only the service there will do, if it provides the interface."""
        one = self.register("/one", "com.a")
        two = self.register("/two", "com.a", "com.b")
        self.assertEqual(self.locate("com.a", "/one"), one)
        self.assertEqual(self.locate("com.a", "/two"), two)
        self.assertIsNone(self.locate("com.b", "/one"))
        self.assertIsNone(self.locate("com.a", "/three"))

    def test_any_provider(self):
        """Each provider of an interface is found now and then."""
        records = {self.register(f"/{number}", "com.a") for number in range(3)}
        self.register("/other", "com.b")
        self.assertEqual({self.locate("com.a") for _ in range(200)}, records)

    def test_held_by_another_address(self):
        """A path that is held is refused to another address, and its holder stays."""
        record = self.register("/one", "com.a")
        error = self.failureResultOf(
            self.registry.register(Record("/one", "tcp://other:1", ("com.b",))), AccessDenied
        ).value
        self.assertEqual(str(error), "Service /one already registered on a different address")
        self.assertEqual(self.records(), {record})
        self.assertIsNone(self.locate("com.b"))

    def test_replaced(self):
        """Registering again replaces the interfaces."""
        self.register("/one", "com.a", "com.b")
        record = self.register("/one", "com.b", "com.c")
        self.assertEqual(self.records(), {record})
        self.assertIsNone(self.locate("com.a"))
        self.assertEqual(self.locate("com.b"), record)
        self.assertEqual(self.locate("com.c"), record)
        self.assertEqual(self.counts(), (1, 2))

    def test_without_interfaces(self):
        """A service may provide nothing."""
        record = self.register("/one")
        self.assertEqual(self.records(), {record})
        self.assertEqual(self.counts(), (1, 0))
        self.assertTrue(self.unregister("/one"))

    def test_unregistered(self):
        """A service that is struck off is not found any more, and its path is free."""
        self.register("/one", "com.a")
        two = self.register("/two", "com.a")
        self.assertIs(self.unregister("/one"), True)
        self.assertEqual({self.locate("com.a") for _ in range(20)}, {two})
        self.assertIs(self.unregister("/two"), True)
        self.assertIsNone(self.locate("com.a"))
        self.assertEqual(self.counts(), (0, 0))
        self.register("/one", "com.b", address="tcp://other:1")

    def test_nothing_to_unregister(self):
        """A service that is not registered, or at another address, is not struck off."""
        record = self.register("/one", "com.a")
        self.assertIs(self.unregister("/two"), False)
        self.assertIs(self.unregister("/one", "tcp://other:1"), False)
        self.assertEqual(self.records(), {record})

    def test_expires(self):
        """A service that is not renewed is gone after 60 seconds, and its path is free."""
        self.register("/one", "com.a")
        self.clock.advance(59)
        self.assertEqual(self.counts(), (1, 1))
        self.clock.advance(1)
        self.assertEqual(self.counts(), (0, 0))
        self.assertIsNone(self.locate("com.a"))
        self.assertIsNone(self.locate("com.a", "/one"))
        self.register("/one", "com.a", address="tcp://other:1")

    def test_renewed(self):
        """Registering again starts the lease anew, for that service only."""
        one = self.register("/one", "com.a")
        self.register("/two", "com.a")
        for _ in range(5):
            self.clock.advance(30)
            self.register("/one", "com.a")
        self.assertEqual(self.records(), {one})

    def test_lease(self):
        """The length of the lease can be chosen."""
        self.registry = self.build(lease=5)
        self.register("/one", "com.a")
        self.clock.advance(4.5)
        self.assertEqual(self.counts(), (1, 1))
        self.clock.advance(0.5)
        self.assertEqual(self.counts(), (0, 0))

    def test_closed(self):
        """A registry that is closed holds nothing."""
        self.register("/one", "com.a")
        self.registry.close()
        self.assertEqual(self.counts(), (0, 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_log(self):
        """What comes, changes, goes and expires is logged; a renewal is not."""
        with capturedLogs() as events:
            self.register("/one", "com.a")
            self.register("/one", "com.a")
            self.register("/one", "com.a", "com.b")
            self.unregister("/one")
            self.register("/two", "com.a")
            self.clock.advance(60)
        self.assertEqual(
            [formatEvent(event) for event in events],
            [
                "/one at tcp://box:1 provides com.a",
                "/one at tcp://box:1 provides com.a, com.b",
                "/one is gone",
                "/two at tcp://box:1 provides com.a",
                "/two was not renewed and has expired",
            ],
        )


SERVICES = st.sampled_from(["/one", "/two", "/three", "/four"])
ADDRESSES = st.sampled_from(["tcp://box:1", "tcp://box:2"])
INTERFACES = st.lists(st.sampled_from(["com.a", "com.b", "com.c"]), unique=True).map(tuple)


class ChangesTests(RegistryCase):
    def changes(self, revision=None):
        """Which paths came and went since a revision, and the one that is now."""
        found = self.successResultOf(self.registry.changes(revision))
        return [record.service for record in found.services], found.gone, found.revision

    def test_order(self):
        """Changes come in the order that they happened in, each service once."""
        _, _, first = self.changes()
        for service in "/one", "/two", "/three":
            self.register(service, "com.a")
        self.register("/one", "com.b")
        self.unregister("/two")
        came, gone, _ = self.changes(first)
        self.assertEqual((came, gone), (["/three", "/one"], ("/two",)))

    def test_forgotten(self):
        """Who has missed more changes than are remembered is told of all services."""
        self.registry = self.build(remembered=3)
        self.register("/0", "com.a")
        _, _, revision = self.changes()
        for number in 1, 2, 3:
            self.register(f"/{number}", "com.a")
        self.assertEqual(self.changes(revision)[:2], (["/1", "/2", "/3"], ()))
        self.register("/4", "com.a")
        self.assertEqual(self.changes(revision)[:2], ([f"/{n}" for n in range(5)], None))

    def test_closed(self):
        """A registry that was closed and is used again knows no revision from before."""
        self.register("/one", "com.a")
        _, _, revision = self.changes()
        self.registry.close()
        self.register("/two", "com.a")
        self.assertEqual(self.changes(revision)[:2], (["/two"], None))

    def test_cost(self):
        """What has changed costs the same however many services there are."""
        costs = []
        for services in 10, 2000:
            self.registry = self.build()
            for number in range(services):
                self.register(f"/{number}", "com.a")
            _, _, revision = self.changes()
            self.register("/new", "com.a")
            costs.append(count_calls(partial(self.registry.changes, revision)))
            self.registry.close()
        self.assertEqual(costs[0], costs[1])


class Model(RuleBasedStateMachine):
    """A registry beside a dict of when each record expires, which it has to agree with."""

    def __init__(self):
        super().__init__()
        self.case = SynchronousTestCase()
        self.clock = Clock()
        self.registry = MemoryRegistry(self.clock)
        self.leases = {}
        self.events = dict.fromkeys(("registered", "unregistered", "expired", "taken_over"), 0)

    def providers(self, interface):
        return {record for record in self.leases if interface in record.interfaces}

    def named(self, service):
        return next((record for record in self.leases if record.service == service), None)

    @rule(record=st.builds(Record, SERVICES, ADDRESSES, INTERFACES), insists=st.booleans())
    def register(self, record, insists):
        held = self.named(record.service)
        registered = self.registry.register(record)
        if held is not None and held.address != record.address:
            refused = self.case.failureResultOf(registered, AccessDenied).value
            if not insists:
                return
            registered = self.registry.register(record, refused)
            self.events["taken_over"] += 1
        self.case.successResultOf(registered)
        self.events["registered"] += held is None
        self.leases.pop(held, None)
        self.leases[record] = self.clock.seconds() + 60

    @rule(service=SERVICES, address=ADDRESSES)
    def unregister(self, service, address):
        held = self.named(service)
        gone = self.case.successResultOf(self.registry.unregister(service, address))
        assert gone == (held is not None and held.address == address)
        if gone:
            del self.leases[held]
            self.events["unregistered"] += 1

    @rule(seconds=st.integers(1, 70))
    def advance(self, seconds):
        self.clock.advance(seconds)
        now = self.clock.seconds()
        before = len(self.leases)
        self.leases = {record: end for record, end in self.leases.items() if end > now}
        self.events["expired"] += before - len(self.leases)

    @rule(interface=st.sampled_from(["com.a", "com.b", "com.c"]), service=SERVICES)
    def locate_by_name(self, interface, service):
        expected = self.providers(interface) & {self.named(service)}
        found = self.case.successResultOf(self.registry.locate(interface, service))
        assert found == next(iter(expected), None)

    @rule(interface=st.sampled_from(["com.a", "com.b", "com.c"]))
    def locate(self, interface):
        found = self.case.successResultOf(self.registry.locate(interface, None))
        assert found in (self.providers(interface) or {None})

    @invariant()
    def same_records(self):
        records = list(self.case.successResultOf(self.registry.records()))
        assert set(records) == set(self.leases)
        assert len(records) == len(self.leases)

    @invariant()
    def same_counts(self):
        counts = self.case.successResultOf(self.registry.counts())
        provided = {name for record in self.leases for name in record.interfaces}
        there_are = {"services": len(self.leases), "interfaces": len(provided)}
        assert counts == {**there_are, **self.events}

    @invariant()
    def one_timer(self):
        assert len(self.clock.getDelayedCalls()) == bool(self.leases)

    def teardown(self):
        self.registry.close()
        assert self.clock.getDelayedCalls() == []


class ModelTests(SynchronousTestCase):
    def test_model(self):
        """Whatever is done in whatever order, it holds what it should."""
        run_state_machine_as_test(Model, settings=settings(deadline=None, max_examples=60))


class CountedPath(str):
    """A path whose comparisons are calls that can be counted."""

    __slots__ = ()

    def __eq__(self, other):
        return str.__eq__(self, other)

    def __hash__(self):
        return str.__hash__(self)


def count_calls(function):
    """How many functions, of Python and of C, *function* calls in the end."""
    calls = 0

    def profile(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    gc.disable()  # what it calls is not the function's doing
    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(before)
        gc.enable()
    return calls


class CostTests(RegistryCase):
    """The work that each operation does, counted in calls: a walk over all services, in a
    loop or in a search, would show as calls for each of them."""

    def fill(self, size):
        """Start again with *size* services that provide the same interface."""
        self.registry.close()
        for number in range(size):
            self.register(CountedPath(f"/{number}"), "com.a")

    def assertSameCost(self, operation, prepare=lambda _: None):
        """*operation* does as much with ten services as with two thousand.

        It gets a number that is another each time. The least of some tries counts: drawing
        a random number takes a few tries itself, now and then.
        """
        costs = []
        for size in 10, 2000:
            self.fill(size)
            tries = []
            for number in range(8):
                prepare(number)
                tries.append(count_calls(partial(operation, number)))
            costs.append(min(tries))
        self.assertEqual(costs[0], costs[1])

    def new(self, number):
        return Record(CountedPath(f"/new/{number}"), "tcp://box:1", ("com.a",))

    def test_the_count_shows_a_walk(self):
        """The measure used here tells an operation that walks over all services."""
        costs = []
        for size in 10, 2000:
            self.fill(size)
            costs.append(count_calls(self.registry.records))
        self.assertGreater(costs[1] - costs[0], 1900)

    def test_register(self):
        """Registering does the same work however many services there are."""
        self.assertSameCost(lambda number: self.registry.register(self.new(number)))

    def test_renew(self):
        """Renewing does the same work however many services there are."""
        record = Record(CountedPath("/5"), "tcp://box:1", ("com.a",))
        self.assertSameCost(lambda _: self.registry.register(record))

    def test_replace(self):
        """Registering other interfaces does the same work however many there are."""
        record = Record(CountedPath("/5"), "tcp://box:1", ("com.a",))

        def replace(_):
            self.registry.register(Record(CountedPath("/5"), "tcp://box:1", ("com.b",)))

        self.assertSameCost(replace, lambda _: self.registry.register(record))

    def test_locate(self):
        """Locating any provider does the same work however many there are."""
        self.assertSameCost(lambda _: self.registry.locate("com.a", None))

    def test_locate_by_name(self):
        """Locating one service does the same work however many there are."""
        self.assertSameCost(lambda _: self.registry.locate("com.a", CountedPath("/5")))

    def test_unregister(self):
        """Striking off does the same work however many services there are."""
        self.assertSameCost(
            lambda number: self.registry.unregister(CountedPath(f"/new/{number}"), "tcp://box:1"),
            lambda number: self.registry.register(self.new(number)),
        )

    def test_expire(self):
        """The end of a lease does the same work however many services live on."""
        costs = []
        for size in 10, 2000:
            self.registry.close()
            self.register(CountedPath("/first"), "com.a")
            self.clock.advance(1)
            for number in range(size):
                self.register(CountedPath(f"/{number}"), "com.a")
            costs.append(count_calls(partial(self.clock.advance, 59)))
            self.assertEqual(self.counts(), (size, 1))
        self.assertEqual(costs[0], costs[1])

    def test_one_timer(self):
        """One timer watches over any number of leases."""
        self.fill(100)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.fill(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
