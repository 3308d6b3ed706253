"""``GET /openapi.json``: everything that can be called, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from pycom_tx.client.over_http.fields import (
    ARGS,
    EXTENSIONS,
    INVALID,
    RESULT,
    SERVICE,
    SESSION,
    STOPPING,
    TIMEOUT,
)
from pycom_tx.gateway.headers import token_of
from pycom_tx.gateway.pages import Page
from pycom_tx.gateway.schemas import Components
from pycom_tx.gateway.services import contracts, told
from pycom_tx.zerojson import codec

if TYPE_CHECKING:
    from pycom_tx.gateway.answers import Answer
    from pycom_tx.gateway.catalogue import Catalogue
    from pycom_tx.gateway.descriptions import Description

_BYTES: Final = {"type": "string", "contentMediaType": "application/octet-stream"}
_STRING: Final = {"type": "string"}


def _parameter(name: str, description: str, schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": schema}


def _json(name: str, description: str) -> dict[str, Any]:
    content: Any = {"application/json": {"schema": {}}}
    return {"name": name, "in": "header", "description": description, "content": content}


_PARAMETERS: Final = {
    "Session": _parameter(SESSION, "The session, as an earlier answer had it.", _STRING),
    "Service": _parameter(SERVICE, "The path of the one service that will do.", _STRING),
    "Timeout": _parameter(
        TIMEOUT, "Seconds that the call may take.", {"type": "number", "exclusiveMinimum": 0}
    ),
    "Traceparent": _parameter("traceparent", "What traces the call, as W3C has it.", _STRING),
    "Extensions": _json(EXTENSIONS, "What the service takes beside the arguments."),
    "Args": _json(ARGS, "The arguments, where the body is the attachment."),
}

_HEADERS: Final = {
    "Session": {"description": "The session, on a stateful interface.", "schema": _STRING},
    "Extensions": {
        "description": "What the service tells beside the result, if it is short.",
        "content": {"application/json": {"schema": {}}},
    },
    "Result": {
        "description": "The result beside an attachment, if it is short.",
        "content": {"application/json": {"schema": {}}},
    },
}

_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": _STRING,
        "status": {"type": "integer"},
        "detail": _STRING,
        "code": {"type": "integer", "description": "The error's code in the protocol."},
        "not_started": {
            "type": "boolean",
            "description": "Whether the call was provably not executed.",
        },
        "reason": {"enum": [STOPPING, INVALID]},
        "interface": _STRING,
        "method": _STRING,
    },
}

_RESPONSES: Final = {
    "Problem": {
        "description": "Something is wrong.",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
}


class OpenAPI(Page):
    """The document.

    :param catalogue: what knows the interfaces.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__()
        self._catalogue = catalogue
        self._known: tuple[int, bytes] | None = None

    async def answer(self, request: Any) -> Answer:
        await self._catalogue.ready()
        token = token_of(request)
        version = self._catalogue.version
        if token is None and self._known is not None and self._known[0] == version:
            return told(request, self._known[1])
        known: dict[str, Description] = {}
        for interface in self._catalogue.interfaces:
            found = await contracts(self._catalogue, interface, token)
            if found:
                known[interface] = found[0][0]
        body = codec.encode_strictly(document(known))
        if token is None:
            self._known = version, body
        return told(request, body)


def document(interfaces: dict[str, Description]) -> dict[str, Any]:
    """An OpenAPI document.

    :param interfaces: what is known of each, by its name.
    """
    components = Components()
    paths = {
        f"/call/{quote(interface, safe='')}/{quote(name, safe='')}": {
            "post": _operation(interface, name, method, description, components)
        }
        for interface, description in interfaces.items()
        for name, method in (description.methods or {}).items()
        if _fits_a_path(interface) and _fits_a_path(name)
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "pycom_tx", "version": "1"},
        "tags": [
            {"name": interface, **_described(description.docstring)}
            for interface, description in interfaces.items()
        ],
        "paths": paths,
        "components": {
            "schemas": {**components.schemas, "Problem": _PROBLEM},
            "parameters": _PARAMETERS,
            "headers": _HEADERS,
            "responses": _RESPONSES,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _fits_a_path(name: str) -> bool:
    """Whether it can be called here at all."""
    try:
        return name.encode("utf-8") != b""
    except UnicodeEncodeError:
        return False


def _operation(
    interface: str,
    name: str,
    method: dict[str, Any],
    description: Description,
    components: Components,
) -> dict[str, Any]:
    schema = method.get("schema")
    schema = schema if isinstance(schema, dict) else {}
    attachments = method.get("attachments")
    attachments = attachments if isinstance(attachments, dict) else {}
    args = components.adopt(interface, schema.get("arguments", _old(method)))
    result = components.adopt(interface, schema.get("result", {}))
    parameters = ["Session", "Service", "Timeout", "Traceparent", "Extensions"]
    if attachments.get("incoming"):
        parameters.append("Args")
    guarded = description.authentication == "required" or bool(description.roles)
    return {
        # As in the path, so that no two are the same, whatever the names are.
        "operationId": f"{quote(interface, safe='')}/{quote(name, safe='')}",
        "tags": [interface],
        **_described(method.get("docstring"), summary=True),
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in parameters],
        "requestBody": _body(method, args, attachments.get("incoming")),
        "responses": {
            "200": _answer(result, attachments.get("outgoing")),
            "default": {"$ref": "#/components/responses/Problem"},
        },
        "security": [{"bearer": []}] if guarded else [{}, {"bearer": []}],
    }


def _body(method: dict[str, Any], args: Any, attachment: Any) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": args}}
    required = method.get("required_arguments")
    needed = bool(required) and required != [attachment]
    if attachment:
        content["multipart/form-data"] = _form("args", args)
        content["application/octet-stream"] = {}
    return {"required": needed, "content": content}


def _answer(result: Any, attachment: Any) -> dict[str, Any]:
    headers = {
        SESSION: {"$ref": "#/components/headers/Session"},
        EXTENSIONS: {"$ref": "#/components/headers/Extensions"},
    }
    content: dict[str, Any] = {"application/json": {"schema": result}}
    if attachment:
        content["multipart/form-data"] = _form("result", result)
        content["application/octet-stream"] = {}
        headers[RESULT] = {"$ref": "#/components/headers/Result"}
    return {"description": "The result.", "headers": headers, "content": content}


def _form(name: str, schema: Any) -> dict[str, Any]:
    return {
        "schema": {"type": "object", "properties": {name: schema, "attachment": _BYTES}},
        "encoding": {name: {"contentType": "application/json"}},
    }


def _old(method: dict[str, Any]) -> dict[str, Any]:
    """The schema of arguments of which a service of PyCOM 0.6 tells the names only."""
    required, optional = (
        [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
        for names in (method.get("required_arguments"), method.get("optional_arguments"))
    )
    if not required and not optional:
        return {}
    named: dict[str, Any] = {name: {} for name in (*required, *optional)}
    return {"type": "object", "properties": named, "required": list(dict.fromkeys(required))}


def _described(docstring: Any, *, summary: bool = False) -> dict[str, str]:
    if not isinstance(docstring, str) or not docstring:
        return {}
    described = {"description": docstring}
    if summary:
        described["summary"] = docstring.partition("\n")[0]
    return described
