"""Hosts that cannot start, or give up."""

import gc

from twisted.logger import LogLevel, capturedLogs

import pycom_tx as pycom
from pycom_tx.testing import MemoryNetwork
from tests.test_host import Demanding, FirstEngine, Greeter, HostCase, OtherGreeter, SecondEngine


class FailingTests(HostCase):
    def test_components_that_are_no_list(self):
        """A class in the place of a list of them is refused with what to give."""
        error = self.assertRaises(TypeError, pycom.ComponentHost, Greeter, "tcp://127.0.0.1:*")
        self.assertEqual(str(error), "Components come in a list: [Greeter]")

    def test_address_in_use(self):
        """A host that cannot listen says so, and stops the components it has started."""
        events = []
        host = self.unstarted(FirstEngine("engine", events), address="tcp://127.0.0.1:2012")
        message = self.assertStartFails(host, pycom.AddressError)
        self.assertIn("'tcp://127.0.0.1:2012'", message)
        self.assertEqual(events, ["engine starts", "engine stops"])

    def test_component_that_fails_to_start(self):
        """An error of a component that is started ends the start, after the others have
        been stopped."""
        events = []
        last = SecondEngine("second", events, fails=["start"])
        host = self.unstarted(FirstEngine("first", events), last)
        self.assertEqual(self.assertStartFails(host, OSError), "no fuel")
        self.assertEqual(events, ["first starts", "second starts", "first stops"])

    def test_interface_twice(self):
        """Two components with the same interface cannot be served; both are named."""
        host = self.unstarted(Greeter, OtherGreeter)
        message = self.assertStartFails(host, pycom.ConfigurationError)
        self.assertEqual(
            message, "com.example.greeter is provided twice, by Greeter and by OtherGreeter"
        )

    def test_class_that_cannot_be_made(self):
        """A class whose instances need arguments is refused with what to do about it."""
        message = self.assertStartFails(self.unstarted(Demanding), pycom.ConfigurationError)
        self.assertRegex(message, r"\ADemanding\(\) cannot be made: .*argument.*")
        self.assertIn("; give an instance in the place of the class", message)

    def test_class_that_fails(self):
        """One that fails when an instance is made is named, with what it failed with and where."""

        @pycom.interface("com.example.failing")
        class Failing(pycom.Service):
            def __init__(self):
                raise error

        for error in OSError("no fuel"), TypeError("no fuel"), SystemExit("no fuel"):
            message = self.assertStartFails(self.unstarted(Failing), pycom.ConfigurationError)
            self.assertRegex(
                message,
                rf"\A\S*Failing\(\) failed with {type(error).__name__}: no fuel "
                rf"\({__file__}, line \d+\)\Z",
            )

    def test_local_nameserver_that_is_not_there(self):
        """The nameserver can only be local if one of the components is one."""
        host = self.unstarted(Greeter, nameserver="local")
        message = self.assertStartFails(host, pycom.ConfigurationError)
        self.assertEqual(
            message, "The nameserver is 'local', but no component provides org.pycom.nameserver"
        )

    def test_nameserver_that_has_no_address(self):
        """An address of a nameserver that cannot be connected to is refused at the start,
        as one to listen at is."""

        class Network(MemoryNetwork):
            def connect(self, address, listener):
                raise pycom.AddressError(f"Cannot connect to {address!r}")

        self.addCleanup(gc.collect)  # an error that nobody handled is logged by now
        network = Network(self.clock)
        host = self.unstarted(Greeter, nameserver="elsewhere", network=network)
        message = self.assertStartFails(host, pycom.AddressError)
        self.assertEqual(message, "Cannot connect to 'elsewhere'")
        self.assertEqual(network.bound, {})

    def test_gives_up(self):
        """A host that was not registered in time says so and goes on serving."""
        told = []
        host = self.host(
            Greeter, nameserver="tcp://127.0.0.1:9", nameserver_timeout=3, gave_up=told.append
        )
        self.clock.advance(3)
        (message,) = told
        self.assertIn("not registered with the nameserver at tcp://127.0.0.1:9", message)
        self.assertEqual(self.successResultOf(self.greet(host)), "Hello you")

    def test_gives_up_in_the_log(self):
        """Unless told otherwise, giving up is a critical line in the log."""
        self.host(Greeter, nameserver="tcp://127.0.0.1:9", nameserver_timeout=3)
        with capturedLogs() as events:
            self.clock.advance(3)
        (message,) = self.messages(events, LogLevel.critical)
        self.assertIn("not registered with the nameserver at tcp://127.0.0.1:9", message)
