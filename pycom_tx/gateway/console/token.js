// The field for the token. It is taken when it is left, or with Enter.

import { memory } from "./memory.js";

const TOKEN = /^[!-~]*$/; // what a header can hold

export function watchToken() {
  const form = document.getElementById("token");
  const field = document.getElementById("token-value");
  const note = document.getElementById("token-note");
  const usual = note.textContent;
  const take = () => {
    const token = field.value.trim();
    const right = TOKEN.test(token);
    field.setAttribute("aria-invalid", String(!right));
    note.classList.toggle("wrong", !right);
    note.textContent = right ? usual : "A token has letters, digits and signs only";
    if (right) memory.token = token;
  };
  field.addEventListener("change", take);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    take();
  });
}
