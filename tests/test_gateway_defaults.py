"""Defaults, and the schemas that they are defaults of."""

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pycom_tx.gateway.defaults import admits

_values = st.sampled_from([None, True, False, 0, 1, 2.5, -3, "", "a", [], {}, [1], {"a": 1}])
_types = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
_schemas = st.deferred(
    lambda: (
        st.booleans()
        | st.fixed_dictionaries(
            {},
            optional={
                "title": st.just("t"),
                "type": _types | st.lists(_types, min_size=1, max_size=3, unique=True),
                "enum": st.lists(_values, max_size=3),
                "const": _values,
                "minimum": st.integers(-4, 4),
                "exclusiveMaximum": st.integers(-4, 4),
                "anyOf": st.lists(_schemas, min_size=1, max_size=2),
                "items": _schemas,
                "properties": st.dictionaries(st.just("a"), _schemas),
                "pattern": st.just("^b"),
                "minItems": st.just(1),
            },
        )
    )
)


class AdmitsTests(SynchronousTestCase):
    def test_examples(self):
        """What contracts have as defaults is admitted by their schemas, and its like is not."""
        optional = {"anyOf": [{"type": "integer"}, {"type": "null"}]}
        for schema, right, wrong in (
            ({"type": "integer"}, 1, None),
            ({"type": "number"}, 1, "1"),
            ({"type": "number"}, 1.5, True),
            ({"type": "integer", "minimum": 1}, 1, 0),
            ({"type": "string", "title": "A word"}, "", 1),
            ({"enum": ["a", "b"]}, "a", "c"),
            ({"type": "array", "items": {"type": "string"}}, [], {}),
            ({"type": "object", "properties": {}}, {}, []),
            (optional, None, "1"),
            ({}, [1, 2], ...),
        ):
            self.assertTrue(admits(schema, right), schema)
            if wrong is not ...:
                self.assertFalse(admits(schema, wrong), schema)

    @settings(deadline=None)
    @given(_schemas, _values)
    def test_sure(self, schema, value):
        """What it admits a validator does, too."""
        if admits(schema, value):
            jsonschema.Draft202012Validator(schema).validate(value)
