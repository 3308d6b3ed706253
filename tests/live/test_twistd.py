"""The commands of twistd, as an operator runs them."""

import json
import signal
import socket

import pycom_tx as pycom
from tests.live.processes import ProcessCase

DEMO = "pycom_tx.apps.demo"
ANY = "tcp://127.0.0.1:*"

SERVICE = """
import pycom_tx as pycom

@pycom.interface("com.foo.example")
class MyService(pycom.Service):

    @pycom.method
    def bar(self, request, name, value=None):
        return {name: value}
"""


STALLING = """
import time
from pathlib import Path

import pycom_tx as pycom

@pycom.interface("com.foo.stalling")
class Stalling(pycom.Service):

    @pycom.method
    def stall(self, request):
        while not Path("done").exists():
            time.sleep(0.01)
        return "done"
"""


class CommandCase(ProcessCase):
    def assertCleanLog(self, process):
        """Nothing went wrong that nobody expected."""
        self.assertNotIn("Traceback", process.log + process.errors)
        self.assertNotIn("Unhandled", process.log + process.errors)

    def assertStopped(self, process, status):
        """It ended on SIGTERM, cleanly."""
        # twistd sends itself the signal again, when all is done.
        self.assertIn(status, (0, -signal.SIGTERM))
        self.assertIn("Server Shut Down.", process.log)
        self.assertFalse(process.pid_file.exists())
        self.assertCleanLog(process)

    async def assertRefused(self, *command, says, **options):
        """The command ends with status 1 and one line, that says so."""
        process = self.twistd(*command, **options)
        self.assertEqual(await process.end(), 1, process)
        self.assertCleanLog(process)
        lines = process.errors.splitlines()
        self.assertEqual(len(lines), 1, process)
        self.assertRegex(lines[0], rf"\A{command[0]}: {says}")
        self.assertFalse(process.pid_file.exists())


