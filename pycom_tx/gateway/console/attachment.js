// What can be downloaded of an answer, and pictures, which are shown.

import { element } from "./dom.js";

// How pictures begin. Those of SVG are none here: they are programs.
const PICTURES = {
  png: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
  jpeg: [0xff, 0xd8, 0xff],
  gif: [0x47, 0x49, 0x46, 0x38],
  webp: [0x52, 0x49, 0x46, 0x46, null, null, null, null, 0x57, 0x45, 0x42, 0x50],
};

// name: what the files are called, without what tells their kind.
export function downloads(name) {
  let urls = [];

  function link(blob, kind, text) {
    const url = URL.createObjectURL(blob);
    urls.push(url);
    return element("a", { href: url, download: `${name}.${kind}` }, text);
  }

  return {
    // Gives free what was shown before.
    forget() {
      urls.forEach((url) => URL.revokeObjectURL(url));
      urls = [];
    },

    json(text) {
      return link(new Blob([text], { type: "application/json" }), "json", "all of it");
    },

    async attachment(blob) {
      const kind = await pictureOf(blob);
      const type = kind ? `image/${kind}` : "application/octet-stream";
      const text = `${name}.${kind ?? "bin"}, ${sized(blob.size)}`;
      const file = link(new Blob([blob], { type }), kind ?? "bin", text);
      const label = element("span", { class: "type" }, "attachment ");
      const picture = kind ? element("img", { src: file.href, alt: "The attachment" }) : null;
      return element("p", { class: "attachment" }, label, file, picture);
    },
  };
}

async function pictureOf(blob) {
  const bytes = new Uint8Array(await blob.slice(0, 12).arrayBuffer());
  const begins = (signature) => signature.every((byte, at) => byte === null || byte === bytes[at]);
  return Object.keys(PICTURES).find((kind) => begins(PICTURES[kind])) ?? null;
}

function sized(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const power = Math.max(
    0,
    units.findLastIndex((_, at) => bytes >= 1024 ** at),
  );
  const number = bytes / 1024 ** power;
  return `${power === 0 ? number : number.toFixed(1)} ${units[power]}`;
}
