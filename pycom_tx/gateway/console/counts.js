// How many calls there were, and how long they took.

import { numberOf, samples } from "./samples.js";

const CALLS = "pycom_client_calls_total";
const BUCKETS = "pycom_client_call_duration_seconds_bucket";
export const WANTED = [CALLS, BUCKETS];

// Those of one method, or of several together.
export class Counts {
  calls = 0;
  errors = 0;
  buckets = new Map(); // how many took no longer, by seconds

  add({ calls, errors, buckets }) {
    this.calls += calls;
    this.errors += errors;
    for (const [most, count] of buckets) this.count(most, count);
  }

  count(most, count) {
    this.buckets.set(most, (this.buckets.get(most) ?? 0) + count);
  }
}

// The counts of each method: by interfaces, then by methods. Where nothing was counted since
// `before` they are the same objects: most methods are not called all the time.
export function countsOf(text, before = new Map()) {
  const told = new Map();
  for (const { name, labels, value } of samples(text)) {
    if (!WANTED.includes(name)) continue;
    const methods = entry(told, labels.get("interface"), () => new Map());
    const counts = entry(methods, labels.get("method"), () => new Counts());
    if (name === BUCKETS) counts.count(numberOf(labels.get("le")), value);
    else counts.add({ calls: value, errors: labels.get("code") === "0" ? 0 : value, buckets: [] });
  }
  for (const [name, methods] of told) {
    for (const [method, counts] of methods) {
      const known = before.get(name)?.get(method);
      if (known?.calls === counts.calls) methods.set(method, known);
    }
  }
  return told;
}

// Those of a scope: an interface and a method, null for any.
export function summed(told, { name = null, method = null }) {
  const sum = new Counts();
  for (const [its, methods] of told) {
    if (name !== null && its !== name) continue;
    for (const [one, counts] of methods) {
      if (method === null || one === method) sum.add(counts);
    }
  }
  return sum;
}

function entry(map, key, make) {
  if (!map.has(key)) map.set(key, make());
  return map.get(key);
}
