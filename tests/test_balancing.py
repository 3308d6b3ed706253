"""Which of several providers gets a call."""

from __future__ import annotations

from collections import Counter

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

import pycom_tx as pycom
from pycom_tx.client.balancing import IBalancer, LeastLoaded, Random, RoundRobin, balancer
from pycom_tx.client.providers import LONGEST_PAUSE, MEMORY, Provider, Providers
from tests.support import MemoryCase


class Busy:
    """A provider that has so much to do."""

    def __init__(self, address, load=0):
        self.address = address
        self.load = load


class BalancerTests(SynchronousTestCase):
    """The balancers that there are."""

    def chosen(self, balancing, providers, times=300):
        return Counter(balancing.choose(providers).address for _ in range(times))

    def test_interface(self):
        """All of them are balancers, and known by their names."""
        for name, kind in (
            ("least-loaded", LeastLoaded),
            ("round-robin", RoundRobin),
            ("random", Random),
        ):
            self.assertIsInstance(balancer(name), kind)
            verifyObject(IBalancer, balancer(name))
        own = Random()
        self.assertIs(balancer(own), own)

    def test_unknown(self):
        """A name that is none is refused, with those that there are."""
        error = self.assertRaises(ValueError, balancer, "fair")
        self.assertIn("'least-loaded', 'round-robin', 'random' or an IBalancer", str(error))

    def test_one(self):
        """Where there is one, it gets every call."""
        for name in ("least-loaded", "round-robin", "random"):
            self.assertEqual(self.chosen(balancer(name), [Busy("a")]), {"a": 300})

    def test_least_loaded(self):
        """The busiest of three gets nothing, and equal ones share."""
        providers = [Busy("a"), Busy("b"), Busy("c", 1)]
        chosen = self.chosen(LeastLoaded(), providers)
        self.assertEqual(sorted(chosen), ["a", "b"])

    def test_round_robin(self):
        """Each in its turn, in whatever order they are given."""
        providers = [Busy("b"), Busy("c"), Busy("a")]
        balancing = RoundRobin()
        turns = [balancing.choose(providers[::-1]).address for _ in range(6)]
        self.assertEqual(turns[:3], turns[3:])
        self.assertEqual(sorted(turns), ["a", "a", "b", "b", "c", "c"])

    def test_random(self):
        """Any of them, whatever they have to do."""
        chosen = self.chosen(Random(), [Busy("a", 9), Busy("b"), Busy("c")])
        self.assertEqual(sorted(chosen), ["a", "b", "c"])


@implementer(IBalancer)
class First:
    """Chooses the first by address."""

    def choose(self, providers):
        return min(providers, key=lambda provider: provider.address)


class ProvidersTests(MemoryCase):
    """``Providers``."""

    def setUp(self):
        super().setUp()
        self.providers = Providers(self.context.connections)
        self.addCleanup(self.providers.close)
        self.providers.update([("/a", "tcp://127.0.0.1:1"), ("/b", "tcp://127.0.0.1:2")])

    def choose(self, *tried):
        chosen = self.providers.choose(First(), list(tried))
        return None if chosen is None else chosen.service

    def provider(self, path) -> Provider:
        return next(known for known in self.providers if known.service == path)

    def test_choose(self):
        """One that was tried is not chosen again; where all were, there is none."""
        self.assertEqual(self.choose(), "/a")
        self.assertEqual(self.choose(self.provider("/a")), "/b")
        self.assertIs(self.choose(*self.providers), None)

    def test_pause(self):
        """One that fails is left alone, for longer each time, up to a limit."""
        failing = self.provider("/a")
        pauses = []
        for _ in range(20):
            failing.failed(pycom.ServiceNotAvailable("gone"))
            pauses.append(failing.pause_ends - self.clock.seconds())
            self.assertEqual(self.choose(), "/b")
            self.clock.advance(pauses[-1])
            self.assertEqual(self.choose(), "/a")
        self.assertLess(pauses[0], 0.2)
        self.assertLess(pauses[2], pauses[5])
        self.assertLessEqual(max(pauses), LONGEST_PAUSE * 1.25)
        failing.succeeded()
        failing.failed(pycom.ServiceNotAvailable("gone"))
        self.assertLess(failing.pause_ends - self.clock.seconds(), 0.2)

    def test_pause_of_all(self):
        """Where all have failed, the one whose pause ends first is tried."""
        self.provider("/b").failed(pycom.ServiceNotAvailable("gone"))
        self.clock.advance(0.05)
        for _ in range(3):
            self.provider("/a").failed(pycom.ServiceNotAvailable("gone"))
        self.assertEqual(self.choose(), "/b")

    def test_together(self):
        """Calls that fail together count once, and one whose time was over does not."""
        failing = self.provider("/a")
        for _ in range(20):
            failing.failed(pycom.ServiceNotAvailable("gone"))
        self.assertLess(failing.pause_ends, 0.2)
        other = self.provider("/b")
        other.failed(pycom.CallTimeout("over"))
        self.assertEqual(other.pause_ends, 0)

    def test_refused(self):
        """One that refuses is left alone as long as it says, and no longer each time."""
        refusing = self.provider("/a")
        for _ in range(9):
            refusing.failed(pycom.Overloaded("full", 2))
        self.assertGreaterEqual(refusing.pause_ends, 1.5)
        self.assertLessEqual(refusing.pause_ends, 2.5)

    def test_update(self):
        """Those that stay keep their connections; those that leave do for a while."""
        stays, leaves = self.provider("/a"), self.provider("/b")
        for provider in (stays, leaves):
            provider.connection()
        self.assertEqual(self.context.connections.users, 2)
        self.providers.update([("/a", "tcp://127.0.0.1:1"), ("/c", "tcp://127.0.0.1:3")])
        self.assertEqual(self.context.connections.users, 2)
        self.assertIs(self.provider("/a"), stays)
        self.assertIn(leaves, self.providers)
        self.assertNotIn("/b", {self.choose(), self.choose(stays)})
        self.clock.advance(MEMORY)
        self.assertNotIn(leaves, self.providers)
        self.assertEqual(self.context.connections.users, 1)
        self.assertEqual([stays in self.providers, len(self.providers)], [True, 2])

    def test_load(self):
        """One that was never called has nothing to do, as far as is known."""
        provider = self.provider("/a")
        self.assertEqual(provider.load, 0)
        client = provider.connection().client
        for _ in range(5):
            client.call(pycom.Request("a", "b"), 1).addErrback(lambda _: None)
        self.assertEqual(provider.load, 5)
        self.clock.advance(0)
