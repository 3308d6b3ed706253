// A small chart: lines over the last minutes.

import { drawn, element } from "./dom.js";
import { KEPT } from "./metrics.js";

const [WIDTH, HEIGHT] = [300, 60];

// lines: what each is called, by the names that points have. written: a value, for a reader.
export class Chart {
  constructor(title, lines, written) {
    [this.title, this.lines, this.written] = [title, lines, written];
    this.paths = new Map();
    this.values = new Map();
    const legend = element("span", { class: "values" });
    this.svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
    this.svg.append(drawn("path", { class: "grid", d: `M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}` }));
    for (const [name, label] of Object.entries(lines)) {
      const value = element("b", {}, "–");
      const path = drawn("path", { class: `line ${name}` });
      legend.append(element("span", { class: name }, label ? `${label} ` : "", value));
      this.svg.append(path);
      this.values.set(name, value);
      this.paths.set(name, path);
    }
    this.most = element("span", { class: "most" });
    this.element = element(
      "figure",
      { class: "chart" },
      element("figcaption", {}, title, legend),
      element("div", { class: "plot" }, this.svg, this.most),
    );
  }

  // points: as Figures gives them. now: seconds, where the lines end.
  draw(points, now) {
    const names = Object.keys(this.lines);
    const known = points.flatMap((point) => names.map((name) => point[name])).filter((value) => value !== null);
    const top = rounded(Math.max(0, ...known));
    const x = (time) => (((time - now + KEPT) / KEPT) * WIDTH).toFixed(1);
    const y = (value) => (HEIGHT - (value / (top || 1)) * (HEIGHT - 2)).toFixed(1);
    for (const name of names) {
      const shown = points.filter(({ time }) => time >= now - KEPT).map((point) => [point.time, point[name]]);
      this.paths.get(name).setAttribute("d", way(shown, x, y));
      this.values.get(name).textContent = said(points.at(-1)?.[name], this.written);
    }
    this.most.textContent = top > 0 ? this.written(top) : "";
    const told = names.map((name) => `${this.lines[name]} ${this.values.get(name).textContent}`.trim());
    this.svg.setAttribute("aria-label", `${this.title}, over 5 minutes: now ${told.join(", ")}, at most ${said(top, this.written)}`);
  }
}

function said(value, written) {
  return value === null || value === undefined ? "–" : written(value);
}

// A line through all that is known; a point that stands alone is a dot.
function way(points, x, y) {
  let pen = "M";
  let path = "";
  for (const [time, value] of points) {
    if (value === null) {
      pen = "M";
    } else {
      const place = `${x(time)} ${y(value)}`;
      path += pen === "M" ? `M${place}L${place}` : `L${place}`;
      pen = "L";
    }
  }
  return path;
}

// The next number that begins with 1, 2 or 5.
function rounded(value) {
  if (!(value > 0)) return 0;
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * unit).find((step) => step >= value * 0.999);
}
