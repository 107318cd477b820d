// Undo and redo without limit: states never change, so keeping them is enough.

import { sameLabels } from "./document.js";

export class History {
  #past = [];
  #future = [];

  constructor(state) {
    this.state = state;
  }

  /** Take a new state that can be undone; the same labels again are no step. */
  commit(state) {
    if (state.points === this.state.points) return this.show(state);
    this.#past.push(this.state);
    this.#future = [];
    this.state = state;
    return true;
  }

  /** Change what is aimed at or selected, without a step. */
  show(state) {
    this.state = state;
    return false;
  }

  undo() {
    return this.#step(this.#past, this.#future);
  }

  redo() {
    return this.#step(this.#future, this.#past);
  }

  #step(from, to) {
    if (from.length === 0) return false;
    to.push(this.state);
    this.state = from.pop();
    return true;
  }
}

const KEPT = 200;

/** The histories of the pictures looked at last; `opened(points)` makes a picture's first state. */
export class Histories {
  #byItem = new Map();

  constructor(opened) {
    this.opened = opened;
  }

  /** The history of a document; a new one where others have gone on from it meanwhile. */
  of({ item, points }) {
    const kept = this.#byItem.get(item);
    if (kept && sameLabels(kept.state.points, points)) return kept;
    const fresh = new History(this.opened(points));
    this.#byItem.delete(item);
    this.#byItem.set(item, fresh);
    if (this.#byItem.size > KEPT) this.#byItem.delete(this.#byItem.keys().next().value);
    return fresh;
  }
}
