// Providers, as a list. Lines of those that stay are the same, so that they keep the focus.

import { arrange, clock, element } from "./dom.js";

export class Providers {
  #lines = new Map();

  // more: gives what else is in the line of a provider.
  constructor(name, more = () => []) {
    this.more = more;
    this.element = element("ul", { class: name });
  }

  // about: gives what has to be known of a provider here.
  show(providers, about = () => "") {
    const known = this.#lines;
    this.#lines = new Map(providers.map((one) => [one, known.get(one) ?? this.#line(one)]));
    for (const [one, { badge }] of this.#lines) {
      badge.textContent = about(one);
      badge.hidden = badge.textContent === "";
    }
    const lines = [...this.#lines.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
    arrange(
      this.element,
      lines.map(({ line }) => line),
    );
  }

  #line(provider) {
    const { service: path, address, since, earlier } = provider;
    const badge = element("span", { class: "badge" });
    const time = element("time", { datetime: since.toISOString() }, clock(since));
    const line = element(
      "li",
      {},
      element("code", { class: "path" }, path),
      address ? element("code", { class: "address" }, address) : null,
      badge,
      element("span", { class: "since" }, earlier ? "since before " : "since ", time),
      ...this.more(provider),
    );
    return { path, line, badge };
  }
}
