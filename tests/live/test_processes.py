"""Several processes that serve the same modules, as an operator runs them."""

import contextlib
import json
import os
import re
import signal
import socket
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

import pycom_tx as pycom
from tests.live.processes import LOOK_AGAIN, PROGRAM, Twistd
from tests.live.test_twistd import ANY, DEMO, CommandCase

PATH = "/com/foo/several"

SERVICE = '''
import os
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.task import deferLater

import pycom_tx as pycom

print("imported")
print("warned", file=sys.stderr)


@pycom.interface("com.foo.several")
class Several(pycom.Service):
    @pycom.method
    async def work(self, request):
        """Work until there is a file called done."""
        request.progress("started")
        while not Path("done").exists():
            await deferLater(reactor, 0.01)
        return os.getpid()

    @pycom.method
    def who(self, request):
        return os.getpid()

    @pycom.method
    def leave(self, request):
        os.write(2, b"pycom-service: no fuel\\n")
        os._exit(1)

    @pycom.method
    def fail(self, request):
        raise ValueError("no fuel")
'''

HANG = """
    @pycom.method
    def hang(self, request):
        import time
        time.sleep(600)
"""

SLOW_TO_IMPORT = """
import time
from pathlib import Path
if Path("imported").exists():
    Path("importing").touch()
    time.sleep(600)
Path("imported").touch()
"""

# Both processes that cannot import it have said so before one of them ends.
SINGLE = """
import atexit
import time
from pathlib import Path
from pycom_tx.apps.demo import Demo
if Path("lock").exists():
    atexit.register(time.sleep, 1)
Path("lock").touch(exist_ok=False)
"""


class Terminal(Twistd):
    """twistd in a terminal of its own."""

    def start(self, *command):
        reactor.spawnProcess(
            self,
            sys.executable,
            [sys.executable, "-c", PROGRAM, "-n", f"--pidfile={self.pid_file}", *command],
            env=os.environ,
            path=str(self.folder),
            usePTY=True,
        )


