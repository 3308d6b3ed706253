"""Who provides what: what the nameserver knows, what is alive, and what it tells."""

import json
from itertools import pairwise

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.logger import capturedLogs, formatEvent

import pycom_tx as pycom
from pycom_tx.gateway.catalogue import AT_ONCE, Catalogue
from pycom_tx.gateway.descriptions import Description, described
from pycom_tx.gateway.exposure import Exposure
from pycom_tx.gateway.guarded import Guarded as GuardedTold
from pycom_tx.gateway.providers import Provider, Watching
from pycom_tx.gateway.registrations import Registered
from pycom_tx.testing import MemoryNetwork, at_once
from tests.gateway import Example, GatewayCase


@pycom.interface("com.foo.other")
class Other(pycom.Service):
    """Another one."""


@pycom.interface("com.foo.example")
class Newer(pycom.Service):
    """A newer example."""

    @pycom.method
    def echo(self, request, value: int) -> int:
        return value


@pycom.interface("com.foo.silent")
class Silent:
    """Tells nothing about itself."""


@pycom.interface("com.foo.guarded", roles=("painter",))
class Guarded(pycom.Service):
    """For painters."""

    @pycom.method
    def paint(self, request, colour: str):
        """Paint."""


@pycom.interface("org.pycom.authenticator", authentication="never")
class Authenticator(pycom.Service):
    @pycom.method(results=("name", "roles"))
    def validate(self, request, token):
        return "frida", ["painter"] if token == "brush" else []


@pycom.interface("com.foo.example")
class Nonsense:
    """Tells something else than introspect does."""

    told = None

    @pycom.method
    def introspect(self, request):
        return self.told


@pycom.interface("org.pycom.nameserver", authentication="never")
class OldNameserver:
    """One that knows no watch, as that of PyCOM 0.6, or no watch without an interface."""

    def __init__(self):
        self.listed = []
        self.asked = 0

    @pycom.method
    def list_services(self, request, interface=None, service=None):
        self.asked += 1
        return self.listed

    @pycom.method
    def stat(self, request):
        return {}


@pycom.interface("org.pycom.nameserver", authentication="never")
class Watched:
    """A nameserver that tells what a test wants."""

    def __init__(self):
        self.waiting = []

    def tell(self, **changes):
        """Answer whoever waits for a change."""
        waiting, self.waiting = self.waiting, []
        for watch in waiting:
            watch.callback(changes)

    @pycom.method
    def watch(self, request, revision=None, timeout=None):
        self.waiting.append(Deferred(self.waiting.remove))
        return self.waiting[-1]


class CatalogueCase(GatewayCase):
    def services(self, gateway):
        """What /services says, by interface."""
        return {
            known["interface"]: known
            for known in self.result(self.ask(gateway, "GET", "/services"))
        }

    def register(self, **record):
        """Have the nameserver know somebody who will not renew it."""
        nameserver = self.result(self.context.nameserver())
        self.result(nameserver.invoke("register", record))
        nameserver.close()

    def turn(self):
        """Let the nameserver tell what has changed."""
        self.clock.pump([0.2] * 3 + [0] * 20)


class ExposureTests(CatalogueCase):
    def test_default(self):
        """Everything is exposed but what is the project's own."""
        exposure = Exposure()
        for name in "com.foo", "x", "org.pycom", "org.pycomx.a", "com.org.pycom.a":
            self.assertIn(name, exposure)
        for name in "org.pycom.nameserver", "org.pycom.", "org.pycom.demo":
            self.assertNotIn(name, exposure)

    def test_patterns(self):
        """A pattern exposes what is like it, and the project's own only where it names it."""
        exposure = Exposure(["com.foo.*", "*.b?r", "org.pycom.auth*"])
        for name in "com.foo.", "com.foo.a.b", "x.bar", "org.pycom.authenticator":
            self.assertIn(name, exposure)
        for name in "com.foo", "COM.FOO.A", "x.bar.y", "org.pycom.nameserver", "org.pycom.bar":
            self.assertNotIn(name, exposure)

    def test_idle(self):
        """A pattern that exposes nothing is told to the log, once what there is is known."""
        patterns = ["com.foo.*", "com.fo.*", "*.nameserver", "org.pycom.n*"]
        with capturedLogs() as events:
            gateway = self.gateway(expose=patterns)
            self.clock.pump([0.2] * 10)
            self.host(Other(), service="/com/foo/two")
            self.turn()
        told = [formatEvent(event) for event in events if "pattern" in event]
        said = "Nobody provides an interface like %s now, which is exposed"
        self.assertEqual(told, [said % "com.fo.*", said % "*.nameserver"])
        self.assertEqual(len(self.services(gateway)), 3)
        with capturedLogs() as events:
            self.gateway()
        self.assertEqual([event for event in events if "pattern" in event], [])


