"""The twistd commands: what their options and files come to."""

import json
import os
import sys
from io import StringIO
from pathlib import Path

from twisted.application.service import IService
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

import pycom_tx as pycom
import twisted
from pycom_tx import ComponentHost
from pycom_tx.tap import gateway, nameserver, service

SERVICE = """
import pycom_tx as pycom

@pycom.interface("com.example.greeter")
class Greeter(pycom.Service): pass
"""

FULL = {
    "address": "tcp://127.0.0.1:4000",
    "service": "/com/file",
    "nameserver": "tcp://127.0.0.1:4001",
    "authentication": {"policy": "required"},
}


class OptionsCase(SynchronousTestCase):
    def setUp(self):
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def file(self, content):
        """The path of a file of settings, given as text or as what JSON can hold."""
        path = self.folder / "pycom.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return str(path)

    def parse(self, *arguments, command=service):
        """The options of a command, as the command line has them."""
        options = command.Options()
        modules = ("pycom_tx.apps.demo",) if command is service else ()
        options.parseOptions([*arguments, *modules])
        return options

    def refused(self, *arguments, command=service):
        """The one line that the command ends with."""
        error = self.assertRaises(SystemExit, self.parse, *arguments, command=command)
        self.assertIsInstance(error.code, str)  # which is exit status 1
        self.assertEqual(error.code.splitlines(), [error.code])
        return error.code


class ServiceOptionsTests(OptionsCase):
    def test_nothing(self):
        """Without options everything is left to the host."""
        self.assertEqual(self.parse().settings, {"nameserver_timeout": None, "verbose": False})

    def test_short(self):
        """The usual options have a letter."""
        options = self.parse("-a", "tcp://box:1", "-s", "/one", "-n", "tcp://box:2", "-v")
        self.assertEqual(
            options.settings,
            {
                "address": "tcp://box:1",
                "service": "/one",
                "nameserver": "tcp://box:2",
                "nameserver_timeout": None,
                "verbose": True,
            },
        )

    def test_long(self):
        """All options have a name."""
        options = self.parse(
            "--address=tcp://box:1",
            "--advertise=tcp://outside:1",
            "--service=/one",
            "--nameserver=tcp://box:2",
            "--nameserver-timeout=2.5",
            "--verbose",
        )
        self.assertEqual(
            options.settings,
            {
                "address": "tcp://box:1",
                "advertise": "tcp://outside:1",
                "service": "/one",
                "nameserver": "tcp://box:2",
                "nameserver_timeout": 2.5,
                "verbose": True,
            },
        )

    def test_modules(self):
        """The modules are what follows the options."""
        options = service.Options()
        options.parseOptions(["-v", "package.first", "second"])
        self.assertEqual(list(options.modules), ["package.first", "second"])

    def test_no_module(self):
        """A service without a module is refused."""
        error = self.assertRaises(SystemExit, service.Options().parseOptions, ["-v"])
        self.assertIn("pycom-service: name the module", error.code)

    def test_wrong_timeout(self):
        """A time to wait that is none is refused with what would be one."""
        for value in "soon", "0", "-1", "nan", "inf", "":
            self.assertEqual(
                self.refused("--nameserver-timeout", value),
                "pycom-service: --nameserver-timeout must be seconds, more than 0, like 2.5, "
                f"got {value!r}",
            )

    def test_token_cache(self):
        """How long a valid token is remembered is an option, and 0 is not at all."""
        self.assertNotIn("token_cache", self.parse().settings)
        for text, number in ("0", 0.0), ("2.5", 2.5):
            self.assertEqual(self.parse("--token-cache", text).settings["token_cache"], number)

    def test_wrong_token_cache(self):
        """A time to remember that is none is refused with what would be one."""
        for value in "soon", "-1", "nan", "inf", "":
            message = self.refused("--token-cache", value)
            self.assertIn("--token-cache must be seconds, 0 or more, like 2.5, got", message)

    def test_wrong_address(self):
        """What is no address is refused by the name of its option, short ones too."""
        for short, long, values in (
            ("-a", "--address", ("box", "tcp://box", "tcp://box:65536", "")),
            ("-n", "--nameserver", ("box", "tcp://box:*", "tcp://*:1", "ipc://*", "")),
            ("--advertise", "--advertise", ("box", "tcp://*:1", "tcp://*:*", "ipc://*", "")),
        ):
            for value in values:
                message = self.refused(short, value)
                self.assertIn(f"pycom-service: {long} must be an address", message)
                self.assertRegex(message, r"like tcp://1\S+:201\d or ipc://")
                self.assertTrue(message.endswith(f"got {value!r}"))

    def test_option_for_a_value(self):
        """Who gives an option in the place of a value has mistaken one of twistd's, maybe."""
        message = self.refused("-n", "-a")
        self.assertIn("got '-a'; options of twistd itself, like its -n, stand before", message)

    def test_wrong_path(self):
        """A path that is nothing is refused."""
        for value in "", " ":
            self.assertIn(
                f"--service must be a path like /com/foo/service, got {value!r}",
                self.refused("-s", value),
            )

    def test_local(self):
        """The nameserver may be one of the components."""
        self.assertEqual(self.parse("-n", "local").settings["nameserver"], "local")

    def test_unknown_option(self):
        """An option that there is not is refused in one line."""
        self.assertEqual(
            self.refused("--max-cals=1"), "pycom-service: option --max-cals not recognized"
        )

    def test_version(self):
        """The versions are those of this package and of Twisted."""
        output = StringIO()
        self.patch(sys, "stdout", output)
        for command in service, nameserver, gateway:
            error = self.assertRaises(SystemExit, command.Options().parseOptions, ["--version"])
            self.assertEqual(error.code, 0)
        line = f"pycom_tx {pycom.__version__}, Twisted {twisted.__version__}\n"
        self.assertEqual(output.getvalue(), line * 3)

    def test_help(self):
        """The help of each command has what it does without an option."""
        for command, defaults in (
            (service, ("tcp://127.0.0.1:2012, or local where", "/auto/ and something", "1")),
            (nameserver, ("tcp://127.0.0.1:2012", "local, which is itself", nameserver.SERVICE)),
            (gateway, ("tcp://127.0.0.1:2012", "5", "300", "64M", "100", "30", "text")),
        ):
            text = " ".join(str(command.Options()).split())
            for default in defaults:
                self.assertIn(f"[default: {default}", text)


