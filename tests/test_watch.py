"""Finding all providers of an interface, and waiting for them to change."""

from contextlib import ExitStack

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom
from pycom_tx.nameserver.watches import Watches
from tests.test_nameserver import NameServerCase
from tests.test_registry import count_calls


class WatchCase(NameServerCase):
    def resolve(self, interface="com.a", **args):
        """The records that are found, by their paths, and the revision."""
        found = self.invoke("resolve", interface=interface, **args)
        self.assertEqual(set(found), {"services", "revision", "gone"})
        self.assertIsNone(found["gone"])
        return {record["service"]: record for record in found["services"]}, found["revision"]

    def watch(self, interface="com.a", **args):
        """A call of watch that has arrived; its client is patient."""
        watch = self.component.invoke("watch", {"interface": interface, **args}, 60)
        self.clock.advance(0)
        self.addCleanup(watch.addErrback, lambda failure: failure.trap(CancelledError))
        self.addCleanup(watch.cancel)
        return watch

    def found(self, watch):
        """The paths that a call of watch is answered with, and the revision."""
        found = self.result(watch)
        return {record["service"] for record in found["services"]}, found["revision"]


class ResolveTests(WatchCase):
    def test_all(self):
        """All services that provide an interface are found, with all that is known of them."""
        one = self.register("/one", "com.a", "com.b")
        two = self.register("/two", "com.a", address="tcp://box:2")
        self.register("/three", "com.c")
        self.assertEqual(self.resolve()[0], {"/one": one, "/two": two})
        self.assertEqual(self.resolve("com.b")[0], {"/one": one})

    def test_nobody(self):
        """An interface that nobody provides is no error."""
        services, revision = self.resolve("com.b")
        self.assertEqual(services, {})
        self.assertIsInstance(revision, str)

    def test_by_path(self):
        """A path narrows it down to one, or none; null is no path."""
        one = self.register("/one", "com.a")
        two = self.register("/two", "com.a")
        self.register("/three", "com.b")
        _, revision = self.resolve()
        self.assertEqual(self.resolve(service="/two"), ({"/two": two}, revision))
        self.assertEqual(self.resolve(service="/three"), ({}, revision))
        self.assertEqual(self.resolve(service=None)[0], {"/one": one, "/two": two})

    def test_wrong_arguments(self):
        """Arguments of the wrong kind are refused with code 4, by name."""
        for name, args in (
            ("interface", {"interface": ""}),
            ("interface", {"interface": 1}),
            ("service", {"interface": "com.a", "service": ""}),
            ("service", {"interface": "com.a", "service": ["/one"]}),
        ):
            self.assertIn(f"'{name}'", self.refused(pycom.BadRequest, "resolve", **args))