class ServicesTests(CatalogueCase):
    def test_listed(self):
        """Every interface is listed with what it is, and with its contract by itself."""
        self.host(Other(), Example(), service="/com/foo/two")
        gateway = self.gateway()
        listed = self.services(gateway)
        self.assertEqual(list(listed), ["com.foo.example", "com.foo.other"])
        known = listed["com.foo.example"]
        self.assertEqual(
            known,
            {
                "interface": "com.foo.example",
                "providers": 2,
                "docstring": "An example.",
                "methods": ["add", "echo", "fail", "introspect", "mirror", "wait"],
                "stateful": False,
                "authentication": None,
                "contracts": 1,
            },
        )
        known = self.result(self.ask(gateway, "GET", "/services/com.foo.example"))
        (contract,) = known["contracts"]
        self.assertEqual(contract["contract"], Example.__interface__.data()["contract"])
        self.assertEqual(
            contract["methods"], json.loads(json.dumps(Example.__interface__.introspection()))
        )
        self.assertEqual(
            [provider["service"] for provider in known["providers"]],
            ["/com/foo/one", "/com/foo/two"],
        )
        for provider in known["providers"]:
            self.assertEqual(set(provider), {"id", "service", "contract"})
            self.assertIn(provider["id"], contract["providers"])

    def test_unknown(self):
        """One that nobody provides, or that is not exposed, is not found."""
        gateway = self.gateway()
        for name in "com.foo.missing", "org.pycom.nameserver", "%FF":
            self.problem(self.ask(gateway, "GET", f"/services/{name}"), 404)

    def test_differing(self):
        """Where providers have different contracts all are told, the most common first."""
        self.host(Newer(), service="/com/foo/new")
        self.host(Example(), service="/com/foo/two")
        gateway = self.gateway()
        self.assertEqual(self.services(gateway)["com.foo.example"]["contracts"], 2)
        known = self.result(self.ask(gateway, "GET", "/services/com.foo.example"))
        common, other = known["contracts"]
        self.assertEqual((common["docstring"], len(common["providers"])), ("An example.", 2))
        self.assertEqual((other["docstring"], len(other["providers"])), ("A newer example.", 1))
        by_service = {provider["service"]: provider for provider in known["providers"]}
        self.assertEqual(by_service["/com/foo/new"]["contract"], other["contract"])
        self.assertEqual(by_service["/com/foo/new"]["id"], other["providers"][0])

    def test_silent(self):
        """A provider that tells nothing is listed without methods."""
        self.host(Silent(), service="/com/foo/silent")
        gateway = self.gateway()
        known = self.services(gateway)["com.foo.silent"]
        self.assertEqual((known["providers"], known["methods"]), (1, None))
        known = self.result(self.ask(gateway, "GET", "/services/com.foo.silent"))
        (contract,) = known["contracts"]
        self.assertEqual((contract["contract"], contract["methods"]), (None, None))

    def test_nonsense(self):
        """What makes no sense of what a provider tells is left out."""
        for told in None, [], {"methods": 1}, {"methods": []}:
            self.assertEqual(described(told), Description())
        told = {
            "methods": {"good": {}, "bad": 1},
            "docstring": 1,
            "data": {"org.pycom.interface": {"contract": [], "stateful": "yes", "roles": ["a", 1]}},
        }
        known = described(told)
        self.assertEqual(
            (known.methods, known.docstring, known.contract), ({"good": {}}, None, None)
        )
        self.assertEqual((known.stateful, known.roles), (None, ["a"]))
        for data in None, 1, {"org.pycom.interface": 1}:
            self.assertEqual(described({"methods": {}, "data": data}).roles, None)

    def test_no_json(self):
        """What standard JSON cannot hold, or nests too deeply, is left out as well."""
        deep = None
        for _ in range(900):
            deep = [deep]
        Nonsense.told = {
            "methods": {
                "odd": {
                    "schema": {"arguments": {"properties": {"a": {"default": float("nan")}}}},
                    "docstring": "Odd.",
                    "deep": deep,
                },
            },
            "docstring": "Zoë \ud800",
        }
        self.addCleanup(setattr, Nonsense, "told", None)
        self.result(self.service.stopService())
        self.host(Nonsense(), service="/com/foo/nonsense")
        gateway = self.gateway()
        self.assertEqual(self.services(gateway)["com.foo.example"]["methods"], ["odd"])
        known = self.result(self.ask(gateway, "GET", "/services/com.foo.example"))
        self.assertEqual(known["contracts"][0]["methods"]["odd"], {"docstring": "Odd."})
        found = self.result(self.ask(gateway, "GET", "/openapi.json"))
        self.assertEqual(list(found["paths"]), ["/call/com.foo.example/odd"])

    def test_guarded(self):
        """What tells nothing to strangers is told to who has a token for it."""
        self.host(Authenticator(), service="/auth")
        self.host(Guarded(), service="/com/foo/guarded")
        gateway = self.gateway()
        self.assertIsNone(self.services(gateway)["com.foo.guarded"]["methods"])
        for token, methods in ("brush", ["introspect", "paint"]), ("other", None):
            headers = {"Authorization": f"Bearer {token}"}
            response = self.ask(gateway, "GET", "/services", None, headers)
            self.assertIn("private", response.headers["Cache-Control"])
            self.assertIn("Authorization", response.headers["Vary"])
            listed = {known["interface"]: known for known in self.result(response)}
            self.assertEqual(listed["com.foo.guarded"]["methods"], methods)
        self.assertIsNone(self.services(gateway)["com.foo.guarded"]["methods"])

    def test_guarded_and_gone(self):
        """Who hangs up while providers are asked leaves nothing behind."""
        self.host(Authenticator(), service="/auth")
        self.host(Guarded(), service="/com/foo/guarded")
        gateway = self.gateway()
        for path in "/services", "/services/com.foo.guarded", "/openapi.json":
            connection = self.connect(gateway)
            head = f"GET {path} HTTP/1.1\r\nAuthorization: Bearer brush\r\n\r\n"
            connection.protocol.dataReceived(head.encode())
            connection.hang_up()
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual(list(self.services(gateway)), ["com.foo.example", "com.foo.guarded"])

    def test_guarded_is_asked_once(self):
        """Who asks again and again does not make the gateway ask as often."""
        self.host(Authenticator(), service="/auth")
        self.host(Guarded(), service="/com/foo/guarded")
        gateway = self.gateway()
        asked = []

        def deliver(frames):
            asked.extend(frame for frame in frames if b"brush" in frame and b"intro" in frame)
            return (0.0,)

        self.network.delivery = deliver
        for seconds, count in (0, 1), (10, 1), (15, 1), (5, 2):
            self.clock.advance(seconds)
            headers = {"Authorization": "Bearer brush"}
            response = self.ask(gateway, "GET", "/services/com.foo.guarded", None, headers)
            self.assertIsNotNone(self.result(response)["contracts"][0]["methods"])
            self.assertEqual(len(asked), count)

    def test_guarded_from_inventors(self):
        """Tokens that somebody invents are not remembered, and push out none that is good."""
        self.host(Authenticator(), service="/auth")
        host = self.host(Guarded(), service="/com/foo/guarded")
        told = GuardedTold(self.context, self.clock, DeferredSemaphore(1), limit=1)
        self.addCleanup(told.close)
        provider = Provider(Registered("/com/foo/guarded", host.address, ("com.foo.guarded",)))

        def describe(token):
            asking = Deferred.fromCoroutine(told.describe(provider, "com.foo.guarded", token))
            self.clock.pump([0] * 10)
            return self.successResultOf(asking)

        for number in range(3):
            self.assertTrue(describe(f"invented{number}").denied)
        self.assertIn("paint", describe("brush").methods)
        self.network.delivery = lambda frames: ()  # nobody is asked any more
        self.assertIn("paint", describe("brush").methods)
        self.network.delivery = at_once

    def test_partly_guarded(self):
        """Who tells everybody is not asked again because of somebody's token."""

        @pycom.interface("com.foo.guarded")
        class Open(pycom.Service):
            pass

        self.host(Authenticator(), service="/auth")
        self.host(Guarded(), service="/com/foo/guarded")
        self.host(Open(), service="/com/foo/open")
        gateway = self.gateway()
        asked = []

        def deliver(frames):
            asked.extend(frame for frame in frames if b"brush" in frame and b"intro" in frame)
            return (0.0,)

        self.network.delivery = deliver
        headers = {"Authorization": "Bearer brush"}
        response = self.ask(gateway, "GET", "/services/com.foo.guarded", None, headers)
        told = [list(contract["methods"]) for contract in self.result(response)["contracts"]]
        self.assertEqual(sorted(told), [["introspect"], ["introspect", "paint"]])
        self.assertEqual(len(asked), 1)

    def test_guarded_and_dead(self):
        """One that does not answer any more is listed as it was until that is noticed."""
        self.host(Authenticator(), service="/auth")
        self.host(Guarded(), service="/com/foo/guarded")
        gateway = self.gateway()
        self.network.delivery = lambda frames: ()
        connection = self.connect(gateway)
        headers = {"Authorization": "Bearer brush"}
        connection.ask("GET", "/services/com.foo.guarded", None, headers)
        self.clock.advance(2)
        self.assertIsNone(self.result(connection.read())["contracts"][0]["methods"])
        self.network.delivery = at_once

    def test_guarded_and_slow(self):
        """However many want to know what takes its time, who comes meanwhile appears."""
        self.host(Authenticator(), service="/auth")
        self.host(Guarded(), service="/com/foo/guarded")
        gateway = self.gateway()
        self.network.delivery = lambda frames: (
            () if any(b"invented" in frame for frame in frames) else (0.0,)
        )
        for number in range(2 * AT_ONCE):
            connection = self.connect(gateway)
            self.addCleanup(connection.hang_up)
            headers = {"Authorization": f"Bearer invented{number}"}
            connection.ask("GET", "/services/com.foo.guarded", None, headers)
        self.host(Other(), service="/com/foo/two")
        self.turn()
        self.assertIn("com.foo.other", self.services(gateway))

    def test_addresses(self):
        """Addresses are told only where that is wanted."""
        for options, named in ({}, False), ({"show_addresses": True}, True):
            gateway = self.gateway(**options)
            response = self.ask(gateway, "GET", "/services/com.foo.example")
            self.assertEqual(self.service.address.encode() in response.body, named)

    def test_unchanged(self):
        """Who knows the answer already is told that it is the same."""
        gateway = self.gateway()
        for path in "/services", "/services/com.foo.example", "/openapi.json":
            response = self.ask(gateway, "GET", path)
            headers = {"If-None-Match": response.headers["ETag"]}
            again = self.ask(gateway, "GET", path, None, headers)
            self.assertEqual((again.status, again.body), (304, b""))
            self.assertEqual(again.headers["ETag"], response.headers["ETag"])
        self.host(Other(), service="/com/foo/two")
        self.turn()
        for path in "/services", "/openapi.json":
            headers = {"If-None-Match": self.ask(self.gateway(), "GET", path).headers["ETag"]}
            self.assertEqual(self.ask(gateway, "GET", path, None, headers).status, 304)
        self.assertEqual(self.ask(gateway, "GET", "/services").status, 200)


