// JSON Schemas, as services publish them. They may be anything at all: what makes no sense is
// taken to say nothing.

const DEEPEST = 20;
const SHALLOW = 3; // arrays in an example
const MOST = 100; // values in it
const LONGEST = 80; // characters of a type

export function object(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
}

export function list(value) {
  return Array.isArray(value) ? value : [];
}

function own(value, name) {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

// What a schema is that may only refer to a definition; `root` has those.
export function resolved(schema, root) {
  let found = object(schema);
  for (let steps = 0; typeof found.$ref === "string" && steps < DEEPEST; steps += 1) {
    found = object(own(object(object(root).$defs), nameOf(found.$ref)));
  }
  return found;
}

function nameOf(reference) {
  return reference
    .replace(/^#\/\$defs\//, "")
    .replaceAll("~1", "/")
    .replaceAll("~0", "~");
}

// A schema without the null that it also allows, and whether it does.
export function split(schema, root) {
  const found = resolved(schema, root);
  const types = list(found.type);
  if (types.includes("null")) {
    const rest = types.filter((type) => type !== "null");
    return { schema: { ...found, type: rest.length === 1 ? rest[0] : rest }, nullable: true };
  }
  const branches = list(found.anyOf);
  const others = branches.filter((branch) => resolved(branch, root).type !== "null");
  if (others.length < branches.length && others.length > 0) {
    const only = others.length === 1 ? resolved(others[0], root) : { anyOf: others };
    return { schema: { ...found, anyOf: undefined, ...only }, nullable: true };
  }
  return { schema: found, nullable: list(found.enum).includes(null) };
}

// How a schema is written in a signature: integer, Item[], "paper" | "box".
export function typeOf(schema) {
  const type = written(schema, 0);
  return type.length > LONGEST ? `${type.slice(0, LONGEST)}…` : type;
}

function written(schema, depth) {
  const found = object(schema);
  const inside = (part) => (depth < DEEPEST ? written(part, depth + 1) : "…");
  if (typeof found.$ref === "string") return nameOf(found.$ref);
  if (Object.hasOwn(found, "const")) return JSON.stringify(found.const);
  if (Array.isArray(found.enum)) return found.enum.map((one) => JSON.stringify(one)).join(" | ");
  const branches = list(found.anyOf ?? found.oneOf);
  if (branches.length > 0) return [...new Set(branches.map(inside))].join(" | ");
  if (Array.isArray(found.type)) return found.type.join(" | ");
  if (found.type === "array") {
    if (Array.isArray(found.prefixItems)) return `[${found.prefixItems.map(inside).join(", ")}]`;
    const item = inside(found.items);
    return item.includes(" ") ? `(${item})[]` : `${item}[]`;
  }
  if (found.type === "object") return objectType(found, inside);
  if (typeof found.type !== "string") return "any";
  return typeof found.format === "string" ? found.format : found.type;
}

function objectType(schema, inside) {
  const properties = Object.entries(object(schema.properties));
  if (properties.length > 0) {
    return `{${properties.map(([name, part]) => `${name}: ${inside(part)}`).join(", ")}}`;
  }
  const others = schema.additionalProperties;
  return others && typeof others === "object" ? `{string: ${inside(others)}}` : "object";
}

// What a reader has to keep to beside the type: "1 or more, at most 80 characters".
export function bounds(schema) {
  const said = [];
  const number = (keyword, text) => {
    if (typeof schema[keyword] === "number") said.push(text.replace("#", schema[keyword]));
  };
  number("minimum", "# or more");
  number("exclusiveMinimum", "more than #");
  number("maximum", "# or less");
  number("exclusiveMaximum", "less than #");
  number("multipleOf", "a multiple of #");
  number("minLength", "at least # characters");
  number("maxLength", "at most # characters");
  number("minItems", "at least # items");
  number("maxItems", "at most # items");
  if (typeof schema.pattern === "string") said.push(`like ${schema.pattern}`);
  return said.join(", ");
}

// A value that has the shape of a schema, to begin with.
export function example(schema, root) {
  let steps = MOST;

  function of(part, depth) {
    const { schema: found, nullable } = split(part, root);
    steps -= 1;
    // What contains itself would go on for ever.
    if (steps < 0 || (nullable && depth > 0)) return null;
    if (Object.hasOwn(found, "default")) return found.default;
    if (Object.hasOwn(found, "const")) return found.const;
    const [first] = [...list(found.examples), ...list(found.enum)];
    if (first !== undefined) return first;
    const [branch] = list(found.anyOf ?? found.oneOf);
    if (branch !== undefined) return depth < DEEPEST ? of(branch, depth + 1) : null;
    if (found.type === "object") {
      const properties = depth < DEEPEST ? Object.entries(object(found.properties)) : [];
      return Object.fromEntries(properties.map(([name, its]) => [name, of(its, depth + 1)]));
    }
    if (found.type !== "array") return simple(found);
    return found.items && depth < SHALLOW ? [of(found.items, depth + 1)] : [];
  }

  return of(schema, 0);
}

function simple({ type, minimum }) {
  if (type === "string") return "";
  if (type === "boolean") return false;
  if (type !== "integer" && type !== "number") return null;
  return typeof minimum === "number" ? minimum : 0;
}
