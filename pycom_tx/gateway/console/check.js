// Whether a value is what a schema says. It is a first look, so that mistakes are seen before
// they are sent: the service has the last word. Patterns are left to it, as they may be such that
// a browser hangs.

import { list, object, resolved, typeOf } from "./schema.js";

const MOST = 10_000; // steps

const TYPES = new Map([
  ["null", (value) => value === null],
  ["boolean", (value) => typeof value === "boolean"],
  ["string", (value) => typeof value === "string"],
  ["integer", (value) => Number.isInteger(value)],
  ["number", (value) => typeof value === "number"],
  ["array", (value) => Array.isArray(value)],
  ["object", (value) => value === object(value)],
]);

const BOUNDS = [
  ["number", "minimum", (value, bound) => value >= bound, "expected # or more"],
  ["number", "maximum", (value, bound) => value <= bound, "expected # or less"],
  ["number", "exclusiveMinimum", (value, bound) => value > bound, "expected more than #"],
  ["number", "exclusiveMaximum", (value, bound) => value < bound, "expected less than #"],
  [
    "string",
    "minLength",
    (value, bound) => [...value].length >= bound,
    "expected # characters or more",
  ],
  [
    "string",
    "maxLength",
    (value, bound) => [...value].length <= bound,
    "expected # characters or less",
  ],
  ["array", "minItems", (value, bound) => value.length >= bound, "expected # items or more"],
  ["array", "maxItems", (value, bound) => value.length <= bound, "expected # items or less"],
];

// What is wrong with a value, and where; null if nothing is.
export function check(value, schema, root) {
  let steps = MOST;

  function wrongIn(part, its, where) {
    const found = resolved(its, root);
    const wrong = wrongWith(part, found, its, root);
    if (wrong !== null) return where ? `${where}: ${wrong}` : wrong;
    // What refers to itself would go on for ever.
    steps -= 1;
    if (steps < 0) return null;
    const branches = branchesOf(found);
    if (branches.length > 0) {
      const said = branches.map((branch) => wrongIn(part, branch, where));
      // The one that is meant is that of the right type: there are no two of one type.
      const meant = branches.findIndex((branch) => fits(part, branch, root));
      return said.includes(null) ? null : said[meant];
    }
    for (const [inner, schemaOf, place] of partsOf(part, found, where)) {
      const said = wrongIn(inner, schemaOf, place);
      if (said !== null) return said;
    }
    return null;
  }

  return wrongIn(value, schema, "");
}

function branchesOf(found) {
  return list(found.anyOf ?? found.oneOf);
}

// What is wrong with it, whatever is inside.
function wrongWith(value, found, schema, root) {
  const branches = branchesOf(found);
  const strange = branches.length > 0 && !branches.some((one) => fits(value, one, root));
  if (strange || !fits(value, found, root)) {
    return `expected ${typeOf(schema)}, got ${kindOf(value)}`;
  }
  const values = Object.hasOwn(found, "const") ? [found.const] : found.enum;
  if (Array.isArray(values) && !values.some((one) => same(one, value))) {
    return `expected ${typeOf(schema)}`;
  }
  for (const [type, keyword, right, text] of BOUNDS) {
    const bound = found[keyword];
    if (TYPES.get(type)(value) && typeof bound === "number" && !right(value, bound)) {
      return text.replace("#", bound);
    }
  }
  if (value !== object(value)) return null;
  const missing = list(found.required).find((name) => !Object.hasOwn(value, name));
  return missing === undefined ? null : `${JSON.stringify(missing)} is missing`;
}

// What is inside a value: each part, its schema and its place.
function partsOf(value, found, where) {
  if (Array.isArray(value)) {
    const first = list(found.prefixItems);
    return value.map((part, at) => [part, first[at] ?? found.items, `${where}[${at}]`]);
  }
  const properties = object(found.properties);
  return Object.entries(object(value)).map(([name, part]) => [
    part,
    Object.hasOwn(properties, name) ? properties[name] : found.additionalProperties,
    where ? `${where}.${name}` : name,
  ]);
}

function fits(value, schema, root) {
  const { type } = resolved(schema, root);
  const known = (Array.isArray(type) ? type : [type]).filter((one) => TYPES.has(one));
  return known.length === 0 || known.some((one) => TYPES.get(one)(value));
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

function kindOf(value) {
  return [...TYPES.keys()].find((type) => TYPES.get(type)(value));
}
