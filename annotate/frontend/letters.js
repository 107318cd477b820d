// Verdicts and comments on their way to the server, as labels are (see sync.js): kept in the browser
// until the server has answered, sent again where it did not, one after the other. All of them can be
// sent twice without harm. What is refused stays, with the reason, until somebody has seen it.

import { Memory } from "./journal.js";
import { REFUSED, RETRY_MS, randomName } from "./sync.js";

/** Whether it is our server that answers; a network that wants a login answers 200 as well. */
const isAnswer = ({ status, answer }) => (
  status === 200 && (Number.isInteger(answer?.comment) || Number.isInteger(answer?.reviews)));

/** Two reviewers who found the same labels good do not contradict each other. */
const agrees = (letter, answer) => (
  letter.body.verdict === "accepted" && answer?.review?.verdict === "accepted");

/**
 * `post(path, body)` resolves to { status, answer } or rejects where the server cannot be reached.
 * `onChange()` is called when something was written, answered or refused, `onAnswered(letter, answer)`
 * when the server has it. A letter is { item, position, name, path, body }.
 */
export class Letters {
  #letters = []; // oldest first
  #sending = null;
  #failures = 0;
  #timer = null;
  #written = 0;
  #notKept = new Set(); // letters for which there was no room

  constructor({ storage, prefix, post, onChange, onAnswered }) {
    this.isLasting = storage !== null;
    this.storage = storage ?? new Memory();
    Object.assign(this, { prefix: `${prefix}:`, post, onChange, onAnswered });
    this.#letters = this.#kept();
  }

  #kept() {
    const keys = Array.from({ length: this.storage.length }, (_, i) => this.storage.key(i));
    const letters = keys.filter((key) => key.startsWith(this.prefix)).map((key) => this.#read(key));
    return letters.filter(Boolean)
      .sort((a, b) => a.written_ms - b.written_ms || a.order - b.order);
  }

  #read(key) {
    try {
      const letter = JSON.parse(this.storage.getItem(key));
      const isOurs = typeof letter?.path === "string" && Number.isInteger(letter.item) && letter.body;
      return isOurs ? letter : null;
    } catch {
      return null;
    }
  }

  #keep(letter) {
    const { problem: _, ...kept } = letter;
    try {
      this.storage.setItem(this.prefix + letter.id, JSON.stringify(kept));
      this.#notKept.delete(letter.id);
    } catch {
      this.#notKept.add(letter.id); // it is still in memory and on its way
    }
  }

  #forget(letter) {
    this.#letters = this.#letters.filter((other) => other !== letter);
    this.#notKept.delete(letter.id);
    this.storage.removeItem(this.prefix + letter.id);
  }

  /** Write a letter: it is kept at once, and sent. */
  send(content) {
    this.#written += 1;
    const marks = { id: randomName(), written_ms: Date.now(), order: this.#written };
    const letter = { ...content, ...marks, isTried: false };
    this.#letters.push(letter);
    this.#keep(letter);
    this.flush();
    this.onChange();
  }

  /** What is on its way about a picture, oldest first. */
  pending(item) {
    return this.#letters.filter((letter) => letter.item === item && !letter.problem);
  }

  /** Where pictures are about which a verdict is on its way. */
  get judged() {
    const verdicts = this.#letters.filter(({ body, problem }) => body.verdict && !problem);
    return new Set(verdicts.map(({ position }) => position));
  }

  /** The oldest letter that was refused, with the server's answer as `problem`; or null. */
  get refused() {
    return this.#letters.find(({ problem }) => problem) ?? null;
  }

  /** "saved", "saving", "offline" or "refused", as the outbox says it. */
  get state() {
    if (this.refused) return "refused";
    if (this.#failures > 0) return "offline";
    return this.#letters.length > 0 ? "saving" : "saved";
  }

  get isKept() {
    return this.#letters.length === 0 || (this.isLasting && this.#notKept.size === 0);
  }

  /** Take back what was never sent; false where it may have arrived. */
  cancel(letter) {
    if (letter.isTried) return false;
    this.drop(letter);
    return true;
  }

  /** Somebody has seen why a letter was refused. */
  drop(letter) {
    this.#forget(letter);
    this.onChange();
  }

  /**
   * The page goes away: send without waiting for answers. Of each picture only the oldest, for a
   * later one counts on it and might be quicker; the next page sends what is kept.
   */
  leave() {
    const asked = new Set(this.#sending ? [this.#sending.item] : []);
    for (const letter of this.#letters) {
      if (letter.problem || asked.has(letter.item)) continue;
      asked.add(letter.item);
      letter.isTried = true;
      this.#keep(letter);
      this.post(letter.path, letter.body).catch(() => {});
    }
  }

  /** Send what waits, one after the other: a later verdict counts on the one before. */
  async flush() {
    const letter = this.#letters.find(({ problem }) => !problem);
    if (this.#sending || !letter) return;
    clearTimeout(this.#timer);
    this.#sending = letter;
    letter.isTried = true;
    this.#keep(letter); // the next page must know that it may have arrived
    const reply = await this.post(letter.path, letter.body).catch(() => ({ status: 0, answer: {} }));
    this.#sending = null;
    this.#settle(letter, reply);
    this.onChange();
  }

  #settle(letter, { status, answer }) {
    if (isAnswer({ status, answer }) || (status === 409 && agrees(letter, answer))) {
      this.#answered(letter, answer);
    } else if (status === 409 || REFUSED.has(status)) {
      letter.problem = { error: `the server answered ${status}`, ...answer };
      this.#takeNothingBack(letter.item);
    } else {
      this.#failures += 1;
      const pause = RETRY_MS[Math.min(this.#failures, RETRY_MS.length) - 1];
      this.#timer = setTimeout(() => this.flush(), pause);
      return;
    }
    this.#failures = 0;
    this.flush();
  }

  #answered(letter, answer) {
    this.#forget(letter);
    const later = this.#letters.filter(({ item, body }) => item === letter.item && "seen" in body);
    for (const other of answer.review ? later : []) {
      other.body.seen = answer.review.number;
      this.#keep(other);
    }
    this.onAnswered(letter, answer);
  }

  /** A verdict that was refused needs not be taken back. */
  #takeNothingBack(item) {
    const idle = this.#letters.filter((letter) => (
      letter.item === item && letter.body.verdict === "withdrawn" && !letter.problem));
    for (const letter of idle) this.#forget(letter);
  }
}