class LivingTests(CatalogueCase):
    def test_comes_and_goes(self):
        """A service is listed when it registers, and not any more when it stops."""
        gateway = self.gateway()
        host = self.host(Other(), service="/com/foo/two")
        self.turn()
        self.assertIn("com.foo.other", self.services(gateway))
        self.result(host.stopService())
        self.turn()
        self.assertNotIn("com.foo.other", self.services(gateway))

    def test_provides_something_else(self):
        """A service that registers other interfaces is listed with those."""
        gateway = self.gateway()
        self.result(self.service.stopService())
        self.service = self.host(Other(), service="/com/foo/one")
        self.turn()
        self.assertEqual(list(self.services(gateway)), ["com.foo.other"])

    def test_dies(self):
        """One that dies without a word is gone when its connection is, and back when it
        answers again."""
        gateway = self.gateway()
        bound = self.network.bound[self.service.address]
        self.network.crash(self.service.address)
        self.settle()
        self.assertEqual(self.services(gateway), {})
        self.clock.pump([0.25] * 8)
        self.assertEqual(self.services(gateway), {})
        self.network.bound[self.service.address] = bound
        self.clock.pump([0.25] * 20)
        self.assertIn("com.foo.example", self.services(gateway))

    def test_connection_breaks(self):
        """A connection that only breaks is made again at once."""
        gateway = self.gateway()
        for _ in range(5):
            self.network.disconnect(self.service.address)
            self.clock.pump([0] * 20)
            self.assertIn("com.foo.example", self.services(gateway))

    def test_dead_from_the_start(self):
        """One that is registered and does not answer is not listed; it is asked less and
        less often, and no more once it is struck off."""
        self.register(service="/dead", address="tcp://127.0.0.1:9", interfaces=["com.lost"])
        asked = []

        def deliver(frames):
            if any(b"com.lost" in frame and b"introspect" in frame for frame in frames):
                asked.append(self.clock.seconds())
            return (0.0,)

        self.network.delivery = deliver
        gateway = self.gateway()
        self.assertEqual(list(self.services(gateway)), ["com.foo.example"])
        self.clock.pump([0.25] * 400)
        pauses = [later - earlier for earlier, later in pairwise(asked)]
        self.assertEqual(pauses, sorted(pauses))
        self.assertEqual(pauses[:3], [0.25, 0.5, 1])
        self.assertLess(asked[-1], 60)

    def test_many(self):
        """However many there are, a few are asked at once, and all are."""
        hosts = [self.host(Other(), service=f"/other/{number}") for number in range(50)]
        gateway = self.gateway()
        self.assertEqual(self.services(gateway)["com.foo.other"]["providers"], len(hosts))

    def test_unwatched(self):
        """What is too much to be connected to is listed as it is registered."""
        catalogue = Catalogue(self.context, self.clock, Exposure(), watched=1)
        self.addCleanup(catalogue.stop)
        other = self.host(Other(), service="/com/foo/two")
        catalogue.start()
        self.settle()
        self.assertEqual(catalogue.interfaces, ["com.foo.example", "com.foo.other"])
        told = [provider.told for provider in catalogue]
        self.assertEqual(sorted(map(len, told)), [0, 1])
        self.clock.pump([0.2, 0])
        self.result(other.stopService())
        self.turn()
        self.assertEqual(catalogue.interfaces, ["com.foo.example"])

    def test_nonsense_address(self):
        """One that has registered nonsense is not listed, and is no harm to others."""

        class Strict(MemoryNetwork):
            def connect(self, address, listener):
                if address == "nonsense":
                    raise pycom.AddressError("nonsense is no address")
                return super().connect(address, listener)

        self.register(service="/odd", address="nonsense", interfaces=["com.odd"])
        gateway = self.gateway(network=Strict(self.clock, beyond=self.network))
        self.assertEqual(list(self.services(gateway)), ["com.foo.example"])
        self.problem(self.call(gateway, "echo", interface="com.odd"), 503, not_started=True)

    def test_no_files_left(self):
        """One that could not be connected to is tried again, and listed as soon as it is."""
        left = []

        class Poor(MemoryNetwork):
            def connect(self, address, listener):
                if address == late and not left:
                    raise pycom.AddressError("Too many open files")
                return super().connect(address, listener)

        late = self.host(Other(), service="/late").address
        gateway = self.gateway(network=Poor(self.clock, beyond=self.network))
        self.clock.pump([1] * 40)
        self.assertNotIn("com.foo.other", self.services(gateway))
        left.append("some")
        self.clock.pump([1] * 30)
        self.assertIn("com.foo.other", self.services(gateway))

    def test_let_go_of_meanwhile(self):
        """One that is let go of as soon as it tells that it is gone is asked no more."""
        changes = []

        def changed(provider):
            changes.append(provider.alive)
            watching.stop()

        provider = Provider(Registered("/a", self.service.address, ("com.foo.example",)))
        self.network.delivery = lambda frames: ()
        watching = Watching(self.context, self.clock, DeferredSemaphore(1), provider, changed)
        self.clock.pump([2, 0, 0])
        self.network.delivery = at_once
        self.clock.pump([0.5] * 10)
        self.assertEqual(changes, [False])

    def test_let_go_of_while_out_of_reach(self):
        """One that is let go of as soon as it cannot be connected to leaves no timer."""
        changes = []

        def changed(provider):
            changes.append(provider.alive)
            if len(changes) == 2:
                watching.stop()

        def refused(address, listener):
            raise pycom.AddressError("Too many open files")

        provider = Provider(Registered("/a", "tcp://127.0.0.1:9", ("com.foo.example",)))
        self.patch(self.network, "connect", refused)
        before = len(self.clock.getDelayedCalls())
        watching = Watching(self.context, self.clock, DeferredSemaphore(1), provider, changed)
        self.clock.pump([0.25] * 2)
        self.assertEqual(changes, [False] * 2)
        self.assertEqual(len(self.clock.getDelayedCalls()), before)

    def test_overloaded(self):
        """One that has too much to do is asked again later what it provides."""
        self.result(self.service.stopService())
        self.service = self.host(self.example, service="/com/foo/one", max_calls=1, max_waiting=0)
        component = self.result(self.context.connect(self.service.address, "com.foo.example"))
        self.addCleanup(component.close)
        waiting = component.invoke("wait", timeout=100)
        self.clock.advance(0)
        gateway = self.gateway()
        self.assertIsNone(self.services(gateway)["com.foo.example"]["methods"])
        self.example.waiting[0].callback(1)
        self.result(waiting)
        self.clock.pump([1] + [0] * 20)
        self.assertIsNotNone(self.services(gateway)["com.foo.example"]["methods"])


