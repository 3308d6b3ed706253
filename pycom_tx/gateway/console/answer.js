// What a call was answered with.

import { downloads } from "./attachment.js";
import { element, say } from "./dom.js";
import { isJSON, pieces } from "./json.js";

const MOST = 200_000; // characters that are shown: a browser has a hard time with more
const COLOURED = 20_000; // pieces of JSON
const SAID = 200; // characters that are read out

export class Answer {
  #downloads;

  constructor(method) {
    this.#downloads = downloads(method);
    this.element = element("section", { class: "answer", "aria-label": "Answer", hidden: true });
  }

  // What was there before stays to be seen until there is something else.
  wait() {
    if (this.element.hidden) this.#show("waiting", element("p", { class: "outcome" }, "waiting"));
    this.element.dataset.kind = "waiting";
  }

  failed(text) {
    this.#show("bad", element("p", { class: "outcome" }, text));
    say(text);
  }

  // outcome: as gateway.js gives it. typed: the same call for a shell.
  async tell({ ok, status, ms, text, attachment }, typed) {
    this.#downloads.forget();
    const took = `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
    const problem = ok ? {} : problemOf(text);
    const facts = [
      problem.code === undefined ? "" : `code ${problem.code}`,
      problem.not_started === true ? "not started" : "",
    ].filter(Boolean);
    const outcome = element(
      "p",
      { class: "outcome" },
      element("strong", {}, `${status} ${problem.title ?? ""}`),
      ...facts.map((fact) => element("span", { class: "badge" }, fact)),
      element("span", { class: "time" }, took),
    );
    const detail = String(problem.detail ?? text);
    const shown = ok
      ? this.#result(text)
      : [element("p", { class: "detail" }, detail.slice(0, MOST))];
    if (attachment !== null) shown.push(await this.#downloads.attachment(attachment));
    this.#show(ok ? "good" : "bad", outcome, ...shown, shell(typed));
    say(ok ? `Answered in ${took}: ${text.slice(0, SAID)}` : [status, ...facts, detail].join(", "));
  }

  #show(kind, ...children) {
    this.element.hidden = false;
    this.element.dataset.kind = kind;
    this.element.replaceChildren(...children);
  }

  #result(text) {
    const shown = element("pre", { tabindex: "0", role: "region", "aria-label": "Result" });
    if (text.length > MOST) {
      shown.append(text.slice(0, MOST));
      const note = `The first ${MOST} of ${text.length} characters: `;
      return [shown, element("p", { class: "note" }, note, this.#downloads.json(text))];
    }
    const told = isJSON(text) ? pieces(text) : [["mark", text]];
    const colours = told.length <= COLOURED;
    shown.append(...told.map(([kind, piece]) => (colours ? coloured(kind, piece) : piece)));
    shown.normalize();
    return [shown];
  }
}

function coloured(kind, piece) {
  return kind === "mark" ? piece : element("span", { class: kind }, piece);
}

function shell(typed) {
  const command = element("pre", { tabindex: "0" }, typed);
  return element("details", {}, element("summary", {}, "The same with curl"), command);
}

// A problem as RFC 9457 has it; what is in front of the gateway may answer something else.
function problemOf(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
