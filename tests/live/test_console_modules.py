"""Modules of the console by themselves: JSON, schemas and figures."""

import json
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.figures import Load
from tests.live.console import ConsoleCase, Shop

SAMPLE = r"""# HELP pycom_client_calls_total Calls that were made as a client.
# TYPE pycom_client_calls_total counter
pycom_client_calls_total{code="0",interface="a\"b\\c\nd}",method="x,y=\"z\""} 1.5e+02 1700000000000
pycom_client_calls_total{code="CallTimeout",interface="i",method="m",} 2
process_open_fds 17.0
nothing
{no="name"} 1
pycom_client_call_duration_seconds_bucket{interface="i",le="+Inf",method="m"} 3.0 # {trace="1"} 2
"""


class ModuleCase(ConsoleCase):
    async def setUp(self):
        super().setUp()
        await self.serve(Shop())
        await self.open()

    def ask(self, module, expression, *arguments):
        """What an expression gives that uses the names of a module, and ``given``."""
        names = f"const module = await import('/console/{module}.js');"
        return self.browser.run(f"{names} return ((m) => {expression})(module)", *arguments)


class JSONTests(ModuleCase):
    async def test_pretty(self):
        """Short things stay in one line, long lists of values fill theirs."""
        for text, lines in (
            ("{}", ["{}"]),
            ('["a,{}", []]', ["[", '  "a,{}",', "  []", "]"]),
            (
                '{"a":1,"b":{"c":[1,2]}}',
                ["{", '  "a": 1,', '  "b": {', '    "c": [1, 2]', "  }", "}"],
            ),
            ("12345678901234567890.10", ["12345678901234567890.10"]),
        ):
            self.assertEqual(await self.ask("json", "m.pretty(given[0])", text), "\n".join(lines))
        lines = (await self.ask("json", "m.pretty(given[0])", str(list(range(100))))).split("\n")
        self.assertEqual((lines[0], lines[-1], len(lines)), ("[", "]", 8))
        self.assertLessEqual(max(map(len, lines)), 80)

    async def test_any(self):
        """Whatever JSON there is, it stays what it is, and so do its members."""
        values = []

        @settings(max_examples=300, database=None, deadline=None)
        @given(st.recursive(SCALARS, containers, max_leaves=30))
        def collect(value):
            values.append(json.dumps(value, ensure_ascii=len(values) % 2 == 0))

        collect()
        given_ = json.dumps(values)
        pretty = await self.ask("json", "JSON.parse(given[0]).map(m.pretty)", given_)
        self.assertEqual([json.loads(one) for one in pretty], [json.loads(one) for one in values])
        again = await self.ask(
            "json",
            "JSON.parse(given[0]).map((one) => m.members(one) && m.composed([...m.members(one)]))",
            given_,
        )
        for value, composed in zip(map(json.loads, values), again, strict=True):
            if isinstance(value, dict):
                self.assertEqual(json.loads(composed), value)
            else:
                self.assertIsNone(composed)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=100)
)


def containers(inner):
    return st.lists(inner) | st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), inner
    )


