// A field of a form: an argument, its type, and what is wrong with what was typed.

import { check } from "./check.js";
import { element, unique } from "./dom.js";
import { bounds, typeOf } from "./schema.js";

// What is wrong with a field, for its reader.
export class Wrong extends Error {}

// Kinds of fields say how to `make` their control and what stands `beside` it, and give and take
// an argument as the text of JSON, null where it is left out: `text` and `write`. Both throw
// Wrong.
//
// about: name, schema, found (the schema without null), nullable, root, required.
export class Field {
  constructor(about) {
    Object.assign(this, about);
    const [id, note] = [unique(), unique()];
    this.wrong = element("p", { class: "wrong", id: unique(), hidden: true });
    this.control = this.make({ id, "aria-describedby": `${note} ${this.wrong.id}` });
    this.control.addEventListener("change", () => this.complain());
    this.control.addEventListener("input", () => this.tell(null));
    const label = element(
      "label",
      { for: id },
      element("code", {}, this.name),
      element("span", { class: "type" }, typeOf(this.schema)),
      this.required ? element("span", { class: "mark" }, "required") : null,
    );
    const controls = element("div", { class: "control" }, this.control, this.beside());
    const notes = element("p", { class: "note", id: note }, this.notes());
    this.element = element("div", { class: "field" }, label, controls, notes, this.wrong);
  }

  notes() {
    const { description, default: usual } = this.found;
    const said = [
      typeof description === "string" ? description : "",
      bounds(this.found),
      usual === undefined ? "" : `${JSON.stringify(usual)} if left out`,
    ];
    return said.filter(Boolean).join(" · ");
  }

  beside() {
    return null;
  }

  focus() {
    this.control.focus();
  }

  // Tells what is wrong, and gives it; null if nothing is.
  complain() {
    const wrong = this.judged();
    this.tell(wrong);
    return wrong;
  }

  // What is wrong, without a word.
  judged() {
    try {
      const text = this.text();
      if (text === null) return this.required ? "It is required" : null;
      return check(JSON.parse(text), this.schema, this.root);
    } catch (error) {
      if (error instanceof Wrong) return error.message;
      throw error;
    }
  }

  tell(wrong) {
    this.wrong.textContent = wrong ?? "";
    this.wrong.hidden = wrong === null;
    this.control.setAttribute("aria-invalid", String(wrong !== null));
  }
}
