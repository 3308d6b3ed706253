"""The log of a real command as lines of JSON."""

from __future__ import annotations

import json
import os
import signal

from twisted.internet import reactor
from twisted.internet.task import deferLater

import pycom_tx as pycom
from pycom_tx.tap.json_log import twistd_log
from tests.live.processes import LOOK_AGAIN, ProcessCase
from tests.live.test_twistd import ANY, DEMO, CommandCase
from tests.test_trace import TRACE, TRACE_ID

NOISY = """
import pycom_tx as pycom
from twisted.python import log

log.msg("imported")

@pycom.interface("com.foo.noisy")
class Noisy(pycom.Service):

    @pycom.method
    def fail(self, request):
        print("about to fail")
        return 1 // 0
"""


def lines(text):
    """The objects that a log consists of, all of it."""
    return [json.loads(line) for line in text.splitlines()]


def calls(log):
    """Those that tell of calls."""
    return [line for line in lines(log) if line["namespace"] == "pycom_tx.host.call_log.CallLog"]


class RotationTests(ProcessCase):
    async def test_signal(self):
        """SIGUSR1 makes a file begin anew, in the reactor's own time."""
        before = signal.getsignal(signal.SIGUSR1)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        path = self.folder / "my.log"
        observer = twistd_log({"logfile": str(path), "syslog": False, "nodaemon": True})
        self.addCleanup(observer._outFile.close)
        observer({"log_format": "before"})
        os.kill(os.getpid(), signal.SIGUSR1)
        rotated = path.with_name("my.log.1")
        while not rotated.exists():
            await deferLater(reactor, LOOK_AGAIN)
        observer({"log_format": "after"})
        (line,) = lines(rotated.read_text("ascii"))
        self.assertEqual(line["message"], "before")
        (line,) = lines(path.read_text("ascii"))
        self.assertEqual(line["message"], "after")


class JsonLogTests(CommandCase):
    def assertLines(self, process):
        """Every line is one of JSON, with what each has."""
        for line in lines(process.log):
            self.assertEqual(list(line)[:4], ["time", "level", "namespace", "message"])

    async def test_calls(self):
        """A call has its interface, method, peer, code and duration; a trace has its id."""
        where = self.nameserver_here()
        service, address = await self.registered(
            *("pycom-service", "-v", "-a", ANY, "-n", where, "--log-format", "json", DEMO)
        )
        context = self.client(where).context
        async with context.connect(address, "org.pycom.demo") as component:
            extensions = {"org.pycom.trace": TRACE}
            await component.call(
                pycom.Request("org.pycom.demo", "echo", {"a": 1}, extensions=extensions)
            )
            await self.assertFailure(component.invoke("throw", {"a": 1}), pycom.RemoteError)
            await self.assertFailure(component.invoke("invented"), pycom.MethodNotFound)
        await service.wait_for("invented: MethodNotFound")
        self.assertStopped(service, await service.stop())
        self.assertLines(service)
        known = ("level", "interface", "method", "peer", "code", "error", "trace_id")
        demo = {"level": "info", "interface": "org.pycom.demo", "peer": "127.0.0.1"}
        told = calls(service.log)
        self.assertEqual(
            [{name: line[name] for name in known if name in line} for line in told],
            [
                {**demo, "method": "echo", "code": 0, "trace_id": TRACE_ID},
                {**demo, "method": "throw", "code": 1, "error": "RemoteError"},
                {**demo, "method": "invented", "code": 2, "error": "MethodNotFound"},
            ],
        )
        for line in told:
            self.assertIsInstance(line["duration"], float)
            self.assertTrue(0 <= line["duration"] < 60)

    async def test_everything(self):
        """So is all else: what was logged before, what is printed, failures, Twisted's own."""
        self.write_module("noisy", NOISY)
        where = self.nameserver_here()
        service, address = await self.registered(
            *("pycom-service", "-a", ANY, "-n", where, "--log-format", "json", "noisy")
        )
        async with self.client(where).context.connect(address, "com.foo.noisy") as component:
            request = pycom.Request("com.foo.noisy", "fail", extensions={"org.pycom.trace": TRACE})
            await self.assertFailure(component.call(request), pycom.RemoteError)
        status = await service.stop()
        self.assertIn(status, (0, -signal.SIGTERM))
        self.assertLines(service)
        log = lines(service.log)
        messages = [line["message"] for line in log]
        self.assertEqual(messages[0], "imported")
        self.assertTrue(messages[1].startswith("twistd "))
        self.assertEqual(messages[-1], "Server Shut Down.")
        (printed,) = (line for line in log if line["message"] == "about to fail")
        self.assertEqual((printed["namespace"], printed["level"]), ("stdout", "info"))
        (failed,) = (line for line in log if line["level"] == "critical")
        self.assertEqual(
            (failed["message"], failed["interface"], failed["method"], failed["error"]),
            ("com.foo.noisy.fail failed", "com.foo.noisy", "fail", "ZeroDivisionError"),
        )
        self.assertIn("return 1 // 0\n", failed["traceback"])
        self.assertEqual(failed["trace_id"], TRACE_ID)
        self.assertEqual(service.errors, "")

    async def test_daemon(self):
        """A daemon writes it to its log file, and to a new one when it is told to."""
        daemon = self.twistd(
            "pycom-nameserver", "-v", "-a", ANY, "--log-format", "json", daemon=True
        )
        await daemon.wait_for("is registered with the nameserver at")
        before = daemon.log
        os.kill(int(daemon.pid_file.read_text("ascii")), signal.SIGUSR1)
        await daemon._until(lambda: len(daemon.log) < len(before), "a new file")
        rotated = daemon.log_file.with_name(f"{daemon.log_file.name}.1")
        self.assertEqual(rotated.read_text("ascii"), before)
        self.assertStopped(daemon, await daemon.stop())
        self.assertLines(daemon)
        self.assertEqual([line["method"] for line in calls(before)], ["register"])

    async def test_text(self):
        """Text is the default, where a call that is logged has its peer as well."""
        where = self.nameserver_here()
        service, address = await self.registered(
            "pycom-service", "-v", "-a", ANY, "-n", where, DEMO
        )
        async with self.client(where).context.connect(address, "org.pycom.demo") as component:
            await component.invoke("echo")
        await service.wait_for(r"org\.pycom\.demo\.echo: answered in [0-9.]+ ms for 127\.0\.0\.1")
        self.assertNotIn('{"time"', service.log)

    async def test_observer_that_is_named(self):
        """An observer that twistd is told to use is used."""
        self.write_module(
            "mine",
            "import sys\n"
            "from twisted.logger import textFileLogObserver\n"
            "def observer():\n"
            "    return textFileLogObserver(sys.stdout, timeFormat='MINE')\n",
        )
        self.patch(os, "environ", {**os.environ, "PYTHONPATH": str(self.folder)})
        process = self.twistd(
            *("--logger=mine.observer", "pycom-nameserver", "-a", ANY, "--log-format", "json")
        )
        await process.wait_for("MINE .* is registered with the nameserver at")
        self.assertNotIn('{"time"', process.log)
