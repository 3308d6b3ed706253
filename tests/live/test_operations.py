"""What is said of the metrics and the log is what a real command serves and writes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import promql_parser as promql

import pycom_tx as pycom
from tests.live.test_logs import calls, lines
from tests.live.test_metrics import METRICS, MetricsCase
from tests.live.test_twistd import ANY, SERVICE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.rst").read_text("utf-8")
DASHBOARD = json.loads((ROOT / "examples" / "grafana" / "pycom_tx.json").read_text("utf-8"))

ENDINGS = {"counter": "_total", "info": "_info"}
"""What the names of samples end with, behind those of their metrics."""

SCRAPED = {"job", "instance", "le"}
"""Labels that Prometheus adds, and those of buckets."""


def documented():
    """The table of the page: names, with their types and labels."""
    rule = re.search(r"^=+ +=+ +=+ +=+$", PAGE, re.MULTILINE)[0]
    columns = [(match.start(), match.end()) for match in re.finditer("=+", rule)]
    body = re.split(f"^{rule}$", PAGE, flags=re.MULTILINE)[2]
    found = {}
    for row in body.splitlines():
        name, kind, labels, _ = (row[start:end].strip() for start, end in columns)
        if name:
            found[name.strip("`")] = kind, {label for label in labels.split(", ") if label}
    return found


class OperationsCase(MetricsCase):
    async def served(self):
        """What a command serves that has a service and a nameserver: its families."""
        self.write_module("everything", f"{SERVICE}\nfrom pycom_tx import NameServer\n")
        process, address = await self.registered(
            "pycom-service", "-a", ANY, "--metrics", METRICS, "everything"
        )
        async with self.client(address).locate("com.foo.example") as component:
            await component.bar("field1")
        return await self.families(await self.url(process))


class TableTests(OperationsCase):
    async def test_table(self):
        """The table has every metric that is served, and no other, with types and labels."""
        served = {
            family.name + ENDINGS.get(family.type, ""): (
                family.type,
                {label for sample in family.samples for label in sample.labels} - SCRAPED,
            )
            for family in (await self.served()).values()
        }
        of_the_process = {name for name in served if re.match("(process|python)_", name)}
        self.assertIn("process_cpu_seconds_total", of_the_process)
        ours = {name: what for name, what in served.items() if name not in of_the_process}
        self.assertEqual(documented(), ours)

    def test_scraped(self):
        """What is to be scraped is where the commands of the page serve their metrics."""
        served = set(re.findall(r"--metrics tcp:([0-9]+):interface=127\.0\.0\.1 ?", PAGE))
        (targets,) = re.findall(r"- targets: \[(.*)\]", PAGE)
        self.assertEqual(set(re.findall(r'"127\.0\.0\.1:([0-9]+)"', targets)), served)


class DashboardTests(OperationsCase):
    def panels(self):
        """Those that show something."""
        return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

    def queries(self):
        """All queries, with variables as Grafana fills them in."""
        for panel in self.panels():
            for target in panel["targets"]:
                yield target["expr"].replace("$__rate_interval", "5m")
        for variable in DASHBOARD["templating"]["list"]:
            if variable["type"] == "query":
                found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
                yield f"count by ({found[2]}) ({found[1]})"

    def used(self, query):
        """The names of samples in a query, each with the labels that are asked of it."""
        selectors, grouped = [], set()

        def visit(part):
            if isinstance(part, promql.VectorSelector):
                selectors.append(part)
            elif isinstance(part, promql.AggregateExpr) and part.modifier is not None:
                grouped.update(part.modifier.labels)
            return True

        promql.walk(promql.parse(query), visit)
        return [
            (selector.name, grouped | {matcher.name for matcher in selector.matchers.matchers})
            for selector in selectors
        ]

    async def test_metrics(self):
        """Every query is one, and asks for what is served only."""
        labels = {}
        for family in (await self.served()).values():
            for sample in family.samples:
                labels.setdefault(sample.name, set()).update(sample.labels)
        used = set()
        for query in self.queries():
            for name, wanted in self.used(query):
                self.assertIn(name, labels, query)
                self.assertEqual(wanted - labels[name] - SCRAPED, set(), query)
                used.add(name)
        # And it shows all that there is.
        left = {name for name in documented() if not any(u.startswith(name) for u in used)}
        self.assertEqual(left, set())

    def test_legends(self):
        """What a legend shows is a label of its query."""
        for panel in self.panels():
            for target in panel["targets"]:
                known = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
                if " by (" in target["expr"]:
                    grouped = re.search(r"by \(([^)]*)\)", target["expr"])[1].split(", ")
                    self.assertLessEqual(known, set(grouped))
                else:
                    self.assertLessEqual(known, {"instance"})

    def test_structure(self):
        """It has what Grafana needs to import and to show it."""
        for name, kind in (
            ("title", str),
            ("uid", str),
            ("schemaVersion", int),
            ("panels", list),
            ("templating", dict),
            ("time", dict),
            ("refresh", str),
        ):
            self.assertIsInstance(DASHBOARD[name], kind)
        self.assertIsNone(DASHBOARD["id"])  # which the importing Grafana gives
        ids = [panel["id"] for panel in DASHBOARD["panels"]]
        self.assertEqual(len(set(ids)), len(ids))
        kinds = {panel["type"] for panel in DASHBOARD["panels"]}
        self.assertEqual(kinds, {"row", "stat", "timeseries", "heatmap"})

    def test_datasource(self):
        """Everything comes from the data source that is chosen at its top."""
        variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
        self.assertEqual(variables["datasource"]["type"], "datasource")
        self.assertEqual(variables["datasource"]["query"], "prometheus")
        chosen = {"type": "prometheus", "uid": "${datasource}"}
        for panel in self.panels():
            self.assertEqual(panel["datasource"], chosen)
            self.assertNotEqual(panel["targets"], [])
            references = [target["refId"] for target in panel["targets"]]
            self.assertEqual(len(set(references)), len(references))
            for target in panel["targets"]:
                self.assertEqual(target["datasource"], chosen)
        queried = set(re.findall(r"\$(\w+)", json.dumps([p["targets"] for p in self.panels()])))
        self.assertEqual(queried - {"__rate_interval"}, set(variables) - {"datasource"})
        for variable in variables.values():
            if variable["type"] == "query":
                self.assertEqual(variable["datasource"], chosen)

    def test_places(self):
        """Panels lie beside and below each other, within the width of 24 columns."""
        taken = set()
        for panel in DASHBOARD["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24)
            cells = {
                (place["x"] + x, place["y"] + y)
                for x in range(place["w"])
                for y in range(place["h"])
            }
            self.assertEqual(cells & taken, set(), panel["title"])
            taken |= cells


class LogTests(OperationsCase):
    async def test_line(self):
        """The lines that are shown have the fields of real ones, in their order."""
        called, asked = re.findall(r"code-block:: json\n\n((?:   .*\n)+)", PAGE)
        _, where = await self.nameserver()
        self.write_module("shop", SERVICE)
        service, address = await self.registered(
            *("pycom-service", "-v", "-a", ANY, "-n", where, "--log-format", "json", "shop")
        )
        context = pycom.Context(where)
        self.addCleanup(context.close)
        async with context.connect(address, "com.foo.example") as component:
            await component.invoke("bar", {"name": "field1"})
        await service.wait_for("bar: answered")
        (line,) = calls(service.log)
        self.assertShown(called, line)
        gateway = self.twistd(
            *("pycom-gateway", "-v", "-n", where, "--log-format", "json"),
            *("--http", "tcp:0:interface=127.0.0.1"),
        )
        port = (await gateway.wait_for(r"HTTP is at .*?, port (\d+)"))[1]
        behind = pycom.Context(gateway=f"http://127.0.0.1:{port}")
        self.addCleanup(behind.close)
        async with behind.locate("com.foo.example") as component:
            await component.invoke("bar", {"name": "field1"})
        await gateway.wait_for(r"bar: 200.*}\n")
        (line,) = (line for line in lines(gateway.log) if line.get("verb") == "POST")
        self.assertShown(asked, line)

    def assertShown(self, shown, line):
        """What is shown has the fields of a line, and its words."""
        self.assertEqual(
            [(name, type(value)) for name, value in json.loads(shown).items()],
            [(name, type(value)) for name, value in line.items()],
        )
        self.assertEqual(
            re.sub("[0-9.]+", "", json.loads(shown)["message"].rpartition(": ")[2]),
            re.sub("[0-9.]+", "", line["message"].rpartition(": ")[2]),
        )
