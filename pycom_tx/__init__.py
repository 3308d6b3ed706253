"""Distributed components for Python, on Twisted."""

from pycom_tx.client.component import Component
from pycom_tx.client.context import Context
from pycom_tx.client.proxy import ProxyComponent, ProxyContext
from pycom_tx.components.checks import check_argument
from pycom_tx.components.declare import Service, interface, method
from pycom_tx.host.host import ComponentHost
from pycom_tx.nameserver.nameserver import NameServer
from pycom_tx.zerojson.errors import (
    AccessDenied,
    AddressError,
    BadRequest,
    CallTimeout,
    ConfigurationError,
    ConnectionClosed,
    ContractMismatch,
    Error,
    InvalidReply,
    MethodNotFound,
    NotSerializable,
    Overloaded,
    Refused,
    RemoteError,
    ServiceNotAvailable,
    ServiceNotFound,
    SessionExpired,
)
from pycom_tx.zerojson.request import Request, Response
from pycom_tx.zerojson.sessions import Session

__version__ = "0.1.0"

__all__ = (
    "AccessDenied",
    "AddressError",
    "BadRequest",
    "CallTimeout",
    "Component",
    "ComponentHost",
    "ConfigurationError",
    "ConnectionClosed",
    "Context",
    "ContractMismatch",
    "Error",
    "InvalidReply",
    "MethodNotFound",
    "NameServer",
    "NotSerializable",
    "Overloaded",
    "ProxyComponent",
    "ProxyContext",
    "Refused",
    "RemoteError",
    "Request",
    "Response",
    "Service",
    "ServiceNotAvailable",
    "ServiceNotFound",
    "Session",
    "SessionExpired",
    "check_argument",
    "interface",
    "method",
)
