// The form that a method is called with.

import { Arguments } from "./arguments.js";
import { element, unique } from "./dom.js";
import { object } from "./schema.js";

const SECONDS = /^\d{1,12}(\.\d{1,12})?$/;

export class CallForm {
  // method: what is known of it. submit: called with what is to be sent: args, attachment,
  // timeout. cancel: called to give up.
  constructor(method, submit, cancel) {
    this.submit = submit;
    this.arguments = new Arguments(method);
    this.call = element("button", { type: "submit", class: "call" }, "Call");
    this.cancel = element("button", { type: "button", hidden: true, onclick: cancel }, "Cancel");
    this.wrong = element("p", { class: "wrong", role: "alert", hidden: true });
    const keys = element("kbd", {}, "Ctrl+Enter");
    this.element = element(
      "form",
      { novalidate: true, autocomplete: "off", onkeydown: (event) => this.#pressed(event) },
      this.arguments.element,
      this.#attachments(method),
      element("div", { class: "send" }, this.call, this.cancel, keys, this.#seconds()),
      this.wrong,
    );
    this.element.addEventListener("submit", (event) => this.#send(event));
  }

  // While a call is under way there is no other.
  busy(is) {
    this.call.setAttribute("aria-disabled", String(is));
    this.cancel.hidden = !is;
  }

  #attachments(method) {
    const name = object(method.attachments).incoming;
    if (typeof name !== "string" && !this.arguments.raw) return null;
    const id = unique();
    const drop = () => {
      this.file.value = "";
      forget.hidden = true;
      this.file.focus();
    };
    const forget = element("button", { type: "button", class: "quiet", onclick: drop }, "remove");
    this.file = element("input", { type: "file", id });
    this.file.addEventListener("change", () => (forget.hidden = this.file.files.length === 0));
    forget.hidden = true;
    return element(
      "div",
      { class: "field" },
      element(
        "label",
        { for: id },
        typeof name === "string" ? element("code", {}, name) : null,
        element("span", { class: "type" }, "attachment"),
      ),
      element("div", { class: "control" }, this.file, forget),
    );
  }

  #seconds() {
    const about = "Seconds that the call may take; the gateway’s own limit without any";
    this.timeout = element("input", { inputmode: "decimal", title: about, "aria-label": about });
    return element("label", { class: "timeout" }, "timeout", this.timeout, "s");
  }

  #pressed(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.element.requestSubmit();
    }
  }

  #send(event) {
    event.preventDefault();
    if (!this.cancel.hidden) return;
    const timeout = this.timeout.value.trim();
    const strange = timeout !== "" && !(SECONDS.test(timeout) && Number(timeout) > 0);
    this.wrong.hidden = !strange;
    this.wrong.textContent = strange ? `A timeout is seconds, like 2.5, got ${timeout}` : "";
    this.timeout.setAttribute("aria-invalid", String(strange));
    const args = this.arguments.read();
    if (strange) this.timeout.focus();
    if (strange || args === undefined) return;
    this.submit({ args, attachment: this.file?.files[0] ?? null, timeout });
  }
}
