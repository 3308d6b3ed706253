"""Services that are stopped while they are busy, and services that are flooded."""

import contextlib  # trial takes a name "suppress" here for its own
import json
import os
import signal
import sys

import zmq
from twisted.internet import error, reactor
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

import pycom_tx as pycom
from pycom_tx.zerojson.extensions import SILENCE
from tests.live.processes import LOOK_AGAIN
from tests.live.test_twistd import ANY, CommandCase

SERVICE = '''
import re
import time
from pathlib import Path

from twisted.internet import error, reactor
from twisted.internet.task import deferLater

import pycom_tx as pycom


@pycom.interface("com.foo.busy")
class Busy(pycom.Service):
    def __init__(self):
        self.working = 0

    @pycom.method
    async def work(self, request, number):
        """Work until there is a file called done."""
        self.working += 1
        while not Path("done").exists():
            await deferLater(reactor, 0.01)
        return number

    @pycom.method
    async def sleep(self, request):
        await deferLater(reactor, 0.01)

    @pycom.method
    def at_work(self, request):
        return self.working

    @pycom.method(blocking=True)
    def block(self, request):
        self.working += 1
        while not Path("done").exists():
            time.sleep(0.01)

    @pycom.method(attachments=(None, "blob"), results=("blob",))
    async def large(self, request):
        """As many bytes as no buffer of the system has room for, once there is a file done."""
        await self.work(request, 1)
        return bytes(1 << 26)

    @pycom.method
    def echo(self, request, value):
        return value

    @pycom.method(attachments=("blob", None))
    def size(self, request, blob):
        return len(blob)

    @pycom.method
    def memory(self, request):
        """The most that this process ever had in memory, in MiB."""
        return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
'''

CALLER = """
import sys
from twisted.internet.defer import Deferred
from twisted.internet.task import react
import pycom_tx as pycom

async def main(reactor):
    async with pycom.Context() as context:
        component = await context.connect(sys.argv[1], "com.foo.busy")
        response = await component.call(pycom.Request("com.foo.busy", "large"), timeout=60)
        print(len(response.attachment))

react(main)
"""

CALL = '{"version":"1.0","interface":"com.foo.busy","method":"%s","args":%s}'


class Script(ProcessProtocol):
    """A program in a process of its own.

    .. attribute:: output

        Deferred firing with what it has printed, when it has ended.

    .. attribute:: status

        The exit status then.
    """

    def __init__(self, source, *arguments):
        self.output = Deferred()
        self.status = None
        self._printed = b""
        program = [sys.executable, "-c", source, *arguments]
        reactor.spawnProcess(self, sys.executable, program, env=os.environ)

    def signal(self, number):
        self.transport.signalProcess(number)

    def kill(self):
        with contextlib.suppress(error.ProcessExitedAlready):
            self.signal(signal.SIGKILL)

    def outReceived(self, data):
        self._printed += data

    def errReceived(self, data):
        self.outReceived(data)

    def processEnded(self, reason):
        self.status = reason.value.exitCode
        self.output.callback(self._printed.decode("utf-8"))


class BusyCase(CommandCase):
    async def serve(self, *options, **more):
        """A service that is registered, its process, and a component of it."""
        self.write_module("busy", SERVICE)
        self.where = self.nameserver_here()
        service, self.address = await self.registered(
            *("pycom-service", "-a", ANY, "-n", self.where, *options, "busy"), **more
        )
        return service, await self.connected()

    async def connected(self):
        context = pycom.Context(self.where)
        self.addCleanup(context.close)
        return await context.connect(self.address, "com.foo.busy")

    async def calls(self, component, count):
        """Calls that are in progress."""
        calls = [component.invoke("work", {"number": n}, timeout=60) for n in range(count)]
        while await component.invoke("at_work") < count:
            await deferLater(reactor, 0)
        return calls

    async def closed_address(self):
        """Wait until nobody listens there any more."""
        host, _, port = self.address.removeprefix("tcp://").rpartition(":")
        while True:
            try:
                protocol = await TCP4ClientEndpoint(reactor, host, int(port)).connect(
                    Factory.forProtocol(Protocol)
                )
            except error.ConnectionRefusedError:
                return
            protocol.transport.loseConnection()
            await deferLater(reactor, LOOK_AGAIN)

    def signal(self, process, number=signal.SIGTERM):
        os.kill(int(process.pid_file.read_text("ascii")), number)

    def raw(self, **options):
        """A socket of 0MQ, without any of ours; it is closed at the end."""
        context = zmq.Context()
        self.addCleanup(context.destroy, linger=0)
        client = context.socket(zmq.DEALER)
        client.setsockopt(zmq.RCVTIMEO, 20_000)
        client.setsockopt(zmq.SNDTIMEO, 20_000)
        for name, value in options.items():
            client.setsockopt(getattr(zmq, name), value)
        client.connect(self.address)
        return client


