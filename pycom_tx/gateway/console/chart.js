// A small chart: lines over the last minutes.

import { drawn, element } from "./dom.js";
import { KEPT } from "./figures.js";

const [WIDTH, HEIGHT] = [300, 60];

// lines: how each is called in the legend, by the names that points have. written: how a value
// is written.
export class Chart {
  #points = [];
  #now = 0;
  #pointed = null; // where a pointer is, from the left, if there is one
  #paths = new Map();
  #values = new Map();

  constructor(title, lines, written) {
    [this.title, this.lines, this.written] = [title, lines, written];
    const sizes = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none" };
    this.svg = drawn("svg", { ...sizes, role: "img" });
    this.svg.append(drawn("path", { class: "grid", d: `M0 0H${WIDTH}M0 ${HEIGHT}H${WIDTH}` }));
    this.cursor = drawn("path", { class: "cursor" });
    this.most = element("span", { class: "most" });
    this.when = element("span", { class: "when" });
    const legend = element("span", { class: "values" });
    for (const [name, label] of Object.entries(lines)) {
      this.#paths.set(name, drawn("path", { class: `line ${name}` }));
      this.#values.set(name, element("b", {}));
      legend.append(element("span", { class: name }, label, " ", this.#values.get(name)));
    }
    this.svg.append(...this.#paths.values(), this.cursor);
    this.element = element(
      "figure",
      { class: "chart" },
      element("figcaption", {}, title, legend),
      element("div", { class: "scale" }, this.most, this.when),
      this.svg,
    );
    this.svg.addEventListener("pointermove", (event) => this.#look(event.clientX));
    this.svg.addEventListener("pointerleave", () => this.#look(null));
    this.#tell(null);
  }

  // points: as Figures gives them. now: seconds, where the lines end.
  draw(points, now) {
    this.#points = points.filter(({ time }) => time >= now - KEPT);
    this.#now = now;
    const names = Object.keys(this.lines);
    const known = this.#points.flatMap((point) => names.map((name) => point[name] ?? 0));
    const top = rounded(Math.max(0, ...known));
    const y = (value) => HEIGHT - (value / (top || 1)) * HEIGHT;
    for (const name of names) {
      const way = this.#points.map((point) => [this.#x(point.time), point[name], y]);
      this.#paths.get(name).setAttribute("d", pathOf(way));
    }
    this.most.textContent = top > 0 ? this.written(top) : "";
    this.#tell(null);
    const now_ = names.map((name) => `${this.lines[name]} ${this.#values.get(name).textContent}`);
    const label = `${this.title} in the last ${KEPT / 60} minutes: now ${now_.join(", ").trim()}`;
    this.svg.setAttribute("aria-label", `${label}; the top is ${this.written(top)}`);
    // A pointer stays where it is, unless the chart has moved away below it.
    this.#look(this.svg.matches(":hover") ? this.#pointed : null);
  }

  // What was at the place of a pointer.
  #look(pointed) {
    this.#pointed = pointed;
    if (pointed === null || this.#points.length === 0) {
      this.#tell(null);
      return;
    }
    const { left, width } = this.svg.getBoundingClientRect();
    const time = this.#now - KEPT + ((pointed - left) / width) * KEPT;
    const away = (point) => Math.abs(point.time - time);
    const nearest = (one, other) => (away(other) < away(one) ? other : one);
    this.#tell(this.#points.reduce(nearest));
  }

  #tell(looked) {
    const point = looked ?? this.#points.at(-1) ?? {};
    for (const [name, value] of this.#values) {
      const known = point[name] !== null && point[name] !== undefined;
      value.textContent = known ? this.written(point[name]) : "–";
    }
    const ago = Math.round(this.#now - (looked?.time ?? this.#now - KEPT));
    this.when.textContent = looked === null ? `${KEPT / 60} min` : `${ago} s ago`;
    this.cursor.setAttribute("d", looked === null ? "" : `M${this.#x(looked.time)} 0V${HEIGHT}`);
  }

  #x(time) {
    return (((time - this.#now + KEPT) / KEPT) * WIDTH).toFixed(1);
  }
}

// A line through all that is known; what stands alone is a dot.
function pathOf(way) {
  let drawing = false;
  let path = "";
  for (const [x, value, y] of way) {
    if (value !== null) {
      const place = `${x} ${y(value).toFixed(1)}`;
      path += drawing ? `L${place}` : `M${place}L${place}`;
    }
    drawing = value !== null;
  }
  return path;
}

// The next number that begins with 1, 2 or 5.
function rounded(value) {
  if (!(value > 0)) return 0;
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * unit).find((step) => step >= value * 0.999);
}