class SeveralCase(CommandCase):
    def setUp(self):
        super().setUp()
        self.write_module("several", SERVICE)

    async def serve(self, *options, start=None, address=ANY, **more):
        """The process of a supervisor whose two providers are registered."""
        self.where = self.nameserver_here()
        command = ("pycom-service", "-a", address, "-n", self.where, "-s", PATH, *options)
        process = (start or self.twistd)(*command, "--processes=2", "several", **more)
        self.addCleanup(self.kill_all, process)
        for number in 1, 2:
            await process.wait_for(f"{PATH}/{number} is registered with the nameserver")
        return process

    def reserve_ports(self):
        """The first of two ports that nobody listens at, and nobody else gets."""
        while True:
            port = self.reserve_port()
            with socket.socket() as next_one, contextlib.suppress(OSError):
                next_one.bind(("127.0.0.1", port + 1))
                next_one.close()
                self.reserve_port(port + 1)
                return port

    def in_terminal(self, *command):
        process = Terminal(self.folder)
        process.start(*command)
        self.addCleanup(lambda: Deferred.fromCoroutine(process.kill()))
        return process

    def kill_all(self, process):
        for pid in self.pids(process):
            if self.is_alive(pid):
                os.kill(pid, signal.SIGKILL)

    def pids(self, process):
        """The processes that there were, by the time at which they were started."""
        return [int(pid) for pid in re.findall(r"several/[12] is process (\d+)", process.log)]

    def is_alive(self, pid):
        """Whether a process runs; nobody may ask for the status of an orphan."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(") ")[2][0] != "Z"
        return False

    async def are_gone(self, pids):
        while any(map(self.is_alive, pids)):
            await deferLater(reactor, LOOK_AGAIN)

    def signal(self, process, number=signal.SIGTERM):
        os.kill(int(process.pid_file.read_text("ascii")), number)

    async def providers(self):
        """A component of each of the two, in their order."""
        context = pycom.Context(self.where)
        self.addCleanup(context.close)
        services = await self.services(self.where)
        return [
            await context.connect(services[f"{PATH}/{number}"], "com.foo.several")
            for number in (1, 2)
        ]

    async def busy(self):
        """Calls that are in progress, three at each of the two."""
        started = []
        request = pycom.Request("com.foo.several", "work")
        calls = [
            provider.call(request, 60, on_progress=started.append)
            for provider in await self.providers()
            for _ in range(3)
        ]
        while len(started) < 6:
            await deferLater(reactor, LOOK_AGAIN)
        return calls

    async def assertAnswered(self, calls, pids):
        """The calls are answered, once they may be, each by whom it was made of."""
        (self.folder / "done").touch()
        answers = [response.result for response in await gatherResults(calls)]
        self.assertEqual(answers, [pids[0]] * 3 + [pids[1]] * 3)


class WatchingTests(SeveralCase):
    async def scraped(self, path):
        """The calls that are counted at an endpoint, by their methods."""

        def scrape():
            with socket.socket(socket.AF_UNIX) as opened:
                opened.settimeout(20)
                opened.connect(os.path.relpath(self.folder / path))  # names of sockets are short
                opened.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                return opened.makefile("rb").read().partition(b"\r\n\r\n")[2].decode()

        return {
            sample.labels["method"]: sample.value
            for family in text_string_to_metric_families(await deferToThread(scrape))
            for sample in family.samples
            if sample.name == "pycom_calls_total"
        }

    async def test_metrics(self):
        """Each process serves its own metrics, at an endpoint of its own."""
        await self.serve("--metrics=unix:figures")
        first, second = await self.providers()
        for _ in range(3):
            await first.invoke("who")
        await second.invoke("who")
        self.assertEqual((await self.scraped("figures-1"))["who"], 3)
        self.assertEqual((await self.scraped("figures-2"))["who"], 1)
        self.assertFalse((self.folder / "figures").exists())

    async def test_json(self):
        """A log of JSON has the fields of what the processes log."""
        process = await self.serve("-v", "--log-format=json")
        first, _ = await self.providers()
        await first.invoke("who")
        await self.assertFailure(first.invoke("fail"), pycom.RemoteError)
        await process.wait_for(r'"code": ?1[,}].*\n')  # the last one of that call
        whole, _, _ = process.log.rpartition("\n")
        printed, *log = whole.splitlines()  # by the module, before there is a log
        self.assertEqual(printed, "imported")
        lines = [json.loads(line) for line in log]
        calls = [line for line in lines if line.get("interface") == "com.foo.several"]
        told = {(line["process"], line["method"], line.get("code")) for line in calls}
        self.assertLessEqual({(f"{PATH}/1", "who", 0), (f"{PATH}/1", "fail", 1)}, told)
        failed = next(line for line in lines if "traceback" in line)
        self.assertEqual(failed["error"], "ValueError")
        self.assertIn("no fuel", failed["traceback"])
        self.assertEqual(failed["process"], f"{PATH}/1")
        self.assertEqual(failed["namespace"], "pycom_tx.zerojson.server.Server")


class ServingTests(SeveralCase):
    async def test_both(self):
        """Two providers are registered, and both get calls."""
        process = await self.serve()
        services = await self.services(self.where)
        self.assertEqual(set(services), {"/org/pycom/nameserver", f"{PATH}/1", f"{PATH}/2"})
        proxies = self.client(self.where)
        async with proxies.locate("com.foo.several", balance="round-robin") as component:
            answers = {await component.who() for _ in range(10)}
        self.assertEqual(answers, set(self.pids(process)))
        self.assertStopped(process, await process.stop())
        self.assertEqual(list(await self.services(self.where)), ["/org/pycom/nameserver"])

    async def test_ports(self):
        """From a given port on, they listen at one after the other."""
        port = self.reserve_ports()
        await self.serve(address=f"tcp://127.0.0.1:{port}")
        services = await self.services(self.where)
        self.assertEqual(
            [services[f"{PATH}/{number}"] for number in (1, 2)],
            [f"tcp://127.0.0.1:{port}", f"tcp://127.0.0.1:{port + 1}"],
        )

    async def test_reactor(self):
        """All have the reactor that was chosen."""
        process = await self.serve(reactor_name="poll")
        for number in 1, 2:
            await process.wait_for(rf"several/{number} \S+ reactor class: \S*pollreactor")
        self.assertStopped(process, await process.stop())

    async def test_log(self):
        """The log has what each of them says, with its path, and tracebacks in one piece."""
        process = await self.serve("-v")
        for provider in await self.providers():
            await self.assertFailure(provider.invoke("fail"), pycom.RemoteError)
        for number in 1, 2:
            for namespace, text in (
                (r"stdout#info", "imported"),
                (r"stderr#error", "warned"),
                (r"pycom_tx\S+#info", f"{PATH}/{number} listens at "),
                (r"pycom_tx\S+#info", r"com\.foo\.several\.fail: ValueError in "),
                (r"pycom_tx\S+#critical", r".*fail.*\n(\t.*\n)+\t\S*ValueError: no fuel"),
            ):
                said = rf"(?m)^\S+ \[{PATH}/{number} {namespace}\] {text}"
                await process.wait_for(said)
                self.assertEqual(len(re.findall(said, process.log)), 1)
        await process.stop()
        begin, *lines = process.log.splitlines()
        self.assertEqual(begin, "imported")  # by the supervisor, which has no log yet
        for line in lines:
            self.assertRegex(line, r"\A(20\S+ \[\S+( \S+)?#\w+\] |\t)")

    async def test_daemon(self):
        """As a daemon the supervisor writes all of that into its log."""
        process = await self.serve(daemon=True)
        self.assertEqual(await process.exit(), 0)
        first, second = await self.providers()
        answers = [await first.invoke("who"), await second.invoke("who")]
        self.assertEqual(answers, self.pids(process))
        self.assertStopped(process, await process.stop())
        self.assertFalse(any(map(self.is_alive, answers)))


class DyingTests(SeveralCase):
    async def assertComesBack(self, process, number, ended):
        """The second one is started and registered again after a signal, and answers."""
        old = self.pids(process)
        os.kill(old[1], number)
        await process.wait_for(f"{PATH}/2 has ended with {ended}; it is started again in 0.1 s")
        await process.wait_for(f"(?s)is started again.*{PATH}/2 is registered with")
        first, second = await self.providers()
        self.assertEqual(await first.invoke("who"), old[0])
        self.assertEqual(await second.invoke("who"), self.pids(process)[2])

    async def test_says_why(self):
        """One that served and says why it cannot go on does not stop the others."""
        process = await self.serve()
        _, second = await self.providers()
        left = second.invoke("leave")
        await process.wait_for(f"{PATH}/2 has ended with exit status 1: no fuel; it is started")
        await process.wait_for(f"(?s)is started again.*{PATH}/2 is registered with")
        await self.assertFailure(left, pycom.ServiceNotAvailable)
        self.assertStopped(process, await process.stop())

    async def test_killed(self):
        """One that is killed comes back under its path."""
        process = await self.serve()
        await self.assertComesBack(process, signal.SIGKILL, "SIGKILL")
        self.assertStopped(process, await process.stop())
        self.assertFalse(any(map(self.is_alive, self.pids(process))))

    async def test_stopped_alone(self):
        """One that is stopped by itself, too; nobody is left without an answer."""
        process = await self.serve()
        await self.assertComesBack(process, signal.SIGTERM, "exit status 0")
        self.assertStopped(process, await process.stop())


class StoppingTests(SeveralCase):
    async def wait_for_both(self, process):
        for number in 1, 2:
            await process.wait_for(rf"{PATH}/{number} waits for 3 calls")

    async def test_drained(self):
        """On SIGTERM both answer the calls in progress, at the same time."""
        process = await self.serve()
        calls = await self.busy()
        self.signal(process)
        await self.wait_for_both(process)
        await self.assertAnswered(calls, self.pids(process))
        self.assertStopped(process, await process.end())
        self.assertNotIn("cuts off", process.log)
        self.assertFalse(any(map(self.is_alive, self.pids(process))))

    async def test_everybody_is_told(self):
        """Who signals all of the processes does not make them leave at once."""
        process = await self.serve()
        calls = await self.busy()
        pids = self.pids(process)
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        self.signal(process)
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        await self.wait_for_both(process)
        await self.assertAnswered(calls, pids)
        self.assertStopped(process, await process.end())
        self.assertNotIn("cuts off", process.log)

    async def test_terminal(self):
        """One Ctrl-C is one signal."""
        process = await self.serve(start=self.in_terminal)
        calls = await self.busy()
        process.transport.write(b"\x03")
        await self.wait_for_both(process)
        await self.assertAnswered(calls, self.pids(process))
        await process.end()
        self.assertNotIn("cuts off", process.log)
        self.assertNotIn("Traceback", process.log)

    async def test_second_signal(self):
        """A second signal ends the wait of both."""
        process = await self.serve("--drain=600")
        calls = await self.busy()
        self.signal(process)
        await self.wait_for_both(process)
        self.signal(process)
        await process.end()
        self.assertCleanLog(process)
        for number in 1, 2:
            self.assertIn(f"{PATH}/{number} cuts off 3 calls", process.log)
        self.assertIn("leaving at once", process.log)
        self.assertNotIn("is killed", process.log)
        await DeferredList(calls, consumeErrors=True)

    async def test_frozen(self):
        """One that does not stop in its time and some more is killed."""
        process = await self.serve("--drain=0")
        frozen = self.pids(process)[0]
        os.kill(frozen, signal.SIGSTOP)
        self.assertStopped(process, await process.stop())
        self.assertIn(f"{PATH}/1 has not ended 5 s after it was told to: it is", process.log)
        self.assertIn(f"{PATH}/1 has ended with SIGKILL", process.log)
        self.assertNotIn(f"{PATH}/2 has not ended", process.log)
        self.assertFalse(self.is_alive(frozen))


class OrphansTests(SeveralCase):
    async def test_supervisor_killed(self):
        """When the supervisor is killed the others stop, and answer the calls in progress."""
        process = await self.serve()
        calls = await self.busy()
        pids = self.pids(process)
        self.signal(process, signal.SIGKILL)
        self.assertEqual(await process.exit(), -signal.SIGKILL)
        while len(await self.services(self.where)) > 1:
            await deferLater(reactor, LOOK_AGAIN)
        self.assertTrue(all(map(self.is_alive, pids)))
        await self.assertAnswered(calls, pids)
        await self.are_gone(pids)

    async def test_one_hangs(self):
        """One that cannot stop then is gone as well, after its time and some more."""
        with (self.folder / "several.py").open("a", encoding="utf-8") as module:
            module.write(HANG)
        process = await self.serve("--drain=0")
        pids = self.pids(process)
        hanging, _ = await self.providers()
        call = hanging.invoke("hang", timeout=60)
        await self.assertFailure(hanging.invoke("who", timeout=0.5), pycom.CallTimeout)
        self.signal(process, signal.SIGKILL)
        await self.are_gone(pids)
        await self.assertFailure(call, pycom.ServiceNotAvailable)

    async def test_too_early(self):
        """Those that do not serve yet are gone at once."""
        self.write_module("several", f"{SLOW_TO_IMPORT}{SERVICE}")
        process = self.twistd("pycom-service", "-a", ANY, "--processes=2", "-s", PATH, "several")
        self.addCleanup(self.kill_all, process)
        while not (self.folder / "importing").exists():
            await deferLater(reactor, LOOK_AGAIN)
        self.signal(process, signal.SIGKILL)
        await process.exit()
        await self.are_gone(self.pids(process))


class RefusedTests(SeveralCase):
    """What ends one process ends several, with the same line."""

    def service(self, *options, module="several", address=ANY):
        return ("pycom-service", "--processes=2", "-a", address, *options, module)

    async def test_no_module(self):
        """A module that is not there."""
        await self.assertRefused(
            *self.service(module="missing.module"), says="There is no module 'missing.module': "
        )

    async def test_unusable_nameserver(self):
        """An address of a nameserver that is none."""
        await self.assertRefused(
            *self.service("-n", "elsewhere", module=DEMO),
            says="--nameserver must be an address like .* got 'elsewhere'",
        )

    async def test_nameserver_timeout(self):
        """A nameserver that does not come in time."""
        where = f"tcp://127.0.0.1:{self.reserve_port()}"
        await self.assertRefused(
            *self.service("-n", where, "--nameserver-timeout=2", module=DEMO),
            says=f"not registered with the nameserver at {where} within 2 s: Nothing answers",
        )

    async def test_component_that_does_not_start(self):
        """A component whose start fails: the line once, and the tracebacks in the log."""
        self.write_module(
            "failing",
            "import pycom_tx as pycom\n"
            "@pycom.interface('com.foo.failing')\n"
            "class Failing(pycom.Service):\n"
            "    def __init__(self):\n"
            "        raise OSError('no fuel')\n",
        )
        await self.assertRefused(
            *self.service(module="failing"),
            says=r"Failing\(\) failed with OSError: no fuel \(\S+failing\.py, line 5\)",
        )

    async def test_module_that_is_there_once(self):
        """A module that only one process can import is said once, by one of them."""
        self.write_module("single", SINGLE)
        await self.assertRefused(
            *self.service(module="single"), says="Importing 'single' failed with FileExistsError"
        )

    async def test_second_port_in_use(self):
        """A port that one of them needs and somebody has."""
        port = self.reserve_ports()
        with socket.create_server(("127.0.0.1", port + 1)):
            await self.assertRefused(
                *self.service(module=DEMO, address=f"tcp://127.0.0.1:{port}"),
                says=f"Cannot listen at 'tcp://127.0.0.1:{port + 1}': it is in use",
            )

    async def test_no_such_port(self):
        """A port that there cannot be for the second one."""
        await self.assertRefused(
            *self.service(module=DEMO, address="tcp://127.0.0.1:65535"),
            says="Cannot listen at 2 ports from 'tcp://127.0.0.1:65535' on: ports end at 65535",
        )

    async def test_daemon(self):
        """As daemons they end as well, and the log has the line once."""
        self.write_module("single", SINGLE)
        process = self.twistd(*self.service(module="single"), daemon=True)
        await process.end()
        self.assertEqual(
            len(re.findall(r"(?m)\] pycom-service: Importing 'single' failed", process.log)), 1
        )
        self.assertFalse(process.pid_file.exists())
