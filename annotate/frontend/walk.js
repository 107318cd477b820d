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
      this.on.say(picture.problem ?? this.queue.whyNotMine(found) ?? "");
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

  /** Open the first picture that is ours to mark; `otherwise` where there is none. */
  async begin(otherwise) {
    const asked = this.#asked;
    const claim = await this.queue.claim(null).catch(() => null);
    if (asked === this.#asked) await this.open(claim?.next_open[0] ?? otherwise);
  }

  step(by) {
    const position = by > 0 ? this.queue.after(this.wanted) : this.queue.before(this.wanted);
    if (position < 0) return;
    this.on.leave();
    if (position >= this.queue.total) this.on.say("That was the last picture.");
    else this.open(position);
  }

  /** To the next picture that is ours to mark. */
  toOpen() {
    return this.ask(async () => {
      const claim = await this.queue.claim(this.wanted);
      const others = claim.next_open.filter((position) => position !== this.wanted);
      if (others.length > 0) return others[0];
      return claim.open > 0 ? "What is left is with others." : "Every picture is done.";
    });
  }

  /** To the next picture, going round, that passes a test; `none` is said where there is none. */
  toWhere(test, none) {
    return this.ask(async () => (await this.queue.nextWhere(this.wanted + 1, test)) ?? none);
  }

  /** To the position that `find` finds, or say what it says; nowhere if another is asked for. */
  async ask(find) {
    this.on.leave();
    const asked = this.#asked;
    try {
      const found = await find();
      if (asked !== this.#asked) return;
      if (typeof found === "string") this.on.say(found);
      else this.open(found);
    } catch (error) {
      this.on.say(`Cannot ask for the next picture: ${error.message}`);
    }
  }
}
