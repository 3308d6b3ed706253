// The providers that live, as the gateway tells while it happens.

const AGAIN = 2000; // ms until a stream that was refused is asked for again

// Dispatches "state" whenever `state` is another (connecting, live, lost), and "change", whose
// detail has the providers that `appeared` and `vanished`. The first snapshot is no news.
export class Live extends EventTarget {
  state = "connecting";
  providers = new Map();
  #source = null;
  #timer = null;
  #known = false;

  // Browsers have six connections to a server for all their pages: a hidden one needs none.
  start() {
    const look = () => (document.hidden ? this.#close() : this.#open());
    document.addEventListener("visibilitychange", look);
    look();
  }

  interfaces() {
    const found = new Map();
    for (const provider of this.providers.values()) {
      for (const name of provider.interfaces) found.set(name, (found.get(name) ?? 0) + 1);
    }
    return new Map([...found].sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  #open() {
    if (this.#source !== null) return;
    const source = new EventSource("events");
    this.#source = source;
    const on = (name, heard) =>
      source.addEventListener(name, (event) => heard(JSON.parse(event.data)));
    on("snapshot", ({ providers }) => this.#replace(providers));
    on("appeared", (provider) => this.#change([provider], []));
    on("vanished", (provider) => this.#change([], [provider]));
    source.addEventListener("error", () => this.#lost(source));
  }

  #close() {
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#timer);
  }

  // The browser itself connects again, unless it was answered, but with no stream.
  #lost(source) {
    this.#enter("lost");
    if (source.readyState === EventSource.CLOSED && source === this.#source) {
      this.#close();
      this.#timer = setTimeout(() => this.#open(), AGAIN);
    }
  }

  #replace(providers) {
    const told = new Set(providers.map(({ id }) => id));
    const gone = [...this.providers.values()].filter(({ id }) => !told.has(id));
    const fresh = providers.filter((provider) => !same(provider, this.providers.get(provider.id)));
    this.#change(fresh, gone, true);
    this.#enter("live");
  }

  #change(appeared, vanished, earlier = false) {
    const news = this.#known;
    this.#known = true;
    for (const { id } of vanished) this.providers.delete(id);
    for (const provider of appeared) {
      this.providers.set(provider.id, { ...provider, since: new Date(), earlier });
    }
    this.dispatchEvent(new CustomEvent("change", { detail: { appeared, vanished, news } }));
  }

  #enter(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }
}

function same(provider, known) {
  return known !== undefined && String(provider.interfaces) === String(known.interfaces);
}
