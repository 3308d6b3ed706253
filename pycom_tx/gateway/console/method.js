// A method: its signature, what it says of itself, and the form to call it.

import { Answer } from "./answer.js";
import { curl } from "./curl.js";
import { element, unique } from "./dom.js";
import { CallForm } from "./form.js";
import { NoAnswer, call } from "./gateway.js";
import { pretty } from "./json.js";
import { hashOf } from "./route.js";
import { list, object, typeOf } from "./schema.js";

export class Method {
  #under = null;

  // about: what introspect tells of it; {} for a method that nobody told of.
  constructor(interfaceName, name, about) {
    [this.interfaceName, this.name, this.about] = [interfaceName, name, about];
    const id = unique();
    this.link = element(
      "a",
      { "aria-controls": id },
      element("code", {}, ...signature(name, about)),
    );
    this.body = element("div", { class: "body", id, hidden: true });
    const summary = docstring(about).split("\n")[0];
    this.element = element(
      "article",
      { class: "method" },
      element("h3", {}, this.link, ...badges(about)),
      element("p", { class: "summary" }, summary),
      this.body,
    );
    this.open(false);
  }

  open(is) {
    const opened = is && this.body.hidden;
    this.link.href = is ? hashOf(this.interfaceName) : hashOf(this.interfaceName, this.name);
    this.link.setAttribute("aria-expanded", String(is));
    this.element.classList.toggle("open", is);
    this.body.hidden = !is;
    if (is && !this.form) this.#build();
    if (opened) {
      for (const part of [this.body, this.link]) part.scrollIntoView({ block: "nearest" });
    }
  }

  #build() {
    this.form = new CallForm(
      this.about,
      (sent) => this.#call(sent),
      () => this.#under?.abort(),
    );
    this.answer = new Answer(this.name);
    const more = docstring(this.about).split("\n").slice(1).join("\n").trim();
    this.body.append(
      ...(more ? [element("p", { class: "docstring" }, more)] : []),
      this.form.element,
      this.answer.element,
      ...schemas(this.about),
    );
  }

  async #call(sent) {
    const under = new AbortController();
    this.#under = under;
    this.form.busy(true);
    this.answer.wait();
    const made = { name: this.interfaceName, method: this.name, ...sent };
    const typed = curl(made);
    try {
      const outcome = await call(made, under.signal);
      await this.answer.tell(outcome, typed);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      const cancelled = under.signal.aborted;
      this.answer.failed(cancelled ? "Cancelled" : `There is no answer: ${error.message}`);
    } finally {
      this.form.busy(false);
    }
  }
}

function docstring(about) {
  return typeof about.docstring === "string" ? about.docstring : "";
}

function signature(name, about) {
  const schema = object(object(about.schema).arguments);
  const properties = object(schema.properties);
  const { incoming, outgoing } = object(about.attachments);
  const names = [...list(about.required_arguments), ...list(about.optional_arguments)];
  const required = list(about.required_arguments);
  const told = names
    .filter((one) => typeof one === "string")
    .map((one) => {
      const its = Object.hasOwn(properties, one) ? `: ${typeOf(properties[one])}` : "";
      return `${one}${required.includes(one) ? "" : "?"}${one === incoming ? ": attachment" : its}`;
    });
  const result = object(object(about.schema).result);
  const gives = Object.keys(result).length > 0 ? [typeOf(result)] : [];
  if (typeof outgoing === "string") gives.push("attachment");
  const arrow = gives.length > 0 ? ` → ${gives.join(" + ")}` : "";
  return [element("b", {}, name), element("span", {}, `(${told.join(", ")})${arrow}`)];
}

function badges(about) {
  const { incoming, outgoing } = object(about.attachments);
  const ways = [incoming ? "in" : "", outgoing ? "out" : ""].filter(Boolean).join(" and ");
  const said = [
    about.idempotent === true ? ["idempotent", "It does no harm to call it twice"] : null,
    ways ? [`attachment ${ways}`, "Bytes beside the JSON"] : null,
  ];
  return said
    .filter(Boolean)
    .map(([text, title]) => element("span", { class: "badge", title }, text));
}

function schemas(about) {
  return ["arguments", "result"]
    .filter((part) => Object.keys(object(object(about.schema)[part])).length > 0)
    .map((part) => {
      const text = pretty(JSON.stringify(about.schema[part]));
      return element(
        "details",
        {},
        element("summary", {}, `Schema of the ${part === "result" ? "result" : "arguments"}`),
        element("pre", { tabindex: "0" }, text),
      );
    });
}
