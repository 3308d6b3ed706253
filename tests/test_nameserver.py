"""The nameserver, as its clients see it."""

from twisted.application.service import IService
from twisted.internet import reactor
from twisted.internet.defer import succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

import pycom_tx as pycom
from pycom_tx.nameserver.registry import IRegistry, Providers, Record
from tests.support import MemoryCase

OWN = {
    "service": "/org/pycom/nameserver",
    "address": "tcp://127.0.0.1:2012",
    "interfaces": ["org.pycom.nameserver"],
}


class NameServerCase(MemoryCase):
    def setUp(self):
        super().setUp()
        self.component = self.result(self.context.nameserver())

    def invoke(self, method, **args):
        """What the nameserver answers."""
        return self.result(self.component.invoke(method, args))

    def refused(self, kind, method, **args):
        """The text of the error that the nameserver answers."""
        return str(self.failure(self.component.invoke(method, args), kind))

    def register(self, service, *interfaces, address="tcp://box:1"):
        """Register a service; gives its record, as it is listed."""
        record = {"service": service, "address": address, "interfaces": list(interfaces)}
        self.assertEqual(self.invoke("register", **record), {})
        return record

    def listed(self, **args):
        """The paths of the services that are listed."""
        return {record["service"] for record in self.invoke("list_services", **args)}


class RegisterTests(NameServerCase):
    def test_registered(self):
        """What is registered is listed as it was given."""
        record = self.register("/one", "com.a", "com.b")
        self.assertCountEqual(self.invoke("list_services"), [OWN, record])

    def test_interface_twice(self):
        """An interface that is named twice is there once."""
        self.register("/one", "com.a", "com.b", "com.a")
        found = self.invoke("locate", interface="com.a")
        self.assertEqual(found["interfaces"], ["com.a", "com.b"])

    def test_held_by_another_address(self):
        """A path that is held by another address is refused with code 5."""
        self.register("/one", "com.a")
        args = {"service": "/one", "address": "tcp://box:2", "interfaces": ["com.a"]}
        self.assertEqual(
            self.refused(pycom.AccessDenied, "register", **args),
            "Service /one already registered on a different address",
        )

    def test_expires(self):
        """A service that does not register again is gone after 60 seconds."""
        self.register("/one", "com.a")
        self.register("/two", "com.a")
        self.clock.pump([30])
        self.register("/one", "com.a")
        self.clock.pump([30])
        self.assertEqual(self.listed(), {"/org/pycom/nameserver", "/one"})

    def test_wrong_arguments(self):
        """Arguments of the wrong kind are refused with code 4, by name."""
        right = {"service": "/one", "address": "tcp://box:1", "interfaces": ["com.a"]}
        for name, expected, values in (
            ("service", "a string that is not empty", ["", None, 1, ["/one"], True]),
            ("address", "a string that is not empty", ["", None, 2013, {}]),
            ("interfaces", "a list of strings", ["com.a", None, {}, [""], ["com.a", 1], [[]]]),
        ):
            for value in values:
                self.assertEqual(
                    self.refused(pycom.BadRequest, "register", **{**right, name: value}),
                    f"Argument '{name}' of org.pycom.nameserver.register "
                    f"must be {expected}, got {value!r}",
                )
        self.assertEqual(self.listed(), {"/org/pycom/nameserver"})

    def test_long_arguments(self):
        """An argument is quoted in part if it is long."""
        message = self.refused(
            pycom.BadRequest, "register", service="/one", address=["x" * 1000], interfaces=[]
        )
        self.assertLess(len(message), 200)

    def test_missing_arguments(self):
        """Registering without one of the arguments is refused with code 4."""
        message = self.refused(pycom.BadRequest, "register", service="/one", interfaces=[])
        self.assertIn("'address'", message)

    def test_text_that_is_no_text(self):
        """Names that cannot be written in UTF-8 are refused with code 4: they could neither
        be logged nor matched."""
        right = {"service": "/one", "address": "tcp://box:1", "interfaces": ["com.a"]}
        for name, value in (
            ("service", "/\ud800"),
            ("address", "\ud800"),
            ("interfaces", ["\ud800"]),
        ):
            message = self.refused(pycom.BadRequest, "register", **{**right, name: value})
            self.assertIn(f"'{name}'", message)