class NameserverTests(CatalogueCase):
    def test_not_there_yet(self):
        """Before the nameserver has told, nothing is known, which is not the same as nothing."""
        self.network.crash("tcp://127.0.0.1:2012")
        gateway = self.gateway()
        for path in "/services", "/services/com.foo.example", "/openapi.json", "/events":
            connection = self.connect(gateway)
            connection.ask("GET", path)
            self.clock.advance(2)
            connection.settle()
            self.problem(connection.read(), 503)
            connection.hang_up()

    def test_gone(self):
        """While it is away what it knew last counts; the log says so once."""
        gateway = self.gateway()
        self.clock.pump([0.2, 0])
        with capturedLogs() as events:
            self.network.crash("tcp://127.0.0.1:2012")
            self.clock.pump([0.5] * 10)
        self.assertEqual(len(self.said(events)), 1)
        self.assertIn("com.foo.example", self.services(gateway))

    def test_events_go_on(self):
        """Without it the events tell who dies, and not that it is away."""
        gateway = self.gateway()
        events = self.events(gateway)
        self.network.crash("tcp://127.0.0.1:2012")
        self.clock.pump([0.5] * 10)
        self.assertNotIn(b"event", events.received)
        self.problem(self.ask(gateway, "GET", "/healthz"), 503)
        self.network.crash(self.service.address)
        self.settle()
        self.assertIn(b"event: vanished", events.received)

    def test_silent_from_the_start(self):
        """One that says nothing at all is told of within seconds, once, and again when it
        answers."""
        self.network.delivery = lambda frames: (
            () if any(b'"org.pycom.nameserver"' in frame for frame in frames) else (0.0,)
        )
        with capturedLogs() as events:
            self.gateway()
            self.clock.pump([0.5] * 12)
            self.assertIn("No reply from org.pycom.nameserver.watch", self.said(events)[0])
            self.clock.pump([0.5] * 40)
            self.assertEqual(len(self.said(events)), 1)
            self.network.delivery = at_once
            self.clock.pump([0.5] * 12)
        self.assertEqual(self.said(events)[1:], ["The nameserver answers again"])

    def said(self, events):
        """What the log says about the nameserver."""
        lines = [formatEvent(event) for event in events]
        return [line for line in lines if line.startswith("The nameserver")]

    def restart(self):
        """Have a nameserver that was restarted, and knows nobody, in the place of the other."""
        self.result(self.nameserver.stopService())
        self.nameserver = self.host(
            pycom.NameServer(reactor=self.clock),
            address="tcp://127.0.0.1:2012",
            nameserver="local",
            service="/org/pycom/nameserver",
        )

    def events(self, gateway):
        connection = self.connect(gateway)
        connection.ask("GET", "/events")
        connection.transport.clear()
        self.addCleanup(connection.hang_up)
        return connection

    def test_restarted(self):
        """One that was restarted, and knows nobody yet, is no reason to forget who lives."""
        gateway = self.gateway()
        events = self.events(gateway)
        self.restart()
        self.clock.pump([0.1] * 100)
        self.assertIn("com.foo.example", self.services(gateway))
        self.clock.pump([1] * 100)
        self.assertIn("com.foo.example", self.services(gateway))
        self.assertNotIn(b"event", events.received)

    def test_calls_go_on(self):
        """A nameserver that is away, or was restarted and knows nobody yet, makes no call fail
        whose provider lives, be it the first one of its interface or not."""
        other = self.host(Other(), service="/com/foo/two")
        gateway = self.gateway()
        self.result(self.call(gateway, "echo"))
        # From now on the nameserver gets no registration any more.
        self.network.delivery = lambda frames: (
            () if any(b'"register"' in frame for frame in frames) else (0.0,)
        )
        self.network.crash("tcp://127.0.0.1:2012")
        for _ in range(5):
            self.assertEqual(self.result(self.call(gateway, "echo", 1)), 1)
            self.result(self.call(gateway, "introspect", interface="com.foo.other"))
            self.clock.pump([0.2, 0])
        self.restart()
        for _ in range(5):
            self.clock.pump([0.5, 0])
            self.assertEqual(self.result(self.call(gateway, "echo", 1)), 1)
            headers = {"PyCOM-Service": "/com/foo/two"}
            self.result(self.call(gateway, "introspect", None, headers, "com.foo.other"))
        headers = {"PyCOM-Service": "/com/foo/three"}
        response = self.call(gateway, "introspect", None, headers, "com.foo.other")
        self.problem(response, 404, code=3)
        self.network.crash(other.address)
        self.settle()
        self.problem(self.call(gateway, "introspect", interface="com.foo.other"), 404, code=3)
        self.network.delivery = at_once

    def test_silent(self):
        """One that says nothing holds up a call whose provider lives for a second."""
        gateway = self.gateway()
        self.network.delivery = lambda frames: (
            () if any(b'"org.pycom.nameserver"' in frame for frame in frames) else (0.0,)
        )
        connection = self.connect(gateway)
        connection.ask("POST", "/call/com.foo.example/echo")
        self.assertEqual(connection.received, b"")
        self.clock.advance(1)
        connection.settle()
        self.assertIsNone(self.result(connection.read()))
        self.network.delivery = at_once

    def test_restarted_and_died(self):
        """Who dies meanwhile is gone; and so is, after a while, who does not register again."""
        silent = self.host(Other(), service="/com/foo/two")
        self.network.bound["tcp://127.0.0.1:9"] = self.network.bound[silent.address]
        self.register(service="/three", address="tcp://127.0.0.1:9", interfaces=["com.foo.other"])
        gateway = self.gateway()
        self.assertEqual(self.services(gateway)["com.foo.other"]["providers"], 2)
        # From now on the nameserver gets no registration any more.
        self.network.delivery = lambda frames: (
            () if any(b'"register"' in frame for frame in frames) else (0.0,)
        )
        self.restart()
        self.clock.pump([0.2] * 10)
        self.assertEqual(self.services(gateway)["com.foo.other"]["providers"], 2)
        self.network.crash(self.service.address)
        self.clock.pump([0.2] * 10)
        self.assertEqual(list(self.services(gateway)), ["com.foo.other"])
        self.clock.pump([1] * 60)
        self.assertEqual(self.services(gateway), {})
        self.network.bound.pop("tcp://127.0.0.1:9")
        self.network.delivery = at_once

    def test_leaves_before_known(self):
        """A client that hangs up while nothing is known yet leaves nothing behind."""
        self.network.crash("tcp://127.0.0.1:2012")
        gateway = self.gateway()
        connection = self.connect(gateway)
        connection.ask("GET", "/services")
        connection.hang_up()

    def old(self):
        """A nameserver that knows nothing new, in the place of the other."""
        self.result(self.service.stopService())
        self.result(self.nameserver.stopService())
        nameserver = OldNameserver()
        self.host(nameserver, address="tcp://127.0.0.1:2012", nameserver="local")
        return nameserver

    def watched(self):
        """A nameserver that tells what the test wants, in the place of the other."""
        self.result(self.nameserver.stopService())
        nameserver = Watched()
        self.host(nameserver, address="tcp://127.0.0.1:2012", nameserver="local")
        return nameserver

    def listed(self, service, host):
        interfaces = ["com.foo.example"]
        return {"service": service, "address": host.address, "interfaces": interfaces}

    def test_old(self):
        """One of PyCOM 0.6 is asked every five seconds, and works as well."""
        nameserver = self.old()
        self.service = self.host(self.example)
        gateway = self.gateway()
        self.assertEqual(self.services(gateway), {})
        nameserver.listed = [self.listed("/one", self.service)]
        self.clock.pump([5, 0, 0, 0] + [0] * 20)
        self.assertEqual(self.services(gateway)["com.foo.example"]["providers"], 1)
        nameserver.listed = []
        self.clock.pump([5, 0, 0, 0] + [0] * 20)
        self.assertEqual(nameserver.asked, 3)
        self.assertEqual(self.services(gateway)["com.foo.example"]["providers"], 1)
        self.network.crash(self.service.address)
        self.settle()
        self.assertEqual(self.services(gateway), {})

    def test_nonsense(self):
        """What is no nameserver is no harm."""
        nameserver = self.old()
        gateway = self.gateway()
        for listed in None, 1, [1], [{}], [{"service": "/a", "address": "tcp://a:1"}]:
            nameserver.listed = listed
            self.clock.pump([5, 0.5] + [0] * 20)
        nameserver.listed = []
        self.clock.pump([0.5] + [0] * 20)
        self.assertEqual(self.services(gateway), {})

    def test_twice(self):
        """An interface that is registered twice comes and goes once."""
        nameserver = self.watched()
        gateway = self.gateway()
        listed = self.listed("/one", self.service)
        listed["interfaces"] = listed["interfaces"] * 2
        nameserver.tell(services=[listed], revision="1")
        self.turn()
        self.assertEqual(self.services(gateway)["com.foo.example"]["providers"], 1)
        nameserver.tell(services=[], gone=["/one"], revision="2")
        self.clock.pump([0.5] * 2)
        self.assertEqual(self.services(gateway), {})
        nameserver.tell(services=[listed], gone=[], revision="3")
        self.turn()
        self.assertEqual(self.services(gateway)["com.foo.example"]["providers"], 1)

    def test_mistake(self):
        """What goes wrong with one answer is logged, and the next one is taken in."""
        nameserver = self.watched()
        gateway = self.gateway()
        listed = self.listed("/one", self.service)
        mistaken = self.patch(Catalogue, "_add", lambda *_: 1 // 0)
        nameserver.tell(services=[listed], revision="1")
        self.turn()
        mistaken.restore()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        nameserver.tell(services=[{**listed, "service": "/two"}], gone=[], revision="2")
        self.turn()
        self.assertEqual(self.services(gateway)["com.foo.example"]["providers"], 1)

    def test_half_nonsense(self):
        """An answer that is wrong in one place changes nothing at all."""
        nameserver = self.watched()
        gateway = self.gateway()
        services = [self.listed("/one", self.service), self.listed("/two", self.service)]
        nameserver.tell(services=services, revision="1")
        self.turn()
        self.assertEqual(self.services(gateway)["com.foo.example"]["providers"], 2)
        with capturedLogs() as events:
            for gone in ["/one", ["/two"]], ["/one", {}], ["/one", None], [1], 1:
                nameserver.tell(services=[], gone=gone, revision="2")
                self.clock.pump([0.5] * 2)
            for wrong in {"service": ["/one"]}, {"address": 5}, {"interfaces": [["com.foo"]]}:
                listed = {**self.listed("/one", self.service), **wrong}
                nameserver.tell(services=[listed], gone=["/two"], revision="2")
                self.clock.pump([0.5] * 2)
        self.assertEqual(len(self.said(events)), 1)
        self.assertIn("something that tells no services", self.said(events)[0])
        nameserver.tell(services=[], gone=["/one"], revision="2")
        self.clock.pump([0.5] * 2)
        self.assertEqual(self.services(gateway)["com.foo.example"]["providers"], 1)

    def test_stopping(self):
        """One that is about to stop, and lets nobody wait, is not asked without end."""
        gateway = self.gateway()
        (component,) = self.nameserver._components
        component.stopping()
        asked = []

        def deliver(frames):
            asked.extend(frame for frame in frames if b'"watch"' in frame)
            return (0.0,)

        self.network.delivery = deliver
        self.clock.pump([0.2] * 50)
        self.assertLess(len(asked), 5)
        self.assertIn("com.foo.example", self.services(gateway))
