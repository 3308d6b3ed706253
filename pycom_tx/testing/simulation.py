"""Hosts and contexts in one process, on one clock, over a network that fails."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pycom_tx.client.context import Context
from pycom_tx.host.host import ComponentHost
from pycom_tx.nameserver.nameserver import NameServer
from pycom_tx.nameserver.registry import LEASE
from pycom_tx.testing.process import Process
from pycom_tx.testing.simulated_network import Faults, SimulatedNetwork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.zerojson.interfaces import INetwork

_T = TypeVar("_T")

NAMESERVER: Final = "nameserver"
"""The name of the process that the nameserver is in."""

ADDRESS: Final = "tcp://nameserver:2012"
"""Where the nameserver listens."""


class Simulation:
    """Processes with hosts or contexts in them, which fail when a test wants them to.

    What happens is the same whenever the seed is, and what the test does: the module
    ``random``, which balancing and pauses draw from, is seeded as well until :meth:`close`
    puts it back. (Tokens, and the ids of sessions, are not reproducible; nothing depends on
    what they are.)

    :param seed: what all chance comes from.
    :param faults: what goes wrong in the network.

    .. attribute:: clock

        A ``twisted.internet.task.Clock``.

    .. attribute:: network

        What is between the processes. Its ``trace`` tells what has happened: a list of tuples
        of the time, what it was, from where, to where, and how many bytes; its ``counts`` is
        a ``Counter`` of that.

    .. attribute:: processes

        Those that run: a dict, by their names.
    """

    def __init__(self, seed: int = 0, faults: Faults | None = None) -> None:
        self.clock = Clock()
        self.random = random.Random(seed)  # noqa: S311 # it is to be foreseen
        self.network = SimulatedNetwork(self.clock, self.random, faults or Faults())
        self.processes: dict[str, Process] = {}
        self._make: dict[str, Callable[[Process], ComponentHost]] = {}
        self._ended: list[Process] = []
        self._before: Any = random.getstate()
        random.seed(seed)

    @property
    def faults(self) -> Faults:
        """The :class:`Faults` of the network."""
        return self.network.faults

    def nameserver(self) -> ComponentHost:
        """Start a host with a nameserver, under the name ``nameserver``."""
        return self.host(
            NAMESERVER,
            lambda clock: [NameServer(reactor=clock)],
            address=ADDRESS,
            nameserver="local",
            service="/org/pycom/nameserver",
        )

    def host(
        self,
        name: str,
        components: Iterable[Any] | Callable[[IReactorTime], Iterable[Any]],
        address: str | None = None,
        **options: Any,
    ) -> ComponentHost:
        """Start a host in a process of its own.

        :param name: what the process is called.
        :param components: as for :class:`~pycom_tx.ComponentHost`. A class is made an
            instance of at each start, as a program does; an instance lives on when its
            process crashes. Or a function that is called at each start with the clock of
            the process, and gives them.
        :param address: where it listens; a port at *name*, if left out.
        :param options: as for :class:`~pycom_tx.ComponentHost`. The service's path is
            ``/`` and *name*, if left out.
        """
        options = {"nameserver": ADDRESS, "service": f"/{name}", **options}

        def make(process: Process) -> ComponentHost:
            made = components(process.clock) if callable(components) else components
            return ComponentHost(
                made,
                address or f"tcp://{name}:2013",
                reactor=process.clock,
                network=self.network.of(process),
                **options,
            )

        self._make[name] = make
        return self._start(name)

    def context(self, name: str, **options: Any) -> Context:
        """A context in a process of its own.

        :param name: what the process is called.
        :param options: as for :class:`~pycom_tx.Context`.
        """
        process = self._process(name)
        network: INetwork = self.network.of(process)
        process.context = Context(
            **{"nameserver": ADDRESS, "reactor": process.clock, "network": network, **options}
        )
        return process.context

    def crash(self, name: str) -> None:
        """End a process without a farewell: nothing that it was about to do is done.

        The Deferreds of its calls do not fire before the simulation is closed. What it sent
        last may arrive or not.
        """
        process = self.processes.pop(name)
        process.die()
        self.network.note("crash", name, name)
        self.network.close(process)
        self._ended.append(process)

    def stop(self, name: str) -> Deferred[None]:
        """Stop a host as an operator does.

        :returns: Deferred firing when it has stopped.
        """
        process = self.processes[name]
        self.network.note("stop", name, name)
        if process.host is None:
            msg = f"{name} has no host"
            raise ValueError(msg)
        return process.host.stopService().addCallback(self._stopped, process)

    def restart(self, name: str) -> ComponentHost:
        """Start a host again that has crashed or stopped.

        :returns: the new one.
        """
        self.network.note("restart", name, name)
        return self._start(name)

    def partition(self, *groups: Iterable[str]) -> None:
        """Let nothing get from one group of processes to another.

        Those that are in no group are a further one. Who is cut off from a peer that knows
        heartbeats notices after a while, others when their calls time out; making a
        connection takes two seconds to fail.
        """
        self.network.note("partition", "", "")
        self.network.partition(groups)

    def heal(self) -> None:
        """Let everybody reach everybody again."""
        self.network.note("heal", "", "")
        self.network.partition(())

    def disconnect(self, one: str, other: str | None = None) -> None:
        """Break the connections of a process; those to one other, if it is given.

        What is under way may arrive or not. The next message connects again.
        """
        self.network.disconnect(one, other)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        end = self.clock.seconds() + seconds
        while self._step(end):
            pass
        self.clock.advance(max(0.0, end - self.clock.seconds()))

    def run(self, waited_for: Deferred[_T], within: float = 60.0) -> _T:
        """Let time pass until a Deferred fires, and not a moment longer.

        :param within: seconds that it may take.

        :returns: what it fires with.

        :raises AssertionError: it does not fire in time.
        """
        fired: list[_T] = []
        failed: list[BaseException] = []
        waited_for.addCallbacks(fired.append, lambda failure: failed.append(failure.value))
        end = self.clock.seconds() + within
        while not fired and not failed and self._step(end):
            pass
        if failed:
            raise failed[0]
        if not fired:
            msg = f"{waited_for!r} did not fire within {within:g} s"
            raise AssertionError(msg)
        return fired[0]

    def close(self) -> None:
        """End the faults, stop everything, and see that nothing is left.

        Contexts are closed first; then hosts stop and take leave of the nameserver, which
        stops last.

        :raises AssertionError: there are timers, addresses, connections or registrations
            that nobody needs any more. It names them all.
        """
        try:
            self._close()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of everything, without a look at it: of a simulation that has failed."""
        for process in [*self._ended, *self.processes.values()]:
            if process.alive:
                process.die()
            process.tidy()
        if self._before is not None:
            random.setstate(self._before)
            self._before = None

    def _close(self) -> None:
        faults = self.network.faults
        faults.loss = faults.breaks = faults.duplication = 0.0
        self.heal()
        for process in self.processes.values():
            if process.context is not None:
                process.context.close()
        running = [process for process in self.processes.values() if process.host is not None]
        for process in running:
            if process.name != NAMESERVER:
                self.run(self.stop(process.name), within=120.0)
        left = self._registered()
        if NAMESERVER in self.processes:
            self.run(self.stop(NAMESERVER), within=120.0)
        # What is under way yet arrives.
        self.advance(2 * faults.delay[1] + 1.0)
        everybody = [*self._ended, *self.processes.values()]
        for process in everybody:
            left += [f"{process.name}: {what}" for what in self.network.left(process)]
            if process.alive:
                left += [f"{process.name}: {_named(timer)}" for timer in _timers(process.clock)]
        known = {id(timer) for process in everybody for timer in _timers(process.clock)}
        left += [_named(timer) for timer in _timers(self.clock) if id(timer) not in known]
        if left:
            msg = "Left at the end: " + "; ".join(left)
            raise AssertionError(msg)

    def _registered(self) -> list[str]:
        """What is registered yet once all leases of the dead are over."""
        process = self.processes.get(NAMESERVER)
        if process is None:
            return []
        asking = Context(ADDRESS, reactor=process.clock, network=self.network.of(process))
        nameserver = asking.open_nameserver()
        self.advance(LEASE)
        records = self.run(nameserver.invoke("list_services"))
        asking.close()
        own = process.host.service if process.host is not None else None
        return [
            f"{record['service']} is registered at {record['address']}"
            for record in records
            if record["service"] != own
        ]

    def _process(self, name: str) -> Process:
        if name in self.processes:
            msg = f"{name} runs already"
            raise ValueError(msg)
        process = self.processes[name] = Process(name, self.clock)
        return process

    def _start(self, name: str) -> ComponentHost:
        process = self._process(name)
        host = process.host = self._make[name](process)
        host.startService()
        return host

    def _stopped(self, _: object, process: Process) -> None:
        # It may have crashed meanwhile.
        if self.processes.get(process.name) is process:
            del self.processes[process.name]
            self._ended.append(process)

    def _step(self, end: float) -> bool:
        """Let the next thing happen; False if there is none until then."""
        timers = self.clock.getDelayedCalls()
        if not timers:
            return False
        due = min(timer.getTime() for timer in timers)
        if due > end:
            return False
        self.clock.advance(max(0.0, due - self.clock.seconds()))
        return True


def _timers(clock: IReactorTime) -> list[Any]:
    return list(clock.getDelayedCalls())


def _named(timer: Any) -> str:
    """What a timer will call, and when."""
    called = getattr(timer.func, "__qualname__", repr(timer.func))
    return f"a timer for {called} at {timer.getTime():g} s"
