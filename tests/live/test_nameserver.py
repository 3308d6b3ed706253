"""Nameservers and services that are killed."""

import contextlib  # trial takes a name "suppress" here for its own

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.logger import Logger

import pycom_tx as pycom
from tests.live.processes import LOOK_AGAIN, PATIENCE, ProcessCase

ANY = "tcp://127.0.0.1:*"
DEMO = "pycom_tx.apps.demo"

SOON = 15
"""Seconds in which a renewal that is not asked for does not come."""

BUSY = """
import time
from pathlib import Path

import pycom_tx as pycom
from twisted.logger import Logger

@pycom.interface("com.foo.busy")
class Busy(pycom.Service):
    @pycom.method
    def be_busy(self, request):
        Logger().info("It is busy")
        while Path("busy").exists():
            time.sleep(0.01)
"""

_log = Logger()


class NameserverCase(ProcessCase):
    async def wait_until_listed(self, nameserver, wanted):
        """Wait until all of the paths are listed; gives the seconds since the nameserver
        answered for the first time."""
        answered = None
        deadline = reactor.seconds() + PATIENCE
        context = pycom.Context(nameserver)
        self.addCleanup(context.close)
        async with context.nameserver() as component:
            while reactor.seconds() < deadline:
                with contextlib.suppress(pycom.ServiceNotAvailable):
                    listed = await component.invoke("list_services")
                    answered = answered or reactor.seconds()
                    if wanted <= {record["service"] for record in listed}:
                        return reactor.seconds() - answered
                await deferLater(reactor, LOOK_AGAIN)
        raise AssertionError(f"{wanted} are not listed")

    async def listed_again(self, nameserver, paths):
        """Wait as above, and log how long that took."""
        seconds = await self.wait_until_listed(nameserver, paths)
        _log.info("Listed again after {seconds:.3f} s", seconds=seconds)
        return seconds

    async def hosts(self, nameserver, number):
        """Services of this process, registered; gives their paths."""
        hosts = [pycom.ComponentHost([], ANY, nameserver=nameserver) for _ in range(number)]
        for host in hosts:
            host.startService()
            self.addCleanup(host.stopService)
        paths = {host.service for host in hosts}
        await self.wait_until_listed(nameserver, paths)
        return paths


class RestartTests(NameserverCase):
    async def test_killed(self):
        """A nameserver that is killed and started again knows all services soon."""
        # Nobody else gets its port while it is gone.
        where = f"tcp://127.0.0.1:{self.reserve_port()}"
        process, _ = await self.nameserver(address=where)
        paths = await self.hosts(where, 20)
        await self.registered("pycom-service", "-a", ANY, "-n", where, "-s", "/com/demo", DEMO)
        await process.kill()
        await self.nameserver(address=where)
        self.assertLess(await self.listed_again(where, {*paths, "/com/demo"}), SOON)


class TakeoverTests(NameserverCase):
    async def service(self, nameserver):
        """A process of its own under the path /com/demo, and its address once registered."""
        return await self.registered(
            "pycom-service", "-a", ANY, "-n", nameserver, "-s", "/com/demo", DEMO
        )

    async def test_killed(self):
        """A service that was killed is replaced by one that starts elsewhere."""
        _, where = await self.nameserver()
        first, _ = await self.service(where)
        await first.kill()
        _, address = await self.service(where)
        self.assertEqual((await self.services(where))["/com/demo"], address)

    async def test_alive(self):
        """A service that lives keeps its path, the other says where it is; when it stops the
        other gets it."""
        _, where = await self.nameserver()
        first, address = await self.service(where)
        second = self.twistd("pycom-service", "-a", ANY, "-n", where, "-s", "/com/demo", DEMO)
        await second.wait_for(f"is not registered, .* already registered .* address: {address}")
        self.assertEqual((await self.services(where))["/com/demo"], address)
        await first.stop()
        await second.wait_for("is registered with the nameserver at")

    async def test_busy(self):
        """A service that is too busy to answer for longer than it is asked keeps its path."""
        self.write_module("busy", BUSY)
        _, where = await self.nameserver()
        service = "pycom-service", "-a", ANY, "-n", where, "-s", "/com/busy", "busy"
        first, address = await self.registered(*service)
        context = pycom.Context()
        self.addCleanup(context.close)
        async with context.connect(address, "com.foo.busy") as component:
            (self.folder / "busy").touch()
            busy = component.invoke("be_busy", timeout=PATIENCE)
            await first.wait_for("is busy")
            second = self.twistd(*service)
            await second.wait_for("is not registered, .* already registered on a different address")
            self.assertEqual((await self.services(where))["/com/busy"], address)
            (self.folder / "busy").unlink()
            await busy

    async def test_frozen(self):
        """A service that does not run any more, though its connections stand, is replaced."""
        _, where = await self.nameserver()
        first, _ = await self.service(where)
        first.transport.signalProcess("STOP")
        _, address = await self.service(where)
        self.assertEqual((await self.services(where))["/com/demo"], address)
