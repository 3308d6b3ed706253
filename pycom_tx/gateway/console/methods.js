// The methods of an interface, of which one may be open.

import { arrange, element, unique } from "./dom.js";
import { Method } from "./method.js";
import { hashOf } from "./route.js";
import { object } from "./schema.js";

export class Methods {
  #panels = new Map();
  #list = element("div", { class: "methods" });
  #opened = null;

  constructor(name) {
    this.name = name;
    this.any = this.#anyMethod();
    this.element = element("div", {}, this.#list, this.any);
  }

  // told: what introspect tells of each; null if it tells nothing. Those that are as they were
  // stay, with what was typed into them, and so does the open one in any case.
  show(told) {
    const methods = object(told);
    const last = (name) => name === "introspect";
    const names = Object.keys(methods).sort((one, other) => last(one) - last(other));
    for (const name of names) this.#put(name, object(methods[name]));
    const opened = this.#panels.has(this.#opened) && !names.includes(this.#opened);
    if (opened) names.push(this.#opened);
    for (const name of this.#panels.keys()) {
      if (!names.includes(name)) this.#panels.delete(name);
    }
    this.#arrange(names);
    this.any.hidden = told !== null;
  }

  // name: of one that need not be known, or null.
  open(name) {
    this.#opened = name;
    if (name !== null && !this.#panels.has(name)) {
      this.#put(name, {});
      this.#arrange([...this.#panels.keys()]);
    }
    for (const [its, { panel }] of this.#panels) panel.open(its === name);
  }

  #put(name, about) {
    const text = JSON.stringify(about);
    if (this.#panels.get(name)?.text !== text) {
      this.#panels.set(name, { text, panel: new Method(this.name, name, about) });
    }
  }

  #arrange(names) {
    arrange(
      this.#list,
      names.map((name) => this.#panels.get(name).panel.element),
    );
  }

  // For what is called without being told of.
  #anyMethod() {
    const id = unique();
    const input = element("input", { id, autocomplete: "off", spellcheck: "false" });
    const go = (event) => {
      event.preventDefault();
      location.hash = hashOf(this.name, input.value);
    };
    const note = element(
      "p",
      { class: "note" },
      "It does not tell which methods it has. It may tell a caller with a token, and whoever ",
      "knows a method can call it.",
    );
    const label = element("label", { for: id }, "Method");
    const button = element("button", {}, "Open");
    return element(
      "form",
      { class: "any", hidden: true, onsubmit: go },
      note,
      label,
      input,
      button,
    );
  }
}
