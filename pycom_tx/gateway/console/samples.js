// The text format of Prometheus.

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"[^"\\]*(?:\\.[^"\\]*)*")*)\})?[ \t]+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)[ \t]*=[ \t]*"([^"\\]*(?:\\.[^"\\]*)*)"/g;
const ESCAPED = { "\\n": "\n", "\\\\": "\\", '\\"': '"' };

// Each sample: name, labels, value. What is none is left out.
export function* samples(text) {
  for (const line of text.split("\n")) {
    const match = SAMPLE.exec(line);
    if (match === null) continue;
    const [, name, labels = "", value] = match;
    const found = new Map();
    for (const [, label, its] of labels.matchAll(LABEL)) {
      found.set(
        label,
        its.replace(/\\[\\"n]/g, (escaped) => ESCAPED[escaped]),
      );
    }
    yield { name, labels: found, value: numberOf(value) };
  }
}

export function numberOf(text) {
  const infinite = /^([+-]?)Inf(inity)?$/i.exec(text);
  if (infinite === null) return Number(text);
  return infinite[1] === "-" ? -Infinity : Infinity;
}
