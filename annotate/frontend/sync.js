// Labels on their way to the server. Nothing that was clicked may get lost, so
//   - every edit is written to the browser's storage at once and stays there until the server
//     has answered that it is saved;
//   - what cannot be sent is sent again, by this page or by the next one that is opened;
//   - one request at a time for each picture; a body carries its writer (random for each page
//     load: a duplicated tab must not share it) and a sequence, so that sending twice does no harm.

const DEBOUNCE_MS = 250;
const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const REFUSED = new Set([400, 404, 413]);

export function randomName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is missing on plain http
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether the store has acknowledged; a network that wants a login answers 200 as well. */
const isSaved = ({ status, answer }) => status === 200 && Number.isInteger(answer?.revision);

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** Unsent labels in the browser's storage, one entry for each picture and writer. */
export class Journal {
  constructor(storage, prefix) {
    this.storage = storage;
    this.prefix = prefix;
    this.full = false;
  }

  #key(item, writer) {
    return `${this.prefix}:${item}:${writer}`;
  }

  put(item, body) {
    try {
      this.storage.setItem(this.#key(item, body.writer), JSON.stringify({ item, body }));
      this.full = false;
    } catch {
      this.full = true; // the labels are still in memory and on their way
    }
  }

  /** Forget a body that was saved, unless a newer one has taken its place. */
  drop(item, body) {
    const key = this.#key(item, body.writer);
    const kept = this.#read(key);
    if (kept && kept.body.sequence <= body.sequence) this.storage.removeItem(key);
  }

  all() {
    const keys = Array.from({ length: this.storage.length }, (_, i) => this.storage.key(i));
    const ours = keys.filter((key) => key.startsWith(`${this.prefix}:`));
    return ours.map((key) => this.#read(key)).filter((entry) => entry !== null);
  }

  /** The journals of the store's other projects: `prefix` ends in the number of ours. */
  others() {
    const store = this.prefix.slice(0, this.prefix.lastIndexOf(":") + 1);
    const keys = Array.from({ length: this.storage.length }, (_, i) => this.storage.key(i));
    const projects = keys.filter((key) => key.startsWith(store))
      .map((key) => store + key.slice(store.length).split(":")[0]);
    const prefixes = new Set(projects.filter((prefix) => prefix !== this.prefix));
    return [...prefixes].map((prefix) => new Journal(this.storage, prefix));
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

/**
 * The labels that wait to be saved.
 *
 * `post(item, body)` resolves to { status, answer } or rejects where the server cannot be reached.
 * `onChange()` is called when the state of the outbox changes, `onSaved(item, answer, news)` when
 * a body was saved; `news` says that the server has other labels than ours.
 */
export class Outbox {
  #entries = new Map();
  #sequence = 0;
  writer = randomName();

  constructor({ journal, post, onChange, onSaved }) {
    this.journal = journal;
    this.post = post;
    this.onChange = onChange;
    this.onSaved = onSaved;
    for (const { item, body } of journal.all()) this.#entry(item, body.base).pending.push(body);
  }

  #entry(item, base) {
    if (!this.#entries.has(item)) {
      const fresh = { item, base, pending: [], sending: null, timer: null, failures: 0 };
      this.#entries.set(item, { ...fresh, conflict: null, refused: null });
    }
    return this.#entries.get(item);
  }

  /** The newest unsaved labels of a picture, or null. */
  unsaved(item) {
    return this.#entries.get(item)?.pending.at(-1) ?? null;
  }

  conflict(item) {
    return this.#entries.get(item)?.conflict ?? null;
  }

  /** "saved", "saving", "offline", "conflict" or "refused": the worst of all pictures. */
  get state() {
    const entries = [...this.#entries.values()];
    if (entries.some((entry) => entry.conflict)) return "conflict";
    if (entries.some((entry) => entry.refused)) return "refused";
    if (entries.some((entry) => entry.failures > 0)) return "offline";
    return entries.length > 0 ? "saving" : "saved";
  }

  /** What the server refused and why, or null; `position` is where the picture is. */
  get problem() {
    const entry = [...this.#entries.values()].find((one) => one.refused || one.conflict);
    if (!entry) return null;
    return { text: entry.refused ?? "", position: entry.pending.at(-1)?.position ?? null };
  }

  /** Take over new labels; `base` is the revision they started from. */
  edit(item, base, content) {
    const entry = this.#entry(item, base);
    this.#sequence += 1;
    const body = { ...content, writer: this.writer, sequence: this.#sequence, base: entry.base };
    if (entry.pending.at(-1)?.writer === this.writer) entry.pending.pop();
    // What was refused would block `body`, which has started from it.
    const superseded = entry.refused ? entry.pending.splice(0) : [];
    entry.pending.push(body);
    entry.refused = null;
    this.journal.put(item, body);
    for (const old of superseded) this.journal.drop(item, old);
    this.#later(entry, entry.failures ? this.#pause(entry) : DEBOUNCE_MS);
    this.onChange();
  }

  /** Send what waits, now: another picture is opened, the token is new, the network is back. */
  flush() {
    for (const entry of this.#entries.values()) this.#send(entry);
  }

  /** Send what pages of other projects left behind; what is not accepted waits for them. */
  async forward() {
    for (const journal of this.journal.others()) {
      for (const { item, body } of journal.all()) {
        const reply = await this.post(item, body).catch(() => ({}));
        if (isSaved(reply)) journal.drop(item, body);
      }
    }
  }

  /** The page goes away: send without waiting for answers (requests outlive the page). */
  leave() {
    for (const entry of this.#entries.values()) {
      if (entry.conflict) continue;
      for (const body of entry.pending) {
        if (body !== entry.sending) this.post(entry.item, body).catch(() => {});
      }
    }
  }

  /** After a conflict: our labels are to be saved over theirs, or theirs are taken. */
  resolve(item, { keepOurs }) {
    const entry = this.#entries.get(item);
    if (!entry?.conflict) return;
    const theirs = entry.conflict;
    entry.conflict = null;
    entry.base = theirs.revision;
    for (const body of entry.pending) this.journal.drop(item, body);
    const ours = entry.pending.at(-1);
    entry.pending = [];
    if (keepOurs) {
      this.edit(item, entry.base, ours);
    } else {
      this.#entries.delete(item);
      this.onSaved(item, theirs, true);
    }
    this.onChange();
  }

  #pause(entry) {
    return RETRY_MS[Math.min(entry.failures, RETRY_MS.length) - 1];
  }

  #later(entry, delay) {
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => this.#send(entry), delay);
  }

  async #send(entry) {
    if (entry.sending || entry.conflict || entry.refused || entry.pending.length === 0) return;
    clearTimeout(entry.timer);
    const body = entry.pending[0];
    if (body.writer === this.writer) body.base = entry.base;
    entry.sending = body;
    let reply;
    try {
      reply = await this.post(entry.item, body);
    } catch {
      reply = { status: 0, answer: {} };
    }
    entry.sending = null;
    this.#settle(entry, body, reply);
    this.onChange();
  }

  #settle(entry, body, { status, answer }) {
    if (isSaved({ status, answer })) {
      this.#saved(entry, body, answer);
    } else if (status === 409 && answer?.current) {
      entry.failures = 0;
      entry.conflict = answer.current;
    } else if (REFUSED.has(status)) {
      entry.failures = 0;
      entry.refused = answer?.error ?? `the server answered ${status}`;
    } else {
      entry.failures += 1;
      this.#later(entry, this.#pause(entry));
    }
  }

  #saved(entry, body, answer) {
    entry.failures = 0;
    entry.base = answer.revision;
    entry.pending = entry.pending.filter((other) => other !== body);
    this.journal.drop(entry.item, body);
    const agrees = same(answer.points, body.points);
    if (entry.pending.length > 0) {
      // Dropped as late, and others have gone on from it meanwhile: they must be looked at first.
      if (agrees || answer.writer === body.writer) this.#send(entry);
      else entry.conflict = answer;
      return;
    }
    this.#entries.delete(entry.item);
    this.onSaved(entry.item, answer, !agrees);
  }
}
