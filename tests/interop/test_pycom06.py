"""Our peers and those of PyCOM 0.6.0, each as it is installed, talk to each other."""

import json
import math

from twisted.internet.utils import getProcessOutputAndValue

import pycom_tx as pycom
from tests.interop.old_peer import OldPeer
from tests.interop.old_services import OldServiceCase
from tests.live.processes import ProcessCase
from tests.vectors import FOLDER

SERVICE = (FOLDER / "fixture_service.py").read_text("utf-8")

SLOW = """
import os, time
import pycom

@pycom.interface("com.foo.slow")
class Slow(pycom.Service):
    @pycom.method
    def work(self, request, until):
        open("started", "w").close()
        while not os.path.exists(until):
            time.sleep(0.01)
        return until
"""

OLD_CLIENT = """
from __future__ import print_function
import json, sys
import pycom

context = pycom.ProxyContext(nameserver=sys.argv[1])
answers = {}
with context.locate("com.foo.example") as component:
    answers["example"] = [component.bar("field1", value=42), component.bar("field1")]
with context.locate("com.foo.shapes") as component:
    name, blob = component.download("n")
    answers["download"] = [name, blob.decode("ascii")]
    answers["two"] = list(component.two_results(left=1, right=[None, 1.5, 2 ** 70]))
    try:
        component.raise_denied()
    except pycom.RemoteError as error:
        answers["denied"] = [error.code, str(error)]
    try:
        component.raise_plain()
    except pycom.RemoteError as error:
        answers["plain"] = [error.code, str(error)]
with context.locate("com.foo.counter", "/com/foo/fixture") as component:
    answers["counter"] = [component.add(), component.add(amount=5), component.forget()]
    try:
        component.add()
    except pycom.RemoteError as error:
        answers["expired"] = error.code
plain = pycom.Context(nameserver=sys.argv[1])
component = plain.locate("com.foo.shapes")
answers["nan"] = repr(component.invoke("raw", args=[float("nan"), float("inf")]))
# Not through the proxy: that of 0.6 sends an attachment as JSON, too.
answers["upload"] = component.invoke("upload", args={}, attachment=b"abc")
result, attachment = component.invoke("echo_attachment", attachment=b"\\xff\\x00")
answers["attachment"] = [result, attachment == b"\\xff\\x00"]
component.close()
answers["services"] = sorted(
    record["service"] for record in plain.nameserver().invoke("list_services", {"service": "/com"})
)
print(json.dumps(answers))
"""

ANSWERS = {
    "example": [{"field1": 42}, {"field1": None}],
    "upload": 3,
    "download": ["n", "nnn"],
    "two": [1, [None, 1.5, 2**70]],
    "denied": [5, "not for you"],
    "plain": [1, "Unknown error during request"],
    "counter": [1, 6, None],
    "expired": 6,
    "nan": "[nan, inf]",
    "attachment": [{"had": True}, True],
    "services": ["/com/foo/fixture"],
}


class OldClientTests(ProcessCase):
    """A client of PyCOM 0.6.0 with a nameserver and a service of ours."""

    async def check(self, version):
        old = OldPeer(version)
        self.write_module("fixture_service", SERVICE)
        _, nameserver = await self.nameserver()
        await self.registered(
            *("pycom-service", "-a", "tcp://127.0.0.1:*", "-n", nameserver),
            *("-s", "/com/foo/fixture", "fixture_service"),
        )
        out, err, status = await getProcessOutputAndValue(
            old.python, ["-c", OLD_CLIENT, nameserver], env=old.environment
        )
        self.assertEqual(status, 0, err.decode())
        self.assertEqual(json.loads(out), ANSWERS)

    async def test_python_36(self):
        """It finds the service and gets every answer, under Python 3.6."""
        await self.check("3.6")

    async def test_python_27(self):
        """It finds the service and gets every answer, under Python 2.7."""
        await self.check("2.7")