class DrainTests(BusyCase):
    async def test_all_are_answered(self):
        """On SIGTERM calls in progress are answered, others refused; then the service ends."""
        service, component = await self.serve()
        calls = await self.calls(component, 50)
        self.signal(service)
        await service.wait_for("waits for 50 calls, 30 s at most")
        self.assertEqual(list(await self.services(self.where)), ["/org/pycom/nameserver"])
        await self.assertFailure(component.invoke("echo", {"value": 1}, timeout=20), pycom.Refused)
        (self.folder / "done").touch()
        self.assertEqual(await gatherResults(calls), list(range(50)))
        self.assertStopped(service, await service.end())
        self.assertNotIn("cuts off", service.log)

    async def test_large_answers(self):
        """Answers leave before the socket is closed, also large ones."""
        self.write_module(
            "large",
            "from twisted.internet import reactor\n"
            "from twisted.internet.task import deferLater\n"
            "import pycom_tx as pycom\n"
            "@pycom.interface('com.foo.large')\n"
            "class Large(pycom.Service):\n"
            "    @pycom.method(attachments=(None, 'blob'), results=('blob',))\n"
            "    async def get(self, request):\n"
            "        request.progress('started')\n"
            "        await deferLater(reactor, 0.2)\n"
            "        return bytes(1 << 24)\n",
        )
        self.where = self.nameserver_here()
        service, address = await self.registered(
            *("pycom-service", "-a", ANY, "-n", self.where, "large")
        )
        context = pycom.Context(self.where)
        self.addCleanup(context.close)
        component = await context.connect(address, "com.foo.large")
        started = []
        calls = [
            component.call(pycom.Request("com.foo.large", "get"), 60, on_progress=started.append)
            for _ in range(4)
        ]
        while len(started) < 4:
            await deferLater(reactor, 0.01)
        self.signal(service)
        for response in await gatherResults(calls):
            self.assertEqual(len(response.attachment), 1 << 24)
        self.assertStopped(service, await service.end())

    async def test_slow_reader(self):
        """An answer stays under way for a client that takes its time."""
        service, component = await self.serve()
        client = Script(CALLER, self.address)
        self.addCleanup(client.kill)
        while await component.invoke("at_work") < 1:
            await deferLater(reactor, 0)
        client.signal(signal.SIGSTOP)
        (self.folder / "done").touch()
        self.signal(service)
        await self.closed_address()
        # Longer than any patience with a peer that has only closed.
        await deferLater(reactor, 2 * SILENCE)
        self.assertFalse(service.ended)
        client.signal(signal.SIGCONT)
        self.assertEqual(await client.output, f"{1 << 26}\n")
        self.assertStopped(service, await service.end())

    async def test_blocking_method(self):
        """A method that blocks is left behind when the time to drain is over."""
        service, component = await self.serve("--drain=0.3")
        call = component.invoke("block", timeout=60)
        while await component.invoke("at_work") < 1:
            await deferLater(reactor, 0)
        self.signal(service)
        self.assertStopped(service, await service.end())
        self.assertIn("leaves 1 methods that block", service.log)
        await self.assertFailure(call, pycom.ServiceNotAvailable)

    async def test_time_over(self):
        """When the time to drain is over, what is not answered is cut off."""
        service, component = await self.serve("--drain=0.3")
        calls = await self.calls(component, 3)
        self.signal(service)
        self.assertStopped(service, await service.end())
        self.assertIn("cuts off 3 calls", service.log)
        for succeeded, result in await DeferredList(calls, consumeErrors=True):
            self.assertFalse(succeeded)
            result.trap(pycom.ServiceNotAvailable)

    async def test_no_time(self):
        """Without any the service ends at once."""
        service, component = await self.serve("--drain=0")
        calls = await self.calls(component, 3)
        self.assertStopped(service, await service.stop())
        self.assertNotIn("waits for", service.log)
        await DeferredList(calls, consumeErrors=True)

    async def test_watched_nameserver(self):
        """A nameserver does not wait for those who watch."""
        nameserver, where = await self.nameserver()
        context = pycom.Context(where)
        self.addCleanup(context.close)
        async with context.nameserver() as component:
            found = await component.invoke("resolve", {"interface": "com.foo"})
            watched = {"interface": "com.foo", "revision": found["revision"]}
            watch = component.invoke("watch", watched, timeout=60)
            await component.invoke("stat")
            self.assertStopped(nameserver, await nameserver.stop())
            await DeferredList([watch], consumeErrors=True)
        self.assertNotIn("cuts off", nameserver.log)