class ServiceTests(CommandCase):
    async def test_call(self):
        """A nameserver, a service from a module in the current folder, and a client."""
        self.write_module("package1.module1", SERVICE)
        nameserver, where = await self.nameserver()
        service, _ = await self.registered(
            "pycom-service", "-a", ANY, "-n", where, "package1.module1"
        )
        async with self.client(where).locate("com.foo.example") as component:
            self.assertEqual(await component.bar(name="field1", value=42), {"field1": 42})
            self.assertEqual(await component.bar("field1"), {"field1": None})
        for process in service, nameserver:
            self.assertStopped(process, await process.stop())

    async def test_chosen_port(self):
        """The port that the system picked for a * is what is registered."""
        _, where = await self.nameserver()
        _, address = await self.registered(
            "pycom-service", "-a", ANY, "-n", where, "-s", "/com/demo", DEMO
        )
        self.assertRegex(address, r"\Atcp://127\.0\.0\.1:[1-9][0-9]+\Z")
        self.assertEqual(
            await self.services(where), {"/org/pycom/nameserver": where, "/com/demo": address}
        )

    async def test_nameserver_inside(self):
        """A module that holds a nameserver is registered with that, unless told otherwise."""
        self.write_module("everything", f"{SERVICE}\nfrom pycom_tx import NameServer\n")
        _, address = await self.registered(
            "pycom-service", "-a", ANY, "-s", "/com/foo/everything", "everything"
        )
        self.assertEqual(await self.services(address), {"/com/foo/everything": address})
        async with self.client(address).locate("com.foo.example") as component:
            self.assertEqual(await component.bar("field1"), {"field1": None})

    async def test_generated_path(self):
        """Without a path the service is registered below /auto/."""
        _, where = await self.nameserver()
        _, address = await self.registered("pycom-service", "-a", ANY, "-n", where, DEMO)
        services = await self.services(where)
        (path,) = set(services) - {"/org/pycom/nameserver"}
        self.assertRegex(path, r"\A/auto/[0-9a-f]+\Z")
        self.assertEqual(services[path], address)

    async def test_advertise(self):
        """The address to advertise is registered, with the port that was picked."""
        _, where = await self.nameserver()
        _, address = await self.registered(
            *("pycom-service", "-a", "tcp://*:*", "--advertise", "tcp://localhost:*"),
            *("-n", where, "-s", "/com/demo", DEMO),
        )
        self.assertRegex(address, r"\Atcp://localhost:[1-9][0-9]+\Z")
        self.assertEqual((await self.services(where))["/com/demo"], address)
        async with self.client(where).locate("org.pycom.demo") as component:
            self.assertEqual(await component.echo(a=1), {"a": 1})

    async def test_demo(self):
        """The demo service echoes and throws."""
        _, where = await self.nameserver()
        service, _ = await self.registered("pycom-service", "-a", ANY, "-n", where, DEMO)
        async with self.client(where).locate("org.pycom.demo") as component:
            self.assertEqual(await component.echo(a=[1, "ö"]), {"a": [1, "ö"]})
            error = await self.assertFailure(component.throw(a=1), pycom.RemoteError)
        self.assertEqual((error.code, str(error)), (1, "{'a': 1}"))
        self.assertCleanLog(service)

    async def test_file(self):
        """A file of PyCOM 0.6 gives the settings, and an option wins over it."""
        _, where = await self.nameserver()
        settings = {
            "address": ANY,
            "service": "/com/file",
            "nameserver": where,
            "authentication": {"policy": "required"},
        }
        (self.folder / "pycom.json").write_text(json.dumps(settings), "utf-8")
        command = ("pycom-service", "-c", "pycom.json")
        _, first = await self.registered(*command, DEMO)
        _, second = await self.registered(*command, "-s", "/com/option", DEMO)
        services = await self.services(where)
        self.assertEqual((services["/com/file"], services["/com/option"]), (first, second))
        context = self.client(where).context
        async with context.locate("org.pycom.demo") as component:
            await self.assertFailure(component.invoke("echo"), pycom.AccessDenied)

    async def test_verbose(self):
        """-v logs each call."""
        _, where = await self.nameserver()
        service, _ = await self.registered("pycom-service", "-v", "-a", ANY, "-n", where, DEMO)
        async with self.client(where).context.locate("org.pycom.demo") as component:
            await component.invoke("echo")
        await service.wait_for(r"org\.pycom\.demo\.echo: answered in [0-9.]+ ms")

    async def test_asyncio(self):
        """The commands work in the reactor that was chosen."""
        _, where = await self.nameserver()
        service, _ = await self.registered(
            *("pycom-service", "-a", ANY, "-n", where, DEMO), reactor_name="asyncio"
        )
        await service.wait_for(r"reactor class: \S*asyncioreactor")
        async with self.client(where).locate("org.pycom.demo") as component:
            self.assertEqual(await component.echo(a=1), {"a": 1})
        self.assertStopped(service, await service.stop())


class StoppingTests(CommandCase):
    async def test_struck_off(self):
        """On SIGTERM a service is struck off at once, and ends without a traceback."""
        _, where = await self.nameserver()
        service, _ = await self.registered("pycom-service", "-a", ANY, "-n", where, DEMO)
        self.assertStopped(service, await service.stop())
        self.assertEqual(await self.services(where), {"/org/pycom/nameserver": where})

    async def test_without_a_nameserver(self):
        """A service that still waits for its nameserver stops as well."""
        service = self.twistd(
            *("pycom-service", "-a", ANY, "-n", f"tcp://127.0.0.1:{self.reserve_port()}", DEMO)
        )
        await service.wait_for("is not registered")
        self.assertStopped(service, await service.stop())

    async def test_nameserver_that_is_gone(self):
        """A service whose nameserver has gone since stops as well."""
        nameserver, where = await self.nameserver()
        service, _ = await self.registered("pycom-service", "-a", ANY, "-n", where, DEMO)
        await nameserver.kill()
        self.assertStopped(service, await service.stop())

    async def test_status(self):
        """twistd ends by the signal that it got, when the service has stopped."""
        for number in signal.SIGTERM, signal.SIGINT:
            process, _ = await self.nameserver()
            self.assertEqual(await process.stop(number), -number)
            self.assertStopped(process, -signal.SIGTERM)


