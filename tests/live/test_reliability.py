"""What happens to calls when processes die, freeze, leave and come back."""

import os
import signal
from collections import Counter

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater

import pycom_tx as pycom
from tests.live.processes import LOOK_AGAIN, ProcessCase

SERVICE = """
import os
from collections import Counter

import pycom_tx as pycom
from twisted.internet import reactor
from twisted.internet.task import deferLater

@pycom.interface("com.foo.work")
class Work(pycom.Service):
    def __init__(self):
        self.calls = Counter()

    def record(self, number):
        self.calls[number] += 1
        with open("executed", "a") as file:
            file.write(f"{number}\\n")

    @pycom.method
    async def slow(self, request, number, seconds=0.01):
        self.record(number)
        await deferLater(reactor, seconds)
        return number

    @pycom.method(idempotent=True)
    async def safe(self, request, number, seconds=0.01):
        self.record(number)
        await deferLater(reactor, seconds)
        return number

    @pycom.method
    def quick(self, request):
        return os.getpid()
"""


class ReliabilityCase(ProcessCase):
    """A nameserver, providers of one interface, and a component that knows them."""

    providers = 1

    async def begin(self):
        self.write_module("work", SERVICE)
        # One that is started again finds its port free.
        self.nameserver_process, self.address = await self.nameserver(
            address=f"tcp://127.0.0.1:{self.reserve_port()}"
        )
        self.processes = [await self.provider(number) for number in range(self.providers)]
        self.context = pycom.Context(self.address)
        self.addCleanup(self.context.close)
        self.component = await self.context.locate("com.foo.work")
        await self.meet()

    async def provider(self, number):
        process, _ = await self.registered(
            *("pycom-service", "-a", "tcp://127.0.0.1:*", "-n", self.address),
            *("-s", f"/shop/{number}", "work"),
        )
        return process

    async def meet(self):
        """Call every provider once, so that it is known what they know."""
        met = set()
        while len(met) < self.providers:
            met.add(await self.component.invoke("quick"))

    def calls(self, method, count, **args):
        """That many calls in flight."""
        return [
            self.component.invoke(method, {"number": number, **args}, 60) for number in range(count)
        ]

    async def have_started(self, count):
        """Wait until that many calls have started."""
        while len(self.executed()) < count:
            await deferLater(reactor, 0.01)

    def executed(self):
        """The numbers of the calls that were executed, as often as they were."""
        file = self.folder / "executed"
        return file.read_text().split() if file.exists() else []

    @staticmethod
    async def outcomes(calls):
        """What became of calls: results, and failures."""
        return [
            result if success else result.value
            for success, result in await DeferredList(calls, consumeErrors=True)
        ]


class OneProviderTests(ReliabilityCase):
    """A service that is the only one."""

    async def test_killed(self):
        """A process that is killed fails all its calls, which say that they may have run."""
        await self.begin()
        calls = self.calls("slow", 100, seconds=60)
        await self.have_started(100)
        await self.processes[0].kill()
        for outcome in await self.outcomes(calls):
            self.assertIsInstance(outcome, pycom.ServiceNotAvailable)
            self.assertNotIsInstance(outcome, pycom.CallTimeout)
            self.assertIs(outcome.not_started, False)
            self.assertIn("broke: it was closed there;", str(outcome))

    async def test_frozen(self):
        """A process that is frozen is noticed, and taken back when it goes on."""
        await self.begin()
        calls = self.calls("slow", 10, seconds=60)
        await self.have_started(10)
        pid = await self.component.invoke("quick")
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        for outcome in await self.outcomes(calls):
            self.assertIsInstance(outcome, pycom.ServiceNotAvailable)
            self.assertNotIsInstance(outcome, pycom.CallTimeout)
            self.assertIn("broke: no heartbeat was answered for 1.5 s;", str(outcome))
        os.kill(pid, signal.SIGCONT)
        while True:
            try:
                self.assertEqual(await self.component.invoke("quick"), pid)
                break
            except pycom.ServiceNotAvailable:
                await deferLater(reactor, 0.05)

    async def test_busy(self):
        """A reactor that is merely busy is not taken for dead."""
        self.write_module("busy", BUSY)
        await self.begin()
        await self.registered(
            *("pycom-service", "-a", "tcp://127.0.0.1:*", "-n", self.address, "busy")
        )
        component = await self.context.locate("com.foo.busy")
        await component.invoke("block", {"seconds": 0}, 60)
        self.assertEqual(await component.invoke("block", {"seconds": 4}, 60), "done")


