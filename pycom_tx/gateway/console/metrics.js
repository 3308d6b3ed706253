// Figures of the gateway's calls, from what /metrics told over the last minutes.

const CALLS = "pycom_client_calls_total";
const BUCKETS = "pycom_client_call_duration_seconds_bucket";
export const WANTED = [CALLS, BUCKETS];

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"[^"\\]*(?:\\.[^"\\]*)*")*)\})?[ \t]+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)[ \t]*=[ \t]*"([^"\\]*(?:\\.[^"\\]*)*)"/g;
const ESCAPED = { "\\n": "\n", "\\\\": "\\", '\\"': '"' };

export const KEPT = 300; // seconds
const WINDOW = 10; // seconds that a rate is taken over
const TORN = 3 * WINDOW; // seconds without figures after which a line ends

// The samples in the text format of Prometheus: name, labels, value. What is none is left out.
export function samples(text) {
  const found = [];
  for (const line of text.split("\n")) {
    const match = SAMPLE.exec(line);
    if (match === null) continue;
    const labels = new Map();
    for (const [, name, value] of (match[2] ?? "").matchAll(LABEL)) {
      labels.set(
        name,
        value.replace(/\\[\\"n]/g, (escaped) => ESCAPED[escaped]),
      );
    }
    found.push({ name: match[1], labels, value: numberOf(match[3]) });
  }
  return found;
}

function numberOf(text) {
  const infinite = /^([+-]?)Inf(inity)?$/i.exec(text);
  if (infinite) return infinite[1] === "-" ? -Infinity : Infinity;
  return Number(text);
}

// What was counted until now, for all calls that are in a scope: an interface and a method, null
// for any.
class Counts {
  calls = 0;
  errors = 0;
  buckets = new Map(); // how many took no longer, by seconds

  add({ name, labels, value }) {
    if (name === CALLS) {
      this.calls += value;
      if (labels.get("code") !== "0") this.errors += value;
    } else {
      const most = numberOf(labels.get("le"));
      this.buckets.set(most, (this.buckets.get(most) ?? 0) + value);
    }
  }
}

export class Figures {
  #looks = []; // time in seconds, and the samples then

  add(time, text) {
    const told = samples(text).filter(({ name }) => WANTED.includes(name));
    this.#looks = this.#looks.filter((look) => look.time >= time - KEPT - WINDOW);
    this.#looks.push({ time, told });
  }

  get last() {
    return this.#looks.at(-1)?.time ?? null;
  }

  // Points over time: calls and errors per second, and the seconds that half of the calls took
  // at most (p50), and 95 % of them (p95). null is where nothing is known.
  series(scope) {
    const counted = this.#looks.map(({ time, told }) => ({ time, counts: countsOf(told, scope) }));
    const points = [];
    let first = 0;
    for (let at = 1; at < counted.length; at += 1) {
      while (first < at - 1 && counted[first + 1].time <= counted[at].time - WINDOW) first += 1;
      if (isTorn(counted[at - 1], counted[at])) {
        first = at;
        points.push({ time: counted[at].time, calls: null, errors: null, p50: null, p95: null });
      } else {
        points.push(between(counted[first], counted[at]));
      }
    }
    return points;
  }
}

function countsOf(told, { name = null, method = null }) {
  const counts = new Counts();
  for (const sample of told) {
    const { labels } = sample;
    if (name !== null && labels.get("interface") !== name) continue;
    if (method !== null && labels.get("method") !== method) continue;
    counts.add(sample);
  }
  return counts;
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
      return most === Infinity
        ? low
        : low + ((most - low) * (part * all - under)) / (count - under);
    }
    [low, under] = [most, count];
  }
  return null;
}