class HeldUpTests(CommandCase):
    async def test_method_that_blocks(self):
        """A method that blocks and does not say so is named in the log while it does."""
        self.write_module("stalling", STALLING)
        _, where = await self.nameserver()
        service, _ = await self.registered("pycom-service", "-a", ANY, "-n", where, "stalling")
        context = self.client(where).context
        async with context.locate("com.foo.stalling") as component:
            call = component.invoke("stall", timeout=60)
            await service.wait_for(
                r"#warn\] Nothing else has been done for [0-9.]+ s, because of "
                r".*stall \(.*stalling\.py, line [0-9]+\)"
            )
            (self.folder / "done").touch()
            self.assertEqual(await call, "done")
        self.assertStopped(service, await service.stop())


class WaitingTests(CommandCase):
    async def test_nameserver_that_starts_later(self):
        """A nameserver that is not there yet is waited for."""
        where = f"tcp://127.0.0.1:{self.reserve_port()}"
        service = self.twistd("pycom-service", "-a", ANY, "-n", where, DEMO)
        await service.wait_for(f"is not registered, .*Nothing answers at {where}")
        await self.nameserver(address=where)
        await service.wait_for(f"is registered with the nameserver at {where}")
        async with self.client(where).locate("org.pycom.demo") as component:
            self.assertEqual(await component.echo(a=1), {"a": 1})
        self.assertCleanLog(service)


