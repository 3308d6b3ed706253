// The kinds of fields, chosen by the schema of an argument.

import { element } from "./dom.js";
import { Field, Wrong } from "./field.js";
import { isJSON, pretty } from "./json.js";
import { example, list, split } from "./schema.js";

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const LEFT_OUT = "left out";

export function fieldOf(name, schema, root, required) {
  const { schema: found, nullable } = split(schema, root);
  const about = { name, schema, found, nullable, root, required };
  if (list(found.enum).length > 0 || found.type === "boolean") return new Choice(about);
  if (found.type === "string") return new Line(about);
  return found.type === "integer" || found.type === "number" ? new Numeric(about) : new Area(about);
}

// One of a few values.
class Choice extends Field {
  make(attributes) {
    const values = this.found.type === "boolean" ? [true, false] : this.found.enum;
    const texts = new Set(values.map((value) => JSON.stringify(value)));
    if (this.nullable) texts.add("null");
    const none = element("option", { value: "" }, this.required ? "choose" : LEFT_OUT);
    const options = [...texts].map((text) => element("option", { value: text }, text));
    return element("select", attributes, none, ...options);
  }

  text() {
    return this.control.value || null;
  }

  write(text) {
    this.control.value = text === null ? "" : JSON.stringify(JSON.parse(text));
    if (this.control.selectedIndex < 0) throw new Wrong(`${this.name} cannot be ${text}`);
  }
}

// A string in a line, or what is typed like one. Beside it stands whether it is given, where it
// may be left out or null.
class Line extends Field {
  make(attributes) {
    const format = typeof this.found.format === "string" ? this.found.format : null;
    return element("input", {
      ...attributes,
      placeholder: format,
      autocomplete: "off",
      spellcheck: "false",
      oninput: () => this.typed(),
    });
  }

  beside() {
    const states = [this.required ? null : LEFT_OUT, this.nullable ? "null" : null].filter(Boolean);
    if (states.length === 0) return null;
    const options = [...states, "given"].map((state) => element("option", {}, state));
    const label = `Whether ${this.name} is given`;
    this.given = element("select", { class: "given", "aria-label": label }, ...options);
    this.given.addEventListener("change", () => this.complain());
    return this.given;
  }

  typed() {
    if (this.given) this.given.value = "given";
  }

  text() {
    const state = this.given?.value ?? "given";
    if (state === "null") return "null";
    return state === "given" ? this.typedText() : null;
  }

  typedText() {
    return JSON.stringify(this.control.value);
  }

  write(text) {
    const value = text === null ? null : JSON.parse(text);
    if (value === null) {
      this.control.value = "";
      if (this.given) this.given.value = text ?? this.given.options[0].value;
    } else {
      this.control.value = this.shown(value, text);
      this.typed();
    }
  }

  shown(value) {
    if (typeof value !== "string") throw new Wrong(`${this.name} is a string`);
    if (/[\r\n]/.test(value)) throw new Wrong(`${this.name} has several lines`);
    return value;
  }
}

// A number, kept as it was typed, with all its digits.
class Numeric extends Line {
  make(attributes) {
    return super.make({ ...attributes, inputmode: "decimal" });
  }

  typed() {
    if (this.given) {
      this.given.value = this.control.value === "" ? this.given.options[0].value : "given";
    }
  }

  typedText() {
    const typed = this.control.value.trim();
    if (typed === "") return null;
    if (!NUMBER.test(typed)) throw new Wrong(`expected ${this.found.type}, got ${typed}`);
    return typed;
  }

  shown(value, text) {
    if (typeof value !== "number") throw new Wrong(`${this.name} is a number`);
    return text;
  }
}

// Anything, as JSON.
class Area extends Field {
  make(attributes) {
    const shape = JSON.stringify(example(this.schema, this.root));
    this.shape = ["array", "object"].includes(this.found.type) ? pretty(shape) : "";
    return element("textarea", {
      ...attributes,
      rows: "2",
      placeholder: this.shape || "JSON",
      autocomplete: "off",
      spellcheck: "false",
    });
  }

  beside() {
    if (!this.shape) return null;
    const fill = () => {
      this.write(this.shape);
      this.complain();
      this.focus();
    };
    const label = `Begin ${this.name} with an example`;
    return element(
      "button",
      { type: "button", class: "quiet", onclick: fill, "aria-label": label },
      "example",
    );
  }

  text() {
    const text = this.control.value.trim();
    if (text === "") return null;
    if (isJSON(text)) return text;
    throw new Wrong(
      /^\p{L}/u.test(text) ? "It is no JSON: strings stand in quotes" : "It is no JSON",
    );
  }

  write(text) {
    this.control.value = text === null ? "" : pretty(text);
  }
}
