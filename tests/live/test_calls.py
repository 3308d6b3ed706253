"""Many calls over real sockets."""

import shutil
import sys
import tempfile

from twisted.internet.utils import getProcessOutputAndValue

import pycom_tx as pycom
from tests.live.processes import ProcessCase

CALLS = 10_000
IN_FLIGHT = 100

CLIENT = f"""
import sys
if "asyncio" in sys.argv:
    from twisted.internet import asyncioreactor
    asyncioreactor.install()
from twisted.internet.task import react
from twisted.internet.defer import Deferred, gatherResults
import pycom_tx as pycom

async def caller(component, numbers):
    return [await component.echo(number=number) for number in numbers]

async def main(reactor):
    context = pycom.ProxyContext(sys.argv[1])
    async with context.locate("org.pycom.demo") as component:
        callers = [
            Deferred.fromCoroutine(caller(component, range(first, {CALLS}, {IN_FLIGHT})))
            for first in range({IN_FLIGHT})
        ]
        answers = await gatherResults(callers)
    numbers = sorted(answer["number"] for answers_ in answers for answer in answers_)
    print(type(reactor).__name__, numbers == list(range({CALLS})))

react(main)
"""


class ManyCallsTests(ProcessCase):
    async def check(self, address, *, asyncio=False):
        nameserver = self.nameserver_here()
        await self.registered(
            *("pycom-service", "-a", address, "-n", nameserver, "pycom_tx.apps.demo"),
            reactor_name="asyncio" if asyncio else None,
        )
        arguments = ["-c", CLIENT, nameserver, *(["asyncio"] if asyncio else [])]
        out, err, status = await getProcessOutputAndValue(sys.executable, arguments)
        self.assertEqual((err, status), (b"", 0))
        reactor_name, complete = out.decode().split()
        self.assertEqual(complete, "True")
        self.assertEqual(reactor_name == "AsyncioSelectorReactor", asyncio)

    async def test_tcp(self):
        """Ten thousand calls, a hundred in flight, all get their own replies."""
        await self.check("tcp://127.0.0.1:*")

    async def test_ipc(self):
        """So they do over a path of the file system."""
        # As short as it can be: such a path has about a hundred bytes.
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        await self.check(f"ipc://{folder}/s")

    async def test_asyncio(self):
        """So they do where both sides run in asyncio's event loop."""
        await self.check("tcp://127.0.0.1:*", asyncio=True)


BURSTS = """
import sys
from twisted.internet.task import react
from twisted.internet.defer import Deferred, gatherResults
import pycom_tx as pycom

async def main(reactor):
    def sockets():
        return [reader for reader in reactor.getReaders() if type(reader).__name__ == "Socket"]

    for _ in range(40):
        context = pycom.Context()
        async with context.connect(sys.argv[1], "org.pycom.demo") as component:
            calls = [component.invoke("echo", number) for number in range(20)]
            assert await gatherResults(calls) == list(range(20))
            assert sockets()
        assert not sockets()
    for _ in range(3):
        context = pycom.Context(sys.argv[2])
        async with context.locate("org.pycom.demo"):
            assert sockets()
        assert not sockets()

react(main)
"""

FORGETFUL = """
import sys
from twisted.internet.task import react
from twisted.internet.defer import Deferred
import pycom_tx as pycom

async def main(reactor):
    context = pycom.Context(sys.argv[1])
    component = await context.locate("org.pycom.demo")
    print(await component.invoke("echo", [1]))

react(main)
"""

STOPPED = """
import sys
from twisted.internet import reactor
import pycom_tx as pycom

def failed(failure):
    print(failure.type.__name__, failure.getErrorMessage())

def call(component):
    component.invoke("wait", timeout=60).addErrback(failed)
    reactor.callLater(0.2, reactor.stop)

pycom.Context().connect(sys.argv[1], "com.foo.slow").addCallback(call)
reactor.run()
"""

WAITING = """
import sys
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import react
import pycom_tx as pycom

async def main(reactor):
    try:
        await pycom.Context(sys.argv[1]).wait_for("com.foo.nobody")
    except pycom.ConnectionClosed as error:
        print(error, flush=True)

reactor.callLater(0.2, reactor.stop)
react(main)
"""

SLOW = """
from twisted.internet.defer import Deferred
import pycom_tx as pycom

@pycom.interface("com.foo.slow")
class Slow(pycom.Service):
    @pycom.method
    def wait(self, request):
        return Deferred()
"""


class EndingTests(ProcessCase):
    async def test_bursts(self):
        """Calls made at once on a new connection are answered, and nothing of it is left."""
        nameserver = self.nameserver_here()
        _, address = await self.registered(
            *("pycom-service", "-a", "tcp://127.0.0.1:*", "-n", nameserver, "pycom_tx.apps.demo")
        )
        ended = await getProcessOutputAndValue(sys.executable, ["-c", BURSTS, address, nameserver])
        self.assertEqual(ended, (b"", b"", 0))

    async def test_forgotten(self):
        """A program that closes nothing ends by itself, with nothing to say."""
        nameserver = self.nameserver_here()
        await self.registered(
            *("pycom-service", "-a", "tcp://127.0.0.1:*", "-n", nameserver, "pycom_tx.apps.demo")
        )
        ended = await getProcessOutputAndValue(sys.executable, ["-c", FORGETFUL, nameserver])
        self.assertEqual(ended, (b"[1]\n", b"", 0))

    async def test_stopped_in_the_middle(self):
        """When the reactor stops, a call in flight fails."""
        self.write_module("slow", SLOW)
        nameserver = self.nameserver_here()
        _, address = await self.registered(
            "pycom-service", "-a", "tcp://127.0.0.1:*", "-n", nameserver, "slow"
        )
        out, err, status = await getProcessOutputAndValue(sys.executable, ["-c", STOPPED, address])
        self.assertEqual((err, status), (b"", 0))
        self.assertTrue(out.startswith(b"ConnectionClosed The reactor stopped; "), out)

    async def test_stopped_while_it_waits(self):
        """Who waits for a provider when the reactor stops is told, also without a nameserver."""
        nameserver = self.nameserver_here()
        for where in nameserver, "tcp://127.0.0.1:9":
            ended = await getProcessOutputAndValue(sys.executable, ["-c", WAITING, where])
            self.assertEqual(
                ended, (b"The reactor stopped: nobody looks for com.foo.nobody any more\n", b"", 0)
            )

    async def test_killed(self):
        """When a service is killed, a call in flight fails without waiting for its timeout."""
        self.write_module("slow", SLOW)
        nameserver = self.nameserver_here()
        process, address = await self.registered(
            "pycom-service", "-v", "-a", "tcp://127.0.0.1:*", "-n", nameserver, "slow"
        )
        component = await self.client(nameserver).locate("com.foo.slow")
        context = pycom.Context()
        self.addCleanup(context.close)
        plain = await context.connect(address, "com.foo.slow")
        calls = [component.wait(), plain.invoke("wait", timeout=1000)]
        await plain.introspect()
        await process.kill()
        for call in calls:
            with self.assertRaisesRegex(pycom.ServiceNotAvailable, f"to {address} broke"):
                await call