class NameserverOptionsTests(OptionsCase):
    def test_nothing(self):
        """A nameserver listens at the usual address and registers itself."""
        self.assertEqual(
            self.parse(command=nameserver).settings,
            {
                "address": "tcp://127.0.0.1:2012",
                "nameserver": "local",
                "service": "/org/pycom/nameserver",
                "nameserver_timeout": None,
                "verbose": False,
            },
        )

    def test_file_and_option(self):
        """A file wins over what is usual, and an option over the file."""
        path = self.file({"address": "tcp://file:1", "service": "/file"})
        settings = self.parse("-c", path, "-a", "tcp://option:1", command=nameserver).settings
        self.assertEqual(settings["address"], "tcp://option:1")
        self.assertEqual(settings["service"], "/file")
        self.assertEqual(settings["nameserver"], "local")

    def test_no_arguments(self):
        """A nameserver takes no module."""
        self.assertEqual(
            self.refused("package.module", command=nameserver),
            "pycom-nameserver: there are options only, got 'package.module'",
        )


class ConfigurationTests(OptionsCase):
    def test_file(self):
        """The file of PyCOM 0.6 gives address, service, nameserver and authentication."""
        self.assertEqual(
            self.parse("--config", self.file(FULL)).settings,
            {**FULL, "authentication": "required", "nameserver_timeout": None, "verbose": False},
        )

    def test_options_win(self):
        """An option wins over the file, which gives what the options leave out."""
        path = self.file(FULL)
        for option, name in ("-a", "address"), ("-s", "service"), ("-n", "nameserver"):
            settings = self.parse(option, "tcp://given:1", "-c", path).settings
            self.assertEqual(settings[name], "tcp://given:1")
            for other in {"address", "service", "nameserver"} - {name}:
                self.assertEqual(settings[other], FULL[other])

    def test_empty(self):
        """An empty object changes nothing."""
        self.assertEqual(self.parse("-c", self.file({})).settings, self.parse().settings)

    def test_token_cache(self):
        """How long a valid token is remembered stands beside the policy; an option wins."""
        path = self.file({"authentication": {"policy": "required", "token_cache": 0}})
        self.assertEqual(self.parse("-c", path).settings["token_cache"], 0)
        settings = self.parse("-c", path, "--token-cache", "3").settings
        self.assertEqual((settings["token_cache"], settings["authentication"]), (3, "required"))
        for cache in (-1, "5", None, [], float("nan")):
            path = self.file({"authentication": {"policy": "required", "token_cache": cache}})
            self.assertIn("token_cache", self.refused("-c", path))

    def test_policies(self):
        """Authentication can be required, or never."""
        for policy in "required", "never":
            path = self.file({"authentication": {"policy": policy}})
            self.assertEqual(self.parse("-c", path).settings["authentication"], policy)

    def test_unknown_setting(self):
        """A setting that nobody knows is logged and left out."""
        with capturedLogs() as events:
            settings = self.parse("-c", self.file({"adress": "tcp://box:1"})).settings
        self.assertEqual(settings, self.parse().settings)
        (warning,) = [formatEvent(event) for event in events if event["log_level"] is LogLevel.warn]
        self.assertIn("'adress'", warning)
        self.assertIn("pycom.json", warning)

    def test_no_file(self):
        """A file that cannot be read is refused with its name and the reason."""
        path = str(self.folder / "missing.json")
        message = self.refused("-c", path)
        self.assertIn(path, message)
        self.assertIn("No such file", message)
        self.assertIn("directory", self.refused("-c", str(self.folder)))

    def test_no_json(self):
        """A file that is not JSON is refused with its name and where it is wrong."""
        message = self.refused("-c", self.file("{\n  'address': 1}"))
        self.assertIn("pycom.json", message)
        self.assertIn("line 2", message)

    def test_nested_too_deeply(self):
        """A file that nests without end is refused."""
        self.assertIn("nested too deeply", self.refused("-c", self.file("[" * 100_000)))

    def test_no_text(self):
        """A file that is not UTF-8 is refused."""
        path = Path(self.file(""))
        path.write_bytes(b'{"service": "/\xff"}')
        self.assertIn(str(path), self.refused("-c", str(path)))

    def test_no_object(self):
        """A file that holds no object is refused."""
        for content in [], "text", 1, None:
            message = self.refused("-c", self.file(json.dumps(content)))
            self.assertIn("no JSON object", message)

    def test_wrong_setting(self):
        """A setting that cannot be is refused with the file, its name and its value."""
        for name, right in (
            ("address", "an address like tcp://127.0.0.1:2013"),
            ("service", "a path like /com/foo/service"),
            ("nameserver", "an address like tcp://127.0.0.1:2012"),
        ):
            for value in 2013, None, ["/one"], {}, True, "":
                path = self.file({name: value})
                message = self.refused("-c", path)
                self.assertIn(f"pycom-service: {path}: {name} must be {right}", message)
                self.assertTrue(message.endswith(f"got {value!r}"))

    def test_wrong_authentication(self):
        """Authentication that is no policy is refused with what would be one."""
        for value in (
            "required",
            None,
            {},
            {"policy": "sometimes"},
            {"policy": None},
            {"policy": ["required"]},
            {"policy": "required", "realm": "x"},
        ):
            message = self.refused("-c", self.file({"authentication": value}))
            self.assertIn('authentication must be {"policy": "required"}', message)
            self.assertIn(f"got {value!r}", message)

    def test_nameserver_reads_it_too(self):
        """The nameserver has the same file."""
        settings = self.parse("-c", self.file(FULL), command=nameserver).settings
        self.assertEqual(settings["nameserver"], "tcp://127.0.0.1:4001")
        self.assertEqual(settings["authentication"], "required")


