"""What docs/migration.rst says of PyCOM 0.6.0 is so: its names, its files, its outputs."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SynchronousTestCase

from tests.interop.old_peer import OldPeer
from tests.live.processes import ProcessCase, Twistd

PAGE = (Path(__file__).parents[2] / "docs" / "migration.rst").read_text("utf-8")

BLOCK = re.compile(
    r"\.\. code-block:: (?:python|console)\n(?:   :caption: (\S+)\n)?\n((?:   .*\n|\n)+)"
)

# What belongs to PyCOM has a module of its own for functions and classes; data has none, and
# might as well come from six. An attribute counts for the class that introduced it. Those that
# only instances have are those of a few samples.
NAMES = """
import importlib, inspect, json, pkgutil, types
import pycom, six, zerojson
import pycom.ext.checks

def public(names):
    return [name for name in names if not name.startswith("_")]

def own(value):
    return getattr(value, "__module__", "").split(".")[0] in ("pycom", "zerojson")

def defined(name, value):
    if inspect.isclass(value) or inspect.isfunction(value):
        return own(value)
    return not isinstance(value, types.ModuleType) and not hasattr(six, name)

def attributes(owner):
    inherited = set()
    for base in owner.__mro__[1:]:
        if own(base):
            inherited.update(vars(base))
    return [name for name in public(vars(owner)) if name not in inherited]

modules = [pycom, zerojson]
for package in (pycom, zerojson):
    for _, name, _ in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if "test" not in name.split(".") and not name.endswith("__main__"):
            modules.append(importlib.import_module(name))
found = set(module.__name__ for module in modules)
for module in modules:
    for name, value in vars(module).items():
        if name.startswith("_") or not defined(name, value):
            continue
        found.add(name)
        if inspect.isclass(value):
            found.update(name + "." + attribute for attribute in attributes(value))
samples = [
    pycom.Context(),
    zerojson.Client("tcp://127.0.0.1:1", "com.example"),
    zerojson.Request("com.example", "method"),
    zerojson.Response(None),
    zerojson.Server([]),
    zerojson.common.BaseCommand(),
]
for sample in samples:
    found.update(type(sample).__name__ + "." + name for name in public(vars(sample)))
functions = [getattr(pycom, name) for name in public(vars(pycom))]
for function in functions + [pycom.ext.checks.check_argument, pycom.BaseComponent.invoke]:
    if inspect.isfunction(function):
        found.update(name for name in inspect.getfullargspec(function).args if name != "self")
