"""Addresses of 0MQ, before 0MQ is asked."""

import socket
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from twisted.trial.unittest import SynchronousTestCase

from pycom_tx import AddressError
from pycom_tx.zerojson.addresses import CONNECT, check_address, check_free, consecutive


class AddressTests(SynchronousTestCase):
    def test_addresses(self):
        """Hosts with ports and paths are addresses."""
        for address in (
            "tcp://127.0.0.1:2012",
            "tcp://*:*",
            "tcp://example.com:65535",
            "ipc:///tmp/with a space",
            "ipc://@abstract",
            "ipc://*",
        ):
            check_address("listen at", address)

    def test_none(self):
        """Anything else is none, and is told what one looks like."""
        for address in (
            "",
            "nonsense",
            "tcp://",
            "tcp://127.0.0.1",
            "tcp://127.0.0.1:",
            "tcp://127.0.0.1:x",
            "tcp://127.0.0.1:-5",
            "tcp://127.0.0.1:\xb2",
            "tcp://127.0.0.1:1\0",
            "tcp://127.0.0.1:1\n",
            "tcp://a b:1",
            "tcp://\udc80:1",
            "ipc://",
            "ipc:///tmp/\0",
            "ipc:///tmp/\udc80",
            "inproc://inside",
            "pgm://224.0.0.1:1",
            None,
            2012,
            b"tcp://127.0.0.1:2012",
        ):
            error = self.assertRaises(AddressError, check_address, CONNECT, address)
            self.assertIn(f"Cannot connect to {address!r}: an address looks like", str(error))

    def test_port(self):
        """A port that is too large is none: 0MQ would take another."""
        error = self.assertRaises(AddressError, check_address, "listen at", "tcp://*:65536")
        self.assertEqual(str(error), "Cannot listen at 'tcp://*:65536': ports end at 65535")

    def test_open(self):
        """What leaves a part to the system is an address to listen at, and none to connect to."""
        for address in "tcp://*:2012", "tcp://127.0.0.1:*", "tcp://*:*", "ipc://*":
            error = self.assertRaises(AddressError, check_address, CONNECT, address)
            self.assertTrue(
                str(error).startswith(
                    f"Cannot connect to {address!r}: with * it is one to listen at; name the host"
                )
            )
        for address in "tcp://127.0.0.1:2012", "tcp://example.com:1", "ipc:///tmp/*", "ipc://@*":
            check_address(CONNECT, address)

    def test_free(self):
        """Only at a path of the file system there may be something that 0MQ would remove."""
        for address in (
            "tcp://127.0.0.1:1",
            "ipc://*",
            "ipc://@abstract",
            "ipc:///nowhere/at/all",
            "ipc:///tmp/\udc80\ud800",
        ):
            check_free(address)

    def test_no_socket(self):
        """What is no socket is kept: a file, a folder, a link."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "file").write_text("precious", "ascii")
        (folder / "link").symlink_to("file")
        for path in folder, folder / "file", folder / "link":
            error = self.assertRaises(AddressError, check_free, f"ipc://{path}")
            self.assertIn(f"Cannot listen at 'ipc://{path}': something is there", str(error))

    def test_sockets(self):
        """A socket may be removed, unless somebody listens at it."""
        folder = Path(mkdtemp())  # the paths of sockets are short
        self.addCleanup(rmtree, folder)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(f"{folder}/s")
            listening.listen()
            error = self.assertRaises(AddressError, check_free, f"ipc://{folder}/s")
            self.assertIn("it is in use; choose another path", str(error))
        check_free(f"ipc://{folder}/s")

    def test_busy(self):
        """Somebody who has as many that wait for him as there may be listens as well."""
        folder = Path(mkdtemp())
        self.addCleanup(rmtree, folder)
        with ExitStack() as opened:
            listening = opened.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(f"{folder}/s")
            listening.listen(0)
            while True:
                waiting = opened.enter_context(socket.socket(socket.AF_UNIX))
                waiting.settimeout(0)
                try:
                    waiting.connect(f"{folder}/s")
                except BlockingIOError:
                    break
            self.assertRaises(AddressError, check_free, f"ipc://{folder}/s")


class ConsecutiveTests(SynchronousTestCase):
    def test_ports(self):
        """Ports count up from the given one."""
        self.assertEqual(
            consecutive("listen at", "tcp://[::1]:2013", 3),
            ["tcp://[::1]:2013", "tcp://[::1]:2014", "tcp://[::1]:2015"],
        )
        self.assertEqual(consecutive("listen at", "tcp://*:65534", 2)[-1], "tcp://*:65535")

    def test_paths(self):
        """Paths get a number."""
        self.assertEqual(
            consecutive("listen at", "ipc:///tmp/service", 2),
            ["ipc:///tmp/service-1", "ipc:///tmp/service-2"],
        )
        self.assertEqual(consecutive("listen at", "ipc://@a", 1), ["ipc://@a-1"])

    def test_chosen_by_the_system(self):
        """What the system picks needs no number."""
        for address in "tcp://127.0.0.1:*", "tcp://*:*", "tcp://127.0.0.1:0", "ipc://*":
            self.assertEqual(consecutive("listen at", address, 2), [address] * 2)

    def test_too_many(self):
        """Where there are not as many ports, none is given."""
        error = self.assertRaises(AddressError, consecutive, "listen at", "tcp://*:65534", 3)
        self.assertEqual(
            str(error),
            "Cannot listen at 3 ports from 'tcp://*:65534' on: ports end at 65535",
        )

    def test_none(self):
        """What is no address is none for several, either."""
        error = self.assertRaises(AddressError, consecutive, "register", "elsewhere", 2)
        self.assertIn("Cannot register 'elsewhere': an address looks like", str(error))
