// What the page keeps of its reader, as long as it is open and nowhere else: the token, and a
// session for each interface. Dispatches "token" and "session".

class Memory extends EventTarget {
  #token = "";
  #sessions = new Map();

  get token() {
    return this.#token;
  }

  set token(token) {
    if (token === this.#token) return;
    this.#token = token;
    this.dispatchEvent(new Event("token"));
  }

  session(name) {
    return this.#sessions.get(name) ?? null;
  }

  keep(name, session) {
    if (session === this.session(name)) return;
    if (session === null) {
      this.#sessions.delete(name);
    } else {
      this.#sessions.set(name, session);
    }
    this.dispatchEvent(new Event("session"));
  }
}

export const memory = new Memory();
