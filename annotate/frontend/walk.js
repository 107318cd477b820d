// The way through the pictures: which one is asked for, and what is said where none can be shown.

const SLOW_MS = 300; // a picture that takes longer is announced

export class Walk {
  wanted = null; // position last asked for
  #asked = 0; // how often: an older picture that loads late is not shown
  #here = null; // position of the picture that is shown

  /**
   * `on`: `say(text)`, `leave()` before another picture is asked for, `underway(isUnderway)` when
   * that begins or ends, `enter(document, picture)`.
   */
  constructor(queue, on) {
    this.queue = queue;
    this.on = on;
  }

  /** Whether another picture than the one that is shown was asked for. */
  get isUnderway() {
    return this.wanted !== this.#here;
  }

  async open(position) {
    this.wanted = position;
    this.on.underway(this.isUnderway);
    this.#asked += 1;
    const asked = this.#asked;
    const isWanted = () => asked === this.#asked;
    const slow = setTimeout(() => isWanted() && this.on.say("Loading the picture …"), SLOW_MS);
    try {
      const found = await this.queue.get(position);
      const picture = found && this.queue.picture(found);
      await picture?.ready;
      if (!found || !isWanted()) return;
      this.#here = position;
      this.on.enter(found, picture);
      this.on.say(picture.problem ?? "");
    } catch (error) {
      if (isWanted()) this.on.say(`Cannot load the next pictures: ${error.message}`);
    } finally {
      clearTimeout(slow);
      if (isWanted()) {
        this.wanted = this.#here; // where it failed, we are where we were
        this.on.underway(false);
      }
    }
  }

  step(by) {
    const position = this.wanted + by;
    if (position < 0) return;
    this.on.leave();
    if (position >= this.queue.total) this.on.say("That was the last picture.");
    else this.open(position);
  }

  /** To the next picture that is not done; nowhere if another is asked for meanwhile. */
  async toOpen() {
    this.on.leave();
    const asked = this.#asked;
    try {
      const position = await this.queue.nextOpen(this.wanted + 1);
      if (asked !== this.#asked) return;
      if (position === null) this.on.say("Every picture is done.");
      else this.open(position);
    } catch (error) {
      this.on.say(`Cannot ask for the next open picture: ${error.message}`);
    }
  }
}
