// The charts: calls per second, errors and latency, of all calls or of those that are chosen.

import { Chart } from "./chart.js";
import { element } from "./dom.js";
import { Figures } from "./metrics.js";
import { chosen } from "./route.js";

const EVERY = 2000; // ms

export class Charts {
  #figures = new Figures();
  #timer = null;
  #asking = false;

  constructor() {
    const perSecond = (value) => `${short(value)}/s`;
    this.charts = [
      new Chart("Calls", { calls: "" }, perSecond),
      new Chart("Errors", { errors: "" }, perSecond),
      new Chart("Latency", { p50: "p50", p95: "p95" }, milliseconds),
    ];
    this.scope = element("h2", {}, "Calls through this gateway");
    this.none = element("p", { class: "note" }, "No figures yet.");
    this.row = element("div", { class: "row", hidden: true }, ...this.charts.map((chart) => chart.element));
    this.element = element("section", { class: "charts", "aria-label": "Figures" }, this.scope, this.none, this.row);
    document.addEventListener("visibilitychange", () => this.begin());
  }

  // Ask now, and then again and again while somebody looks. A gateway that has no figures is
  // asked no more, until it is begun anew.
  begin() {
    clearInterval(this.#timer);
    if (document.hidden) return;
    this.#timer = setInterval(() => this.#ask(), EVERY);
    this.#ask();
  }

  draw() {
    const { name, method } = chosen();
    this.scope.textContent = name === null ? "Calls through this gateway" : `Calls of ${method === null ? name : `${name} ${method}`} through this gateway`;
    if (this.#figures.last === null) return;
    const points = this.#figures.series({ name, method });
    for (const chart of this.charts) chart.draw(points, this.#figures.last);
  }

  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const response = await fetch("metrics", { cache: "no-store" });
      if (response.ok) this.#figures.add(performance.now() / 1000, await response.text());
      else if (response.status === 404) clearInterval(this.#timer);
      this.#tell(response.ok, response.status === 404);
    } catch {
      // The connection to the gateway is shown elsewhere.
    } finally {
      this.#asking = false;
    }
  }

  #tell(ok, never) {
    if (ok) {
      this.row.hidden = false;
      this.none.hidden = true;
      this.draw();
    } else if (never) {
      this.row.hidden = true;
      this.none.hidden = false;
      this.none.textContent = "This gateway gives no figures.";
    }
  }
}

function milliseconds(seconds) {
  return seconds < 1 ? `${short(seconds * 1000)} ms` : `${short(seconds)} s`;
}

function short(value) {
  if (value === 0) return "0";
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
}
