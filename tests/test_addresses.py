"""Addresses of 0MQ, before 0MQ is asked."""

from twisted.trial.unittest import SynchronousTestCase

from pycom_tx import AddressError
from pycom_tx.zerojson.addresses import check_address, is_taken


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
        ):
            error = self.assertRaises(AddressError, check_address, "connect to", address)
            self.assertIn(f"Cannot connect to {address!r}: an address looks like", str(error))

    def test_port(self):
        """A port that is too large is none: 0MQ would take another."""
        error = self.assertRaises(AddressError, check_address, "listen at", "tcp://*:65536")
        self.assertEqual(str(error), "Cannot listen at 'tcp://*:65536': ports end at 65535")

    def test_taken(self):
        """Only a path of the file system can be taken without 0MQ noticing."""
        for address in ("tcp://127.0.0.1:1", "ipc://*", "ipc://@abstract", "ipc:///nowhere/at/all"):
            self.assertFalse(is_taken(address))
