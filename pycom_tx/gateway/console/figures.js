// Figures of the gateway's calls over the last minutes, from what it has counted until when.

import { countsOf, summed } from "./counts.js";

export const KEPT = 300; // seconds
const WINDOW = 10; // seconds that a rate is taken over
const TORN = 3 * WINDOW; // seconds without figures after which a line ends

export class Figures {
  #looks = []; // time in seconds, and what was told then

  add(time, text) {
    const told = countsOf(text, this.#looks.at(-1)?.told);
    this.#looks = this.#looks.filter((look) => look.time >= time - KEPT - WINDOW);
    this.#looks.push({ time, told });
  }

  get last() {
    return this.#looks.at(-1)?.time ?? null;
  }

  // Points over time: calls and errors per second, and the seconds that half of the calls took
  // at most (p50), and 95 % of them (p95). null is where nothing is known.
  series(scope) {
    const looks = this.#looks.map(({ time, told }) => ({ time, counts: summed(told, scope) }));
    const points = [];
    let first = 0;
    for (let at = 1; at < looks.length; at += 1) {
      while (first < at - 1 && looks[first + 1].time <= looks[at].time - WINDOW) first += 1;
      if (isTorn(looks[at - 1], looks[at])) {
        first = at;
        points.push({ time: looks[at].time, calls: null, errors: null, p50: null, p95: null });
      } else {
        points.push(between(looks[first], looks[at]));
      }
    }
    return points;
  }
}

// Whether nobody looked for a while, or the gateway counts from the beginning.
function isTorn(before, after) {
  return after.time - before.time > TORN || after.counts.calls < before.counts.calls;
}

function between({ time: from, counts: before }, { time, counts: after }) {
  const seconds = time - from;
  const grown = [...after.buckets]
    .map(([most, count]) => [most, count - (before.buckets.get(most) ?? 0)])
    .sort(([one], [other]) => one - other);
  return {
    time,
    calls: (after.calls - before.calls) / seconds,
    errors: (after.errors - before.errors) / seconds,
    p50: quantile(grown, 0.5),
    p95: quantile(grown, 0.95),
  };
}

// As Prometheus reckons it: in a bucket, values are spread evenly.
export function quantile(buckets, part) {
  const all = buckets.at(-1)?.[1] ?? 0;
  if (!(all > 0)) return null;
  let [low, under] = [0, 0];
  for (const [most, count] of buckets) {
    if (count >= part * all) {
      const inside = (part * all - under) / (count - under);
      return most === Infinity ? low : low + (most - low) * inside;
    }
    [low, under] = [most, count];
  }
  return null;
}
