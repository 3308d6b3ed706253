"""What ``pycom-service --processes`` comes to, before any is started."""

import sys

from twisted.application.service import IService
from zope.interface.verify import verifyObject

from pycom_tx.tap import service
from pycom_tx.tap.processes import programs
from pycom_tx.tap.supervisor import Supervisor
from pycom_tx.zerojson.errors import ConfigurationError
from tests.test_tap import OptionsCase

ANY = "tcp://127.0.0.1:*"
DEMO = "pycom_tx.apps.demo"


class ProcessesCase(OptionsCase):
    def parse(self, *arguments, modules=(DEMO,)):
        options = service.Options()
        options.parseOptions([*arguments, *modules])
        return options

    def processes(self, *arguments, **more):
        """The options that each process gets, by its name."""
        processes = {}
        options = self.parse(*arguments, **more)
        for name, program in programs(options, options["metrics"]).items():
            start = program.index("pycom-service") + 1
            processes[name] = options = service.Options()
            options.parseOptions(program[start:])
            self.assertEqual(options["processes"], 1)
            self.assertEqual(options.settings["service"], name)
        return processes

    def settings(self, name, *arguments):
        """A setting of each process."""
        return [options.settings[name] for options in self.processes(*arguments).values()]


class ProgramsTests(ProcessesCase):
    def test_names(self):
        """Services are numbered below the path that was given."""
        for path in "/com/foo/service", "/com/foo/service/":
            self.assertEqual(
                list(self.processes("-a", ANY, "--processes=3", "-s", path)),
                [f"/com/foo/service/{number}" for number in (1, 2, 3)],
            )

    def test_generated_name(self):
        """Without a path one is made up for all of them."""
        first, second = self.processes("-a", ANY, "--processes=2")
        self.assertRegex(first, r"\A/auto/[0-9a-f]{32}/1\Z")
        self.assertEqual(second, f"{first[:-1]}2")

    def test_addresses(self):
        """Each has an address of its own, also where the file has the first one."""
        path = self.file({"address": "ipc:///tmp/service"})
        for given, first, second in (
            (("-a", ANY), ANY, ANY),
            (("-a", "tcp://box:2013"), "tcp://box:2013", "tcp://box:2014"),
            (("-c", path), "ipc:///tmp/service-1", "ipc:///tmp/service-2"),
        ):
            self.assertEqual(self.settings("address", "--processes=2", *given), [first, second])

    def test_advertised(self):
        """So has each the address that is registered, if one was given."""
        command = ("--processes=2", "-a", ANY)
        self.assertEqual(
            self.settings("advertise", *command, "--advertise=tcp://outside:1"),
            ["tcp://outside:1", "tcp://outside:2"],
        )
        self.assertEqual(
            self.settings("advertise", *command, "--advertise=tcp://outside:*"),
            ["tcp://outside:*"] * 2,
        )
        for options in self.processes(*command).values():
            self.assertNotIn("advertise", options.settings)

    def test_metrics(self):
        """Each serves its metrics at an endpoint of its own."""
        for given, first, second in (
            ("tcp:9100", "tcp:9100", "tcp:9101"),
            ("tcp:9100:interface=::1", "tcp:9100:interface=::1", "tcp:9101:interface=::1"),
            ("tcp:port=9100:backlog=9", "tcp:port=9100:backlog=9", "tcp:port=9101:backlog=9"),
            ("tcp:0", "tcp:0", "tcp:0"),
            ("ssl:9100:privateKey=a", "ssl:9100:privateKey=a", "ssl:9101:privateKey=a"),
            ("unix:/run/a:mode=600", "unix:/run/a-1:mode=600", "unix:/run/a-2:mode=600"),
        ):
            processes = self.processes("-a", ANY, "--processes=2", f"--metrics={given}")
            self.assertEqual(
                [options["metrics"] for options in processes.values()], [first, second]
            )

    def test_metrics_of_another_kind(self):
        """What cannot be counted is refused, and so are ports beyond the last."""
        for given, said in (
            ("systemd:domain=INET:index=0", "is for one process: several take tcp:PORT"),
            ("tcp:65535", "there are no 2 ports from there on, they end at 65535"),
            ("tcp:http", "there are no 2 ports"),
        ):
            with self.assertRaisesRegex(ConfigurationError, said):
                self.processes("-a", ANY, "--processes=2", f"--metrics={given}")

    def test_other_options(self):
        """All other options are those that were given, and so are the modules."""
        given = (
            *("-v", "-n", "tcp://box:2012", "--drain", "2.5", "--max-message=none"),
            *("--nameserver-timeout=9", "--token-cache=0", "--max-calls", "7"),
        )
        for modules in ("package.first", "second"), ("--", "-odd"):
            alone = self.parse(*given, modules=modules)
            for options in self.processes(
                *given, "--processes", "2", "-a", ANY, modules=modules
            ).values():
                self.assertEqual(options.modules, alone.modules)
                settings = dict(options.settings)
                del settings["service"], settings["address"]
                self.assertEqual(settings, alone.settings)

    def test_twistd(self):
        """twistd gets the reactor and the folder that it was told, and stays where it is."""
        options = self.parse("--processes=2", "-a", ANY)
        options.parent = {"reactor": "poll", "rundir": "else where", "pidfile": "twistd.pid"}
        for program in programs(options).values():
            self.assertEqual(
                program[2 : program.index("pycom-service")],
                [
                    *("--nodaemon", "--pidfile=", "--logger=pycom_tx.tap.records.to_supervisor"),
                    *("--reactor=poll", "--rundir=else where"),
                ],
            )