class WatchTests(WatchCase):
    def test_unknown_revision(self):
        """Without a revision, and with one that it does not know, a call is answered as
        resolve answers it."""
        self.register("/one", "com.a")
        _, revision = self.resolve()
        for args in {}, {"revision": None}, {"revision": ""}, {"revision": "another"}:
            self.assertEqual(self.found(self.watch(**args)), ({"/one"}, revision))

    def test_changed_before(self):
        """What has changed since the revision is answered at once."""
        _, revision = self.resolve()
        self.register("/one", "com.a")
        services, later = self.found(self.watch(revision=revision))
        self.assertEqual(services, {"/one"})
        self.assertNotEqual(later, revision)

    def test_comes(self):
        """A service that comes is told."""
        _, revision = self.resolve()
        watch = self.watch(revision=revision)
        self.assertNoResult(watch)
        self.register("/one", "com.a")
        self.assertEqual(self.found(watch), ({"/one"}, self.resolve()[1]))

    def test_goes(self):
        """A service that is struck off is told."""
        self.register("/one", "com.a")
        self.register("/two", "com.a")
        watch = self.watch(revision=self.resolve()[1])
        self.invoke("unregister", service="/one", address="tcp://box:1")
        self.assertEqual(self.found(watch)[0], {"/two"})

    def test_expires(self):
        """Services that are not renewed are told, all that expire together at once."""
        for service in "/one", "/two", "/three":
            self.register(service, "com.a")
        self.clock.advance(30)
        self.register("/three", "com.a")
        self.clock.advance(29)
        watch = self.watch(revision=self.resolve()[1])
        self.clock.advance(1)
        self.assertEqual(self.found(watch)[0], {"/three"})

    def test_provides_something_else(self):
        """A service that provides other interfaces now is told to who waits for those it
        did, and for those it does."""
        self.register("/one", "com.a", "com.b")
        watches = [
            self.watch(name, revision=self.resolve(name)[1]) for name in ("com.a", "com.b", "com.c")
        ]
        self.register("/one", "com.b", "com.c")
        self.assertEqual([self.found(watch)[0] for watch in watches], [set(), {"/one"}, {"/one"}])

    def test_renewal(self):
        """A renewal that changes nothing is told to nobody, and the revision stays."""
        self.register("/one", "com.a")
        _, revision = self.resolve()
        watch = self.watch(revision=revision)
        self.register("/one", "com.a")
        self.clock.advance(0)
        self.assertNoResult(watch)
        self.assertEqual(self.resolve()[1], revision)

    def test_other_interface(self):
        """Who waits for one interface is not told of others, whose revision stays."""
        self.register("/one", "com.a")
        _, revision = self.resolve()
        watch = self.watch(revision=revision)
        self.register("/two", "com.b")
        self.assertNoResult(watch)
        self.assertEqual(self.resolve()[1], revision)

    def test_timeout(self):
        """After the timeout it is answered that nothing has changed."""
        self.register("/one", "com.a")
        _, revision = self.resolve()
        watch = self.watch(revision=revision, timeout=7)
        self.clock.advance(6.5)
        self.assertNoResult(watch)
        self.clock.advance(0.5)
        self.assertEqual(self.found(watch), ({"/one"}, revision))

    def test_longest_timeout(self):
        """Nobody waits for more than 25 seconds."""
        _, revision = self.resolve()
        watches = [self.watch(revision=revision)]
        watches += [
            self.watch(revision=revision, timeout=timeout) for timeout in (25, 1e9, float("inf"))
        ]
        self.clock.advance(24)
        for watch in watches:
            self.assertNoResult(watch)
        self.clock.advance(1)
        for watch in watches:
            self.assertEqual(self.found(watch), (set(), revision))

    def test_no_timeout(self):
        """A timeout of 0 asks without waiting."""
        _, revision = self.resolve()
        watch = self.watch(revision=revision, timeout=0)
        self.assertEqual(self.found(watch), (set(), revision))

    def test_wrong_arguments(self):
        """Arguments of the wrong kind are refused with code 4, by name."""
        for name, value in (
            ("interface", ""),
            ("interface", 1),
            ("revision", 1),
            ("timeout", -1),
            ("timeout", "1"),
            ("timeout", None),
            ("timeout", float("nan")),
        ):
            args = {"interface": "com.a", name: value}
            self.assertIn(f"'{name}'", self.refused(pycom.BadRequest, "watch", **args))

    def test_many(self):
        """All who wait for an interface are told of each change once."""
        _, revision = self.resolve()
        watches = [self.watch(revision=revision) for _ in range(5)]
        self.register("/one", "com.a")
        answers = [self.found(watch) for watch in watches]
        self.assertEqual(answers, [({"/one"}, self.resolve()[1])] * 5)
        again = self.watch(revision=answers[0][1])
        self.clock.advance(20)
        self.assertNoResult(again)

    def test_burst(self):
        """Changes that arrive together are told together."""
        _, revision = self.resolve()
        watch = self.watch(revision=revision)
        for number in range(100):
            args = {"service": f"/{number}", "address": "tcp://box:1", "interfaces": ["com.a"]}
            self.component.invoke("register", args)
        self.assertEqual(
            self.found(watch), ({f"/{number}" for number in range(100)}, self.resolve()[1])
        )

    def test_restarted(self):
        """Who knows a revision of a nameserver that was restarted is answered at once, also
        where nobody provides the interface, and where as much has happened as before."""
        self.register("/one", "com.a")
        before = {name: self.resolve(name) for name in ("com.a", "com.b")}
        self.result(self.nameserver.stopService())
        self.host(
            pycom.NameServer(reactor=self.clock),
            address="tcp://127.0.0.1:2012",
            nameserver="local",
            service="/org/pycom/nameserver",
        )
        self.register("/one", "com.a")
        for name, (services, revision) in before.items():
            paths, later = self.found(self.watch(name, revision=revision))
            self.assertEqual(paths, set(services))
            self.assertNotEqual(later, revision)

    def test_client_that_leaves(self):
        """A call that its client cancels is over at the nameserver, too."""
        _, revision = self.resolve()
        watch = self.watch(revision=revision)
        (nameserver,) = self.nameserver._components
        self.assertEqual(len(nameserver._watches), 1)
        watch.cancel()
        self.failureResultOf(watch, CancelledError)
        self.clock.pump([0, 0])
        self.assertEqual(len(nameserver._watches), 0)


