// JSON as text. Numbers of services may have more digits than those of JavaScript, so what is
// shown, and what is sent, is never made from parsed numbers.

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/gs;
const WIDE = 80; // characters of an array in one line

export function isJSON(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

// The text of JSON in lines, as pieces that each are a kind and text; kinds are key, string,
// number, word, mark.
export function pieces(text) {
  const tokens = text.match(TOKEN) ?? [];
  const told = [];
  let depth = 0;
  const line = () => told.push(["mark", `\n${"  ".repeat(depth)}`]);
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    const short = token === "{" || token === "[" ? shortEnd(tokens, at) : null;
    if (short !== null) {
      for (; at <= short; at += 1) told.push([kind(tokens, at), spaced(tokens, at)]);
      at -= 1;
    } else if (token === "{" || token === "[") {
      depth += 1;
      told.push(["mark", token]);
      line();
    } else if (token === "}" || token === "]") {
      depth -= 1;
      line();
      told.push(["mark", token]);
    } else if (token === ",") {
      told.push(["mark", token]);
      line();
    } else {
      told.push([kind(tokens, at), spaced(tokens, at)]);
    }
  }
  return told;
}

export function pretty(text) {
  return pieces(text).map(([, piece]) => piece).join("");
}

// Where an array or object ends that is empty, or holds only scalars and fits in a line.
function shortEnd(tokens, start) {
  let size = 0;
  for (let at = start + 1; at < tokens.length && size < WIDE; at += 1) {
    const token = tokens[at];
    if (token === "]" || token === "}") return at;
    if (token === "[" || token === "{") return null;
    size += token.length + 1;
  }
  return null;
}

function kind(tokens, at) {
  const first = tokens[at][0];
  if (first === '"') return tokens[at + 1] === ":" ? "key" : "string";
  if (/[{}[\],:]/.test(first)) return "mark";
  return /[-\d]/.test(first) ? "number" : "word";
}

function spaced(tokens, at) {
  return tokens[at] === ":" || tokens[at] === "," ? `${tokens[at]} ` : tokens[at];
}

// The members of an object, each as text, by their names; null if the text is no object.
export function members(text) {
  const tokens = text.match(TOKEN) ?? [];
  if (!isJSON(text) || tokens[0] !== "{") return null;
  const found = new Map();
  let depth = 0;
  let name = null;
  let parts = [];
  for (const token of tokens) {
    if (token === "}" || token === "]") depth -= 1;
    if ((depth === 1 && token === ",") || depth === 0) {
      if (name !== null) found.set(JSON.parse(name), parts.join(""));
      [name, parts] = [null, []];
    } else if (depth === 1 && name === null) {
      name = token;
    } else if (depth > 1 || token !== ":" || parts.length > 0) {
      parts.push(token);
    }
    if (token === "{" || token === "[") depth += 1;
  }
  return found;
}

// The text of an object, from names and texts.
export function composed(entries) {
  return `{${entries.map(([name, text]) => `${JSON.stringify(name)}: ${text}`).join(", ")}}`;
}
