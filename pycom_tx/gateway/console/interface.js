// An interface: what it says of itself, who provides it, and its methods.

import { arrange, counted, element, unique } from "./dom.js";
import { describe } from "./gateway.js";
import { memory } from "./memory.js";
import { Method } from "./method.js";
import { providerLine } from "./providers.js";
import { chosen, hashOf } from "./route.js";
import { list, object } from "./schema.js";

const AGAIN = 5000; // ms until one that tells nothing is asked again

export class Interface {
  #methods = new Map();
  #contracts = null; // what was told, the most common first
  #wanted = null; // the hash of the one that is shown
  #timer = null;

  constructor(name, live) {
    [this.name, this.live] = [name, live];
    this.title = element("h1", { tabindex: "-1" }, name);
    this.facts = element("p", { class: "facts" });
    this.notice = element("p", { class: "notice", hidden: true });
    this.docstring = element("p", { class: "docstring" });
    this.session = element("p", { class: "session", hidden: true });
    this.choice = element("p", { class: "contracts", hidden: true });
    this.methods = element("div", { class: "methods" });
    this.any = this.#anyMethod();
    this.providers = element("ul", { class: "providers" });
    this.element = element(
      "div",
      { class: "interface" },
      element("a", { class: "back", href: "#/" }, "← all interfaces"),
      ...[this.title, this.facts, this.notice, this.docstring, this.session],
      element("section", {}, element("h2", {}, "Methods"), this.choice, this.methods, this.any),
      element("section", {}, element("h2", {}, "Providers"), this.providers),
    );
    memory.addEventListener("session", () => this.#showSession());
  }

  // Asks about it, and shows what is told.
  async update() {
    clearTimeout(this.#timer);
    const told = await describe(this.name);
    this.#contracts = told === null ? this.#contracts : list(told.contracts);
    this.#show();
    if (told !== null && this.#contracts.some(({ methods }) => methods === null)) {
      this.#timer = setTimeout(() => document.hidden || this.update().catch(() => {}), AGAIN);
    }
  }

  // Opens the method that is chosen, if it is one of this interface.
  open() {
    const { name, method } = chosen();
    if (name !== this.name) return;
    if (method !== null && this.#contracts !== null && !this.#methods.has(method)) {
      this.#put(method, {});
      this.methods.append(this.#methods.get(method).panel.element);
    }
    for (const [its, { panel }] of this.#methods) panel.open(its === method);
  }

  #show() {
    this.#showProviders();
    if (this.#contracts === null || this.#contracts.length === 0) return;
    const shown = this.#contracts.find(({ contract }) => contract === this.#wanted) ?? this.#contracts[0];
    this.docstring.textContent = shown.docstring ?? "";
    this.facts.replaceChildren(...facts(shown));
    this.#showChoice(shown);
    this.#showMethods(shown.methods);
    this.#showSession();
    this.open();
  }

  #showProviders() {
    const alive = [...this.live.providers.values()].filter(({ interfaces }) => interfaces.includes(this.name));
    alive.sort((one, other) => (one.service < other.service ? -1 : 1));
    const contractOf = (id) => (this.#contracts ?? []).findIndex(({ providers }) => list(providers).includes(id));
    const several = (this.#contracts ?? []).length > 1;
    this.providers.replaceChildren(
      ...alive.map((one) => providerLine(one, several ? `contract ${contractOf(one.id) + 1}` : "")),
    );
    this.notice.hidden = alive.length > 0 || this.live.state === "connecting";
    this.notice.textContent = `Nobody provides ${this.name} now.`;
  }

  // Providers that mean different things by the same name.
  #showChoice(shown) {
    this.choice.hidden = this.#contracts.length < 2;
    const options = this.#contracts.map((one, at) =>
      element(
        "option",
        { value: String(at), selected: one === shown },
        `contract ${at + 1}, of ${counted(list(one.providers).length, "provider")}`,
      ),
    );
    const id = unique();
    const choose = (event) => {
      this.#wanted = this.#contracts[event.target.value].contract;
      this.#show();
    };
    this.choice.replaceChildren(
      element("label", { for: id }, "Not all providers mean the same. Shown is "),
      element("select", { id, onchange: choose }, ...options),
      " A call goes to any of them.",
    );
  }

  // Panels of methods that are as they were stay, with what was typed into them.
  #showMethods(told) {
    const methods = object(told);
    const names = Object.keys(methods).sort((one, other) => (one === "introspect") - (other === "introspect"));
    const { method } = chosen();
    for (const name of names) this.#put(name, object(methods[name]));
    for (const name of this.#methods.keys()) {
      if (!names.includes(name) && name !== method) this.#methods.delete(name);
    }
    const others = [...this.#methods.keys()].filter((name) => !names.includes(name));
    arrange(this.methods, [...names, ...others].map((name) => this.#methods.get(name).panel.element));
    this.any.hidden = told !== null;
  }

  #put(name, about) {
    const text = JSON.stringify(about);
    if (this.#methods.get(name)?.text !== text) {
      this.#methods.set(name, { text, panel: new Method(this.name, name, about) });
    }
  }

  #showSession() {
    const session = memory.session(this.name);
    this.session.hidden = session === null;
    if (session === null) return;
    const forget = element("button", { type: "button", class: "quiet", onclick: () => memory.keep(this.name, null) }, "forget it");
    this.session.replaceChildren("Calls are in the session ", element("code", {}, session), " ", forget);
  }

  #anyMethod() {
    const id = unique();
    const input = element("input", { id, autocomplete: "off", spellcheck: "false", required: true });
    const go = (event) => {
      event.preventDefault();
      location.hash = hashOf(this.name, input.value);
    };
    return element(
      "form",
      { class: "any", hidden: true, onsubmit: go },
      element("p", { class: "note" }, "It does not tell of its methods. It may to a caller with a token; and whoever knows a method can call it."),
      element("label", { for: id }, "Method "),
      input,
      element("button", {}, "Open"),
    );
  }
}

function facts({ stateful, authentication, roles }) {
  const said = [
    stateful === true ? ["stateful", "Its calls are in a session"] : null,
    authentication === "required" ? ["guarded", "Callers need a token"] : null,
    authentication === "never" ? ["open to all", "Tokens are not looked at"] : null,
    list(roles).length > 0 ? [`for ${roles.join(", ")}`, "Callers need one of these roles"] : null,
  ];
  return said.filter(Boolean).map(([text, title]) => element("span", { class: "badge", title }, text));
}