class SchemaTests(ModuleCase):
    async def test_check(self):
        """What is wrong with a value is said, with its place."""
        item = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
        root = {"$defs": {"Item": {**item, "required": ["n"]}}}
        ref = {"$ref": "#/$defs/Item"}
        for schema, value, wrong in (
            ({"type": "integer"}, 1.0, None),
            ({"type": "integer"}, 1.5, "expected integer, got number"),
            ({"type": "number"}, 1, None),
            ({"type": "boolean"}, 1, "expected boolean, got integer"),
            ({"type": ["string", "null"]}, None, None),
            ({"type": "string", "minLength": 2}, "ö", "expected 2 characters or more"),
            ({"type": "string", "maxLength": 1}, "\U0001f600", None),
            ({"type": "number", "exclusiveMaximum": 1}, 1, "expected less than 1"),
            ({"type": "array", "maxItems": 1}, [1, 2], "expected 1 items or less"),
            ({"enum": ["a", 1]}, "b", 'expected "a" | 1'),
            ({"const": "a"}, "b", 'expected "a"'),
            (ref, {}, '"n" is missing'),
            (ref, [], "expected Item, got array"),
            ({"type": "array", "items": ref}, [{"n": 1}, {"n": 0}], "[1].n: expected 1 or more"),
            ({"anyOf": [ref, {"type": "null"}]}, {"n": 0}, "n: expected 1 or more"),
            ({"anyOf": [ref, {"type": "null"}]}, 7, "expected Item | null, got integer"),
            (
                {"additionalProperties": {"type": "string"}},
                {"a": 1},
                "a: expected string, got integer",
            ),
            ({"prefixItems": [{"type": "string"}]}, [1], "[0]: expected string, got integer"),
            ({}, {"a": [None]}, None),
        ):
            said = await self.ask("check", "m.check(...given)", value, schema, root)
            self.assertEqual(said, wrong, (schema, value))

    async def test_type(self):
        """A type is written as in a signature."""
        for schema, written in (
            ({}, "any"),
            ({"type": "string", "format": "date-time"}, "date-time"),
            ({"type": "array", "items": {"$ref": "#/$defs/Item"}}, "Item[]"),
            ({"type": "array", "items": {"type": ["string", "null"]}}, "(string | null)[]"),
            ({"type": "array", "prefixItems": [{"type": "string"}, {}]}, "[string, any]"),
            ({"type": "object"}, "object"),
            ({"type": "object", "additionalProperties": {"type": "integer"}}, "{string: integer}"),
            ({"type": "object", "properties": {"a": {"const": 1}}}, "{a: 1}"),
            ({"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]}, '"a" | "b" | null'),
            ({"enum": ["x" * 200]}, '"' + "x" * 79 + "…"),
        ):
            self.assertEqual(await self.ask("schema", "m.typeOf(given[0])", schema), written)


class AttachmentTests(ModuleCase):
    async def test_pictures(self):
        """Pictures are told by how they begin, and programs are none."""
        for kind, data in (
            ("png", b"\x89PNG\r\n\x1a\n...."),
            ("jpeg", b"\xff\xd8\xff\xe0"),
            ("gif", b"GIF89a"),
            ("webp", b"RIFF....WEBPVP8 "),
            (None, b"RIFF....WAVE"),
            (None, b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            (None, b"\x89PNG"),
            (None, b""),
        ):
            made = await self.ask(
                "attachment",
                "m.downloads('x').attachment(new Blob([new Uint8Array(given[0])]))"
                ".then((made) => [made.querySelectorAll('img').length, made.innerText])",
                list(data),
            )
            text = f"attachment x.{kind or 'bin'}, {len(data)} bytes"
            self.assertEqual(made, [0 if kind is None else 1, text])


class FigureTests(ModuleCase):
    async def test_samples(self):
        """Samples are read with whatever is in their labels; what is none is left out."""
        told = await self.ask(
            "samples",
            "[...m.samples(given[0])].map(({ name, labels, value }) => [name, [...labels], value])",
            SAMPLE,
        )
        told = [(name, dict(labels), value) for name, labels, value in told]
        calls, buckets = "pycom_client_calls_total", "pycom_client_call_duration_seconds_bucket"
        strange = {"code": "0", "interface": 'a"b\\c\nd}', "method": 'x,y="z"'}
        self.assertEqual(
            told,
            [
                (calls, strange, 150),
                (calls, {"code": "CallTimeout", "interface": "i", "method": "m"}, 2),
                ("process_open_fds", {}, 17),
                (buckets, {"interface": "i", "le": "+Inf", "method": "m"}, 3),
            ],
        )

    async def points(self, texts, scope=None, step=2):
        """The points that come of what was told every so many seconds."""
        looks = [[number * step, str(text)] for number, text in enumerate(texts)]
        return await self.ask(
            "figures",
            "{ const figures = new m.Figures();"
            " for (const look of given[0]) figures.add(...look);"
            " return figures.series(given[1]); }",
            looks,
            scope or {},
        )

    async def test_rates(self):
        """Rates are those of the last ten seconds, of all calls or of some."""
        load, texts = Load([]), []
        for _ in range(20):
            texts.append(str(load))
            for _ in range(6):
                load.count("a", "quick", "0", 0.002)
            load.count("a", "slow", "7", 0.3)
            load.count("b", "slow", "0", 0.3)
        for scope, calls, errors in (
            ({}, 4, 0.5),
            ({"name": "a"}, 3.5, 0.5),
            ({"name": "a", "method": "quick"}, 3, 0),
            ({"name": "c"}, 0, 0),
        ):
            points = await self.points(texts, scope)
            self.assertEqual([point["time"] for point in points], list(range(2, 40, 2)))
            self.assertEqual(
                {(point["calls"], point["errors"]) for point in points}, {(calls, errors)}
            )
        (point,) = await self.points(texts[:2], {"name": "a", "method": "quick"})
        self.assertTrue(0.001 < point["p50"] <= 0.0025)
        (point,) = await self.points(texts[:2])
        self.assertTrue(point["p50"] <= 0.0025 and 0.25 < point["p95"] <= 0.5)
        (point,) = await self.points(texts[:2], {"name": "c"})
        self.assertEqual((point["p50"], point["p95"]), (None, None))

    async def test_torn(self):
        """Where the gateway was restarted, or nobody looked for long, nothing is known."""
        before, after = Load([]), Load([])
        for _ in range(9):
            before.count("a", "b", "0", 0.1)
        points = await self.points([before, before, after, before])
        self.assertEqual([point["calls"] for point in points], [0, None, 4.5])
        points = await self.points([after, before], step=60)
        self.assertEqual([point["calls"] for point in points], [None])

    async def test_quantile(self):
        """A quantile is reckoned as Prometheus does."""
        buckets = [[0.1, 10], [0.5, 20], [math.inf, 20]]
        for part, value in ((0.5, 0.1), (0.75, 0.3), (1, 0.5)):
            found = await self.ask(
                "figures",
                "m.quantile(given[0].map(([most, count]) => [most ?? Infinity, count]), given[1])",
                [[None if most == math.inf else most, count] for most, count in buckets],
                part,
            )
            self.assertAlmostEqual(found, value)
