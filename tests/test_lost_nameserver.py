"""Services whose connection to the nameserver breaks."""

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

import pycom_tx as pycom
from pycom_tx.zerojson.server import Server
from tests.support import MemoryCase
from tests.test_registration import NAMESERVER, RECORD, FakeNameserver, RegistrationCase


class RegistrationTests(RegistrationCase):
    def test_registers_again(self):
        """When the connection broke the service is registered at once, and that is logged:
        another nameserver may be there, which knows nobody."""
        self.listen()
        self.start()
        self.wait(10)
        with capturedLogs() as events:
            self.network.disconnect(NAMESERVER)
            self.wait(0.25)
        self.assertEqual(self.nameserver.requests, [("register", RECORD)] * 2)
        self.assertEqual(len(events), 1)
        self.wait(29.5)
        self.assertEqual(len(self.nameserver.requests), 2)

    def test_spread(self):
        """It is not the same moment for all: each takes up to half a second."""
        self.listen()
        self.chance = 0.5
        self.start()
        self.network.disconnect(NAMESERVER)
        self.clock.advance(0.2)
        self.clock.advance(0)
        self.assertEqual(len(self.nameserver.requests), 1)
        self.clock.advance(0.05)
        self.clock.advance(0)
        self.assertEqual(len(self.nameserver.requests), 2)

    def test_renewals_are_spread(self):
        """A renewal is up to 3 seconds early, so that services that have registered
        together do not renew together."""
        self.listen()
        self.chance = 0.5
        self.start()
        self.wait(28.25)
        self.assertEqual(len(self.nameserver.requests), 1)
        self.wait(0.25)
        self.assertEqual(len(self.nameserver.requests), 2)

    def test_within_a_second(self):
        """Whenever a nameserver comes back, it knows the service a second later."""
        for chance in 0.0, 0.3, 0.999:
            for away in 0, 0.25, 5, 100:
                self.chance = chance
                self.nameserver.requests.clear()
                channel = self.listen()
                registration = self.start()
                self.wait(10)
                channel.close()
                self.wait(away)
                channel = self.listen()
                self.wait(1)
                self.assertEqual(self.nameserver.methods, ["register", "register"])
                self.successResultOf(self.stop(registration))
                channel.close()

    def test_during_a_call(self):
        """A connection that breaks while a registration waits for its answer: it is made
        again."""
        self.nameserver.answers["register"] = Deferred
        self.listen()
        self.start()
        self.network.disconnect(NAMESERVER)
        self.nameserver.answers.clear()
        self.wait(0.5)
        self.assertEqual(self.nameserver.methods, ["register", "register"])

    def test_sooner_not_later(self):
        """What is due anyway does not wait for the chance."""
        self.listen()
        self.start()
        self.wait(29.75)
        self.chance = 0.999
        self.network.disconnect(NAMESERVER)
        self.wait(0.25)
        self.assertEqual(len(self.nameserver.requests), 2)

    def test_stopped(self):
        """A service that has stopped does not care any more."""
        self.listen()
        registration = self.start()
        self.successResultOf(self.stop(registration))
        self.network.disconnect(NAMESERVER)
        self.wait(10)
        self.assertEqual(self.nameserver.methods, ["register", "unregister"])

    def test_unseen(self):
        """Where nobody sees the connection break, the next renewal makes up for it."""
        channel = self.listen()
        self.start()
        another = FakeNameserver()
        channel.listener = Server(another, self.clock)
        self.wait(30)
        self.assertEqual(another.requests, [("register", RECORD)])


class HostTests(MemoryCase):
    def test_restarted(self):
        """A second after a nameserver was started again all services are registered."""
        hosts = {self.host().service for _ in range(20)}
        self.clock.advance(10)
        self.result(self.nameserver.stopService())
        self.clock.pump([0.05] * 100)
        self.host(
            pycom.NameServer(reactor=self.clock),
            address="tcp://127.0.0.1:2012",
            nameserver="local",
            service="/org/pycom/nameserver",
        )
        self.clock.pump([0.05] * 20)
        component = self.result(self.context.nameserver())
        self.addCleanup(component.close)
        listed = {record["service"] for record in self.result(component.invoke("list_services"))}
        self.assertEqual(listed, {*hosts, "/org/pycom/nameserver"})