class FailingTests(CommandCase):
    def service(self, *options, module=DEMO, address=ANY):
        return ("pycom-service", "-a", address, *options, module)

    async def test_no_component(self):
        """A module without a component."""
        self.write_module("plain", "value = 1\n")
        await self.assertRefused(
            *self.service(module="plain"),
            says="plain has no component: decorate a class in it with @pycom.interface",
        )

    async def test_no_module(self):
        """A module that is not there."""
        await self.assertRefused(
            *self.service(module="missing.module"), says="There is no module 'missing.module': "
        )

    async def test_module_that_raises(self):
        """A module that raises at import."""
        self.write_module("raising", "\nraise ValueError('a reason')\n")
        await self.assertRefused(
            *self.service(module="raising"),
            says=r"Importing 'raising' failed with ValueError: a reason \(.*raising.py, line 2\)",
        )

    async def test_component_that_does_not_start(self):
        """A component whose start fails: the line, and a traceback in the log only."""
        self.write_module(
            "failing",
            "import pycom_tx as pycom\n"
            "from twisted.application.service import Service\n"
            "@pycom.interface('com.foo.failing')\n"
            "class Failing(pycom.Service, Service):\n"
            "    def startService(self):\n"
            "        raise OSError('no fuel')\n",
        )
        process = self.twistd(*self.service(module="failing"))
        self.assertEqual(await process.end(), 1, process)
        self.assertEqual(process.errors, "pycom-service: OSError: no fuel, see the log\n")
        self.assertIn("Traceback", process.output)
        daemon = self.twistd(*self.service(module="failing"), daemon=True)
        self.assertEqual(await daemon.end(), 1, daemon)
        self.assertTrue(daemon.errors.startswith(process.errors), daemon)
        self.assertIn("Traceback", daemon.log)

    async def test_no_address(self):
        """A service that was not told where to listen."""
        await self.assertRefused("pycom-service", DEMO, says="say where to listen")

    async def test_unusable_address(self):
        """An address that is none."""
        await self.assertRefused(
            *self.service(address="elsewhere"),
            says="--address must be an address like tcp://127.0.0.1:2013 .* got 'elsewhere'",
        )
        await self.assertRefused(
            "pycom-nameserver",
            "-a",
            "tcp://127.0.0.1",
            says="--address must .* got 'tcp://127.0.0.1'",
        )

    async def test_unusable_port(self):
        """A port that there cannot be: 0MQ would take another one instead."""
        await self.assertRefused(
            *self.service("--nameserver-timeout=1", address="tcp://127.0.0.1:70000"),
            says="--address must be .* with a port up to 65535, got 'tcp://127.0.0.1:70000'",
        )

    async def test_unusable_nameserver(self):
        """An address of a nameserver that is none."""
        await self.assertRefused(
            *self.service("-n", "elsewhere", "--nameserver-timeout=1"),
            says="--nameserver must be an address like .* got 'elsewhere'",
        )

    async def test_port_in_use(self):
        """A port that somebody listens at."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
            says = f"Cannot listen at '{address}': it is in use; choose another port, or \\*"
            await self.assertRefused(*self.service(address=address), says=says)
            await self.assertRefused("pycom-nameserver", "-a", address, says=says)

    async def test_nameserver_timeout(self):
        """A nameserver that does not come in time."""
        where = f"tcp://127.0.0.1:{self.reserve_port()}"
        await self.assertRefused(
            *self.service("-n", where, "--nameserver-timeout=2"),
            says=f"not registered with the nameserver at {where} within 2 s: Nothing answers",
        )

    async def test_file(self):
        """A file that cannot be read."""
        await self.assertRefused(
            *self.service("-c", "missing.json"),
            says="--config missing.json cannot be read: No such file",
        )


class DaemonTests(CommandCase):
    async def test_daemon(self):
        """Without -n the commands work as daemons: they answer, log and stop on SIGTERM."""
        nameserver = self.twistd("pycom-nameserver", "-a", ANY, daemon=True)
        self.assertEqual(await nameserver.exit(), 0)
        where = (await nameserver.wait_for(r"listens at (\S+)"))[1]
        service = self.twistd("pycom-service", "-a", ANY, "-n", where, DEMO, daemon=True)
        self.assertEqual(await service.exit(), 0)
        await service.wait_for("is registered with the nameserver at")
        async with self.client(where).locate("org.pycom.demo") as component:
            self.assertEqual(await component.echo(a=1), {"a": 1})
        for process in service, nameserver:
            await process.is_silent()
            self.assertFalse(process.ended)
            self.assertStopped(process, await process.stop())

    async def test_port_in_use(self):
        """A daemon that cannot listen makes the command end with status 1 and the reason."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
            process = self.twistd("pycom-service", "-a", address, DEMO, daemon=True)
            self.assertEqual(await process.end(), 1)
        # What twistd says itself comes behind it: the first letters of it.
        self.assertRegex(
            process.errors,
            rf"\Apycom-service: Cannot listen at '{address}': it is in use; choose another port.*\n"
            "An error has occurred: ",
        )
        self.assertFalse(process.pid_file.exists())

    async def test_port_in_use_in_the_log(self):
        """A daemon that cannot listen logs what to do, without a traceback."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
            process = self.twistd("pycom-service", "-a", address, DEMO, daemon=True)
            await process.end()
        self.assertIn(f"Cannot listen at '{address}': it is in use; choose another", process.log)
        self.assertCleanLog(process)

    async def test_nameserver_timeout(self):
        """A daemon that gives up logs one line and is gone."""
        where = f"tcp://127.0.0.1:{self.reserve_port()}"
        process = self.twistd(
            *("pycom-service", "-a", ANY, "-n", where, "--nameserver-timeout=0.5", DEMO),
            daemon=True,
        )
        await process.end()
        self.assertEqual(process.status, 0)
        self.assertIn(
            f"pycom-service: not registered with the nameserver at {where} within 0.5 s: ",
            process.log,
        )
        self.assertCleanLog(process)
        self.assertFalse(process.pid_file.exists())
