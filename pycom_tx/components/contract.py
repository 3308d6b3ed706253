"""What a class provides, and whether two mean the same by it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final

from pycom_tx.components.method import Method, checked_roles, named

_NAME: Final = re.compile(r"[^\s./]+(\.[^\s./]+)*\Z")

POLICIES: Final = (None, "required", "never")

DATA: Final = "org.pycom.interface"
"""The key of ``introspect``'s ``data`` under which an interface tells about itself."""

_PROSE: Final = ("title", "description", "examples", "default")
"""What JSON Schema has for readers only: it rules nothing out."""

_UNORDERED: Final = ("anyOf", "enum", "required")
"""Lists in JSON Schema whose order says nothing."""


class Interface:
    """What a class provides: a name and methods.

    Made by :func:`pycom_tx.interface`; a decorated class has it as ``__interface__``.

    .. attribute:: name
    .. attribute:: methods

        A dict of :class:`Method` by their names on the wire. Those of the class are copies of
        what its functions have as ``__method__``, with hooks of their own.

    .. attribute:: stateful

        Whether its methods have a session.

    .. attribute:: authentication

        "required", "never", or None where the host decides.

    .. attribute:: roles

        One of these a caller needs, unless a method has its own; None for no role.
    """

    __slots__ = ("_contract", "authentication", "methods", "name", "owner", "roles", "stateful")

    def __init__(
        self,
        owner: type,
        name: str,
        *,
        stateful: bool = False,
        authentication: str | None = None,
        roles: Iterable[str] | None = None,
    ) -> None:
        where = named(owner)
        if not isinstance(name, str):
            msg = f"{where}: @interface takes the interface's name, got {name!r}"
            raise TypeError(msg)
        if not _NAME.match(name):
            msg = f"{where}: an interface's name is parts with dots between, got {name!r}"
            raise ValueError(msg)
        if authentication not in POLICIES:
            msg = f"{where}: authentication is 'required' or 'never', got {authentication!r}"
            raise ValueError(msg)
        if authentication == "never" and roles is not None:
            msg = f"{where}: roles need authentication, which is never asked for"
            raise ValueError(msg)
        data = getattr(owner, "introspection_data", {})
        if not isinstance(data, dict):
            msg = f"{where}: introspection_data is a dict, got {data!r}"
            raise TypeError(msg)
        self.owner = where
        self.name = name
        self.stateful = stateful
        self.authentication = authentication
        self.roles = checked_roles(roles, where)
        self.methods: dict[str, Method] = {}
        self._contract: str | None = None
        copies: dict[Method, Method] = {}
        for attribute in dir(owner):
            function = getattr(owner, attribute, None)
            declared = getattr(function, "__method__", None)
            if isinstance(declared, Method):
                if declared.function is not function:
                    msg = f"{where}.{attribute}: put @pycom.method above the other decorators"
                    raise ValueError(msg)
                self.register_method(copies.setdefault(declared, declared.copy()))
            elif any(isinstance(_declared(base, attribute), Method) for base in owner.__mro__):
                msg = f"{where}.{attribute} overrides a method: give it @pycom.method, too"
                raise ValueError(msg)

    def register_method(self, method: Method) -> None:
        """Add a method, also while the service runs.

        :param method: what ``pycom.method(name, body=function)`` gives.

        :raises TypeError: it is something else.
        :raises ValueError: there is another method of that name.
        """
        if not isinstance(method, Method):
            msg = f"{self.owner}: expected pycom.method(name, body=function), got {method!r}"
            raise TypeError(msg)
        if self.authentication == "never" and method.roles is not None:
            msg = (
                f"{self.owner}: roles of {method.name!r} need authentication, which is never "
                "asked for"
            )
            raise ValueError(msg)
        self._contract = None
        known = self.methods.setdefault(method.name, method)
        if known is not method:
            msg = (
                f"{self.owner}: {named(known.function)} and {named(method.function)} "
                f"are both the method {method.name!r}"
            )
            raise ValueError(msg)

    def introspection(self) -> dict[str, Any]:
        """What ``introspect`` tells about each method."""
        return {name: method.introspection() for name, method in self.methods.items()}

    def data(self) -> dict[str, Any]:
        """What ``introspect`` tells about the interface itself: an object of JSON.

        ``contract`` is the SHA-256, in hexadecimal, of all that matters to a caller: the
        names, order and JSON Schemas of arguments and results, attachments and sessions;
        not the words for readers.
        """
        if self._contract is None:
            terms = [self.stateful, _terms(self.introspection())]
            text = json.dumps(terms, sort_keys=True)
            self._contract = sha256(text.encode("ascii")).hexdigest()
        return {
            "contract": self._contract,
            "stateful": self.stateful,
            "authentication": self.authentication,
            "roles": None if self.roles is None else sorted(self.roles),
        }


def differences(
    interface: Interface, data: Mapping[str, Any], methods: Mapping[str, Any]
) -> list[str]:
    """How the contract of somebody else differs, as ``introspect`` tells of it.

    :param data: what it tells about the interface.
    :param methods: what it tells about its methods.
    """
    here, there = _terms(interface.introspection()), _terms(methods)
    found = []
    if data["stateful"] != interface.stateful:
        found.append(f"it has {'sessions' if data['stateful'] else 'no sessions'}")
    found += [f"there is no method {name}" for name in here if name not in there]
    found += [f"there is a method {name}" for name in there if name not in here]
    found += [
        f"{name} {does} something else"
        for name in here
        if name in there
        for does in here[name]
        if here[name][does] != there[name][does]
    ]
    return found or ["it reckons otherwise"]


def _terms(methods: Mapping[str, Any]) -> dict[str, Any]:
    """What matters to a caller of what ``introspect`` tells about methods."""
    # A contract need not derive from Service: what every service answers is no part of it.
    terms = {
        name: {
            "takes": (
                method["required_arguments"],
                method["optional_arguments"],
                method["attachments"]["incoming"],
                _substance(method["schema"]["arguments"]),
            ),
            "gives": (
                method["results"],
                method["attachments"]["outgoing"],
                _substance(method["schema"]["result"]),
            ),
        }
        for name, method in methods.items()
        if name != "introspect"
    }
    # As it is after its way through JSON.
    known: dict[str, Any] = json.loads(json.dumps(terms))
    return known


def _substance(schema: Any) -> Any:
    """A JSON Schema, or what contains some: what it rules out, in one order."""
    if isinstance(schema, list):
        return [_substance(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        # There, keys are names that may be anything.
        key: {name: _substance(inner) for name, inner in part.items()}
        if key in ("properties", "$defs")
        else sorted(_substance(part), key=lambda inner: json.dumps(inner, sort_keys=True))
        if key in _UNORDERED
        else _substance(part)
        for key, part in schema.items()
        if key not in _PROSE
    }


def _declared(owner: type, attribute: str) -> Any:
    return getattr(vars(owner).get(attribute), "__method__", None)
