"""Clients that are interrupted, in processes of their own: their calls end at the services."""

import signal

from twisted.internet.defer import Deferred

import pycom_tx as pycom
from pycom_tx.client.context import NAMESERVER_ADDRESS
from tests.live.test_documents import ROOT, blocks_of
from tests.live.test_gateway import GatewayCase
from tests.live.test_http_client import HTTPClientCase
from tests.live.test_stopping import Script
from tests.live.test_twistd import ANY

CALLER = """
import sys

if "asyncio" in sys.argv:
    from twisted.internet import asyncioreactor

    asyncioreactor.install()

from twisted.internet.defer import Deferred
from twisted.internet.task import react

import pycom_tx as pycom


async def main(reactor):
    where, name, seconds = sys.argv[1:4]
    options = {"gateway" if where.startswith("http") else "nameserver": where}
    component = await pycom.Context(**options).locate("com.foo.busy")
    try:
        await component.invoke("wait", {"name": name, "seconds": float(seconds)}, timeout=600)
    except pycom.ServiceNotAvailable as error:
        print(type(error).__name__, error, flush=True)


react(main)
"""

RELAY = '''
import pycom_tx as pycom


@pycom.interface("com.foo.relay")
class Relay(pycom.Service):
    """Has others do its work, by a context that nobody closes."""

    @pycom.method
    async def wait(self, request, where: str, name: str):
        busy = await pycom.Context(where).locate("com.foo.busy")
        return await busy.invoke("wait", {"name": name}, timeout=600)
'''


NOTES = '''
from pathlib import Path

from twisted.internet.defer import Deferred

import pycom_tx as pycom


@pycom.interface("com.example.notes")
class Notes(pycom.Service):
    """Ponders until its client has had enough of it."""

    @pycom.method
    async def ponder(self, request, seconds):
        Path("started").touch()
        await Deferred()
'''


NEVER_RUN = """
import pycom_tx as pycom

context = pycom.ProxyContext("tcp://127.0.0.1:9")
located = context.locate("com.example.notes")
waiting = context.wait_for("com.example.notes")
print(located.result if located.called else "nothing")
"""


class NeverRunTests(GatewayCase):
    async def test_ends(self):
        """A program that waits for nothing, and runs no reactor, ends without a word."""
        client = Script(NEVER_RUN)
        self.addCleanup(client.kill)
        self.assertEqual((await client.output, client.status), ("nothing\n", 0))


class QuietTests(GatewayCase):
    """The client of the tutorial that ends without a traceback."""

    def client(self):
        text = (ROOT / "docs" / "tutorial.rst").read_text("utf-8")
        source = dict(blocks_of(text))["patient.py"].replace(NAMESERVER_ADDRESS, self.where)
        client = Script(source)
        self.addCleanup(client.kill)
        return client

    async def test_interrupted(self):
        """Ctrl-C is a status of its own, and no traceback."""
        self.write_module("quiet_notes", NOTES)
        self.where = self.nameserver_here()
        await self.registered("pycom-service", "-a", ANY, "-n", self.where, "quiet_notes")
        client = self.client()
        await self.file("started")
        client.signal(signal.SIGINT)
        self.assertEqual((await client.output, client.status), ("", 130))

    async def test_failing(self):
        """An error is a line."""
        self.where = self.nameserver_here()
        client = self.client()
        told = f"patient.py: Nobody provides com.example.notes, says the nameserver {self.where}\n"
        self.assertEqual((await client.output, client.status), (told, 1))


class InterruptedTests(HTTPClientCase):
    async def assertCancelled(self, where, name, *options, seconds=0):
        """A client that is interrupted while its call is in progress has it cancelled."""
        client = Script(CALLER, where, name, str(seconds), *options)
        self.addCleanup(client.kill)
        await self.file(f"{name}.started")
        client.signal(signal.SIGINT)
        told = "ConnectionClosed The reactor stopped; com.foo.busy.wait may have been executed\n"
        self.assertEqual(await client.output, told)
        await self.file(f"{name}.cancelled")

    async def test_cancelled(self):
        """The calls in flight of a client that is interrupted are cancelled, in any reactor."""
        await self.start()
        await self.assertCancelled(self.where, "first")
        await self.assertCancelled(self.where, "second", "asyncio")

    async def test_before_the_first_word(self):
        """So are those of a service that has not told yet what it knows."""
        await self.start()
        await self.assertCancelled(self.where, "first", seconds=1)
        await self.assertCancelled(self.where, "second", "asyncio", seconds=1)

    async def test_over_http(self):
        """So are those that were made through a gateway."""
        await self.start()
        await self.assertCancelled(self.url, "first")
        await self.assertCancelled(self.url, "second", "asyncio")

    async def test_services_first(self):
        """What a service calls goes on while the process waits for the service to stop."""
        await self.start()
        self.write_module("relay", RELAY)
        relay, address = await self.registered(
            *("pycom-service", "-a", ANY, "-n", self.where, "relay")
        )
        context = pycom.Context(self.where)
        self.addCleanup(context.close)
        component = await context.connect(address, "com.foo.relay")
        call = component.invoke("wait", {"where": self.where, "name": "first"}, timeout=60)
        await self.file("first.started")
        stopped = Deferred.fromCoroutine(relay.stop())
        await relay.wait_for("waits for 1 calls")
        (self.folder / "first").touch()
        self.assertEqual(await call, "first")
        self.assertStopped(relay, await stopped)
