"""How commands are watched: their options, and what these come to."""

from __future__ import annotations

import json
from pathlib import Path

from prometheus_client import CollectorRegistry
from twisted.application.service import Application, IService, Service
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver
from twisted.python import usage
from twisted.scripts.twistd import ServerOptions
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pycom_tx.tap import nameserver, service
from pycom_tx.tap.observing import Observed, ObservingOptions
from tests.test_tap import OptionsCase


class GivenOptions(ObservingOptions):
    """Those of a command that has no others."""

    command = "pycom-test"


class ObservingCase(SynchronousTestCase):
    def options(self, *arguments, twistd=None):
        """The options of a command, as the command line has them."""
        options = GivenOptions()
        options.parseOptions(arguments)
        if twistd is not None:
            options.parent = {"logger": None, "logfile": None, "syslog": None, **twistd}
        return options

    def command(self, *arguments, twistd=None):
        return Observed(self.options(*arguments, twistd=twistd), self.fail)

    def refused(self, *arguments, twistd=None):
        """The one line that the command ends with."""
        error = self.assertRaises(SystemExit, self.command, *arguments, twistd=twistd)
        self.assertIsInstance(error.code, str)  # which is exit status 1
        self.assertEqual(error.code.splitlines(), [error.code])
        return error.code


class MetricsOptionTests(ObservingCase):
    def test_nothing(self):
        """Without the option nothing is measured."""
        self.assertIsNone(self.command().registry)

    def test_endpoint(self):
        """With it there is a registry of the command's own, with the process in it."""
        first, second = (self.command("--metrics", "tcp:0").registry for _ in range(2))
        self.assertIsInstance(first, CollectorRegistry)
        self.assertIsNot(first, second)
        names = {metric.name for metric in first.collect()}
        self.assertLess({"pycom", "python_info", "pycom_reactor_lag_seconds"}, names)

    def test_no_endpoint(self):
        """What is no endpoint is refused, with what one looks like."""
        for description in "nonsense", "", "tcp", "tcp:x", "foo:1", "tcp:1:where=here", ":":
            line = self.refused("--metrics", description)
            self.assertTrue(
                line.startswith(
                    f"pycom-test: --metrics {description!r} is no endpoint like "
                    "tcp:9100:interface=127.0.0.1 ("
                ),
                line,
            )


class LogFormatOptionTests(ObservingCase):
    def observer(self, *arguments, **twistd):
        """The observer that an application gets from the command."""
        application = Application("test")
        self.command(*arguments, twistd=twistd).setServiceParent(application)
        return application.getComponent(ILogObserver, None)

    def test_text(self):
        """Text is what twistd writes anyway."""
        for arguments in ((), ("--log-format", "text")):
            self.assertIsNone(self.observer(*arguments, nodaemon=True))

    def test_json(self):
        """JSON is written by an observer that the application has."""
        observer = self.observer("--log-format", "json", nodaemon=True)
        self.assertEqual(json.loads(observer.formatEvent({"log_format": "x"}))["message"], "x")

    def test_logger(self):
        """An observer that was named on the command line is the one."""
        self.assertIsNone(
            self.observer("--log-format", "json", nodaemon=True, logger="somebody.elses")
        )

    def test_file(self):
        """A daemon writes to the file that twistd would have written to."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        observer = self.observer("--log-format", "json", logfile=str(folder / "my.log"))
        self.addCleanup(observer._outFile.close)
        observer({"log_format": "hello"})
        self.assertEqual(json.loads((folder / "my.log").read_text("ascii"))["message"], "hello")

    def test_no_file(self):
        """Where there is no file to write to, the command ends with one line."""
        self.assertEqual(
            self.refused("--log-format", "json", twistd={"syslog": True}),
            "pycom-test: --log-format json: lines of JSON are written to a file or standard "
            "output, not to syslog",
        )

    def test_wrong(self):
        """Another format is refused, with those that there are."""
        error = self.assertRaises(usage.UsageError, self.options, "--log-format", "xml")
        self.assertEqual(str(error), "--log-format must be text or json, got 'xml'")

    def test_within_another_service(self):
        """A command may be part of something that is no application."""
        parent = Application("test")
        command = self.command("--log-format", "json", twistd={"nodaemon": True})
        command.setServiceParent(IService(parent))
        self.assertIsNone(parent.getComponent(ILogObserver, None))


@implementer(IService)
class Watcher(Service):
    """Says when it is started and stopped."""

    def __init__(self, name, events, stopped=None):
        self.name = name
        self.events = events
        self.stopped = stopped

    def startService(self):
        self.events.append(f"{self.name} starts")

    def stopService(self):
        self.events.append(f"{self.name} stops")
        return self.stopped


class OrderTests(ObservingCase):
    def test_order(self):
        """Metrics are there before what is measured starts, and until it has stopped."""
        events = []
        command = self.command()
        stopped = Deferred()
        Watcher("host", events, stopped).setServiceParent(command)
        command._watchers.append(Watcher("metrics", events))
        command.startService()
        self.assertEqual(events, ["metrics starts", "host starts"])
        events.clear()
        done = command.stopService()
        self.assertEqual(events, ["host stops"])
        self.assertNoResult(done)
        stopped.callback(None)
        self.successResultOf(done)
        self.assertEqual(events, ["host stops", "metrics stops"])


class CommandsTests(OptionsCase):
    """The commands that there are."""

    def test_metrics(self):
        """Each command has the option, and hands the host its instruments."""
        for command in service, nameserver:
            options = self.parse("-a", "tcp://127.0.0.1:*", "--metrics", "tcp:0", command=command)
            made = command.makeService(options)
            names = {metric.name for metric in made.registry.collect()}
            self.assertIn("pycom_calls_waiting", names)
            other = command.makeService(self.parse("-a", "tcp://127.0.0.1:*", command=command))
            self.assertIsNone(other.registry)

    def test_log_format(self):
        """Each command has that option, too, and takes where to write from twistd's."""
        for command, modules in (service, ["pycom_tx.apps.demo"]), (nameserver, []):
            options = command.Options()
            options.parent = ServerOptions()
            options.parent["nodaemon"] = True
            options.parseOptions(["-a", "tcp://127.0.0.1:*", "--log-format", "json", *modules])
            application = Application("test")
            command.makeService(options).setServiceParent(application)
            self.assertIsNotNone(application.getComponent(ILogObserver, None))