class EverythingTests(WatchCase):
    """Without an interface, resolve and watch tell of all services."""

    def everything(self):
        """All paths but the nameserver's own, and the revision."""
        found = self.invoke("resolve")
        self.assertIsNone(found["gone"])
        return self.paths(found), found["revision"]

    def paths(self, found):
        return {record["service"] for record in found["services"]} - {"/org/pycom/nameserver"}

    def changes(self, watch):
        """What has come, what has gone, and the revision."""
        found = self.result(watch)
        return self.paths(found), found["gone"], found["revision"]

    def test_resolve(self):
        """All services are found, whatever they provide; a path narrows it down."""
        self.assertEqual(self.everything()[0], set())
        one = self.register("/one", "com.a", "com.b")
        self.register("/two")
        self.assertEqual(self.everything()[0], {"/one", "/two"})
        self.assertEqual(self.invoke("resolve", service="/one")["services"], [one])

    def test_first(self):
        """Without a revision, all is answered at once; null is no interface."""
        self.register("/one", "com.a")
        for args in {}, {"interface": None}, {"revision": None}:
            watch = self.component.invoke("watch", args)
            self.assertEqual(self.changes(watch), ({"/one"}, None, self.everything()[1]))

    def test_changes(self):
        """Whatever happens is told, and nothing but that."""
        self.register("/one", "com.a")
        _, revision = self.everything()
        watch = self.watch(None, revision=revision)
        self.register("/one", "com.a")  # a renewal
        self.clock.advance(0)
        self.assertNoResult(watch)
        self.register("/two", "com.b")
        came, gone, revision = self.changes(watch)
        self.assertEqual((came, gone), ({"/two"}, []))
        watch = self.watch(None, revision=revision)
        self.register("/two", "com.c")
        came, gone, revision = self.changes(watch)
        self.assertEqual((came, gone), ({"/two"}, []))
        watch = self.watch(None, revision=revision)
        self.invoke("unregister", service="/one", address="tcp://box:1")
        self.assertEqual(self.changes(watch), (set(), ["/one"], self.everything()[1]))

    def test_no_interface(self):
        """A service that provides nothing is told as well."""
        _, revision = self.everything()
        watch = self.watch(None, revision=revision)
        self.register("/one")
        self.assertEqual(self.changes(watch)[0], {"/one"})

    def test_missed(self):
        """Who was away for some changes is told of all of them, and how each ended."""
        _, revision = self.everything()
        self.register("/one", "com.a")
        self.register("/two", "com.a")
        self.invoke("unregister", service="/one", address="tcp://box:1")
        came, gone, _ = self.changes(self.watch(None, revision=revision))
        self.assertEqual((came, gone), ({"/two"}, ["/one"]))

    def test_timeout(self):
        """After the timeout it is answered that nothing has changed."""
        self.register("/one", "com.a")
        _, revision = self.everything()
        watch = self.watch(None, revision=revision, timeout=7)
        self.clock.advance(7)
        self.assertEqual(self.changes(watch), (set(), [], revision))

    def test_unknown_revision(self):
        """Who knows a revision that nobody remembers, or that never was, is told of all."""
        self.register("/one", "com.a")
        _, now = self.everything()
        incarnation, _, number = now.rpartition(".")
        for revision in (
            f"{'0' * 16}.{number}",
            f"{incarnation}.{int(number) + 1}",
            f"{incarnation}.{'9' * 5000}",
            f"{incarnation}.-1",
            f"{incarnation}.\u0661",
            incarnation,
            "",
        ):
            watch = self.watch(None, revision=revision)
            self.assertEqual(self.changes(watch), ({"/one"}, None, now))


