"""What the benchmarks say of a gateway whose answers are wrong, and of what does not start."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.processes import Failed, Server
from benchmarks.workload import Settings
from benchmarks.workloads.starting import measure


class Wrong(BaseHTTPRequestHandler):
    """Gives every request the answer to the eighth."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = b'{"field1":7}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        """Say nothing."""


class WrongAnswerTests(SynchronousTestCase):
    def test_fails(self):
        """There are no figures, but what was wrong."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), Wrong)
        self.addCleanup(server.server_close)
        Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        gateway = Server("clients.gateway", 0, server.server_port)
        error = self.assertRaises(Failed, gateway.run, Settings(rounds=1, seconds=60.0), clients=1)
        self.assertIn(
            "The answer to bar('field1', 0) is {'field1': 0}, got {'field1': 7}", error.reason
        )


# It says no more some time before it ends.
FAILING = """
import os
import time
os.write(1, b"there is no fuel\\n")
os.close(1)
os.close(2)
time.sleep(0.5)
os._exit(status)
"""


class NoStartTests(SynchronousTestCase):
    def test_fails(self):
        """There is no figure of one that ends too early, but what it said."""
        for status in 0, 1:
            command = [sys.executable, "-c", f"status = {status}{FAILING}"]
            error = self.assertRaises(Failed, measure, ("python", ""), command, "is there")
            self.assertIn(f"ended with {status}", str(error))
            self.assertEqual(error.reason, "there is no fuel")
