"""Making sure that a service means what its client does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycom_tx.components.contract import DATA, Interface, differences
from pycom_tx.zerojson.errors import BadRequest, ContractMismatch, MethodNotFound

if TYPE_CHECKING:
    from pycom_tx.client.component import Component


async def introspected(component: Component) -> dict[str, Any]:
    """What a service tells of an interface.

    :raises BadRequest: it does not provide that; the message says where it was asked.
    """
    try:
        return await component.introspect()
    except BadRequest as error:
        raise BadRequest(f"{component.interface} at {component.address}: {error}") from error


def declared(contract: Any, name: str) -> Interface:
    """The interface that a class declares.

    :raises TypeError: *contract* is no class with ``@interface``.
    :raises ValueError: it is one of another interface.
    """
    interface = getattr(contract, "__interface__", None)
    if not isinstance(interface, Interface):
        msg = f"contract is a class with @pycom.interface, got {contract!r:.60}"
        raise TypeError(msg)
    if interface.name != name:
        msg = f"{interface.owner} is a contract for {interface.name}, not {name}"
        raise ValueError(msg)
    return interface


async def check_contract(component: Component, contract: Any) -> None:
    """Compare what a service publishes with a class that declares the same interface.

    :raises ContractMismatch: the service has another contract, or publishes none; the
        message says what is different.
    :raises TypeError: (or ValueError) *contract* declares no such interface.
    """
    interface = declared(contract, component.interface)
    try:
        told: Any = await introspected(component)
        data, methods = told["data"][DATA], told["methods"]
        if data["contract"] == interface.data()["contract"]:
            return
        different = differences(interface, data, methods)
    except (MethodNotFound, LookupError, TypeError, AttributeError):
        different = ["it publishes none"]
    raise ContractMismatch(
        f"{component.interface} at {component.address} has another contract than "
        f"{interface.owner}: {', '.join(different)}"
    )
