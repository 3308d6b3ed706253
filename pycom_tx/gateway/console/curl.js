// A call, as it is typed into a shell.

import { memory } from "./memory.js";
import { encoded } from "./route.js";

// call: as gateway.js takes it.
export function curl({ name, method, args, attachment, timeout }) {
  const url = new URL(`call/${encoded(name)}/${encoded(method)}`, location.href.split("#")[0]);
  const words = [`curl ${quoted(url.href)}`];
  // Whoever looks over a shoulder need not see it.
  if (memory.token) words.push('-H "Authorization: Bearer $TOKEN"');
  const session = memory.session(name);
  if (session !== null) words.push(`-H ${quoted(`PyCOM-Session: ${session}`)}`);
  if (timeout) words.push(`-H ${quoted(`PyCOM-Timeout: ${timeout}`)}`);
  if (attachment !== null) {
    if (args !== null) words.push(`--form-string ${quoted(`args=${args}`)}`);
    words.push(`-F ${quoted(`attachment=@"${attachment.name.replace(/["\\]/g, "\\$&")}"`)}`);
  } else if (args === null) {
    words.push("-X POST");
  } else {
    words.push("-H 'Content-Type: application/json'", `-d ${quoted(args)}`);
  }
  return words.join(" \\\n  ");
}

function quoted(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
