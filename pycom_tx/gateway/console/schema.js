// JSON Schemas, as services publish them. They may be anything at all: what makes no sense is
// taken to say nothing.

const DEEPEST = 20;

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
  return reference.replace(/^#\/\$defs\//, "").replaceAll("~1", "/").replaceAll("~0", "~");
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
    const { anyOf, ...rest } = found;
    const schema = others.length === 1 ? { ...rest, ...resolved(others[0], root) } : { ...rest, anyOf: others };
    return { schema, nullable: true };
  }
  return { schema: found, nullable: list(found.enum).includes(null) };
}

// How a schema is written in a signature: integer, Item[], "paper" | "box".
export function typeOf(schema, root, depth = 0) {
  if (typeof object(schema).$ref === "string") return nameOf(schema.$ref);
  const found = object(schema);
  const inside = (part) => (depth < DEEPEST ? typeOf(part, root, depth + 1) : "…");
  if (Object.hasOwn(found, "const")) return JSON.stringify(found.const);
  if (Array.isArray(found.enum)) return found.enum.map((value) => JSON.stringify(value)).join(" | ");
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
export function example(schema, root, depth = 0) {
  const { schema: found } = split(schema, root);
  if (Object.hasOwn(found, "default")) return found.default;
  if (list(found.examples).length > 0) return found.examples[0];
  if (Object.hasOwn(found, "const")) return found.const;
  if (list(found.enum).length > 0) return found.enum[0];
  const branches = list(found.anyOf ?? found.oneOf);
  if (depth > DEEPEST) return null;
  if (branches.length > 0) return example(branches[0], root, depth + 1);
  if (found.type === "object") {
    const properties = Object.entries(object(found.properties));
    return Object.fromEntries(properties.map(([name, part]) => [name, example(part, root, depth + 1)]));
  }
  if (found.type === "array") {
    // What contains itself would go on for ever.
    return found.items && depth < 3 ? [example(found.items, root, depth + 1)] : [];
  }
  return simple(found);
}

function simple({ type, minimum }) {
  if (type === "string") return "";
  if (type === "boolean") return false;
  return type === "integer" || type === "number" ? (typeof minimum === "number" ? minimum : 0) : null;
}
