// The arguments of a call: a field for each, or all of them as JSON.

import { element, unique } from "./dom.js";
import { Wrong } from "./field.js";
import { fieldOf } from "./fields.js";
import { composed, isJSON, members, pretty } from "./json.js";
import { list, object } from "./schema.js";

// raw: whether there are no fields, since it is not known which arguments there are.
export class Arguments {
  #fields;
  #ways = {};

  constructor(method) {
    this.#fields = fieldsOf(method);
    this.raw = this.#fields.length === 0;
    const id = unique();
    this.wrong = element("p", { class: "wrong", id: unique(), hidden: true });
    this.area = element("textarea", {
      id,
      rows: "4",
      autocomplete: "off",
      spellcheck: "false",
      placeholder: "JSON; nothing for no arguments",
      "aria-describedby": this.wrong.id,
      oninput: () => this.#tell(""),
    });
    const label = element("label", { for: id }, "arguments");
    this.json = element("div", { class: "field" }, label, this.area, this.wrong);
    this.fields = element("div", { class: "fields" }, ...this.#fields.map((one) => one.element));
    this.element = element("div", {}, this.raw ? null : this.#choice(), this.fields, this.json);
    this.#show();
  }

  // The text of JSON, or null for none; undefined where something is wrong, which is told.
  read() {
    if (!this.#asJSON()) {
      const [first] = this.#fields.filter((field) => field.complain() !== null);
      first?.focus();
      return first ? undefined : this.#written();
    }
    const text = this.area.value.trim();
    if (text === "" || isJSON(text)) return text || null;
    this.#tell("It is no JSON");
    this.area.focus();
    return undefined;
  }

  #asJSON() {
    return this.raw || this.#ways.JSON.checked;
  }

  #choice() {
    const name = unique();
    const ways = ["Form", "JSON"].map((way) => {
      const input = element("input", { type: "radio", name, onchange: () => this.#turn(way) });
      this.#ways[way] = input;
      return element("label", {}, input, way);
    });
    this.#ways.Form.checked = true;
    const group = { class: "ways", role: "radiogroup", "aria-label": "How to write arguments" };
    return element("div", group, ...ways);
  }

  // Carries what was typed over to the other way to write it.
  #turn(way) {
    this.#tell("");
    try {
      if (way === "JSON") this.area.value = pretty(this.#written());
      else this.#fill(this.area.value.trim() || "{}");
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      this.#ways.JSON.checked = true;
      this.#tell(`${error.message}: no form can have it`);
    }
    this.#show();
  }

  #show() {
    this.json.hidden = !this.#asJSON();
    this.fields.hidden = this.#asJSON();
  }

  // All that is right so far.
  #written() {
    const right = this.#fields.filter((field) => field.judged() === null);
    const texts = right.map((field) => [field.name, field.text()]);
    return composed(texts.filter(([, text]) => text !== null));
  }

  #fill(text) {
    const found = members(text);
    if (found === null) throw new Wrong(isJSON(text) ? "It is no object" : "It is no JSON");
    const known = this.#fields.map((field) => field.name);
    const strange = [...found.keys()].find((name) => !known.includes(name));
    if (strange !== undefined) throw new Wrong(`There is no argument ${JSON.stringify(strange)}`);
    for (const field of this.#fields) {
      field.write(found.get(field.name) ?? null);
      field.tell(null);
    }
  }

  #tell(wrong) {
    this.wrong.textContent = wrong;
    this.wrong.hidden = wrong === "";
    this.area.setAttribute("aria-invalid", String(wrong !== ""));
  }
}

function fieldsOf(method) {
  const schema = object(object(method.schema).arguments);
  const properties = Object.entries(object(schema.properties));
  const required = list(schema.required);
  if (properties.length > 0) {
    return properties.map(([name, its]) => fieldOf(name, its, schema, required.includes(name)));
  }
  // A service of PyCOM 0.6 tells the names only.
  const attachment = object(method.attachments).incoming;
  const named = (kind) => list(method[kind]).filter((name) => typeof name === "string");
  const needed = named("required_arguments");
  const names = new Set([...needed, ...named("optional_arguments")]);
  names.delete(attachment);
  return [...names].map((name) => fieldOf(name, {}, {}, needed.includes(name)));
}
