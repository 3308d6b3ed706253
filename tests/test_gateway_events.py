"""The stream of events."""

import json

import pycom_tx as pycom
from pycom_tx.gateway.events import BACKLOG
from tests.gateway import GatewayCase


@pycom.interface("com.foo.other")
class Other(pycom.Service):
    """Another one."""


class EventTests(GatewayCase):
    def open(self, gateway):
        """A stream, and the answer that it begins with."""
        connection = self.connect(gateway)
        connection.ask("GET", "/events")
        return connection

    def events(self, connection):
        """What came since: names and data; and what is no event."""
        data = connection.received
        connection.transport.clear()
        if data.startswith(b"HTTP"):
            head, _, data = data.partition(b"\r\n\r\n")
            self.assertIn(b"200 OK", head)
            self.assertIn(b"Content-Type: text/event-stream", head)
            self.assertIn(b"Cache-Control: no-store", head)
        text = b"".join(chunks(data)).decode()
        found = []
        for block in text.split("\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
            if "event" in fields:
                found.append((fields["event"], json.loads(fields["data"])))
                self.ids.append(int(fields["id"]))
            else:
                found.append((block, None))
        return found

    def setUp(self):
        super().setUp()
        self.ids = []

    def turn(self):
        self.clock.pump([0.2] * 3 + [0] * 20)

    def test_snapshot(self):
        """First comes what is there."""
        connection = self.open(self.gateway())
        self.assertIn(b"retry: 1000\n", connection.received)
        ((event, data),) = self.events(connection)
        self.assertEqual(event, "snapshot")
        (provider,) = data["providers"]
        self.assertEqual(set(provider), {"id", "service", "interfaces"})
        self.assertEqual(provider["service"], "/com/foo/one")
        self.assertEqual(provider["interfaces"], ["com.foo.example"])
        connection.hang_up()

    def test_comes_and_goes(self):
        """Then whoever comes and goes, with numbers that grow."""
        connection = self.open(self.gateway(show_addresses=True))
        self.events(connection)
        host = self.host(Other(), service="/com/foo/two")
        address = host.address
        self.turn()
        ((event, provider),) = self.events(connection)
        self.assertEqual((event, provider["service"]), ("appeared", "/com/foo/two"))
        self.assertEqual(provider["address"], address)
        self.result(host.stopService())
        self.turn()
        self.assertEqual(self.events(connection), [("vanished", provider)])
        self.assertEqual(self.ids, [1, 2, 3])
        connection.hang_up()

    def test_dies(self):
        """One that dies without a word has vanished at once."""
        connection = self.open(self.gateway())
        self.events(connection)
        self.network.crash(self.service.address)
        self.settle()
        ((event, provider),) = self.events(connection)
        self.assertEqual((event, provider["service"]), ("vanished", "/com/foo/one"))
        connection.hang_up()

    def test_heartbeat(self):
        """Every 15 seconds something comes, so that nobody takes it for dead."""
        connection = self.open(self.gateway())
        self.events(connection)
        self.clock.advance(14)
        self.assertEqual(self.events(connection), [])
        for _ in range(10):
            self.clock.advance(15)
            self.assertEqual(self.events(connection), [(":", None)])
        connection.hang_up()

    def test_several(self):
        """All who listen are told; nothing is left when the last one is gone."""
        gateway = self.gateway()
        streams = [self.open(gateway) for _ in range(3)]
        streams[1].hang_up()
        self.network.crash(self.service.address)
        self.settle()
        for stream in streams[0], streams[2]:
            self.assertEqual([event for event, _ in self.events(stream)], ["snapshot", "vanished"])
            stream.hang_up()
        self.clock.advance(20)

    def test_limit(self):
        """There are no more streams than there may be."""
        gateway = self.gateway(max_streams=1)
        first = self.open(gateway)
        second = self.open(gateway)
        self.assertIn("1 streams", self.problem(second.read(), 503))
        second.hang_up()
        first.hang_up()
        third = self.open(gateway)
        self.assertEqual(len(self.events(third)), 1)
        third.hang_up()

    def test_slow(self):
        """Events wait for a client that is slow, for a while."""
        connection = self.connect(self.gateway())
        connection.transport.slow = True
        connection.ask("GET", "/events")
        self.network.crash(self.service.address)
        self.settle()
        self.assertEqual(self.events(connection), [])  # only where it is
        connection.transport.slow = False
        connection.transport.take_all()
        self.assertEqual(len(self.events(connection)), 2)
        connection.hang_up()

    def test_too_slow(self):
        """A client that takes nothing for a minute has lost its connection, and so has one
        for which too much waits."""
        gateway = self.gateway()
        for lose in self.wait, self.flood:
            connection = self.connect(gateway)
            connection.transport.slow = True
            connection.ask("GET", "/events")
            self.assertFalse(connection.transport.lost)
            lose()
            self.assertTrue(connection.transport.lost)

    def wait(self):
        self.clock.advance(59)
        self.clock.advance(1)

    def flood(self):
        for _ in range(BACKLOG // 2 + 1):
            self.network.disconnect(self.service.address)
            self.clock.pump([0] * 20)

    def test_two_pauses(self):
        """A client that is told twice to be slow is no slower than one that is told once."""
        connection = self.connect(self.gateway())
        connection.transport.slow = True
        connection.ask("GET", "/events")
        connection.transport.producer.pauseProducing()
        connection.transport.take_all()
        connection.hang_up()

    def test_stop(self):
        """When the gateway stops streams end, and as a whole answer does."""
        gateway = self.gateway()
        connection = self.open(gateway)
        self.events(connection)
        stopped = gateway.stopService()
        self.settle()
        self.assertTrue(connection.received.endswith(b"0\r\n\r\n"))
        self.assertTrue(connection.transport.lost)
        self.successResultOf(stopped)


def chunks(data):
    """The chunks of a body."""
    while data:
        size, _, data = data.partition(b"\r\n")
        yield data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]
