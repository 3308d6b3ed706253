// The list of interfaces, and the field to search it.

import { arrange, counted, element } from "./dom.js";
import { chosen, hashOf } from "./route.js";

export class List {
  #entries = new Map();
  #known = new Map();
  #counts = new Map();
  #ready = false;
  #search = document.getElementById("search");
  #list = document.getElementById("interfaces");
  #none = document.getElementById("none");

  constructor() {
    this.#search.addEventListener("input", () => this.#draw());
    this.#search.addEventListener("keydown", ({ key }) => {
      if (key === "Enter") this.#list.querySelector("a")?.click();
    });
    document.getElementById("side").addEventListener("keydown", (event) => this.#pressed(event));
  }

  // counts: how many provide each interface, in their order.
  live(counts) {
    this.#ready = true;
    this.#counts = counts;
    this.#draw();
  }

  // known: what /services tells.
  describe(known) {
    this.#known = new Map(known.map((one) => [one.interface, one]));
    this.#draw();
  }

  mark() {
    const { name } = chosen();
    for (const [its, { link }] of this.#entries) {
      if (its === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  #draw() {
    for (const name of this.#entries.keys()) {
      if (!this.#counts.has(name)) this.#entries.delete(name);
    }
    const shown = [...this.#counts.keys()].filter((name) => this.#wanted(name));
    arrange(
      this.#list,
      shown.map((name) => this.#entry(name).item),
    );
    this.#none.hidden = shown.length > 0 || !this.#ready;
    this.#none.textContent = this.#counts.size
      ? "None is like that."
      : "Nobody provides anything yet.";
    this.mark();
  }

  #entry(name) {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = {
        count: element("span", { class: "count" }),
        about: element("span", { class: "about" }),
      };
      const title = element("span", { class: "name" }, name);
      entry.link = element("a", { href: hashOf(name) }, title, entry.count, entry.about);
      entry.item = element("li", {}, entry.link);
      this.#entries.set(name, entry);
    }
    const count = this.#counts.get(name);
    entry.count.textContent = String(count);
    entry.count.title = counted(count, "provider");
    entry.about.textContent = (this.#known.get(name)?.docstring ?? "").split("\n")[0];
    return entry;
  }

  #wanted(name) {
    const looked = this.#search.value.trim().toLowerCase();
    const about = this.#known.get(name);
    const texts = [name, about?.docstring ?? "", ...(about?.methods ?? [])];
    return texts.some((text) => text.toLowerCase().includes(looked));
  }

  // Up and down, from the field and in the list.
  #pressed(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    const places = [this.#search, ...this.#list.querySelectorAll("a")];
    const next = places[places.indexOf(document.activeElement) + step];
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  }
}
