"""Commands of twistd in processes of their own."""

import os
import re
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

import pycom_tx as pycom

PATIENCE = 60
"""Seconds after which what was waited for will not come any more."""

LOOK_AGAIN = 0.02
"""Seconds between two looks at something that tells nobody when it changes."""

# What the script twistd does, for the interpreter that runs the tests. A script has its own
# folder on the path, a program on the command line the current one: that has to go.
PROGRAM = """
import sys
sys.path.remove("")
sys.argv[0] = "twistd"
from twisted.scripts.twistd import run
run()
"""


def uncovered():
    """The environment without what coverage puts into it, for who is not to be covered."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


class Twistd(ProcessProtocol):
    """twistd, in a folder that gets its pid file and, if it daemonizes, its log.

    :param folder: the process's current folder.
    :param name: what its files are called.

    .. attribute:: output

        What came on standard output: the log, unless it is a daemon.

    .. attribute:: errors

        What came on standard error.

    .. attribute:: status

        The exit status of the process that was started, or the negative number of the
        signal that ended it; None before.

    .. attribute:: ended

        Whether it is gone, and the daemon too if it has become one.

    .. attribute:: silent

        Whether nobody holds its standard error any more.
    """

    def __init__(self, folder, name="twistd"):
        self.folder = folder
        self.pid_file = folder / f"{name}.pid"
        self.log_file = folder / f"{name}.log"
        self._output = self._errors = b""
        self.status = None
        self.ended = self.silent = False

    def start(self, *command, daemon=False, reactor_name=None):
        """Start it.

        :param command: the command and its arguments.
        :param daemon: whether it daemonizes.
        :param reactor_name: the reactor to choose, if not the default.
        """
        options = [f"--pidfile={self.pid_file}"]
        options += [f"--logfile={self.log_file}"] if daemon else ["--nodaemon"]
        if reactor_name is not None:
            options.append(f"--reactor={reactor_name}")
        reactor.spawnProcess(
            self,
            sys.executable,
            [sys.executable, "-c", PROGRAM, *options, *command],
            env=os.environ,
            path=str(self.folder),
            # A daemon keeps the last one when it has left the others: it tells when it ends.
            childFDs={0: "w", 1: "r", 2: "r", 3: "r"},
        )

    @property
    def output(self):
        return self._output.decode("utf-8", "replace")

    @property
    def errors(self):
        return self._errors.decode("utf-8", "replace")

    @property
    def log(self):
        """The text of the log so far; of one that is being written, the lines that are whole."""
        try:
            log = self.log_file.read_bytes()
        except FileNotFoundError:  # it is no daemon, or begins another file
            log = self._output
        if not self.ended:
            log = log[: log.rfind(b"\n") + 1]
        return log.decode("utf-8")

    async def wait_for(self, pattern):
        """Wait until a regular expression is found in the log; gives the match."""
        match = None

        def found():
            nonlocal match
            match = re.search(pattern, self.log)
            return match is not None or self.ended

        await self._until(found, f"{pattern!r} in the log")
        if match is None:
            raise AssertionError(f"It ended without {pattern!r} in the log{self}")
        return match

    async def exit(self):
        """Wait until the process that was started has ended; gives its status."""
        await self._until(lambda: self.status is not None, "an exit")
        return self.status

    async def is_silent(self):
        """Wait until nobody holds its standard error any more."""
        await self._until(lambda: self.silent, "the end of standard error")

    async def end(self):
        """Wait until it has ended, also as a daemon; gives the status."""
        await self._until(lambda: self.ended, "an end")
        return self.status

    async def stop(self, number=signal.SIGTERM):
        """Stop it as an operator does, with a signal; gives the status."""
        os.kill(int(self.pid_file.read_text("ascii")), number)
        return await self.end()

    async def kill(self):
        """Make sure that nothing of it is left."""
        while not self.ended:
            for pid in self._pids():
                with suppress(ProcessLookupError):  # it may have ended by itself
                    os.kill(pid, signal.SIGKILL)
            await deferLater(reactor, LOOK_AGAIN)

    def _pids(self):
        if self.transport.pid is not None:
            yield self.transport.pid
        with suppress(FileNotFoundError):  # it may be about to end
            text = self.pid_file.read_text("ascii")
            if text:
                yield int(text)

    async def _until(self, condition, what):
        deadline = reactor.seconds() + PATIENCE
        while not condition():
            if reactor.seconds() > deadline:
                raise AssertionError(f"Waited in vain for {what}{self}")
            await deferLater(reactor, LOOK_AGAIN)

    def outReceived(self, data):
        self._output += data

    def errReceived(self, data):
        self._errors += data

    def errConnectionLost(self):
        self.silent = True

    def processExited(self, reason):
        code = reason.value.exitCode
        self.status = -reason.value.signal if code is None else code

    def processEnded(self, reason):
        self.ended = True

    def __str__(self):
        return f"; status {self.status}, log:\n{self.log}\nerrors:\n{self.errors}"


class ProcessCase(TestCase):
    """Tests with processes of twistd in a temporary folder; none outlives its test."""

    # What was waited for in vain says more than that the time of the whole test is over.
    timeout = 5 * PATIENCE

    def setUp(self):
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.started = []

    def twistd(self, *command, **options):
        """A process of twistd, started as :meth:`Twistd.start` has it."""
        process = Twistd(self.folder, f"twistd{len(self.started)}")
        self.started.append(process)
        process.start(*command, **options)
        self.addCleanup(lambda: Deferred.fromCoroutine(process.kill()))
        return process

    async def nameserver(self, *options, address="tcp://127.0.0.1:*"):
        """A nameserver that is registered with itself, and its address."""
        return await self.registered("pycom-nameserver", "-a", address, *options)

    def nameserver_here(self):
        """The address of a nameserver in this process, for what is about something else."""
        nameserver = pycom.ComponentHost(
            [pycom.NameServer()],
            "tcp://127.0.0.1:*",
            nameserver="local",
            service="/org/pycom/nameserver",
            drain=0,
        )
        nameserver.startService()
        self.addCleanup(nameserver.stopService)
        return nameserver.address

    async def registered(self, *command, **options):
        """A process that has registered its service, and the address of that."""
        process = self.twistd(*command, **options)
        # It listens before its reactor runs, which deals with signals then.
        await process.wait_for(r"is registered with the nameserver at")
        return process, (await process.wait_for(r"listens at (\S+)"))[1]

    def client(self, nameserver):
        """A context of proxies that is closed at the end."""
        context = pycom.ProxyContext(nameserver)
        self.addCleanup(context.close)
        return context

    async def services(self, nameserver):
        """The addresses of the services that a nameserver lists, by their paths."""
        async with self.client(nameserver).nameserver() as component:
            return {
                record["service"]: record["address"] for record in await component.list_services()
            }

    async def file(self, name):
        """Wait for a file in the folder."""
        deadline = reactor.seconds() + PATIENCE
        while not (self.folder / name).exists():
            if reactor.seconds() > deadline:
                raise AssertionError(f"There is no {name}")
            await deferLater(reactor, LOOK_AGAIN)

    def reserve_port(self, port=0):
        """A port that nobody listens at, and nobody else gets before the test is over.

        :param port: which one, if not any.
        """
        # libzmq reuses addresses, too: it can listen where this socket only sits.
        reserved = socket.socket()
        self.addCleanup(reserved.close)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", port))
        return reserved.getsockname()[1]

    def write_module(self, name, source):
        """A module in the folder where the processes run."""
        path = self.folder.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, "utf-8")