class HostCommandTests(OptionsCase):
    def setUp(self):
        super().setUp()
        path, modules, folder = list(sys.path), set(sys.modules), Path.cwd()

        def restore():
            os.chdir(folder)
            sys.path[:] = path
            for name in set(sys.modules) - modules:
                del sys.modules[name]

        self.addCleanup(restore)

    def test_service(self):
        """What the command gives twistd is a service that holds the host."""
        command = service.makeService(self.parse("-a", "tcp://127.0.0.1:*", "-s", "/one"))
        verifyObject(IService, command)
        (host,) = command
        self.assertIsInstance(host, ComponentHost)
        self.assertEqual(host.service, "/one")
        self.assertIs(host.parent, command)

    def test_nameserver(self):
        """The nameserver is a host as well, at its usual path."""
        command = nameserver.makeService(self.parse(command=nameserver))
        verifyObject(IService, command)
        (host,) = command
        self.assertEqual(host.service, "/org/pycom/nameserver")

    def test_nothing_is_opened(self):
        """Making the service opens nothing yet: twistd may fork before it starts it."""
        command = service.makeService(self.parse("-a", "tcp://127.0.0.1:*"))
        self.assertEqual(command.running, 0)
        (host,) = command
        self.assertIsNone(host.address)

    def test_no_address(self):
        """A service without an address is refused with what to give."""
        error = self.assertRaises(SystemExit, service.makeService, self.parse())
        self.assertEqual(
            error.code, "pycom-service: say where to listen, with --address tcp://HOST:PORT"
        )

    def test_address_in_the_file_is_misspelt(self):
        """So is one whose file names it wrongly, with that name."""
        options = self.parse("-c", self.file({"adress": "tcp://127.0.0.1:1"}))
        error = self.assertRaises(SystemExit, service.makeService, options)
        self.assertIn("(nobody knows the setting 'adress')", error.code)

    def test_no_component(self):
        """Modules that cannot be served end the command with one line."""
        options = service.Options()
        options.parseOptions(["-a", "tcp://127.0.0.1:*", "json"])
        error = self.assertRaises(SystemExit, service.makeService, options)
        self.assertEqual(
            error.code,
            "pycom-service: json has no component: decorate a class in it with @pycom.interface",
        )

    def test_current_folder(self):
        """Modules are found in the current folder, which comes first and once."""
        package = self.folder / "package1"
        package.mkdir()
        (package / "module1.py").write_text(SERVICE, "utf-8")
        os.chdir(self.folder)
        options = service.Options()
        options.parseOptions(["-a", "tcp://127.0.0.1:*", "package1.module1"])
        for _ in range(2):
            service.makeService(options)
        self.assertEqual(sys.path[0], str(self.folder))
        self.assertEqual(sys.path.count(str(self.folder)), 1)
        self.assertEqual(sys.modules["package1.module1"].__file__, str(package / "module1.py"))
