// What is shown where no interface is chosen: all services, and what happened last.

import { arrange, clock, counted, element } from "./dom.js";
import { providerLine } from "./providers.js";
import { hashOf } from "./route.js";

const REMEMBERED = 30; // events

export class Overview {
  constructor(live) {
    this.live = live;
    this.sum = element("p", { class: "sum" });
    this.services = element("ul", { class: "services" });
    this.happened = element("ol", { class: "happened" });
    this.quiet = element("p", { class: "note" }, "Nothing has come or gone since this page was opened.");
    this.title = element("h1", { tabindex: "-1" }, "Services");
    this.element = element(
      "div",
      { class: "overview" },
      this.title,
      this.sum,
      this.services,
      element("section", {}, element("h2", {}, "Lately"), this.quiet, this.happened),
    );
  }

  update({ appeared, vanished, news }) {
    const providers = [...this.live.providers.values()];
    providers.sort((one, other) => (one.service < other.service ? -1 : 1));
    this.sum.textContent = `${counted(providers.length, "service")} with ${counted(this.live.interfaces().size, "interface")}`;
    this.services.replaceChildren(...providers.map(serviceLine));
    if (!news) return;
    for (const [word, ones] of [["appeared", appeared], ["vanished", vanished]]) {
      for (const { service } of ones) this.happened.prepend(eventLine(word, service));
    }
    while (this.happened.children.length > REMEMBERED) this.happened.lastElementChild.remove();
    this.quiet.hidden = this.happened.children.length > 0;
  }
}

function serviceLine(provider) {
  const line = providerLine(provider);
  const links = provider.interfaces.map((name) => element("li", {}, element("a", { href: hashOf(name) }, name)));
  line.append(element("ul", {}, ...links));
  return line;
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
