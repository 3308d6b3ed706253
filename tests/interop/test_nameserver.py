"""Nameservers and services of PyCOM 0.6.0 that are killed, and ours beside them."""

from tests.interop.old_services import OldServiceCase
from tests.live.test_nameserver import ANY, DEMO, SOON, NameserverCase
from tests.vectors import FOLDER

SERVICE = (FOLDER / "fixture_service.py").read_text("utf-8")


class OldNameserverTests(OldServiceCase, NameserverCase):
    async def test_killed(self):
        """Our services register again soon with an old nameserver that was started again."""
        where = f"tcp://127.0.0.1:{self.reserve_port()}"
        old = ("-s", "/org/pycom/nameserver", "pycom.apps.nameserver")
        process = self.serve_at(where, *old)
        paths = await self.hosts(where, 20)
        await process.kill()
        self.serve_at(where, *old)
        self.assertLess(await self.listed_again(where, paths), SOON)


class OldServiceTests(OldServiceCase, NameserverCase):
    async def test_path(self):
        """An old service that lives keeps its path, and goes on answering; one that was
        killed is replaced."""
        self.write_module("fixture_service", SERVICE)
        _, where = await self.nameserver()
        address = f"tcp://127.0.0.1:{self.reserve_port()}"
        process = self.serve_at(address, "-n", where, "-s", "/com/demo", "fixture_service")
        await self.located(self.client(where), "com.foo.example")
        service = self.twistd("pycom-service", "-a", ANY, "-n", where, "-s", "/com/demo", DEMO)
        await service.wait_for("is not registered, .* already registered on a different address")
        self.assertEqual((await self.services(where))["/com/demo"], address)
        async with self.client(where).locate("com.foo.example") as component:
            self.assertEqual(await component.bar("field1", value=42), {"field1": 42})
        await process.kill()
        await service.wait_for("is registered with the nameserver at")
