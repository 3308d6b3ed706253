"""What a provider tells about an interface."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from pycom_tx.components.contract import DATA
from pycom_tx.gateway.names import name_of
from pycom_tx.zerojson.errors import AccessDenied, RemoteError
from pycom_tx.zerojson.extensions import AUTH
from pycom_tx.zerojson.request import Request

if TYPE_CHECKING:
    from pycom_tx.client.context import Context

PATIENCE: Final = 2.0
"""Seconds that a provider has to tell about itself."""

DEEPEST: Final = 100
"""How deeply what it tells is nested at most."""


@dataclass(frozen=True)
class Description:
    """What is known of an interface, at one provider.

    What is not told, or makes no sense, is None.

    :ivar contract: the hash of its contract.
    :ivar methods: what ``introspect`` tells of each, by their names.
    :ivar denied: whether it tells nothing to strangers.
    :ivar terms: names what it is, also where there is no hash.
    """

    docstring: str | None = None
    contract: str | None = None
    stateful: bool | None = None
    authentication: str | None = None
    roles: list[str] | None = None
    methods: dict[str, dict[str, Any]] | None = None
    denied: bool = False
    terms: str = ""


async def describe(
    context: Context, address: str, interface: str, token: str | None = None
) -> Description:
    """Ask a provider about an interface.

    :param token: of who wants to know.

    :raises Refused: it has too much to do for that, or is about to stop.
    :raises ServiceNotAvailable: it does not answer. Where it has answered something else, there
        is a description, of which nothing is known.
    """
    extensions = {} if token is None else {AUTH: token}
    async with context.connect(address, interface) as component:
        try:
            response = await component.call(
                Request(interface, "introspect", extensions=extensions), PATIENCE
            )
        except AccessDenied:
            return Description(denied=True)
        except RemoteError:
            return Description()
    return described(response.result)


def described(told: Any) -> Description:
    """What ``introspect`` told, as far as it makes sense."""
    if not isinstance(told, dict) or not isinstance(told.get("methods"), dict):
        return Description()
    data = told.get("data")
    about = data.get(DATA) if isinstance(data, dict) else None
    about = about if isinstance(about, dict) else {}
    roles = about.get("roles")
    contract = _if(str, about.get("contract"))
    methods = {
        name: {key: value for key, value in method.items() if _is_plain(value)}
        for name, method in told["methods"].items()
        if isinstance(method, dict)
    }
    return Description(
        docstring=_if(str, told.get("docstring")),
        contract=contract,
        stateful=_if(bool, about.get("stateful")),
        authentication=_if(str, about.get("authentication")),
        roles=[role for role in roles if isinstance(role, str)]
        if isinstance(roles, list)
        else None,
        methods=methods,
        terms=contract or name_of(json.dumps(methods, sort_keys=True)),
    )


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Whether it can be told over HTTP: services may have NaN, and nest deeply."""
    if depth > DEEPEST:
        return False
    if isinstance(value, dict):
        return all(_is_plain(part, depth + 1) for part in value.values())
    if isinstance(value, list):
        return all(_is_plain(part, depth + 1) for part in value)
    return not isinstance(value, float) or isfinite(value)


def _if(kind: type, value: Any) -> Any:
    return value if isinstance(value, kind) else None
