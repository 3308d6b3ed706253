// Providers, in lists.

import { clock, element } from "./dom.js";

export function providerLine({ service, address, since, earlier }, about = "") {
  const time = element("time", { datetime: since.toISOString() }, clock(since));
  return element(
    "li",
    {},
    element("code", { class: "path" }, service),
    address ? element("code", { class: "address" }, address) : null,
    about ? element("span", { class: "badge" }, about) : null,
    element("span", { class: "since" }, earlier ? "since before " : "since ", time),
  );
}
