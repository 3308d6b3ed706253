"""What the benchmarks say of a gateway whose answers are wrong."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.processes import Failed, Server
from benchmarks.workload import Settings


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
