"""Finding services and connecting to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, succeed

from pycom_tx.client.agreement import check_contract, declared
from pycom_tx.client.authenticator import AUTHENTICATOR, authenticate, validate
from pycom_tx.client.balancing import IBalancer, balancer
from pycom_tx.client.budget import Budget
from pycom_tx.client.component import Component, checked_timeout
from pycom_tx.client.connections import Connections
from pycom_tx.client.directory import Directory, IDirectory, check_wanted
from pycom_tx.client.following import Following
from pycom_tx.client.opening import Opening
from pycom_tx.client.over_http.behind import GatewayDirectory, through_gateway
from pycom_tx.client.providers import Providers
from pycom_tx.components.observing import ICallObserver
from pycom_tx.components.proven import knows_none
from pycom_tx.zerojson.extensions import AUTH, SILENCE
from pycom_tx.zerojson.request import Request, Response

if TYPE_CHECKING:
    from twisted.web.iweb import IAgent
    from typing_extensions import Self

    from pycom_tx.client.over_http.network import GatewayNetwork
    from pycom_tx.zerojson.interfaces import INetwork

PreHook = Callable[[Component, Request], Request | Awaitable[Request]]
PostHook = Callable[[Component, Response], Response | Awaitable[Response]]

NAMESERVER: Final = "org.pycom.nameserver"
"""The nameserver's interface."""

NAMESERVER_ADDRESS: Final = "tcp://127.0.0.1:2012"
"""Where a nameserver is, unless told otherwise."""

TIMEOUT: Final = 5.0
"""Seconds that a call waits for its reply, unless told otherwise; as in PyCOM 0.6."""

BALANCE: Final = "least-loaded"
"""How calls are balanced, unless told otherwise."""


