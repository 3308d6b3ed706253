// The form that a method is called with: a field for each argument, or all of them as JSON.

import { element, unique } from "./dom.js";
import { Wrong } from "./field.js";
import { fieldOf } from "./fields.js";
import { composed, isJSON, members, pretty } from "./json.js";
import { list, object } from "./schema.js";

const SECONDS = /^\d{1,12}(\.\d{1,12})?$/;

// method: what is known of it. submit: called with what is to be sent: args, attachment, timeout.
// cancel: called to give up.
export class CallForm {
  constructor(method, submit, cancel) {
    this.submit = submit;
    this.fields = fieldsOf(method);
    this.raw = this.fields.length === 0;
    this.area = element("textarea", {
      id: unique(),
      rows: "4",
      autocomplete: "off",
      spellcheck: "false",
      placeholder: "JSON; nothing for no arguments",
      oninput: () => this.tell(""),
    });
    this.wrong = element("p", { class: "wrong", id: unique(), role: "alert", hidden: true });
    this.area.setAttribute("aria-describedby", this.wrong.id);
    this.fieldset = element("div", { class: "fields" }, ...this.fields.map((field) => field.element));
    this.json = element(
      "div",
      { class: "field", hidden: !this.raw },
      element("label", { for: this.area.id }, "Arguments as JSON"),
      this.area,
    );
    this.call = element("button", { type: "submit", class: "call" }, "Call");
    this.cancel = element("button", { type: "button", hidden: true, onclick: cancel }, "Cancel");
    this.element = element(
      "form",
      { novalidate: true, autocomplete: "off", onkeydown: (event) => this.pressed(event) },
      this.raw ? null : this.modes(),
      this.fieldset,
      this.json,
      this.wrong,
      this.attachments(method),
      element("div", { class: "send" }, this.call, this.cancel, element("kbd", {}, "Ctrl+Enter"), this.seconds()),
    );
    this.element.addEventListener("submit", (event) => this.send(event));
  }

  // While a call is under way there is no other.
  busy(is) {
    this.call.disabled = is;
    this.cancel.hidden = !is;
  }

  modes() {
    const name = unique();
    const choice = (text, json) => {
      const input = element("input", { type: "radio", name, checked: !json, onchange: () => this.turn(json) });
      if (!json) this.asForm = input;
      return element("label", {}, input, text);
    };
    const group = { class: "modes", role: "radiogroup", "aria-label": "How to write the arguments" };
    return element("div", group, choice("Form", false), choice("JSON", true));
  }

  get written() {
    return this.raw || !this.asForm.checked;
  }

  // Carry what was typed over to the other way to write it.
  turn(json) {
    this.tell("");
    try {
      if (json) this.area.value = pretty(composed(this.texts(lenient)));
      else this.fill(this.area.value.trim() || "{}");
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      this.tell(`${error.message}. It stays as JSON.`);
      this.asForm.checked = false;
      this.element.querySelector(".modes label:last-child input").checked = true;
    }
    this.json.hidden = !this.written;
    this.fieldset.hidden = this.written;
  }

  fill(text) {
    const found = members(text);
    if (found === null) throw new Wrong(isJSON(text) ? "It is no object" : "It is no JSON");
    const known = new Set(this.fields.map((field) => field.name));
    const strange = [...found.keys()].find((name) => !known.has(name));
    if (strange !== undefined) throw new Wrong(`There is no argument ${JSON.stringify(strange)}`);
    for (const field of this.fields) {
      field.write(found.get(field.name) ?? null);
      field.tell(null);
    }
  }

  texts(read) {
    return this.fields.map((field) => [field.name, read(field)]).filter(([, text]) => text !== null);
  }

  args() {
    if (!this.written) {
      const first = this.fields.filter((field) => field.complain() !== null)[0];
      first?.focus();
      return first ? undefined : composed(this.texts((field) => field.read()));
    }
    const text = this.area.value.trim();
    if (text === "" || isJSON(text)) return text || null;
    this.tell("It is no JSON");
    this.area.focus();
    return undefined;
  }

  attachments(method) {
    const name = object(method.attachments).incoming;
    if (typeof name !== "string" && !this.raw) return null;
    const id = unique();
    this.file = element("input", { type: "file", id });
    const forget = element("button", { type: "button", class: "quiet", onclick: () => (this.file.value = "") }, "none");
    return element(
      "div",
      { class: "field" },
      element("label", { for: id }, typeof name === "string" ? element("code", {}, name) : null, element("span", { class: "type" }, "attachment")),
      element("div", { class: "control" }, this.file, forget),
    );
  }

  seconds() {
    this.timeout = element("input", { inputmode: "decimal", size: "5", "aria-label": "Seconds that the call may take" });
    return element("label", { class: "timeout" }, "within", this.timeout, "s");
  }

  pressed(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.element.requestSubmit();
    }
  }

  send(event) {
    event.preventDefault();
    if (this.call.disabled) return;
    this.tell("");
    const timeout = this.timeout.value.trim();
    if (timeout && !(SECONDS.test(timeout) && Number(timeout) > 0)) {
      this.tell(`Seconds are a number more than 0, like 2.5, got ${timeout}`);
      this.timeout.focus();
      return;
    }
    const args = this.args();
    if (args === undefined) return;
    this.submit({ args, attachment: this.file?.files[0] ?? null, timeout });
  }

  tell(wrong) {
    this.wrong.textContent = wrong;
    this.wrong.hidden = wrong === "";
  }
}

// What is right so far.
function lenient(field) {
  return field.judged() === null ? field.text() : null;
}

function fieldsOf(method) {
  const schema = object(object(method.schema).arguments);
  const properties = object(schema.properties);
  const required = list(schema.required);
  const names = Object.keys(properties);
  if (names.length > 0) {
    return names.map((name) => fieldOf(name, properties[name], schema, required.includes(name)));
  }
  // A service of PyCOM 0.6 tells the names only.
  const attachment = object(method.attachments).incoming;
  const named = (kind) => list(method[kind]).filter((name) => typeof name === "string" && name !== attachment);
  const [needed, others] = [named("required_arguments"), named("optional_arguments")];
  return [...new Set([...needed, ...others])].map((name) => fieldOf(name, {}, {}, needed.includes(name)));
}
