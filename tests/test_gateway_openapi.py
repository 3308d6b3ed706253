"""The OpenAPI document."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Meta
from openapi_spec_validator import OpenAPIV31SpecValidator
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom
from pycom_tx.gateway.descriptions import Description, described
from pycom_tx.gateway.openapi import document
from tests.gateway import Example, GatewayCase
from tests.test_gateway_catalogue import Authenticator, Guarded, Silent


@dataclass
class Caption:
    """What stands below a picture."""

    title: Annotated[str, Meta(min_length=1, max_length=80, pattern="^[A-Z]")]
    price: Decimal
    licence: Literal["free", "private"] = "private"


class Oil(msgspec.Struct, tag="oil"):
    layers: Annotated[int, Meta(ge=1)]


class Print(msgspec.Struct, tag="print"):
    caption: Caption
    number: tuple[int, int] | None = None


@pycom.interface("com.foo.gallery", roles=("painter",))
class Gallery(pycom.Service):
    """Keeps pictures.

    For painters.
    """

    @pycom.method(attachments=("picture", "thumbnail"), results=("caption", "thumbnail"))
    def hang(
        self, request, picture: bytes, caption: Caption, how: Oil | Print
    ) -> tuple[Caption, bytes]:
        """Add a picture.

        It gets a thumbnail.
        """

    @pycom.method("look around/everywhere")
    def look(self, request, tags: dict[str, set[str]], deep: "list[Caption]" = ()) -> list[Print]:
        """See."""


OLD = {
    "methods": {
        "bar": {
            "required_arguments": ["name"],
            "optional_arguments": ["value"],
            "results": [],
            "docstring": None,
            "attachments": {"incoming": None, "outgoing": None},
        },
        "raw": {"required_arguments": [], "optional_arguments": [], "attachments": {}},
    }
}

EXAMPLES = settings(
    deadline=None,
    max_examples=50,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    *(
                        "type",
                        "properties",
                        "$ref",
                        "items",
                        "anyOf",
                        "required",
                        "enum",
                        "pattern",
                    ),
                    *("minimum", "minLength", "discriminator", "$defs", "title", "x", "default"),
                    *("additionalProperties", "uniqueItems", "multipleOf", "const", "format"),
                )
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


class DocumentCase(SynchronousTestCase):
    def assertValid(self, found):
        """It is an OpenAPI document, also after its way through JSON."""
        OpenAPIV31SpecValidator(json.loads(json.dumps(found))).validate()


class OpenAPITests(GatewayCase, DocumentCase):
    def document(self, gateway, headers=()):
        found = self.result(self.ask(gateway, "GET", "/openapi.json", None, headers))
        self.assertValid(found)
        return found

    def test_everything(self):
        """Each method that is exposed has a path, with the schemas of its contract."""
        self.host(Silent(), service="/silent")
        gateway = self.gateway()
        found = self.document(gateway)
        self.assertEqual(found["openapi"], "3.1.0")
        self.assertEqual(
            set(found["paths"]),
            {f"/call/com.foo.example/{name}" for name in Example.__interface__.methods},
        )
        operation = found["paths"]["/call/com.foo.example/add"]["post"]
        self.assertEqual(operation["operationId"], "com.foo.example/add")
        self.assertEqual(operation["summary"], "A sum.")
        self.assertTrue(operation["requestBody"]["required"])
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        self.assertEqual(
            schema, Example.__interface__.methods["add"].introspection()["schema"]["arguments"]
        )
        answer = operation["responses"]["200"]["content"]
        self.assertEqual(answer, {"application/json": {"schema": {"type": "integer"}}})
        self.assertEqual(operation["security"], [{}, {"bearer": []}])

    def test_attachments(self):
        """Attachments are parts of forms, or alone."""
        operation = self.document(self.gateway())["paths"]["/call/com.foo.example/mirror"]["post"]
        for content, beside in (
            (operation["requestBody"]["content"], "args"),
            (operation["responses"]["200"]["content"], "result"),
        ):
            self.assertEqual(
                set(content),
                {"application/json", "multipart/form-data", "application/octet-stream"},
            )
            form = content["multipart/form-data"]["schema"]["properties"]
            self.assertEqual(set(form), {beside, "attachment"})
        self.assertIn(
            {"$ref": "#/components/parameters/Args"},
            operation["parameters"],
        )

    def test_changes(self):
        """The document is made again when something has changed."""
        gateway = self.gateway()
        self.assertIs(
            self.result(self.ask(gateway, "GET", "/openapi.json")) == self.document(gateway), True
        )
        self.host(Other(), service="/other")
        self.clock.pump([0.2] * 3 + [0] * 20)
        self.assertIn("/call/com.foo.later/introspect", self.document(gateway)["paths"])

    def test_guarded(self):
        """What is told to nobody without a token is in the document of who has one."""
        self.host(Authenticator(), service="/auth")
        self.host(Guarded(), service="/guarded")
        gateway = self.gateway()
        for headers, there in ({}, False), ({"Authorization": "Bearer brush"}, True), ({}, False):
            paths = self.document(gateway, headers)["paths"]
            self.assertEqual("/call/com.foo.guarded/paint" in paths, there)


@pycom.interface("com.foo.later")
class Other(pycom.Service):
    """Comes later."""


class DocumentTests(DocumentCase):
    def described(self, owner):
        interface = owner.__interface__
        return described(
            {
                "methods": interface.introspection(),
                "docstring": owner.__doc__,
                "data": {"org.pycom.interface": interface.data()},
            }
        )

    def test_definitions(self):
        """Classes in annotations are components, which every method refers to."""
        found = document({"com.foo.gallery": self.described(Gallery)})
        self.assertValid(found)
        schemas = found["components"]["schemas"]
        self.assertEqual(
            set(schemas),
            {"Problem", *(f"com.foo.gallery.{name}" for name in ("Caption", "Oil", "Print"))},
        )
        operation = found["paths"]["/call/com.foo.gallery/hang"]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        self.assertEqual(
            schema["properties"]["caption"],
            {"$ref": "#/components/schemas/com.foo.gallery.Caption"},
        )
        mapping = schema["properties"]["how"]["discriminator"]["mapping"]
        self.assertEqual(mapping["oil"], "#/components/schemas/com.foo.gallery.Oil")
        self.assertNotIn("$defs", json.dumps(found))
        self.assertEqual(operation["security"], [{"bearer": []}])
        self.assertEqual(operation["summary"], "Add a picture.")
        self.assertIn("/call/com.foo.gallery/look%20around%2Feverywhere", found["paths"])

    def test_same_name(self):
        """Two definitions of one name, in one interface, are two components."""
        methods = {
            f"m{number}": {
                "schema": {
                    "arguments": {"$ref": "#/$defs/Box", "$defs": {"Box": {"type": kind}}},
                }
            }
            for number, kind in enumerate(("string", "integer", "string"))
        }
        found = document({"com.a": Description(methods=methods)})
        self.assertValid(found)
        references = [
            found["paths"][f"/call/com.a/m{number}"]["post"]["requestBody"]["content"][
                "application/json"
            ]["schema"]["$ref"]
            for number in range(3)
        ]
        self.assertEqual(references[0], references[2])
        kinds = [
            found["components"]["schemas"][reference.rpartition("/")[2]]["type"]
            for reference in references
        ]
        self.assertEqual(kinds, ["string", "integer", "string"])

    def test_old(self):
        """A service of PyCOM 0.6 tells names only, and those are there."""
        found = document({"com.old": described(OLD)})
        self.assertValid(found)
        operation = found["paths"]["/call/com.old/bar"]["post"]
        self.assertEqual(
            operation["requestBody"]["content"]["application/json"]["schema"],
            {
                "type": "object",
                "properties": {"name": {}, "value": {}},
                "required": ["name"],
            },
        )
        self.assertFalse(found["paths"]["/call/com.old/raw"]["post"]["requestBody"]["required"])

    def test_values(self):
        """What only looks like a reference, as a default is, stays as it is."""
        reference = {"$ref": "#/$defs/A"}
        schema = {
            "type": "object",
            "properties": {"$ref": {"default": reference, "enum": [reference]}},
        }
        found = document({"com.a": Description(methods={"m": {"schema": {"arguments": schema}}})})
        self.assertValid(found)
        body = found["paths"]["/call/com.a/m"]["post"]["requestBody"]
        self.assertEqual(body["content"]["application/json"]["schema"], schema)

    def test_references(self):
        """A reference that leads nowhere, or out of the schema, is left out."""
        for reference in "#/$defs/B", "#/components/schemas/Problem", "https://a/b", 1, None:
            schema = {"$ref": reference, "title": "A", "$defs": {"A": {}}}
            methods = {"m": {"schema": {"arguments": schema}}}
            found = document({"com.a": Description(methods=methods)})
            self.assertValid(found)
            body = found["paths"]["/call/com.a/m"]["post"]["requestBody"]
            self.assertEqual(body["content"]["application/json"]["schema"], {"title": "A"})

    def test_circles(self):
        """Definitions that only refer to each other in a circle are left out; trees stay."""
        to = {name: {"$ref": f"#/$defs/{name}"} for name in "AB"}
        for definitions in (
            {"A": to["A"]},
            {"A": to["B"], "B": to["A"]},
            {"A": to["B"], "B": to["B"]},
            {"A": {"anyOf": [{"type": "null"}, {"allOf": [to["B"]]}]}, "B": {"not": to["A"]}},
        ):
            schema = {**to["A"], "title": "A", "$defs": definitions}
            methods = {"m": {"schema": {"arguments": schema}}}
            found = document({"com.a": Description(methods=methods)})
            self.assertValid(found)
            body = found["paths"]["/call/com.a/m"]["post"]["requestBody"]
            self.assertEqual(body["content"]["application/json"]["schema"], {"title": "A"})
        tree = {"type": "object", "properties": {"left": to["A"], "right": to["A"]}}
        schema = {**to["A"], "$defs": {"A": tree}}
        found = document({"com.a": Description(methods={"m": {"schema": {"arguments": schema}}})})
        self.assertValid(found)
        self.assertIn("left", found["components"]["schemas"]["com.a.A"]["properties"])

    def test_alike(self):
        """Definitions whose names become the same in the document are told apart."""
        names = "漢字語"
        schema = {
            "$defs": {name: {"title": name} for name in names},
            "anyOf": [{"$ref": f"#/$defs/{name}"} for name in names],
        }
        found = document({"com.a": Description(methods={"m": {"schema": {"arguments": schema}}})})
        self.assertValid(found)
        body = found["paths"]["/call/com.a/m"]["post"]["requestBody"]["content"]
        schemas = found["components"]["schemas"]
        told = [
            schemas[one["$ref"].rpartition("/")[2]]["title"]
            for one in body["application/json"]["schema"]["anyOf"]
        ]
        self.assertEqual("".join(told), names)

    def test_names(self):
        """Methods that no path can name are left out, and no two operations have one id."""
        some = Description(methods={"": {}, "\ud800": {}, "b.c": {}, "x": {}})
        other = Description(methods={"c": {}})
        found = document({"a": some, "a.b": other, "\ud800": other})
        self.assertValid(found)
        self.assertEqual(list(found["paths"]), ["/call/a/b.c", "/call/a/x", "/call/a.b/c"])

    def test_slashes(self):
        """Names with slashes make no two operations the same."""
        one, other = Description(methods={"c": {}}), Description(methods={"b/c": {}})
        self.assertValid(document({"a/b": one, "a": other}))

    def test_deep(self):
        """A schema that nests without end does no harm."""
        schema = {}
        for _ in range(300):
            schema = {"items": schema}
        found = document({"com.a": Description(methods={"m": {"schema": {"arguments": schema}}})})
        self.assertValid(found)

    def test_empty(self):
        """A document of nothing is one."""
        self.assertValid(document({}))

    @EXAMPLES
    @given(
        schemas=st.fixed_dictionaries({"arguments": _json, "result": _json}) | _json,
        others=st.lists(_json, min_size=4, max_size=4),
        name=st.text(max_size=10),
        interface=st.text(min_size=1, max_size=10),
    )
    def test_anything(self, schemas, others, name, interface):
        """Whatever services tell, the document is valid."""
        method = {
            "schema": schemas,
            "attachments": others[0],
            "docstring": others[1],
            "required_arguments": others[2],
            "optional_arguments": others[3],
        }
        told = {"methods": {name: method}, "docstring": others[1]}
        self.assertValid(document({interface: described(told)}))
