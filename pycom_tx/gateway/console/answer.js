// What a call was answered with.

import { element, say } from "./dom.js";
import { isJSON, pieces } from "./json.js";

const MOST = 200_000; // characters that are shown; a browser has a hard time with more
const PIECES = 20_000; // of them, in colours

// Pictures, by how they begin. Those of SVG are none here: they are programs.
const PICTURES = [
  ["png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["jpeg", [0xff, 0xd8, 0xff]],
  ["gif", [0x47, 0x49, 0x46, 0x38]],
  ["webp", [0x52, 0x49, 0x46, 0x46, null, null, null, null, 0x57, 0x45, 0x42, 0x50]],
];

export class Answer {
  constructor(method) {
    this.method = method;
    this.urls = [];
    this.element = element("section", { class: "answer", "aria-label": "Answer", hidden: true });
  }

  wait() {
    this.show("waiting", element("p", { class: "head" }, "waiting for the answer"));
  }

  failed(text) {
    this.show("bad", element("p", { class: "head" }, text));
    say(text);
  }

  // outcome: as gateway.js gives it.
  async tell({ ok, status, ms, text, attachment }) {
    const head = element("p", { class: "head" });
    const time = element("span", { class: "time" }, `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`);
    if (ok) {
      head.append(element("strong", {}, String(status)), " ", time);
      const shown = attachment ? await this.attachment(attachment) : null;
      this.show("good", head, this.text(text), shown);
      say(`Answered in ${time.textContent}`);
      return;
    }
    const problem = problemOf(text);
    const code = problem.code === undefined ? "" : `code ${problem.code}`;
    const untouched = problem.not_started === true ? "not started" : "";
    const facts = [code, untouched].filter(Boolean).map((fact) => element("span", { class: "fact" }, fact));
    head.append(element("strong", {}, `${status} ${problem.title ?? ""}`), " ", ...facts, time);
    this.show("bad", head, element("p", { class: "detail" }, problem.detail ?? text));
    say(`${status}, ${code}: ${problem.detail ?? text}`);
  }

  show(kind, ...children) {
    this.urls.forEach((url) => URL.revokeObjectURL(url));
    this.urls = this.fresh ?? [];
    this.fresh = [];
    this.element.hidden = false;
    this.element.dataset.kind = kind;
    this.element.replaceChildren(...children.filter(Boolean));
  }

  text(text) {
    const shown = element("pre", { tabindex: "0", role: "region", "aria-label": "Result" });
    if (text.length > MOST || !isJSON(text)) {
      shown.append(text.slice(0, MOST));
      if (text.length <= MOST) return shown;
      const url = this.url(new Blob([text], { type: "application/json" }));
      const more = element("a", { href: url, download: `${this.method}.json` }, "all of it");
      return element("div", {}, shown, element("p", { class: "note" }, `The first ${MOST} of ${text.length} characters; `, more));
    }
    const told = pieces(text);
    if (told.length > PIECES) shown.append(told.map(([, piece]) => piece).join(""));
    else shown.append(...told.map(([kind, piece]) => (kind === "mark" ? piece : element("span", { class: kind }, piece))));
    return shown;
  }

  async attachment(blob) {
    const kind = await pictureOf(blob);
    const url = this.url(new Blob([blob], { type: kind ? `image/${kind}` : "application/octet-stream" }));
    const name = `${this.method}.${kind ?? "bin"}`;
    const link = element("a", { href: url, download: name }, `${name}, ${sized(blob.size)}`);
    const picture = kind ? element("img", { src: url, alt: "The attachment" }) : null;
    return element("p", { class: "attachment" }, element("span", { class: "type" }, "attachment "), link, picture);
  }

  url(blob) {
    const url = URL.createObjectURL(blob);
    (this.fresh ??= []).push(url);
    return url;
  }
}

function problemOf(text) {
  try {
    const problem = JSON.parse(text);
    return problem !== null && typeof problem === "object" ? problem : {};
  } catch {
    return {};
  }
}

async function pictureOf(blob) {
  const bytes = new Uint8Array(await blob.slice(0, 12).arrayBuffer());
  const found = PICTURES.find(([, signature]) => signature.every((byte, at) => byte === null || byte === bytes[at]));
  return found ? found[0] : null;
}

function sized(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
