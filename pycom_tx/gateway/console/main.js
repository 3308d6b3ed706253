// The page: what is chosen is shown, and what happens is told to all that show it.

import { Charts } from "./charts.js";
import { say } from "./dom.js";
import { NoAnswer, services } from "./gateway.js";
import { Interface } from "./interface.js";
import { coalesced } from "./later.js";
import { List } from "./list.js";
import { Live } from "./live.js";
import { memory } from "./memory.js";
import { Overview } from "./overview.js";
import { chosen } from "./route.js";
import { watchToken } from "./token.js";

const STATES = {
  connecting: "connecting",
  live: "live",
  lost: "no connection to the gateway",
};

const live = new Live();
const list = new List();
const overview = new Overview(live);
const charts = new Charts();
const interfaces = new Map(); // those that were looked at, with what was typed there
const main = document.getElementById("main");
let shown = null;

// What a gateway that goes away answers is nothing: there is a snapshot when it is back.
const refresh = coalesced(async () => {
  try {
    const known = await services();
    list.describe(known ?? []);
    if (shown !== overview) await shown.update();
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
  }
});

function show() {
  const { name } = chosen();
  const view = name === null ? overview : viewOf(name);
  if (view !== shown) {
    const first = shown === null;
    shown = view;
    main.replaceChildren(view.head, charts.element, view.body);
    document.body.dataset.shown = name === null ? "all" : "one";
    document.title = name === null ? "pycom_tx console" : `${name} – pycom_tx console`;
    if (!first) view.title.focus();
    if (view !== overview) refresh();
  }
  if (view !== overview) view.open();
  list.mark();
  charts.draw();
}

function viewOf(name) {
  if (!interfaces.has(name)) interfaces.set(name, new Interface(name, live, refresh));
  return interfaces.get(name);
}

function told({ appeared, vanished }) {
  const said = (word, ones) => `${ones.length === 1 ? ones[0].service : ones.length} ${word}`;
  const parts = [
    appeared.length && said("appeared", appeared),
    vanished.length && said("vanished", vanished),
  ];
  return parts.filter(Boolean).join(", ");
}

live.addEventListener("change", ({ detail }) => {
  list.live(live.interfaces());
  overview.update(detail);
  if (detail.news) say(told(detail));
  refresh();
});
live.addEventListener("state", () => {
  const state = document.getElementById("state");
  state.dataset.state = live.state;
  state.textContent = STATES[live.state];
  if (live.state === "live") charts.begin();
  else charts.end();
});

memory.addEventListener("token", refresh);

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener("hashchange", show);
watchToken();
show();
live.start();
