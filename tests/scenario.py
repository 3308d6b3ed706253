"""Services and clients in a simulation, what happens to them, and what must be true at the end."""

from __future__ import annotations

import random
from collections import Counter

from twisted.internet.defer import CancelledError

import pycom_tx as pycom
from pycom_tx.testing import Simulation
from tests.scenario_services import Basket, Shop

HOSTS = ("a", "b", "c")
CLIENTS = ("one", "two", "three")
EVERYBODY = (*HOSTS, *CLIENTS, "nameserver")
METHODS = ("buy", "look", "add", "relay")
TIMEOUTS = (5.0, 5.0, 0.5, 30.0)
TIMES = (0.0, 0.0, 0.001, 0.02, 0.3, 2.0, 8.0)
"""Seconds that a call takes, or that pass."""

WEATHER = (
    {"delay": (0.0, 0.01), "loss": 0.0, "breaks": 0.0},
    {"delay": (0.0, 0.3), "loss": 0.0, "breaks": 0.0},
    {"delay": (0.0, 0.01), "loss": 0.05, "breaks": 0.0},
    {"delay": (0.0, 0.05), "loss": 0.0, "breaks": 0.05},
    {"delay": (0.0, 7.0), "loss": 0.0, "breaks": 0.0},
    {"delay": (0.0, 1.0), "loss": 0.1, "breaks": 0.1},
)


OPTIONS = {
    "a": {},
    "b": {"max_calls": 3, "max_waiting": 2},
    "c": {"address": "tcp://c:*"},
}
"""What hosts have of their own: one has little room, one is elsewhere after each start."""


class Call:
    """A call that was made, and what became of it.

    :param make: makes it; called with what it reports its progress to.

    :ivar fired: what its Deferred fired with: results and failures.
    :ivar took: seconds until then.
    :ivar orphaned: whether its client has crashed.
    """

    def __init__(self, number, method, timeout, clock, make):
        self.number = number
        self.method = method
        self.fired = []
        self.orphaned = False
        self.timeout = timeout
        self.took = 0.0
        self._clock = clock
        self._made = clock.seconds()
        self.deferred = make(self._progressed)
        self.deferred.addBoth(self._ended)

    def _progressed(self, value):
        assert value == self.number, f"{self} got another's report"
        assert not self.fired, f"{self} got a report after its end"

    def _ended(self, outcome):
        self.fired.append(outcome)
        self.took = self._clock.seconds() - self._made

    def __repr__(self):
        return f"<call {self.number} of {self.method}: {self.fired}>"


class Client:
    """Calls services, in a process of its own."""

    interfaces = ("com.foo.shop", "com.foo.basket")

    def __init__(self, scenario, name):
        self.scenario = scenario
        self.name = name
        self.context = scenario.simulation.context(name)
        self.components = {}
        self.looking = {}
        self.calls = []
        for interface in self.interfaces:
            self.look_for(interface)

    def look_for(self, interface, *, wait=True):
        """Get a component, in the place of the one that there is."""
        if interface in self.looking:
            return
        component = self.components.pop(interface, None)
        if component is not None:
            component.close()
        find = self.context.wait_for if wait else self.context.locate
        self.looking[interface] = looking = find(interface)
        looking.addBoth(self._found, interface)

    def _found(self, found, interface):
        del self.looking[interface]
        if isinstance(found, pycom.Component):
            self.components[interface] = found
        else:
            found.trap(pycom.Error, CancelledError)

    def call(self, method, seconds, then="", timeout=5.0):
        """Call a method, and do something in its callback."""
        component = self.components.get(self.interfaces[method == "add"])
        if component is None:
            return None
        number = self.scenario.next_number()
        args = {"call": number, "seconds": seconds}
        call = Call(
            number,
            method,
            timeout,
            self.scenario.simulation.clock,
            lambda report: component.invoke(method, args, timeout, on_progress=report),
        )
        self.calls.append(call)
        self.scenario.calls.append(call)
        if then:
            call.deferred.addBoth(lambda _: getattr(self, f"then_{then}")(method))
        return call

    def then_call(self, method):
        self.call(method, 0.0)

    def then_cancel(self, method):
        for call in self.scenario.pending():
            if call.method == method:
                call.deferred.cancel()

    def then_look_for(self, method):
        self.look_for(self.interfaces[method == "add"], wait=False)

    def close(self):
        for looking in list(self.looking.values()):
            looking.cancel()
        for component in self.components.values():
            component.close()
        self.components.clear()


