"""``GET /services``: the interfaces, who provides them, and what they take and give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.web.http import CACHED

from pycom_tx.gateway.answers import Answer
from pycom_tx.gateway.descriptions import Description
from pycom_tx.gateway.headers import token_of
from pycom_tx.gateway.names import name_of
from pycom_tx.gateway.pages import Page, text
from pycom_tx.gateway.problems import not_found
from pycom_tx.zerojson import codec
from pycom_tx.zerojson.errors import ServiceNotFound

if TYPE_CHECKING:
    from pycom_tx.gateway.catalogue import Catalogue
    from pycom_tx.gateway.providers import Provider

    Contracts = list[tuple[Description, list[Provider]]]


async def contracts(catalogue: Catalogue, interface: str, token: str | None) -> Contracts:
    """All contracts that an interface has, and who has each; the most common first.

    :param token: of who wants to know.
    """
    providers = catalogue.providers(interface)
    descriptions = [provider.told.get(interface, Description()) for provider in providers]
    if token is not None and any(description.denied for description in descriptions):
        asked = [
            Deferred.fromCoroutine(catalogue.guarded.describe(provider, interface, token))
            if description.denied
            else succeed(description)
            for provider, description in zip(providers, descriptions, strict=True)
        ]
        descriptions = await gatherResults(asked, consumeErrors=True)
    groups: dict[str, tuple[Description, list[Provider]]] = {}
    for provider, description in zip(providers, descriptions, strict=True):
        groups.setdefault(description.terms, (description, []))[1].append(provider)
    return sorted(groups.values(), key=lambda group: -len(group[1]))


def told(request: Any, body: bytes) -> Answer:
    """The answer that tells something which a client may know already."""
    headers = {"Cache-Control": "no-cache", "Vary": "Authorization"}
    if token_of(request) is not None:
        headers["Cache-Control"] = "private, no-cache"
    if request.setETag(b'"%b"' % name_of(body.decode("utf-8")).encode("ascii")) is CACHED:
        return Answer(status=304, content_type=None, headers=headers)
    return Answer(body, headers=headers)


class Services(Page):
    """All interfaces.

    :param catalogue: what knows them.
    :param frank: whether addresses of services may be told.
    """

    def __init__(self, catalogue: Catalogue, *, frank: bool = False) -> None:
        super().__init__()
        self._catalogue = catalogue
        self._frank = frank

    def getChild(self, path: bytes, request: Any) -> Page:
        return _Interface(self._catalogue, path, frank=self._frank)

    async def answer(self, request: Any) -> Answer:
        await self._catalogue.ready()
        token = token_of(request)
        known = [
            _summary(interface, await contracts(self._catalogue, interface, token))
            for interface in self._catalogue.interfaces
        ]
        return told(request, codec.encode_strictly(known))


class _Interface(Page):
    """One of them.

    :param name: its name, as the path has it.
    """

    def __init__(self, catalogue: Catalogue, name: bytes, *, frank: bool) -> None:
        super().__init__()
        self._catalogue = catalogue
        self._name = name
        self._frank = frank

    async def answer(self, request: Any) -> Answer:
        interface = text(self._name)
        await self._catalogue.ready()
        found = await contracts(self._catalogue, interface, token_of(request))
        if not found:
            detail = f"Nobody provides {interface!r:.200} here"
            raise not_found(detail, code=ServiceNotFound.code, interface=interface)
        return told(request, codec.encode_strictly(_details(interface, found, frank=self._frank)))


def _summary(interface: str, found: Contracts) -> dict[str, Any]:
    description, _ = found[0]
    methods = description.methods
    return {
        "interface": interface,
        "providers": sum(len(providers) for _, providers in found),
        "docstring": description.docstring,
        "methods": None if methods is None else list(methods),
        "stateful": description.stateful,
        "authentication": description.authentication,
        "contracts": len(found),
    }


def _details(interface: str, found: Contracts, *, frank: bool) -> dict[str, Any]:
    providers = [
        {**provider.public(frank=frank), "contract": description.contract}
        for description, group in found
        for provider in group
    ]
    for provider in providers:
        del provider["interfaces"]
    return {
        "interface": interface,
        "providers": sorted(providers, key=lambda provider: provider["service"]),
        "contracts": [
            {
                "contract": description.contract,
                "providers": [provider.id for provider in group],
                "docstring": description.docstring,
                "stateful": description.stateful,
                "authentication": description.authentication,
                "roles": description.roles,
                "methods": description.methods,
            }
            for description, group in found
        ],
    }
