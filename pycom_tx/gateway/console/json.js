// JSON as text. Numbers of services may have more digits than those of JavaScript, so what is
// shown, and what is sent, is never made from parsed numbers.

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/gs;
const WIDE = 80; // characters in a line that holds several values

export function isJSON(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

// The text of JSON in lines, as pieces that each are a kind and text; kinds are key, string,
// number, word, mark. Lists of plain values have as many in a line as fit.
export function pieces(text) {
  const tokens = text.match(TOKEN) ?? [];
  const told = [];
  const open = []; // whether each array or object around is plain, the innermost last
  let column = 0;
  const put = (kind, piece) => {
    told.push([kind, piece]);
    column += piece.length;
  };
  const line = () => {
    put("mark", `\n${"  ".repeat(open.length)}`);
    column = 2 * open.length;
  };
  tokens.forEach((token, at) => {
    const kind = kindOf(tokens, at);
    const plain = open.at(-1) === "plain" || open.at(-1) === "short";
    if (token === "{" || token === "[") {
      put(kind, token);
      open.push(shapeOf(tokens, at));
      if (open.at(-1) !== "short") line();
    } else if (token === "}" || token === "]") {
      if (open.pop() !== "short") line();
      put(kind, token);
    } else if (token === ",") {
      const next = tokens[at + 1].length + 3; // with the commas around it
      const fits = plain && (open.at(-1) === "short" || column + next <= WIDE);
      put(kind, fits ? ", " : ",");
      if (!fits) line();
    } else {
      put(kind, token === ":" ? ": " : token);
    }
  });
  return told;
}

export function pretty(text) {
  return pieces(text)
    .map(([, piece]) => piece)
    .join("");
}

// How an array or object is written that begins there: "short", in one line; "plain", an array
// of values in which nothing is; or "deep".
function shapeOf(tokens, start) {
  let size = 0;
  for (let at = start + 1; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token === "]" || token === "}") return size < WIDE ? "short" : "plain";
    if (token === "[" || token === "{") return "deep";
    size += token.length + 1;
    if (size >= WIDE && tokens[start] === "{") return "deep";
  }
  return "deep";
}

function kindOf(tokens, at) {
  const first = tokens[at][0];
  if (first === '"') return tokens[at + 1] === ":" ? "key" : "string";
  if ("{}[],:".includes(first)) return "mark";
  return "-0123456789".includes(first) ? "number" : "word";
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
    } else if (depth > 1 || token !== ":") {
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
