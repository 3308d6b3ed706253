"""Contexts in programs that another loop runs than the reactor."""

from __future__ import annotations

import asyncio

from twisted.internet.asyncioreactor import AsyncioSelectorReactor

import pycom_tx as pycom
from pycom_tx.client.loops import check_driven
from tests.support import MemoryCase
from tests.test_reactor_stops import Stopping


class LoopTests(MemoryCase):
    def in_asyncio(self, function, *args, **options):
        """What a function gives that is called while a loop of asyncio runs."""

        async def main():
            return function(*args, **options)

        return asyncio.run(main())

    def test_asyncio(self):
        """Where a loop of asyncio runs and the reactor does not, nothing can be opened."""
        reactor = Stopping()
        reactor.running = False
        context = self.client_context(reactor=reactor)
        self.addCleanup(context.close)
        for open_ in (
            lambda: context.locate("com.foo.shop"),
            lambda: context.wait_for("com.foo.shop"),
            lambda: context.connect("tcp://127.0.0.1:1", "com.foo.shop"),
            lambda: pycom.ProxyContext(context).nameserver(),
        ):
            error = self.failure(self.in_asyncio(open_), pycom.ConfigurationError)
            self.assertIn("asyncioreactor.install(loop)", str(error))
        self.assertEqual(reactor.triggers, [])

    def test_before_the_reactor_runs(self):
        """What is opened before the reactor runs waits until it does."""
        reactor = Stopping()
        reactor.running = False
        check_driven(reactor)

    def test_driven_by_asyncio(self):
        """A reactor that asyncio drives need not have been started."""
        reactor = AsyncioSelectorReactor.__new__(AsyncioSelectorReactor)
        reactor.running = False
        self.in_asyncio(check_driven, reactor)

    def test_running(self):
        """Where the reactor runs another loop may run beside it."""
        self.in_asyncio(check_driven, Stopping())