class NewClientTests(OldServiceCase):
    """A client of ours with nameservers and services of PyCOM 0.6.0."""

    def setUp(self):
        super().setUp()
        self.write_module("fixture_service", SERVICE)

    async def check(self, nameserver):
        context = self.client(nameserver)
        example = await self.located(context, "com.foo.example")
        self.assertEqual(await example.bar(name="field1", value=42), {"field1": 42})
        self.assertEqual(await example.bar("field1"), {"field1": None})
        shapes = await context.locate("com.foo.shapes", "/com/foo/fixture")
        self.assertEqual(await shapes.upload(b"\xff\x00\xfe"), 3)
        self.assertEqual(await shapes.download("n\xe9"), ("n\xe9", "n\xe9".encode() * 3))
        self.assertEqual(await shapes.two_results(1, right=2**70), (1, 2**70))
        self.assertTrue(math.isnan((await shapes.raw(value=math.nan))["value"]))
        with self.assertRaisesRegex(pycom.AccessDenied, "not for you"):
            await shapes.raise_denied()
        counter = await context.locate("com.foo.counter")
        self.assertEqual([await counter.add(), await counter.add(amount=5)], [1, 6])
        await counter.forget()
        with self.assertRaises(pycom.SessionExpired):
            await counter.add()
        self.assertEqual(await counter.add(), 1)
        plain = pycom.Context(nameserver)
        self.addCleanup(plain.close)
        component = await plain.locate("com.foo.shapes")
        self.assertEqual(
            await component.invoke("echo_attachment", attachment=b""), ({"had": True}, b"")
        )
        many = [component.invoke("raw", number) for number in range(200)]
        self.assertEqual([await call for call in many], list(range(200)))

    async def test_closed_early(self):
        """A client that closes before the first answer has its call cancelled; others go on."""
        self.write_module("slow", SLOW)
        nameserver = await self.old_nameserver()
        address = self.serve("-n", nameserver, "-s", "/com/foo/slow", "slow")
        await self.located(self.client(nameserver), "com.foo.slow")
        context = pycom.Context(nameserver)
        component = await context.connect(address, "com.foo.slow")
        call = component.invoke("work", {"until": "closed"}, timeout=60)
        await self.file("started")
        context.close()
        with self.assertRaises(pycom.ConnectionClosed):
            await call
        (self.folder / "closed").touch()
        context = pycom.Context(nameserver)
        self.addCleanup(context.close)
        component = await context.connect(address, "com.foo.slow")
        for _ in range(2):
            answer = await component.invoke("work", {"until": "closed"}, timeout=60)
            self.assertEqual(answer, "closed")

    async def test_all_old(self):
        """A client of ours finds and calls a service through a nameserver, both 0.6.0."""
        nameserver = await self.old_nameserver()
        self.serve("-n", nameserver, "-s", "/com/foo/fixture", "fixture_service")
        await self.check(nameserver)

    async def test_old_service(self):
        """A service of 0.6.0 registers with a nameserver of ours."""
        _, nameserver = await self.nameserver()
        self.serve("-n", nameserver, "-s", "/com/foo/fixture", "fixture_service")
        await self.check(nameserver)

    async def test_old_nameserver(self):
        """A service of ours registers with a nameserver of 0.6.0, and stops without it."""
        nameserver = await self.old_nameserver()
        folder = self.folder / "new"
        folder.mkdir()
        (folder / "fixture_service.py").write_text(SERVICE, "utf-8")
        self.folder = folder
        process, _ = await self.registered(
            *("pycom-service", "-a", "tcp://127.0.0.1:*", "-n", nameserver),
            *("-s", "/com/foo/fixture", "fixture_service"),
        )
        await self.check(nameserver)
        await process.stop()
        self.assertNotIn("Traceback", process.log)


class NewClientOfPython27Tests(NewClientTests):
    """The same with PyCOM 0.6.0 under Python 2.7."""

    version = "2.7"