print(json.dumps(sorted(found)))
"""


class NameTests(SynchronousTestCase):
    """The tables."""

    def test_every_name(self):
        """Each public name of PyCOM 0.6.0 is told what becomes of it."""
        old = OldPeer("3.6")
        printed = subprocess.run(
            [old.python, "-c", NAMES],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=old.environment,
        ).stdout
        names = json.loads(printed)
        self.assertGreater(len(names), 100)
        told = set(re.findall(r"``([^`]+)``", PAGE))
        self.assertEqual([name for name in names if name not in told], [])


class OldCommand(Twistd):
    """A command of PyCOM 0.6.0, which logs to standard error."""

    def start(self, *command, environment):
        reactor.spawnProcess(self, command[0], command, env=environment, path=str(self.folder))

    @property
    def log(self):
        return self.errors


class Example:
    """One side of the page: the files of a folder, and what is typed in it.

    :param folder: ``before`` or ``after``.
    """

    def __init__(self, folder):
        blocks = BLOCK.findall(PAGE)
        consoles = [dedent(text) for name, text in blocks if not name]
        self.files = {name: dedent(text) for name, text in blocks if name.startswith(f"{folder}/")}
        text = consoles[("before", "after").index(folder)]
        *commands, (client, self.output) = re.findall(
            r"^\$ (.+)\n((?:[^$\n].*\n)*)", text, re.MULTILINE
        )
        self.nameserver, self.service = (command for command, _ in commands)
        self.client = client


class MigrationCase(ProcessCase):
    """Tests with a nameserver, a service and a client, each from before or after."""

    old = None

    def setUp(self):
        super().setUp()
        self.examples = {folder: Example(folder) for folder in ("before", "after")}

    async def check(self, *, nameserver, service, client):
        """Start a nameserver and a service, run a client, and compare what it prints."""
        ports = {port: str(self.reserve_port()) for port in ("2012", "2013")}

        def at_free_ports(text):
            return re.sub("|".join(ports), lambda found: ports[found[0]], text)

        for example in self.examples.values():
            for name, text in example.files.items():
                file = self.folder / name
                file.parent.mkdir(exist_ok=True)
                file.write_text(at_free_ports(text), "utf-8")
        listen = ("-a", f"tcp://127.0.0.1:{ports['2012']}")
        await self.serve(nameserver, self.examples[nameserver].nameserver, *listen)
        await self.serve(service, at_free_ports(self.examples[service].service))
        self.assertEqual(
            await self.printed(client, self.examples[client].client), self.examples[client].output
        )
        for process in self.started:
            await process.kill()

    async def serve(self, folder, command, *options):
        """Start what serves, and wait until it does."""
        program, *arguments = shlex.split(command)
        if folder == "after":
            process = self.adopted(Twistd(self.folder / folder, f"twistd{len(self.started)}"))
            self.assertEqual((program, arguments[:2]), ("twistd", ["-n", "--pidfile="]))
            process.start(*arguments[2:], *options)
            await process.wait_for("is registered with the nameserver at")
            return
        process = self.adopted(OldCommand(self.folder / folder))
        script = [] if program == "python" else [str(self.old.packages / "bin" / program)]
        process.start(
            *(self.old.python, *script, *arguments, *options), environment=self.old.environment
        )
        await process.wait_for(r"PyCOM v0\.6\.0 \(service")

    def adopted(self, process):
        """The process, which does not outlive its test."""
        self.started.append(process)
        self.addCleanup(lambda: Deferred.fromCoroutine(process.kill()))
        return process

    async def printed(self, folder, command):
        """What a client prints."""
        program, *arguments = shlex.split(command)
        self.assertEqual(program, "python")
        python, environment = sys.executable, os.environ
        if folder == "before":
            python, environment = self.old.python, self.old.environment
        out, err, status = await getProcessOutputAndValue(
            python, arguments, env=environment, path=str(self.folder / folder)
        )
        self.assertEqual(status, 0, err.decode())
        return out.decode()


class NewTests(MigrationCase):
    """All of it moved."""

    async def test_after(self):
        """What is there after prints what the page shows, which is the same as before."""
        await self.check(nameserver="after", service="after", client="after")
        self.assertEqual(self.examples["after"].output, self.examples["before"].output)


class OldAndNewTests(MigrationCase):
    """All, some or one of them still PyCOM 0.6.0, under Python 3.6."""

    version = "3.6"

    def setUp(self):
        super().setUp()
        self.old = OldPeer(self.version)

    async def test_before(self):
        """What is there before prints what the page shows."""
        await self.check(nameserver="before", service="before", client="before")

    async def test_nameserver_first(self):
        """The nameserver is moved, and nothing else."""
        await self.check(nameserver="after", service="before", client="before")

    async def test_nameserver_last(self):
        """All but the nameserver is moved."""
        await self.check(nameserver="before", service="after", client="after")

    async def test_old_client_and_new_service(self):
        """The service is moved before its client, with either nameserver."""
        for nameserver in self.examples:
            await self.check(nameserver=nameserver, service="after", client="before")

    async def test_new_client_and_old_service(self):
        """The client is moved before its service, with either nameserver."""
        for nameserver in self.examples:
            await self.check(nameserver=nameserver, service="before", client="after")


class Python27Tests(OldAndNewTests):
    """The same with PyCOM 0.6.0 under Python 2.7."""

    version = "2.7"
