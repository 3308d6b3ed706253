// Asks the gateway. All paths are relative, so it may be anywhere behind another server.

import { memory } from "./memory.js";
import { encoded } from "./route.js";

// The gateway cannot be reached, or has nothing to say.
export class NoAnswer extends Error {}

export function services() {
  return read("services");
}

// All that is told of an interface; null if nobody provides it.
export function describe(name) {
  return read(`services/${encoded(name)}`);
}

async function read(path) {
  const response = await reach(path, { headers: authorization() });
  if (response.status === 404) return null;
  if (!response.ok) throw new NoAnswer(`${path} is answered with ${response.status}`);
  return whole(response.json());
}

export async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    throw new NoAnswer(error.message);
  }
}

// What is read of an answer, whose connection may break meanwhile.
export async function whole(reading) {
  try {
    return await reading;
  } catch (error) {
    throw new NoAnswer(error.message);
  }
}

function authorization() {
  return memory.token ? { Authorization: `Bearer ${memory.token}` } : {};
}

// Makes a call. Gives the outcome: status, ms, the text of the result or the problem, the
// attachment. Rejects with NoAnswer.
//
// call: name, method, args (text of JSON, or null), attachment (a File, or null), timeout
// (seconds as text, or "").
export async function call({ name, method, args, attachment, timeout }, signal) {
  const headers = { ...authorization(), Accept: "multipart/form-data" };
  if (timeout) headers["PyCOM-Timeout"] = timeout;
  const session = memory.session(name);
  if (session !== null) headers["PyCOM-Session"] = session;
  let body = args;
  if (attachment !== null) {
    body = new FormData();
    if (args !== null) body.append("args", args);
    body.append("attachment", attachment, "attachment");
  } else if (args !== null) {
    headers["Content-Type"] = "application/json";
  }
  const path = `call/${encoded(name)}/${encoded(method)}`;
  const began = performance.now();
  const response = await reach(path, { method: "POST", headers, body, signal });
  const answer = await bodyOf(response);
  const ms = performance.now() - began;
  const kept = response.status === 410 ? null : (response.headers.get("PyCOM-Session") ?? session);
  memory.keep(name, kept);
  return { ok: response.ok, status: response.status, ms, ...answer };
}

async function bodyOf(response) {
  const type = response.headers.get("Content-Type") ?? "";
  if (!type.startsWith("multipart/")) {
    return { text: await whole(response.text()), attachment: null };
  }
  const form = await whole(response.formData());
  return { text: form.get("result"), attachment: form.get("attachment") };
}