class Context:
    """Where a program gets its components from.

    It holds one connection for each address, which its components share; a connection is
    closed when nothing uses it any more, and all are when the reactor stops, after services
    of the same process have: then as if by :meth:`close`. Making a context opens nothing yet.

    :param nameserver: the nameserver's address; ``tcp://127.0.0.1:2012``, if left out.
    :param gateway: the URL of a gateway, to reach services through that and by nothing else,
        see :doc:`http_clients`.
    :param agent: what makes requests to the gateway, an ``IAgent`` of Twisted; one that trusts
        whom the system trusts, if left out.
    :param timeout: seconds that calls wait for their replies where they do not say.
    :param wait_when_full: whether calls wait, in their order and to the end of their time,
        where all services have too many already or too many wait to be sent, instead of
        failing with :class:`~pycom_tx.Overloaded`.
    :param silence: seconds of silence after which a service counts as dead, if it knows
        heartbeats; None for never.
    :param reactor: what it runs in; the installed one, if left out.
    :param network: what opens connections; 0MQ, if left out.
    :param tracer_provider: what makes spans of calls, an ``opentelemetry.trace.TracerProvider``;
        the program's, if left out, and if it has none there are none.

    :raises ValueError: *timeout* is not more than 0.
    :raises TypeError: there is a gateway, and something beside it that it takes the place of.
    :raises AddressError: *gateway* is no URL of one.

    .. attribute:: token

        What :meth:`authenticate` got, a str that goes along with every call; None before.
        Setting it to None is to be nobody again.

    .. attribute:: prehooks
    .. attribute:: posthooks

        Lists of functions that every call passes, in their order: each is called with the
        :class:`Component` and a :class:`~pycom_tx.Request` on its way, or a
        :class:`~pycom_tx.Response` that came, and gives back what goes on in its place, or
        a Deferred or coroutine of that. What it raises, the call fails with. Calls of the
        nameserver and of the authenticator pass no hooks, and take no token along.

    .. attribute:: observers

        A list of :class:`~pycom_tx.components.observing.ICallObserver`, which see all calls but
        those, of components that are opened later.
    """

    def __init__(
        self,
        nameserver: str | None = None,
        *,
        gateway: str | None = None,
        agent: IAgent | None = None,
        timeout: float = TIMEOUT,
        wait_when_full: bool = False,
        silence: float | None = SILENCE,
        reactor: Any = None,
        network: INetwork | None = None,
        tracer_provider: Any = None,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self.nameserver_address = NAMESERVER_ADDRESS if nameserver is None else nameserver
        self.tracer_provider = tracer_provider
        self.observers: list[ICallObserver] = []
        self.prehooks: list[PreHook] = []
        self.posthooks: list[PostHook] = []
        self.token: str | None = None
        self.timeout = checked_timeout(timeout)
        self.budget = Budget()
        self.answered: set[tuple[str, str]] = set()
        self.knows_method: Callable[[str, str], bool] = knows_none
        self._own_network: INetwork | None = None
        self._gateway: GatewayNetwork | None = None
        if gateway is not None or agent is not None:
            network = self._own_network = self._gateway = through_gateway(
                gateway, agent, reactor, nameserver=nameserver, network=network
            )
            self.nameserver_address = self._gateway.url
        elif network is None:
            from pycom_tx.zerojson.txzmq_channel import ZmqNetwork

            network = self._own_network = ZmqNetwork(reactor, silence)
        self.connections = Connections(
            network, reactor, self._released, self._end, wait_when_full=wait_when_full
        )
        self._directory: IDirectory
        if self._gateway is None:
            self._directory = Directory(
                self.nameserver_address, self.connections, self.open_nameserver
            )
        else:
            self._directory = GatewayDirectory(self._gateway, self)
        self._followed: dict[tuple[Any, ...], Following] = {}

    def nameserver(self) -> Opening[Component]:
        """The nameserver, as a component like others.

        :returns: Deferred firing with it, also if there is no answer there yet.

        :raises AddressError: (as a failure) the nameserver's address is none.
        """
        return Opening.of(self._open_nameserver())

    def open_nameserver(self) -> Component:
        """The nameserver, at once: what :meth:`nameserver` fires with.

        :raises AddressError: the nameserver's address is none.
        """
        return self._at(self.nameserver_address, NAMESERVER, bare=True)

    def locate(
        self,
        interface: str,
        service_name: str | None = None,
        *,
        contract: type | None = None,
        balance: str | IBalancer = BALANCE,
    ) -> Opening[Component]:
        """The services that provide *interface*; each call goes to one of them.

        :param service_name: the path of the one service that will do.
        :param contract: a class with ``@interface``, to leave out services that have other
            methods, or methods that take or give something else.
        :param balance: who gets a call: ``"least-loaded"``, of two at random the one with
            fewer calls in progress; ``"round-robin"``; ``"random"``; or an
            :class:`~pycom_tx.client.balancing.IBalancer`.

        :returns: Deferred firing with a :class:`Component`, and an asynchronous context
            manager of it.

        :raises ServiceNotFound: (as a failure) the nameserver knows none.
        :raises ServiceNotAvailable: (as a failure) the nameserver does not answer.
        :raises ContractMismatch: (as a failure) those that there are have another contract.
        """
        found = self._locate(interface, service_name, contract, balance, Following.found)
        return Opening.of(found)

    def wait_for(
        self,
        interface: str,
        service_name: str | None = None,
        *,
        timeout: float = inf,
        contract: type | None = None,
        balance: str | IBalancer = BALANCE,
    ) -> Opening[Component]:
        """As :meth:`locate`, but wait until somebody provides it, and the nameserver answers.

        :param timeout: seconds to wait. Left out it is ``math.inf``: the Deferred does not fire
            before somebody provides it, however wrong the name or the nameserver's address is.
            The timeout of the context is for calls.

        :raises ServiceNotFound: (as a failure) nobody did in time.
        :raises ServiceNotAvailable: (as a failure) the nameserver did not answer, to the end.
        :raises ContractMismatch: (as a failure) those that there were had another contract.
        """
        return Opening.of(
            self._wait_for(interface, service_name, contract, balance, checked_timeout(timeout))
        )

    def connect(
        self, address: str, interface: str, *, contract: type | None = None
    ) -> Opening[Component]:
        """The service at *address*, without asking the nameserver.

        :param contract: as for :meth:`locate`.

        :returns: as :meth:`locate`. Without a contract it fires at once: who does not
            answer there is found out by the first call.

        :raises AddressError: (as a failure) it is no address.
        """
        return Opening.of(self._connect(address, interface, contract))

    def authenticate(
        self, user: str | None = None, credentials: Any = None, *, token: str | None = None
    ) -> Deferred[None]:
        """Be somebody: from now on a token goes along with every call.

        :param user: a name, which the authenticator trades for a token, with
        :param credentials: what proves it, a password mostly.
        :param token: one that is there already; it is validated.

        :returns: Deferred firing with None; then the token is in :attr:`token`.

        :raises AccessDenied: (as a failure) the authenticator says no. Whoever it was before
            it still is.
        :raises ServiceNotFound: (as a failure) there is no authenticator.
        """
        return Deferred.fromCoroutine(self._authenticate(user, credentials, token))

    def user_info(self) -> Deferred[dict[str, Any] | None]:
        """Ask the authenticator who this is.

        :returns: Deferred firing with a dict of ``name``, ``roles`` (a list) and whatever
            else it knows; with None if nobody has authenticated.

        :raises AccessDenied: (as a failure) the token has expired.
        """
        return Deferred.fromCoroutine(self._user_info())

    def open_authenticator(self) -> Opening[Component]:
        """The authenticator, as a component that the hooks and the token leave alone.

        :raises ServiceNotFound: (as a failure) there is none.
        """
        found = self._locate(AUTHENTICATOR, None, None, BALANCE, Following.found, bare=True)
        return Opening.of(found)

    def on_behalf_of(self, request: Request) -> Context:
        """The context of whoever sent a request: what ``request.context()`` gives."""
        from pycom_tx.client.borrowed import BorrowedContext

        return BorrowedContext(self, request.extensions.get(AUTH))

    def close(self) -> Deferred[None]:
        """Close all; calls in flight are cancelled, and fail with ``ConnectionClosed``.

        :returns: Deferred firing when all are closed. Without a gateway it has fired: there is
            nothing to wait for.
        """
        return self._end("The context is closed")

    def _end(self, reason: str) -> Deferred[None]:
        self.connections.close_all(reason)
        closed = None if self._own_network is None else self._own_network.close()
        return succeed(None) if closed is None else closed

    def _at(self, address: str, interface: str, *, bare: bool = False) -> Component:
        """A component at an address.

        :param bare: whether hooks and token are none of its business.
        """
        providers = Providers(self.connections)
        providers.update([(None, address)])
        providers.only().connection()
        return Component(self, providers, interface, bare=bare, closed=providers.close)

    def _released(self) -> None:
        self._directory.release_unused()

    async def _open_nameserver(self) -> Component:
        return self.open_nameserver()

    async def _connect(self, address: str, interface: str, contract: type | None) -> Component:
        check_wanted(interface)
        component = self._at(address, interface)
        if contract is not None:
            try:
                await check_contract(component, contract)
            except BaseException:
                component.close()
                raise
        return component

    async def _locate(
        self,
        interface: str,
        service_name: str | None,
        contract: type | None,
        balance: str | IBalancer,
        wait: Callable[[Following], Awaitable[None]],
        *,
        bare: bool = False,
    ) -> Component:
        self.connections.check_open()
        check_wanted(interface, service_name)
        chosen = balancer(balance)
        if self._gateway is not None and balance != BALANCE:
            msg = (
                f"The gateway {self._gateway.url} balances by itself, leave balance={balance!r} out"
            )
            raise ValueError(msg)
        if contract is not None:
            declared(contract, interface)
        following = self._follow(interface, service_name, contract)
        following.use()
        try:
            await wait(following)
        except GeneratorExit:
            raise  # the interpreter ends, and nothing that is left to close is whole any more
        except BaseException:
            following.release()
            raise
        return Component(
            self,
            following.providers,
            interface,
            balancer=chosen,
            bare=bare,
            closed=following.release,
        )

    async def _wait_for(
        self,
        interface: str,
        service_name: str | None,
        contract: type | None,
        balance: str | IBalancer,
        timeout: float,
    ) -> Component:
        wait = partial(Following.appeared, timeout=timeout)
        return await self._locate(interface, service_name, contract, balance, wait)

    def _follow(self, interface: str, service_name: str | None, contract: type | None) -> Following:
        wanted = interface, service_name, contract
        # A gateway is asked for each component anew: it follows what there is, and nobody here.
        key = wanted if self._gateway is None else (*wanted, object())
        following = self._followed.get(key)
        if following is None:

            def closed() -> None:
                del self._followed[key]
                self._directory.release_unused()

            following = self._followed[key] = self._directory.follow(self, wanted, closed)
        return following

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _authenticate(self, user: str | None, credentials: Any, token: str | None) -> None:
        if (user is None) is (token is None):
            msg = "authenticate takes user and credentials, or a token"
            raise TypeError(msg)
        async with self.open_authenticator() as authenticator:
            if user is not None:
                token = await authenticate(authenticator, user, credentials)
            elif token is not None:
                await validate(authenticator, token)
        self.token = token

    async def _user_info(self) -> dict[str, Any] | None:
        if self.token is None:
            return None
        async with self.open_authenticator() as authenticator:
            return await validate(authenticator, self.token)