class Scenario:
    """A nameserver, three hosts, three clients, and what happens.

    :param seed: what the simulation makes its chances from.
    """

    def __init__(self, seed):
        self.simulation = Simulation(seed)
        self.executed = Counter()
        self.calls = []
        self.events = Counter()
        self._number = 0
        self.simulation.nameserver()
        for name in HOSTS:
            self.simulation.host(name, self.components, drain=10.0, **OPTIONS[name])
        self.clients = [Client(self, name) for name in CLIENTS]
        self.simulation.advance(1)

    def components(self, clock):
        return [Shop(clock, self.executed), Basket(clock, self.executed)]

    def next_number(self):
        self._number += 1
        return self._number

    def pending(self):
        return [call for call in self.calls if not call.fired and not call.orphaned]

    # What may happen: each takes a number that says to whom, or how.

    def do(self, event, number):
        """Let something happen: one of :data:`EVENTS`, as a number has it."""
        self.events[event] += 1
        getattr(self, f"do_{event}")(number)

    def do_call(self, number):
        number, client = divmod(number, len(self.clients))
        number, method = divmod(number, len(METHODS))
        number, seconds = divmod(number, len(TIMES))
        number, timeout = divmod(number, len(TIMEOUTS))
        then = ("", "", "", "call", "cancel", "look_for")[number % 6]
        self.clients[client].call(METHODS[method], TIMES[seconds], then, TIMEOUTS[timeout])

    def do_burst(self, number):
        for step in range(20):
            self.do_call(number * 20 + step * 7)

    def do_cancel(self, number):
        pending = self.pending()
        if pending:
            pending[number % len(pending)].deferred.cancel()

    def do_look_for(self, number):
        number, client = divmod(number, len(self.clients))
        number, interface = divmod(number, 2)
        self.clients[client].look_for(Client.interfaces[interface], wait=number % 2 == 0)

    def do_stop_looking(self, number):
        for looking in list(self.clients[number % len(self.clients)].looking.values()):
            looking.cancel()

    def do_crash(self, number):
        name = (*HOSTS, "nameserver")[number % 4]
        if name in self.simulation.processes:
            self.simulation.crash(name)

    def do_restart(self, number):
        name = (*HOSTS, "nameserver")[number % 4]
        if name not in self.simulation.processes:
            self.simulation.restart(name)

    def do_stop(self, number):
        name = (*HOSTS, "nameserver")[number % 4]
        if name in self.simulation.processes:
            self.simulation.stop(name)

    def do_leave(self, number):
        """A client closes its context, and another comes in its place."""
        client = self.clients[number % len(self.clients)]
        client.context.close()
        assert all(call.fired for call in client.calls)
        self.replace(client)

    def do_client_crash(self, number):
        client = self.clients[number % len(self.clients)]
        for call in client.calls:
            call.orphaned = not call.fired
        self.replace(client)

    def replace(self, client):
        self.simulation.crash(client.name)
        self.clients[self.clients.index(client)] = Client(self, client.name)

    def do_partition(self, number):
        cut_off = [name for place, name in enumerate(EVERYBODY) if number >> place & 1]
        self.simulation.partition(cut_off)

    def do_heal(self, number):
        self.simulation.heal()

    def do_disconnect(self, number):
        self.simulation.disconnect(EVERYBODY[number % len(EVERYBODY)])

    def do_weather(self, number):
        vars(self.simulation.faults).update(WEATHER[number % len(WEATHER)])

    def do_wait(self, number):
        self.simulation.advance((0.005, 0.1, 0.6, 1.7, 3.0, 12.0, 35.0)[number % 7])

    # What must be true at the end.

    def finish(self):
        """Mend everything, and see that all is as it has to be."""
        self.mend()
        for call in self.calls:
            self.check(call)
        self.check_works()
        self.check_idle()
        self.simulation.close()

    def mend(self):
        simulation = self.simulation
        self.do_weather(0)
        simulation.heal()
        simulation.advance(60)  # those that stop have stopped
        for name in (*HOSTS, "nameserver"):
            if name not in simulation.processes:
                simulation.restart(name)
        simulation.advance(90)  # leases of the dead are over

    def check(self, call):
        """Whether one call went as calls may go."""
        times = self.executed[call.number]
        assert self.executed[f"{call.number} within"] <= times
        if call.method != "look":
            assert times <= 1, f"{call} was executed {times} times"
        assert len(call.fired) == (not call.orphaned), f"{call} fired {len(call.fired)} times"
        if call.orphaned:
            return
        assert call.took <= call.timeout + 0.001, f"{call} took {call.took} s"
        outcome = call.fired[0]
        if not hasattr(outcome, "value"):
            assert times >= 1, f"{call} was not executed"
            told = outcome if call.method == "add" else [outcome]
            assert told[-1] == call.number, f"{call} got another's reply"
            assert len(set(told)) == len(told), f"{call} found another twice"
            return
        error = outcome.value
        assert isinstance(error, (pycom.Error, CancelledError)), f"{call} failed with {error!r}"
        if isinstance(error, pycom.ServiceNotAvailable) and error.not_started:
            assert times == 0, f"{call} was executed {times} times"

    def check_works(self):
        """Everything is registered, and every client can call everything."""
        nameserver = self.clients[0].context.open_nameserver()
        records = self.simulation.run(nameserver.invoke("list_services"))
        nameserver.close()
        registered = {record["service"] for record in records}
        expected = {*(f"/{name}" for name in HOSTS), "/org/pycom/nameserver"}
        assert registered == expected, f"{registered} are registered"
        for client in self.clients:
            for interface in Client.interfaces:
                if interface not in client.components:
                    client.look_for(interface)
            self.simulation.advance(5)
            for method in METHODS:
                call = client.call(method, 0.0)
                assert call is not None, f"{client.name} finds nobody for {method}"
                self.simulation.advance(5)
                if method == "add" and hasattr(call.fired[0], "value"):
                    # The session that there was is over.
                    call = client.call(method, 0.0)
                    self.simulation.advance(5)
                assert not hasattr(call.fired[0], "value"), f"{call} at the end"

    def check_idle(self):
        """Contexts and hosts hold nothing that nobody uses."""
        for client in self.clients:
            client.close()
        self.simulation.advance(40)
        for client in self.clients:
            process = self.simulation.processes[client.name]
            left = [*self.simulation.network.left(process), *process.clock.getDelayedCalls()]
            assert not left, f"{client.name} has {left}"
        for name in HOSTS:
            process = self.simulation.processes[name]
            server = process.host._drain._server
            assert (server.in_progress, server.waiting) == (0, 0)
            left = self.simulation.network.left(process)
            assert len(left) == 2, f"{name} has {left}"  # its address, and the nameserver
        (nameserver,) = self.simulation.processes["nameserver"].host._components
        assert (len(nameserver._watches), len(nameserver._probes)) == (0, 0)


EVENTS = tuple(name[3:] for name in vars(Scenario) if name.startswith("do_"))
WEIGHTS = {
    "call": 20,
    "burst": 4,
    "wait": 8,
    "heal": 3,
    "restart": 7,
    "look_for": 2,
    "crash": 3,
    "disconnect": 3,
    "partition": 2,
    "weather": 2,
}


def script(seed, length):
    """Random things that happen: pairs of an event and a number."""
    chance = random.Random(seed)
    weights = [WEIGHTS.get(event, 1) for event in EVENTS]
    return [(event, chance.randrange(2**16)) for event in chance.choices(EVENTS, weights, k=length)]


def play(seed, events):
    """Let things happen, and check what must be true; gives the scenario."""
    scenario = Scenario(seed)
    try:
        for event, number in events:
            scenario.do(event, number)
        scenario.finish()
    except BaseException:
        scenario.simulation.abandon()
        raise
    return scenario
