// What is shown where no interface is chosen: all services, and what happened last.

import { clock, counted, element } from "./dom.js";
import { Providers } from "./providers.js";
import { hashOf } from "./route.js";

const REMEMBERED = 30; // events

export class Overview {
  constructor(live) {
    this.live = live;
    this.sum = element("p", { class: "sum" });
    this.services = new Providers("services", links);
    this.happened = element("ol", { class: "happened" });
    this.quiet = element(
      "p",
      { class: "note" },
      "Nothing has come or gone since this page was opened.",
    );
    this.title = element("h1", { tabindex: "-1" }, "What runs");
    this.head = element("div", { class: "head" }, this.title, this.sum);
    this.body = element(
      "div",
      {},
      element("section", {}, element("h2", {}, "Services"), this.services.element),
      element("section", {}, element("h2", {}, "Lately"), this.quiet, this.happened),
    );
  }

  update({ appeared, vanished, news }) {
    const providers = [...this.live.providers.values()];
    const interfaces = this.live.interfaces().size;
    const [many, provided] = [
      counted(providers.length, "service"),
      counted(interfaces, "interface"),
    ];
    this.sum.textContent = `${many} with ${provided}`;
    this.services.show(providers);
    if (!news) return;
    this.happened.prepend(
      ...vanished.map(({ service }) => eventLine("vanished", service)),
      ...appeared.map(({ service }) => eventLine("appeared", service)),
    );
    while (this.happened.children.length > REMEMBERED) this.happened.lastElementChild.remove();
    this.quiet.hidden = this.happened.children.length > 0;
  }
}

function links({ interfaces }) {
  const items = interfaces.map((name) =>
    element("li", {}, element("a", { href: hashOf(name) }, name)),
  );
  return [element("ul", {}, ...items)];
}

function eventLine(word, service) {
  const now = new Date();
  return element(
    "li",
    { class: word },
    element("time", { datetime: now.toISOString() }, clock(now)),
    " ",
    element("code", {}, service),
    ` ${word}`,
  );
}