class SecondSignalTests(BusyCase):
    async def assertLeaves(self, first, second, **options):
        service, component = await self.serve("--drain=600", **options)
        calls = await self.calls(component, 3)
        self.signal(service, first)
        await service.wait_for("waits for 3 calls")
        self.signal(service, second)
        status = await service.end()
        self.assertIn(status, (0, -first))
        self.assertIn("leaving at once", service.log)
        self.assertIn("cuts off 3 calls", service.log)
        self.assertIn("Server Shut Down.", service.log)
        self.assertFalse(service.pid_file.exists())
        self.assertCleanLog(service)
        await DeferredList(calls, consumeErrors=True)

    async def test_twice(self):
        """A second SIGTERM ends the wait."""
        await self.assertLeaves(signal.SIGTERM, signal.SIGTERM)

    async def test_interrupt(self):
        """So does SIGINT, whichever was the first."""
        await self.assertLeaves(signal.SIGTERM, signal.SIGINT)

    async def test_asyncio(self):
        """It does in other reactors."""
        await self.assertLeaves(signal.SIGINT, signal.SIGTERM, reactor_name="asyncio")

    async def test_select(self):
        """In this one, too."""
        await self.assertLeaves(signal.SIGTERM, signal.SIGTERM, reactor_name="select")

    async def test_poll(self):
        """And in this one."""
        await self.assertLeaves(signal.SIGINT, signal.SIGINT, reactor_name="poll")

    async def test_at_the_same_time(self):
        """Two signals at the same time are two."""
        service, component = await self.serve("--drain=600")
        calls = await self.calls(component, 3)
        self.signal(service, signal.SIGTERM)
        self.signal(service, signal.SIGINT)
        await service.end()
        self.assertIn("Server Shut Down.", service.log)
        self.assertCleanLog(service)
        await DeferredList(calls, consumeErrors=True)

    async def test_nothing_to_wait_for(self):
        """A signal for a service that is about to end does no harm."""
        service, _ = await self.serve()
        # Of a process that has ended, the number stays its own until its status is asked for.
        pid = int(service.pid_file.read_text("ascii"))
        for number in signal.SIGTERM, signal.SIGINT:
            os.kill(pid, number)
        await service.end()
        self.assertCleanLog(service)


class BoundsTests(BusyCase):
    def ask(self, client, method, args, *attachment):
        client.send_multipart(
            [b"1", b"", b"CALL", (CALL % (method, json.dumps(args))).encode(), *attachment]
        )
        return json.loads(client.recv_multipart()[3])

    async def test_too_large(self):
        """A request that is too large is answered so; one that is much too large is cut off."""
        _, component = await self.serve("--max-message=64K")
        client = self.raw()
        self.assertEqual(self.ask(client, "size", {}, bytes(60_000))["result"], 60_000)
        reply = self.ask(client, "size", {}, bytes(100_000))
        self.assertEqual(reply["code"], 4)
        self.assertRegex(reply["error"], r"has 100\d\d\d bytes, and 65536 is what")
        self.assertEqual(self.ask(client, "echo", {"value": 1})["result"], 1)
        client.setsockopt(zmq.RCVTIMEO, 500)
        with self.assertRaises(zmq.Again):
            self.ask(client, "size", {}, bytes(200_000))
        self.assertEqual(await component.invoke("echo", {"value": 2}), 2)

    async def test_flood(self):
        """Another client is answered while one floods a service and reads no reply.

        The service's memory stays within bounds.
        """
        _, component = await self.serve()
        # It takes nothing in, so that all of the replies have to wait at the service.
        client = self.raw(SNDHWM=1000, RCVHWM=1, RCVBUF=4096)
        request = [b"", b"CALL", (CALL % ("sleep", "null")).encode()]

        def flood():
            for number in range(200_000):
                client.send_multipart([b"%d" % number, *request])

        flooded = deferToThread(flood)
        answered = 0
        while not flooded.called:
            await component.invoke("sleep", timeout=20)
            answered += 1
        await flooded
        self.assertGreater(answered, 10)
        memory = await component.invoke("memory", timeout=20)
        self.assertLess(memory, 200)
