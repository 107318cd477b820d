// Labels on their way to the server. Nothing that was clicked may get lost, so
//   - every edit is written to the browser's storage at once and stays there until the server
//     has answered that it is saved;
//   - what cannot be sent is sent again, by this page or by the next one that is opened;
//   - one request at a time for each picture; a body carries its writer (random for each page
//     load: a duplicated tab must not share it) and a sequence, so that sending twice does no harm;
//   - a body replaces the unsent one that it was made from. Two bodies that know nothing of each
//     other wait side by side, and people are asked.

import { sameLabels } from "./document.js";

const DEBOUNCE_MS = 250;
export const RETRY_MS = [500, 1000, 2000, 4000, 8000];
export const REFUSED = new Set([400, 403, 404, 413]);

export function randomName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is missing on plain http
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether the store has acknowledged; a network that wants a login answers 200 as well. */
const isSaved = ({ status, answer }) => status === 200 && Number.isInteger(answer?.revision);

/**
 * Whether a body says all that a revision says: it is the body's own, or one that the body was
 * made from. The newest body of a picture replaces those, whoever wrote them, and names them.
 */
function knows(body, { writer, sequence }) {
  return sequence <= (writer === body.writer ? body.sequence : body.contains?.[writer] ?? 0);
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
  elsewhere = []; // { project, pictures }: what waits for other projects to be opened

  constructor({ journal, post, onChange, onSaved }) {
    this.journal = journal;
    this.post = post;
    this.onChange = onChange;
    this.onSaved = onSaved;
    for (const { item, body } of journal.all()) this.#entry(item).pending.push(body);
  }

  #entry(item) {
    if (!this.#entries.has(item)) {
      const fresh = { item, pending: [], sending: null, timer: null, failures: 0 };
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

  /** Whether labels that are not saved yet would outlive this page. */
  get isKept() {
    return this.#entries.size === 0 || (this.journal.isLasting && !this.journal.full);
  }

  /** What the server refused and why, or null; `position` is where the picture is. */
  get problem() {
    const entry = [...this.#entries.values()].find((one) => one.refused || one.conflict);
    if (!entry) return null;
    return { text: entry.refused ?? "", position: entry.pending.at(-1)?.position ?? null };
  }

  /**
   * Take over new labels, made from the newest unsaved ones or else from the revision `base`. Their
   * `active_ms` is since the edit before; what is sent counts since the base, so it is added up.
   */
  edit(item, base, content) {
    const entry = this.#entry(item);
    const old = entry.pending.pop();
    const contains = old ? { ...old.contains, [old.writer]: old.sequence } : {};
    this.#sequence += 1;
    const { writer } = this;
    const signed = { ...content, writer, sequence: this.#sequence, base: old?.base ?? base };
    const active_ms = (old?.active_ms ?? 0) + (content.active_ms ?? 0);
    const body = { ...signed, active_ms, contains, edited_ms: Date.now() };
    // What was refused would block `body`.
    const superseded = entry.refused ? entry.pending.splice(0) : [];
    entry.pending.push(body);
    entry.refused = null;
    if (this.journal.put(item, body)) this.#forget(item, { ...body, sequence: body.sequence - 1 });
    for (const other of superseded) this.#forget(item, other);
    this.#later(entry, entry.failures ? this.#pause(entry) : DEBOUNCE_MS);
    this.onChange();
  }

  /** A body and all that it was made from need not be kept any more. */
  #forget(item, { writer, sequence, contains = {} }, journal = this.journal) {
    const known = { ...contains, [writer]: sequence };
    for (const [name, last] of Object.entries(known)) {
      journal.drop(item, { writer: name, sequence: last });
    }
  }

  /** Send what waits, now: another picture is opened, the token is new, the network is back. */
  flush() {
    for (const entry of this.#entries.values()) this.#send(entry);
  }

  /** Send what pages of other projects left behind; what is not accepted waits for them. */
  async forward() {
    const waiting = new Map();
    for (const journal of this.journal.others()) {
      for (const { item, body, project } of journal.all()) {
        const name = project || "another project";
        if (await this.#isAccepted(item, body)) this.#forget(item, body, journal);
        else waiting.set(name, (waiting.get(name) ?? new Set()).add(item));
      }
    }
    this.elsewhere = [...waiting].map(([project, items]) => ({ project, pictures: items.size }));
    this.onChange();
  }

  async #isAccepted(item, body) {
    const reply = await this.post(item, body).catch(() => ({}));
    const current = reply.answer?.current;
    if (!current || !knows(body, current)) return isSaved(reply);
    const base = current.revision;
    return isSaved(await this.post(item, { ...body, base }).catch(() => ({})));
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

  /**
   * After a conflict: our labels are to be saved over theirs, or theirs are taken. Only the newest
   * of ours was seen; others wait on, and are asked about next.
   */
  resolve(item, { keepOurs }) {
    const entry = this.#entries.get(item);
    if (!entry?.conflict) return;
    const theirs = entry.conflict;
    entry.conflict = null;
    if (keepOurs) {
      for (const body of entry.pending) {
        body.base = theirs.revision;
        this.journal.put(item, body);
      }
    } else {
      this.#forget(item, entry.pending.pop());
      if (entry.pending.length === 0) this.#entries.delete(item);
      this.onSaved(item, theirs, true);
    }
    this.#send(entry);
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
      this.#overtaken(entry, answer.current);
    } else if (REFUSED.has(status)) {
      entry.failures = 0;
      const isNewest = entry.pending.includes(body); // else it was replaced meanwhile
      if (isNewest) entry.refused = answer?.error ?? `the server answered ${status}`;
      else this.#send(entry);
    } else {
      entry.failures += 1;
      this.#later(entry, this.#pause(entry));
    }
  }

  /** The store has another revision than the one we named: ours all the same, or a conflict. */
  #overtaken(entry, current) {
    const [body] = entry.pending;
    if (knows(body, current) && body.base !== current.revision) {
      body.base = current.revision;
      this.#send(entry);
    } else {
      entry.conflict = current;
    }
  }

  #saved(entry, body, answer) {
    entry.failures = 0;
    entry.pending = entry.pending.filter((other) => other !== body);
    this.#forget(entry.item, body);
    const agrees = sameLabels(answer.points, body.points);
    if (entry.pending.length > 0) {
      for (const other of entry.pending) {
        const follows = knows(other, answer) || (agrees && knows(other, body));
        if (follows) other.base = answer.revision;
        if (knows(other, body)) other.active_ms -= body.active_ms; // saved with the body
      }
      this.#send(entry);
      return;
    }
    this.#entries.delete(entry.item);
    this.onSaved(entry.item, answer, !agrees);
  }
}
