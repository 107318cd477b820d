// Undo and redo without limit: states never change, so keeping them is enough.

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