BUSY = """
import time

import pycom_tx as pycom

@pycom.interface("com.foo.busy")
class Busy(pycom.Service):
    @pycom.method
    def block(self, request, seconds):
        time.sleep(seconds)  # in the reactor's own thread
        return "done"
"""


class TwoProvidersTests(ReliabilityCase):
    """A service that is not the only one."""

    providers = 2

    async def test_killed(self):
        """Calls that may be executed twice go to the other one, and none fails."""
        await self.begin()
        calls = self.calls("safe", 100, seconds=1)
        await self.have_started(100)
        await self.processes[0].kill()
        self.assertEqual(await self.outcomes(calls), list(range(100)))
        self.assertEqual(len(set(self.executed())), 100)

    async def test_nonsense(self):
        """A provider whose address is none gets no calls, and the others do."""
        await self.begin()
        record = {"service": "/nonsense", "address": "http://x", "interfaces": ["com.foo.work"]}
        async with self.client(self.address).nameserver() as nameserver:
            await nameserver.register(**record)
        component = await self.context.locate("com.foo.work")
        while len(component._providers) < 3:
            await deferLater(reactor, LOOK_AGAIN)
        for _ in range(50):
            await component.invoke("quick")

    async def test_nameserver(self):
        """While the nameserver is gone no call fails; afterwards everything is known again."""
        await self.begin()
        load = Load(self.component, "slow", 20)
        await deferLater(reactor, 0.5)
        await self.nameserver_process.kill()
        await deferLater(reactor, 1)
        await self.nameserver(address=self.address)
        while not {"/shop/0", "/shop/1"} <= set(await self.services(self.address)):
            await deferLater(reactor, 0.05)
        await deferLater(reactor, 0.5)
        self.assertEqual(await load.finish(), [])


class ThreeProvidersTests(ReliabilityCase):
    """Providers that are restarted, one after the other."""

    providers = 3

    async def test_rolling_restart(self):
        """No call fails or runs twice, over at least 20,000 of them."""
        await self.begin()
        load = Load(self.component, "slow", 50)
        for number in range(self.providers):
            process = self.processes[number]
            before = load.started
            await process.stop()
            self.processes[number] = await self.provider(f"{number}new")
            while load.started < before + 6000:
                await deferLater(reactor, 0.05)
        while load.started < 20_000:
            await deferLater(reactor, 0.05)
        self.assertEqual(await load.finish(), [])
        executed = Counter(self.executed())
        self.assertEqual(len(executed), load.started)
        self.assertEqual(executed.most_common(1)[0][1], 1)


class Load:
    """A steady load on a component: as soon as a call has ended, another starts."""

    def __init__(self, component, method, in_flight):
        self.component = component
        self.method = method
        self.started = 0
        self.failures = []
        self._going_on = True
        self._loops = [Deferred.fromCoroutine(self._loop()) for _ in range(in_flight)]

    async def _loop(self):
        while self._going_on:
            number, self.started = self.started, self.started + 1
            try:
                answer = await self.component.invoke(self.method, {"number": number}, 30)
            except pycom.Error as error:
                self.failures.append(f"{type(error).__name__}: {error}")
            else:
                assert answer == number

    async def finish(self):
        """Wait for the calls in flight; gives what failed."""
        self._going_on = False
        for loop in self._loops:
            await loop
        return self.failures