class UnregisterTests(NameServerCase):
    def test_unregistered(self):
        """A service that strikes itself off is not found any more."""
        self.register("/one", "com.a")
        gone = self.invoke("unregister", service="/one", address="tcp://box:1")
        self.assertEqual(gone, {"unregistered": True})
        self.assertEqual(self.listed(), {"/org/pycom/nameserver"})

    def test_of_another(self):
        """Who does not know a service's address does not strike it off."""
        self.register("/one", "com.a")
        for service, address in ("/one", "tcp://box:2"), ("/two", "tcp://box:1"):
            gone = self.invoke("unregister", service=service, address=address)
            self.assertEqual(gone, {"unregistered": False})
        self.assertIn("/one", self.listed())

    def test_wrong_arguments(self):
        """Arguments of the wrong kind are refused with code 4."""
        for args in {"service": 1, "address": "a"}, {"service": "/one", "address": None}:
            self.refused(pycom.BadRequest, "unregister", **args)


class LocateTests(NameServerCase):
    def test_located(self):
        """A service is found by an interface, with all that is known of it."""
        record = self.register("/one", "com.a", "com.b")
        self.assertEqual(self.invoke("locate", interface="com.b"), record)

    def test_any_provider(self):
        """Each provider is found now and then."""
        for number in range(3):
            self.register(f"/{number}", "com.a")
        found = {self.invoke("locate", interface="com.a")["service"] for _ in range(200)}
        self.assertEqual(found, {"/0", "/1", "/2"})

    def test_by_path(self):
        """A path narrows it down to one; null is no path."""
        self.register("/one", "com.a")
        two = self.register("/two", "com.a")
        self.assertEqual(self.invoke("locate", interface="com.a", service="/two"), two)
        self.invoke("locate", interface="com.a", service=None)

    def test_nobody(self):
        """An interface that nobody provides, or not that service, is answered with code 3."""
        self.register("/one", "com.a")
        for args in (
            {"interface": "com.b"},
            {"interface": "com.a", "service": "/two"},
            {"interface": "com.b", "service": "/one"},
        ):
            self.assertEqual(
                self.refused(pycom.ServiceNotFound, "locate", **args),
                f"Interface not found: {args['interface']}",
            )

    def test_wrong_arguments(self):
        """Arguments of the wrong kind are refused with code 4."""
        for args in (
            {"interface": ["com.a"]},
            {"interface": ""},
            {"interface": None},
            {"interface": "com.a", "service": 1},
            {"interface": "com.a", "service": {}},
            {},
        ):
            self.refused(pycom.BadRequest, "locate", **args)


class ListTests(NameServerCase):
    def setUp(self):
        super().setUp()
        self.register("/com/one", "com.a", "com.b")
        self.register("/com/two", "com.b")
        self.register("/org/one", "org.a")

    def test_all(self):
        """Without patterns all services are listed, the nameserver too."""
        everything = {"/com/one", "/com/two", "/org/one", "/org/pycom/nameserver"}
        self.assertEqual(self.listed(), everything)
        self.assertEqual(self.listed(service=None, interface=None), everything)

    def test_service(self):
        """A pattern for the path is matched from the beginning."""
        self.assertEqual(self.listed(service="/com"), {"/com/one", "/com/two"})
        self.assertEqual(self.listed(service=".*one$"), {"/com/one", "/org/one"})
        self.assertEqual(self.listed(service="one"), set())

    def test_interface(self):
        """A pattern for interfaces has to match the beginning of one of them."""
        self.assertEqual(self.listed(interface="com"), {"/com/one", "/com/two"})
        self.assertEqual(self.listed(interface=r"com\.a"), {"/com/one"})
        self.assertEqual(self.listed(interface=r"a"), set())

    def test_both(self):
        """Both patterns have to match."""
        self.assertEqual(self.listed(service="/.*/one", interface="com"), {"/com/one"})

    def test_empty_pattern(self):
        """An empty pattern matches everything that has an interface."""
        self.register("/none")
        self.assertEqual(len(self.listed(service="")), 5)
        self.assertEqual(len(self.listed(interface="")), 4)

    def test_pattern_that_explodes(self):
        """A pattern that other engines never finish with is answered."""
        self.register("/" + "a" * 5000 + "!", "com.c")
        self.assertEqual(self.listed(service="/(a+)+$"), set())
        self.assertEqual(self.listed(service="/(a|a)*b"), set())

    def test_pattern_that_is_none(self):
        """What is no pattern is refused with code 4, with the reason."""
        for argument in "service", "interface":
            self.assertEqual(
                self.refused(pycom.BadRequest, "list_services", **{argument: "(a"}),
                f"Invalid regular expression in argument '{argument}': missing ): (a",
            )

    def test_pattern_that_is_not_supported(self):
        """Look-ahead, back-references and patterns that are too large are refused."""
        for pattern in "(?=a)", r"(a)\1", "((a{100}){100}){100}":
            message = self.refused(pycom.BadRequest, "list_services", interface=pattern)
            self.assertTrue(message.startswith("Invalid regular expression"), message)

    def test_pattern_that_is_no_text(self):
        """A pattern that cannot be written in UTF-8 is refused with code 4."""
        self.refused(pycom.BadRequest, "list_services", service="\ud800")

    def test_wrong_arguments(self):
        """A pattern that is no string is refused with code 4."""
        for value in 1, ["com"], {}, False:
            self.assertEqual(
                self.refused(pycom.BadRequest, "list_services", service=value),
                "Argument 'service' of org.pycom.nameserver.list_services "
                f"must be a string or null, got {value!r}",
            )


