// An interface: what it says of itself, who provides it, and its methods.

import { counted, element, unique } from "./dom.js";
import { describe } from "./gateway.js";
import { memory } from "./memory.js";
import { Methods } from "./methods.js";
import { Providers } from "./providers.js";
import { chosen } from "./route.js";
import { list } from "./schema.js";

const AGAIN = 5000; // ms until one that tells nothing is asked again

export class Interface {
  #contracts = []; // what was told, the most common first
  #wanted = null; // what names the one that is shown
  #timer = null;

  // refresh: has it updated, if it is shown.
  constructor(name, live, refresh) {
    [this.name, this.live, this.refresh] = [name, live, refresh];
    this.title = element("h1", { tabindex: "-1" }, name);
    this.facts = element("p", { class: "facts" });
    this.notice = element("p", { class: "notice", hidden: true });
    this.docstring = element("p", { class: "docstring" });
    this.session = element("p", { class: "session", hidden: true });
    this.choice = this.#makeChoice();
    this.methods = new Methods(name);
    this.providers = new Providers("providers");
    const back = element("a", { class: "back", href: "#/" }, "← all interfaces");
    const about = [this.title, this.facts, this.notice, this.docstring, this.session];
    this.head = element("div", { class: "head interface" }, back, ...about);
    const methods = [element("h2", {}, "Methods"), this.choice, this.methods.element];
    this.body = element(
      "div",
      {},
      element("section", {}, ...methods),
      element("section", {}, element("h2", {}, "Providers"), this.providers.element),
    );
    memory.addEventListener("session", () => this.#showSession());
  }

  // Asks about it, if there is somebody to ask, and shows what is told.
  async update() {
    clearTimeout(this.#timer);
    const told = this.#alive().length > 0 ? await describe(this.name) : null;
    if (told !== null) {
      this.#contracts = list(told.contracts);
      const silent = this.#contracts.some(({ methods }) => methods === null);
      if (silent) this.#timer = setTimeout(this.refresh, AGAIN);
    }
    this.#show();
  }

  // Opens the method that is chosen, as soon as it is known which there are.
  open() {
    const { name, method } = chosen();
    if (name === this.name && this.#contracts.length > 0) this.methods.open(method);
  }

  #show() {
    this.#showProviders();
    if (this.#contracts.length === 0) return;
    const wanted = this.#contracts.find((one) => named(one) === this.#wanted);
    const shown = wanted ?? this.#contracts[0];
    this.docstring.textContent = shown.docstring ?? "";
    this.facts.replaceChildren(...facts(shown));
    this.#showChoice(shown);
    this.methods.show(shown.methods);
    this.open();
  }

  #alive() {
    const providers = [...this.live.providers.values()];
    return providers.filter(({ interfaces }) => interfaces.includes(this.name));
  }

  #showProviders() {
    const alive = this.#alive();
    this.providers.show(alive, (one) => this.#contractOf(one));
    this.notice.hidden = alive.length > 0 || this.live.state === "connecting";
    this.notice.textContent = `Nobody provides ${this.name} now.`;
    this.body.hidden = alive.length === 0 && this.#contracts.length === 0;
  }

  #contractOf({ id }) {
    const at = this.#contracts.findIndex(({ providers }) => list(providers).includes(id));
    return this.#contracts.length > 1 && at >= 0 ? `contract ${at + 1}` : "";
  }

  // Providers may mean different things by the same name.
  #showChoice(shown) {
    this.choice.hidden = this.#contracts.length < 2;
    const options = this.#contracts.map((one, at) => {
      const text = `contract ${at + 1}, of ${counted(list(one.providers).length, "provider")}`;
      return element("option", { value: String(at), selected: one === shown }, text);
    });
    this.choose.replaceChildren(...options);
  }

  #makeChoice() {
    const id = unique();
    const choose = () => {
      this.#wanted = named(this.#contracts[this.choose.value]);
      this.#show();
    };
    this.choose = element("select", { id, onchange: choose });
    const label = "Not all providers mean the same by it. What is shown is ";
    return element(
      "p",
      { class: "choice", hidden: true },
      element("label", { for: id }, label),
      this.choose,
      ". A call goes to any of them.",
    );
  }

  #showSession() {
    const session = memory.session(this.name);
    this.session.hidden = session === null;
    const forget = () => memory.keep(this.name, null);
    this.session.replaceChildren(
      "Calls are in the session ",
      element("code", {}, session ?? ""),
      " ",
      element("button", { type: "button", class: "quiet", onclick: forget }, "forget it"),
    );
  }
}

// Services of PyCOM 0.6 publish no hash.
function named({ contract, methods }) {
  return contract ?? JSON.stringify(methods);
}

function facts({ stateful, authentication, roles }) {
  const said = [
    stateful === true ? ["stateful", "Its calls are in a session"] : null,
    authentication === "required" ? ["guarded", "Callers need a token"] : null,
    authentication === "never" ? ["open to all", "Nobody needs a token"] : null,
    list(roles).length > 0 ? [`for ${roles.join(", ")}`, "Callers need one of these roles"] : null,
  ];
  return said
    .filter(Boolean)
    .map(([text, title]) => element("span", { class: "badge", title }, text));
}