class LeavingTests(SynchronousTestCase):
    """Calls of watch that end early, on a nameserver without a network."""

    def setUp(self):
        self.clock = Clock()
        self.nameserver = pycom.NameServer(reactor=self.clock)
        self.nameserver.startService()
        self.register("/one")
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(self.nameserver.stopService)

    def call(self, method, **args):
        request = pycom.Request("org.pycom.nameserver", method.__name__, args)
        return Deferred.fromCoroutine(method(request, **args))

    def register(self, service):
        args = {"service": service, "address": "tcp://box:1", "interfaces": ["com.a"]}
        self.successResultOf(self.call(self.nameserver.register, **args))

    def watch(self):
        """A call that waits."""
        found = self.successResultOf(self.call(self.nameserver.resolve, interface="com.a"))
        watch = self.call(self.nameserver.watch, interface="com.a", revision=found.revision)
        self.assertNoResult(watch)
        return watch

    def assertNobodyWaits(self):
        """Only the timer of the registrations is left."""
        self.assertEqual(len(self.nameserver._watches), 0)
        self.assertEqual(self.nameserver._watches._waiting, {})
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_cancelled(self):
        """A call that is cancelled leaves nothing behind, and the others go on."""
        first, second = self.watch(), self.watch()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertNoResult(second)
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.assertNobodyWaits()

    def test_cancelled_by_another(self):
        """One that is cancelled because another is answered is only cancelled."""
        watches = [self.watch() for _ in range(2)]
        watches[0].addCallback(lambda _: watches[1].cancel())
        watches[1].addCallback(lambda _: watches[0].cancel())
        self.register("/two")
        self.clock.advance(0)
        for watch in watches:
            watch.addErrback(lambda failure: failure.trap(CancelledError))
            self.successResultOf(watch)
        self.assertNobodyWaits()

    def test_cancelled_after_the_change(self):
        """A call that is cancelled before it hears of a change is only cancelled."""
        watch = self.watch()
        self.register("/two")
        watch.cancel()
        self.failureResultOf(watch, CancelledError)
        self.clock.advance(0)
        self.assertNobodyWaits()

    def test_answered(self):
        """An answer leaves nothing behind, be it a change or the end of its time."""
        watch = self.watch()
        self.register("/two")
        self.clock.advance(0)
        self.successResultOf(watch)
        self.assertNobodyWaits()
        watch = self.watch()
        self.clock.advance(25)
        self.successResultOf(watch)
        self.assertNobodyWaits()

    def test_stopped(self):
        """A nameserver that stops answers everybody with what it knows."""
        watches = [self.watch() for _ in range(3)]
        self.register("/two")
        self.nameserver.stopService()
        for watch in watches:
            self.assertEqual(len(self.successResultOf(watch).services), 2)
        self.assertEqual(len(self.nameserver._watches), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopping(self):
        """A nameserver that will stop once its calls have ended answers everybody."""
        watch = self.watch()
        self.nameserver.stopping()
        self.assertEqual(len(self.successResultOf(watch).services), 1)

    def test_too_late(self):
        """A nameserver that is about to stop lets nobody wait."""
        self.nameserver.stopping()
        for _ in range(2):
            found = self.successResultOf(self.call(self.nameserver.resolve, interface="com.a"))
            args = {"interface": "com.a", "revision": found.revision}
            watch = self.call(self.nameserver.watch, **args)
            self.assertEqual(self.successResultOf(watch), found)

    def test_started_again(self):
        """A nameserver that is started again lets wait again."""
        self.nameserver.stopService()
        self.nameserver.startService()
        self.register("/one")
        watch = self.watch()
        self.register("/two")
        self.clock.advance(0)
        self.assertEqual(len(self.successResultOf(watch).services), 2)


class WatchesTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.watches = Watches(self.clock, limit=2)

    def test_limit(self):
        """No more than so many wait at once; others need not."""
        with self.watches.open("com.a") as first:
            with self.watches.open("com.b"), self.watches.open("com.a") as third:
                self.successResultOf(third)
                self.assertNoResult(first)
            with self.watches.open("com.a") as another:
                self.assertNoResult(another)

    def test_one_timer(self):
        """There is a timer while somebody has to be told, and only then."""
        self.watches.changed(["com.a"])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        with self.watches.open("com.a") as change:
            self.watches.changed(["com.b"])
            self.assertEqual(self.clock.getDelayedCalls(), [])
            self.watches.changed(["com.a"])
            self.watches.changed(["com.a", "com.b"])
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)
            self.assertNoResult(change)
            self.clock.advance(0)
            self.successResultOf(change)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cost(self):
        """A change costs the same however many wait for other interfaces."""
        costs = []
        for others in 10, 2000:
            watches = Watches(self.clock, limit=3000)
            with ExitStack() as stack:
                for number in range(others):
                    stack.enter_context(watches.open(f"com.other{number}"))
                stack.enter_context(watches.open("com.a"))

                def change(watches=watches):
                    watches.changed(["com.a"])
                    watches._answer()

                costs.append(count_calls(change))
                self.clock.advance(0)
        self.assertEqual(costs[0], costs[1])
