// Unsent labels in the browser's storage, one entry for each picture and writer.

/** A storage that lasts as long as the page, for browsers that keep nothing. */
export class Memory {
  #kept = new Map();

  get length() {
    return this.#kept.size;
  }

  key(index) {
    return [...this.#kept.keys()][index] ?? null;
  }

  getItem(key) {
    return this.#kept.get(key) ?? null;
  }

  setItem(key, value) {
    this.#kept.set(key, value);
  }

  removeItem(key) {
    this.#kept.delete(key);
  }
}

/** The browser's storage, or null where it is denied: asking for it is an error then. */
export function browserStorage() {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}

export class Journal {
  #notKept = new Map(); // key -> sequence of a body for which there was no room

  /** `storage`: null where the browser keeps nothing; `prefix` ends in the project's number. */
  constructor(storage, prefix, project = "") {
    this.isLasting = storage !== null;
    this.storage = storage ?? new Memory();
    this.prefix = prefix;
    this.project = project;
  }

  /** Whether the storage had no room for something that is not saved yet. */
  get full() {
    return this.#notKept.size > 0;
  }

  #key(item, writer) {
    return `${this.prefix}:${item}:${writer}`;
  }

  /** Keep a body; false where there is no room. */
  put(item, body) {
    const key = this.#key(item, body.writer);
    try {
      this.storage.setItem(key, JSON.stringify({ item, body, project: this.project }));
      this.#notKept.delete(key);
      return true;
    } catch {
      this.#notKept.set(key, body.sequence); // it is still in memory and on its way
      return false;
    }
  }

  /** Forget a body that was saved or is part of another, unless a newer one has taken its place. */
  drop(item, body) {
    const key = this.#key(item, body.writer);
    if (this.#notKept.get(key) <= body.sequence) this.#notKept.delete(key);
    const kept = this.#read(key);
    if (kept && kept.body.sequence <= body.sequence) this.storage.removeItem(key);
  }

  /** What is kept, oldest first. */
  all() {
    const entries = this.#keys(`${this.prefix}:`).map((key) => this.#read(key));
    return entries.filter((entry) => entry !== null)
      .sort((a, b) => (a.body.edited_ms ?? 0) - (b.body.edited_ms ?? 0));
  }

  /** The journals of the store's other projects. */
  others() {
    const store = this.prefix.slice(0, this.prefix.lastIndexOf(":") + 1);
    const prefixes = this.#keys(store).map((key) => store + key.slice(store.length).split(":")[0]);
    const others = new Set(prefixes.filter((prefix) => prefix !== this.prefix));
    return [...others].map((prefix) => new Journal(this.storage, prefix));
  }

  #keys(prefix) {
    const keys = Array.from({ length: this.storage.length }, (_, i) => this.storage.key(i));
    return keys.filter((key) => key.startsWith(prefix));
  }

  #read(key) {
    try {
      const entry = JSON.parse(this.storage.getItem(key));
      return entry && Number.isInteger(entry.item) && Array.isArray(entry.body?.points) ? entry : null;
    } catch {
      return null;
    }
  }
}