class CommandTests(ProcessesCase):
    def setUp(self):
        super().setUp()
        path = list(sys.path)
        self.addCleanup(lambda: sys.path.__setitem__(slice(None), path))

    def command(self, *arguments, **more):
        return service.makeService(self.parse(*arguments, **more))

    def refused(self, *arguments, **more):
        error = self.assertRaises(SystemExit, self.command, *arguments, **more)
        return error.code

    def test_supervisor(self):
        """With several processes the command holds a supervisor; it starts none yet."""
        command = self.command("-a", ANY, "--processes=2")
        verifyObject(IService, command)
        (supervisor,) = command
        self.assertIsInstance(supervisor, Supervisor)
        self.assertEqual(command.running, 0)

    def test_one(self):
        """One process has no supervisor, and the path that was given."""
        (host,) = self.command("-a", ANY, "--processes=1", "-s", "/one")
        self.assertEqual(host.service, "/one")

    def test_wrong_number(self):
        """A number of processes that is none is refused."""
        for value in "0", "-1", "two", "1.5", "":
            error = self.assertRaises(SystemExit, self.parse, "--processes", value)
            self.assertEqual(
                error.code,
                "pycom-service: --processes must be a whole number, 1 or more, like 4, "
                f"got {value!r}",
            )

    def test_ports(self):
        """Ports that there are not are refused before any process is started."""
        for options in ("-a", "tcp://box:65535"), ("-a", ANY, "--advertise=tcp://box:65535"):
            message = self.refused("--processes=2", *options)
            self.assertRegex(
                message, r"\Apycom-service: Cannot (listen at|register) 2 ports from 'tcp://box"
            )
            self.assertIn("ports end at 65535", message)

    def test_no_address(self):
        """A missing address is said as for one process."""
        self.assertIn("say where to listen", self.refused("--processes=2"))

    def test_no_component(self):
        """So is a module that cannot be served."""
        message = self.refused("--processes=2", "-a", ANY, modules=("json",))
        self.assertIn("json has no component", message)

    def test_nameserver(self):
        """A nameserver is one process."""
        message = self.refused(
            "--processes=2", "-a", ANY, modules=("pycom_tx.nameserver.nameserver",)
        )
        self.assertEqual(
            message,
            "pycom-service: org.pycom.nameserver keeps in its memory who is registered: "
            "it is one process, not 2",
        )
