"""Registrations: when they are made, renewed, tried again, given up and taken back."""

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

import pycom_tx as pycom
from pycom_tx.host.registration import Registration
from pycom_tx.testing import MemoryNetwork
from pycom_tx.zerojson.interfaces import IRequestHandler
from pycom_tx.zerojson.server import Server

NAMESERVER = "tcp://127.0.0.1:2012"
RECORD = {
    "service": "/com/example",
    "address": "tcp://127.0.0.1:2013",
    "interfaces": ["com.example.greeter"],
}


@implementer(IRequestHandler)
class FakeNameserver:
    """Remembers what it was asked, and answers as it is told to."""

    def __init__(self):
        self.requests = []
        self.answers = {}

    def handle(self, request):
        self.requests.append((request.method, request.args))
        return self.answers.get(request.method, lambda: pycom.Response({}))()

    @property
    def methods(self):
        return [method for method, _ in self.requests]


def refuse():
    raise pycom.AccessDenied("Service /com/example already registered on a different address")


class RegistrationCase(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.context = pycom.Context(NAMESERVER, reactor=self.clock, network=self.network)
        self.nameserver = FakeNameserver()
        self.gave_up = []
        self.chance = 0.0
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(self.network.close)
        self.addCleanup(self.context.close)

    def listen(self):
        """Have the nameserver listen; gives its channel."""
        server = Server(self.nameserver, self.clock)
        self.addCleanup(server.close)
        return self.network.bind(NAMESERVER, server)

    def start(self, give_up_after=None):
        """A registration that has begun, and ends with the test."""
        registration = Registration(
            self.context,
            RECORD,
            self.clock,
            give_up_after=give_up_after,
            gave_up=self.gave_up.append,
            chance=lambda: self.chance,
        )
        registration.start()
        self.clock.advance(0)
        self.addCleanup(self.stop, registration)
        return registration

    def stop(self, registration):
        """The Deferred of stopping, a turn later."""
        stopping = Deferred.fromCoroutine(registration.stop())
        self.clock.advance(0)
        return stopping

    def wait(self, seconds):
        """Let time pass, as a reactor does it: step by step."""
        self.clock.pump([0.25] * round(seconds * 4))

    def warnings(self, events):
        return [formatEvent(event) for event in events if event["log_level"] is LogLevel.warn]


class RegisteringTests(RegistrationCase):
    def test_registers(self):
        """The record is registered at once, and that is logged."""
        self.listen()
        with capturedLogs() as events:
            self.start()
        self.assertEqual(self.nameserver.requests, [("register", RECORD)])
        self.assertEqual(
            [(formatEvent(event), event["registered"]) for event in events],
            [(f"/com/example is registered with the nameserver at {NAMESERVER}", True)],
        )

    def test_renews(self):
        """A registration is renewed every 30 seconds, without a line in the log."""
        self.listen()
        self.start()
        with capturedLogs() as events:
            self.wait(29.75)
            self.assertEqual(len(self.nameserver.requests), 1)
            self.wait(0.25)
            self.assertEqual(len(self.nameserver.requests), 2)
            self.wait(30)
        self.assertEqual(self.nameserver.requests, [("register", RECORD)] * 3)
        self.assertEqual(events, [])

    def test_waits_for_the_nameserver(self):
        """A nameserver that is not there is tried until it is."""
        self.start()
        self.wait(100)
        self.listen()
        self.assertEqual(self.nameserver.requests, [])
        self.wait(0.5)
        self.assertEqual(self.nameserver.requests, [("register", RECORD)])
        self.wait(29.75)
        self.assertEqual(len(self.nameserver.requests), 1)

    def test_nameserver_that_does_not_answer(self):
        """A nameserver that is silent is tried again after the call's timeout."""
        self.nameserver.answers["register"] = Deferred
        self.listen()
        self.start()
        self.wait(5.25)
        self.assertEqual(len(self.nameserver.requests), 1)
        self.nameserver.answers.clear()
        self.wait(0.25)
        self.assertEqual(len(self.nameserver.requests), 2)
        self.wait(29.75)
        self.assertEqual(len(self.nameserver.requests), 2)

    def test_refused(self):
        """A registration that the nameserver refuses is tried every 2 seconds."""
        self.nameserver.answers["register"] = refuse
        self.listen()
        with capturedLogs() as events:
            self.start()
            self.wait(1.75)
            self.assertEqual(self.nameserver.methods.count("register"), 1)
            self.wait(0.25)
            self.assertEqual(self.nameserver.methods.count("register"), 2)
        (warning,) = self.warnings(events)
        self.assertTrue(warning.endswith("already registered on a different address"), warning)

    def test_holder(self):
        """The log says where the service is that has the path, if the nameserver tells."""
        self.nameserver.answers["register"] = refuse
        self.nameserver.answers["locate"] = lambda: pycom.Response({"address": "tcp://10.0.0.1:1"})
        self.listen()
        with capturedLogs() as events:
            self.start()
        wanted = {"interface": "com.example.greeter", "service": "/com/example"}
        self.assertEqual(self.nameserver.requests[1:], [("locate", wanted)])
        (warning,) = self.warnings(events)
        self.assertTrue(warning.endswith("on a different address: tcp://10.0.0.1:1"), warning)

    def test_no_nameserver(self):
        """Where another service answers than a nameserver, the log says so."""

        def unsupported():
            raise pycom.BadRequest("Unsupported interface: org.pycom.nameserver")

        self.nameserver.answers["register"] = unsupported
        self.listen()
        with capturedLogs() as events:
            self.start()
        (warning,) = self.warnings(events)
        self.assertIn(f"What answers at {NAMESERVER} is no nameserver: Unsupported", warning)

    def test_wrong(self):
        """What else a nameserver says against a registration is logged as it is."""

        def wrong():
            raise pycom.BadRequest("Argument 'service' must be a string")

        self.nameserver.answers["register"] = wrong
        self.listen()
        with capturedLogs() as events:
            self.start()
        (warning,) = self.warnings(events)
        self.assertTrue(warning.endswith("trying on: Argument 'service' must be a string"), warning)

    def test_reminders(self):
        """What does not work is logged when it begins, and every 30 seconds."""
        with capturedLogs() as events:
            self.start()
            self.wait(29.75)
            self.assertEqual(len(self.warnings(events)), 1)
            self.wait(60)
        warnings = self.warnings(events)
        self.assertEqual(len(warnings), 3)
        for warning in warnings:
            self.assertTrue(warning.startswith("/com/example is not registered"), warning)
            self.assertTrue(warning.endswith(f"Nothing answers at {NAMESERVER}"), warning)

    def test_nameserver_that_goes_and_comes(self):
        """A nameserver that is lost is logged at once; when it is back the service is
        registered again, and that is logged too."""
        channel = self.listen()
        self.start()
        with capturedLogs() as events:
            channel.close()
            self.wait(0.25)
            self.assertEqual(len(self.warnings(events)), 1)
            self.wait(29.5)
            self.assertEqual(len(self.warnings(events)), 1)
            self.listen()
            self.wait(0.5)
        self.assertEqual(self.nameserver.methods, ["register", "register"])
        self.assertEqual(
            formatEvent(events[-1]),
            f"/com/example is registered with the nameserver at {NAMESERVER}",
        )


class StoppingTests(RegistrationCase):
    def test_unregisters(self):
        """Stopping strikes the service off, by its path and address, and ends renewing."""
        self.listen()
        stopping = self.stop(self.start())
        self.assertIsNone(self.successResultOf(stopping))
        self.assertEqual(
            self.nameserver.requests[1:],
            [("unregister", {"service": "/com/example", "address": "tcp://127.0.0.1:2013"})],
        )
        self.wait(100)
        self.assertEqual(len(self.nameserver.requests), 2)

    def test_connection(self):
        """It says so on the connection that stands: another one might not be taken in time."""
        addresses = []

        class Network(MemoryNetwork):
            def connect(self, address, listener):
                addresses.append(address)
                return super().connect(address, listener)

        self.network = Network(self.clock)
        self.context = pycom.Context(NAMESERVER, reactor=self.clock, network=self.network)
        self.addCleanup(self.context.close)
        self.listen()
        self.successResultOf(self.stop(self.start()))
        self.assertEqual(self.nameserver.methods, ["register", "unregister"])
        self.assertEqual(addresses, [NAMESERVER])

    def test_stopped_twice(self):
        """What has stopped has nothing to strike off again."""
        self.listen()
        registration = self.start()
        self.successResultOf(self.stop(registration))
        self.successResultOf(self.stop(registration))
        self.assertEqual(self.nameserver.methods, ["register", "unregister"])

    def test_never_registered(self):
        """A service that was not registered is not struck off, and stops at once, with nothing
        to say about it."""
        registration = self.start()
        self.wait(2)
        with capturedLogs() as events:
            self.successResultOf(self.stop(registration))
        self.assertEqual(events, [])
        self.listen()
        self.wait(100)
        self.assertEqual(self.nameserver.requests, [])

    def test_register_without_its_answer(self):
        """A service that stops before it hears that it is registered is struck off: the
        nameserver may have registered it."""
        self.nameserver.answers["register"] = Deferred
        self.listen()
        registration = self.start()
        self.successResultOf(self.stop(registration))
        self.assertEqual(self.nameserver.methods, ["register", "unregister"])

    def test_old_nameserver(self):
        """A nameserver that cannot strike off is no error."""

        def unknown():
            raise pycom.MethodNotFound("Method 'unregister' not found")

        self.nameserver.answers["unregister"] = unknown
        self.listen()
        registration = self.start()
        self.assertIsNone(self.successResultOf(self.stop(registration)))
        self.assertEqual(self.nameserver.methods, ["register", "unregister"])

    def test_silent_nameserver(self):
        """A nameserver that does not answer holds a stopping service up for a second."""
        self.nameserver.answers["unregister"] = Deferred
        self.listen()
        stopping = self.stop(self.start())
        self.wait(0.75)
        self.assertNoResult(stopping)
        self.wait(0.25)
        self.assertIsNone(self.successResultOf(stopping))

    def test_lost_nameserver(self):
        """A service whose registration has lapsed does not wait for the nameserver."""
        channel = self.listen()
        registration = self.start()
        channel.close()
        self.wait(30)
        self.successResultOf(self.stop(registration))


class GivingUpTests(RegistrationCase):
    def test_gives_up(self):
        """When the time is over that is told once, with the reason, and nothing is tried
        any more."""
        registration = self.start(give_up_after=2)
        self.wait(1.75)
        self.assertEqual(self.gave_up, [])
        self.wait(0.25)
        message = (
            f"not registered with the nameserver at {NAMESERVER} within 2 s: "
            f"Nothing answers at {NAMESERVER}"
        )
        self.assertEqual(self.gave_up, [message])
        self.listen()
        self.wait(100)
        self.assertEqual(self.gave_up, [message])
        self.assertEqual(self.nameserver.requests, [])
        self.successResultOf(self.stop(registration))

    def test_gives_up_on_silence(self):
        """A nameserver that has said nothing so far is the reason, then."""
        self.nameserver.answers["register"] = Deferred
        self.listen()
        self.start(give_up_after=2.5)
        self.wait(2.5)
        (message,) = self.gave_up
        self.assertTrue(message.endswith("within 2.5 s: it does not answer"), message)

    def test_gives_up_on_refusal(self):
        """A refusal is the reason, in the nameserver's own words."""
        self.nameserver.answers["register"] = refuse
        self.listen()
        self.start(give_up_after=2)
        self.wait(2)
        (message,) = self.gave_up
        self.assertTrue(message.endswith("already registered on a different address"), message)

    def test_registered_in_time(self):
        """Once it is registered a service never gives up, even if the nameserver goes."""
        self.wait(1)
        channel = self.listen()
        self.start(give_up_after=2)
        channel.close()
        self.wait(100)
        self.assertEqual(self.gave_up, [])

    def test_stopped_in_time(self):
        """A service that is stopped while it waits does not give up."""
        registration = self.start(give_up_after=2)
        self.successResultOf(self.stop(registration))
        self.wait(100)
        self.assertEqual(self.gave_up, [])

    def test_answer_at_the_last_moment(self):
        """An answer that comes before the time is over counts."""
        answer = Deferred()
        self.nameserver.answers["register"] = lambda: answer
        self.listen()
        self.start(give_up_after=2)
        self.wait(1.75)
        answer.callback(pycom.Response({}))
        self.wait(10)
        self.assertEqual(self.gave_up, [])
        self.nameserver.answers["register"] = lambda: succeed(pycom.Response({}))
        self.wait(30)
        self.assertEqual(self.nameserver.methods, ["register", "register"])
