"""The recorded exchanges with PyCOM 0.6.0, replayed by a bare REQ socket."""

import json
import shutil

import zmq

from tests import vectors
from tests.live.processes import ProcessCase


class VectorTests(ProcessCase):
    async def test_exchanges(self):
        """Every reply that a process of ours gives is the one that PyCOM 0.6.0 gave."""
        for fixture in vectors.FOLDER.glob("fixture_*.py"):
            shutil.copy(fixture, self.folder)
        _, nameserver = await self.nameserver()
        options = ("pycom-service", "-n", nameserver, "-a", "tcp://127.0.0.1:*", "-s")
        modules = ("fixture_service", "pycom_tx.apps.demo")
        _, service = await self.registered(*options, "/com/foo/fixture", *modules)
        _, authenticator = await self.registered(*options, "/com/foo/auth", "fixture_authenticator")
        addresses = {"ns": nameserver, "svc": service, "auth": authenticator}
        context = zmq.Context()
        self.addCleanup(context.destroy, linger=0)
        for exchange in vectors.exchanges():
            socket = context.socket(zmq.REQ)
            socket.connect(addresses[exchange["to"]])
            session = ""
            for step, recorded in enumerate(exchange["steps"]):
                socket.send_multipart(vectors.frames(recorded["request"], session))
                self.assertTrue(socket.poll(10_000), exchange["name"])
                reply = socket.recv_multipart()
                session = session or json.loads(reply[1]).get("session_id") or ""
                wrong = vectors.differences(exchange, step, reply, session)
                self.assertEqual(wrong, [], exchange["name"])
            socket.close()
