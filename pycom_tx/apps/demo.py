"""The demo service: ``twistd -n pycom-service -a tcp://127.0.0.1:2013 pycom_tx.apps.demo``."""

from __future__ import annotations

from typing import Any, NoReturn

from pycom_tx.components.declare import Service, interface, method
from pycom_tx.zerojson.errors import RemoteError
from pycom_tx.zerojson.request import Request


@interface("org.pycom.demo")
class Demo(Service):
    """Something to call when there is nothing else yet."""

    @method
    def echo(self, request: Request) -> Any:
        """Give back the arguments."""
        return request.args

    @method
    def throw(self, request: Request) -> NoReturn:
        """Fail with code 1 and the arguments, as Python writes them, for a message."""
        raise RemoteError(repr(request.args))
