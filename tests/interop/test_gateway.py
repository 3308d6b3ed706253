"""The gateway in front of a nameserver and services of PyCOM 0.6.0."""

import json
import re

from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.interop.old_services import OldServiceCase
from tests.live.test_gateway import GatewayCase
from tests.vectors import FOLDER

SERVICE = (FOLDER / "fixture_service.py").read_text("utf-8")


class OldSystemTests(OldServiceCase, GatewayCase):
    async def test_all_old(self):
        """Everything works that old services know: calls, sessions, attachments, and what is
        told of them, until they are killed."""
        self.write_module("fixture_service", SERVICE)
        self.where = await self.old_nameserver()
        address = f"tcp://127.0.0.1:{self.reserve_port()}"
        arguments = ("-n", self.where, "-s", "/com/foo/fixture", "fixture_service")
        service = self.serve_at(address, *arguments)
        await self.located(self.client(self.where), "com.foo.example")
        await self.gateway()
        call = f"{self.url}/call"
        out = await self.curl(f"{call}/com.foo.example/bar", "--json", '{"name": "a", "value": 1}')
        self.assertEqual(json.loads(out), {"a": 1})
        add = f"{call}/com.foo.counter/add"
        await self.curl(add, "-d", "", "-D", "headers")
        session = re.search("(?i)pycom-session: .*", (self.folder / "headers").read_text())[0]
        out = await self.curl(add, "--json", '{"amount": 5}', "-H", session)
        self.assertEqual(json.loads(out), 6)
        (self.folder / "blob").write_bytes(b"\xff\x00")
        out = await self.curl(
            *(f"{call}/com.foo.shapes/echo_attachment", "--data-binary", "@blob", "-o", "out"),
            *("-H", "Content-Type: application/octet-stream"),
            *("-H", "Accept: application/octet-stream"),
        )
        self.assertEqual((self.folder / "out").read_bytes(), b"\xff\x00")
        listed = {
            known["interface"]: known
            for known in json.loads(await self.curl(f"{self.url}/services"))
        }
        self.assertIn("bar", listed["com.foo.example"]["methods"])
        document = json.loads(await self.curl(f"{self.url}/openapi.json"))
        OpenAPIV31SpecValidator(document).validate()
        self.assertIn("/call/com.foo.example/bar", document["paths"])
        talk = await self.connect()
        talk.transport.write(b"GET /events HTTP/1.1\r\n\r\n")
        await talk.until(rb'event: snapshot\r?\ndata: .*"/com/foo/fixture"')
        await service.kill()
        await talk.until(rb'event: vanished\r?\ndata: .*"/com/foo/fixture"')
