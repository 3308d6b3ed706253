// The charts: calls per second, errors and latency, of all calls or of those that are chosen.

import { Chart } from "./chart.js";
import { WANTED } from "./counts.js";
import { element } from "./dom.js";
import { NoAnswer, reach, whole } from "./gateway.js";
import { Figures } from "./figures.js";
import { chosen } from "./route.js";

const EVERY = 2000; // ms
const PATH = `metrics?${new URLSearchParams(WANTED.map((name) => ["name[]", name]))}`;

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
    this.scope = element("h2");
    this.none = element("p", { class: "note" });
    this.row = element(
      "div",
      { class: "row", hidden: true },
      ...this.charts.map(({ element: one }) => one),
    );
    this.element = element("section", { class: "charts" }, this.scope, this.none, this.row);
    document.addEventListener("visibilitychange", () => this.begin());
  }

  // Ask now, and then again and again while somebody looks. A gateway that has no figures is
  // asked no more, until it is begun anew.
  begin() {
    this.end();
    if (document.hidden) return;
    this.#timer = setInterval(() => this.#ask(), EVERY);
    this.#ask();
  }

  end() {
    clearInterval(this.#timer);
  }

  draw() {
    const { name, method } = chosen();
    const known = this.#figures.last !== null;
    this.row.hidden = this.scope.hidden = !known;
    this.none.hidden = known;
    if (!known) return;
    const subject =
      name === null ? "All calls" : method === null ? `Calls of ${name}` : `Calls of ${method}`;
    this.scope.textContent = `${subject} through this gateway`;
    const points = this.#figures.series({ name, method });
    for (const chart of this.charts) chart.draw(points, this.#figures.last);
  }

  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      this.#tell(await told());
    } catch (error) {
      // That the gateway is away is shown elsewhere.
      if (!(error instanceof NoAnswer)) throw error;
    } finally {
      this.#asking = false;
    }
  }

  #tell(text) {
    if (text === null) {
      this.end();
      this.none.textContent = "This gateway gives no figures of its calls.";
    } else {
      this.#figures.add(performance.now() / 1000, text);
      this.draw();
    }
  }
}

// What the gateway tells; null if it does not.
async function told() {
  const response = await reach(PATH, { cache: "no-store" });
  if (response.status === 404) return null;
  if (!response.ok) throw new NoAnswer(`metrics are answered with ${response.status}`);
  return whole(response.text());
}

function milliseconds(seconds) {
  return seconds < 1 ? `${short(seconds * 1000)} ms` : `${short(seconds)} s`;
}

function short(value) {
  if (value === 0) return "0";
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
}