class InterfaceTests(NameServerCase):
    def test_stat(self):
        """stat counts, and tells the seconds since the start."""
        self.register("/one", "com.a", "com.b")
        self.clock.pump([2.5])
        stat = self.invoke("stat")
        there_are = {"services": 2, "interfaces": 3, "uptime": 2.5}
        happened = {"registered": 2, "unregistered": 0, "expired": 0, "taken_over": 0}
        self.assertEqual(stat, {**there_are, **happened})

    def test_introspect(self):
        """It describes the methods that clients of PyCOM 0.6 know, in the words they know,
        and the newer ones."""
        described = self.invoke("introspect")
        self.assertEqual(described["docstring"], "Class representing nameserver for PyCOM.")
        docstrings = {
            name: method["docstring"]
            for name, method in described["methods"].items()
            if name != "introspect"
        }
        self.assertEqual(
            docstrings,
            {
                "stat": "Ping method. Will return some statistics in the future.",
                "register": "Register service.",
                "locate": "Locate service.",
                "list_services": "List all services.",
                "unregister": "Strike a service off, if it is registered at that address.",
                "resolve": "Find all services that provide an interface, none if need be, or all.",
                "watch": (
                    "Answer as resolve does, once that is something else than it was at a revision."
                ),
            },
        )

    def test_needs_no_authentication(self):
        """It answers everybody, also where the host demands authentication."""
        host = self.host(pycom.NameServer(reactor=self.clock), authentication="required")
        component = self.result(self.context.connect(host.address, "org.pycom.nameserver"))
        self.addCleanup(component.close)
        self.assertEqual(self.result(component.invoke("list_services")), [])


@implementer(IRegistry)
class OneRecord:
    """A registry of one record, somewhere else."""

    record = Record("/one", "tcp://box:1", ("com.a",))
    closed = False

    def register(self, record, instead_of=None):
        return succeed(None)

    def unregister(self, service, address):
        return succeed(False)

    def locate(self, interface, service):
        return succeed(self.record)

    def providers(self, interface):
        return succeed(Providers((self.record,), "1"))

    def changes(self, revision):
        return self.providers("com.a")

    def tell(self, changed):
        self.changed = changed

    def records(self):
        return succeed([self.record])

    def counts(self):
        return succeed({"services": 1, "interfaces": 1, "replicas": 3})

    def close(self):
        self.closed = True


class RegistryTests(MemoryCase):
    def test_other_registry(self):
        """The registrations may be kept elsewhere; stopping lets go of them."""
        registry = OneRecord()
        verifyObject(IRegistry, registry)
        host = self.host(pycom.NameServer(registry, reactor=self.clock))
        component = self.result(self.context.connect(host.address, "org.pycom.nameserver"))
        self.addCleanup(component.close)
        found = self.result(component.invoke("locate", {"interface": "com.b"}))
        self.assertEqual(found["service"], "/one")
        self.assertEqual(self.result(component.invoke("stat"))["replicas"], 3)
        self.assertFalse(registry.closed)
        self.result(host.stopService())
        self.assertTrue(registry.closed)


class NameServerTests(SynchronousTestCase):
    def test_service(self):
        """It is a service of Twisted, which its host starts and stops."""
        verifyObject(IService, pycom.NameServer(reactor=Clock()))

    def test_installed_reactor(self):
        """Unless told otherwise it runs in the installed reactor."""
        self.assertIs(pycom.NameServer()._reactor, reactor)
