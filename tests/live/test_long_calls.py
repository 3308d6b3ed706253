"""Calls that take long or carry much, between processes."""

import json
import sys

import zmq
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.utils import getProcessOutputAndValue

import pycom_tx as pycom
from tests.live.processes import LOOK_AGAIN, PATIENCE, ProcessCase

MIB = 1 << 20
SIZE = 64 * MIB

SERVICE = '''
import re, time
from pathlib import Path

import pycom_tx as pycom
from twisted.internet.threads import deferToThread


def memory():
    """The most that this process ever had in memory, and what it has now, in MiB."""
    status = Path("/proc/self/status").read_text()
    return [int(re.search(name + r":\\s+(\\d+)", status)[1]) / 1024 for name in ("VmHWM", "VmRSS")]


@pycom.interface("com.foo.long")
class Long(pycom.Service):
    @pycom.method(attachments=("blob", None))
    def up(self, request, blob):
        return len(blob)

    @pycom.method(attachments=(None, "blob"), results=("blob",))
    def down(self, request, size):
        return bytes(size)

    @pycom.method
    def memory(self, request):
        return memory()

    @pycom.method(blocking=True)
    def ponder(self, request, steps):
        for step in range(steps):
            time.sleep(0.01)
            request.progress(step)
        return "done"

    @pycom.method
    async def delegate(self, request, steps):
        def work():
            for step in range(steps):
                request.progress(step)
            return "done"

        return await deferToThread(work)

    @pycom.method
    def flood(self, request, values):
        for value in range(values):
            request.progress("x" * 1000)
        return "answered"
'''

CLIENT = """
import json, sys
from twisted.internet.defer import Deferred
from twisted.internet.task import react
import pycom_tx as pycom
from long import memory

async def main(reactor):
    address, method, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
    context = pycom.Context()
    async with context.connect(address, "com.foo.long") as component:
        before = [memory()[1], (await component.invoke("memory"))[1]]
        if method == "up":
            await component.invoke("up", {}, 60, bytes(bytearray(b"x")) * size)
        else:
            _, blob = await component.invoke("down", {"size": size}, 60)
            assert len(blob) == size
        after = [memory()[0], (await component.invoke("memory"))[0]]
    print(json.dumps([later - sooner for sooner, later in zip(before, after)]))

react(main)
"""


class LongCallTests(ProcessCase):
    async def serve(self):
        """The address of the service."""
        self.write_module("long", SERVICE)
        service = self.twistd("pycom-service", "-a", "tcp://127.0.0.1:*", "long")
        return (await service.wait_for(r"listens at (\S+)"))[1]

    async def component(self):
        context = pycom.Context()
        self.addCleanup(context.close)
        return await context.connect(await self.serve(), "com.foo.long")

    async def test_attachments(self):
        """An attachment costs whoever sends or takes it no more than twice its size."""
        for method in ("up", "down"):
            out, err, status = await getProcessOutputAndValue(
                sys.executable,
                ["-c", CLIENT, await self.serve(), method, str(SIZE)],
                path=str(self.folder),
            )
            self.assertEqual((err, status), (b"", 0))
            for grown in json.loads(out):
                self.assertLess(grown, 2 * SIZE / MIB + 16, method)

    async def test_progress_of_a_thread(self):
        """A method in a thread reports while it runs, and every report precedes the answer."""
        component = await self.component()
        for method in ("ponder", "delegate"):
            seen = []
            answer = await component.invoke(method, {"steps": 20}, on_progress=seen.append)
            self.assertEqual((answer, seen), ("done", list(range(20))))

    async def test_progress_that_nobody_takes(self):
        """A client that does not read misses reports, but never the answer."""
        address = await self.serve()
        context = zmq.Context()
        self.addCleanup(context.destroy, linger=0)
        deaf = context.socket(zmq.DEALER)
        deaf.set(zmq.RCVHWM, 1)
        deaf.connect(address)
        request = {"interface": "com.foo.long", "method": "flood", "args": {"values": 100_000}}
        request["extensions"] = {"org.pycom.progress": True}
        deaf.send_multipart([b"1", b"", b"CALL", json.dumps(request).encode()])
        while not deaf.poll(0):
            await deferLater(reactor, LOOK_AGAIN)
        # Whoever asks now is answered when all has been reported.
        other = pycom.Context()
        self.addCleanup(other.close)
        component = await other.connect(address, "com.foo.long")
        await component.invoke("memory", timeout=PATIENCE)
        commands = []
        while commands[-1:] != [b"OK"]:
            self.assertTrue(deaf.poll(PATIENCE * 1000))
            commands.append(deaf.recv_multipart()[2])
        self.assertEqual(set(commands[:-1]), {b"PROGRESS"})
        self.assertLess(len(commands), 100_000)
