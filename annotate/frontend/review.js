// Review: the finished pictures that wait for it, one after the other, each with a verdict. Points
// are locked until the reviewer chooses to fix them; verdicts are sent as letters (see letters.js).

import { standing } from "./verdicts.js";

const AHEAD = 3;

export class Review {
  on = false;
  isFixing = false;
  progress = null; // what the server last said of it; null: nothing yet
  #waiting = []; // positions of what waits soonest, as the server told them, in order
  #given = []; // positions of the verdicts that were given here, the last one last
  #trail = []; // positions that were looked at
  #asked = 0;

  constructor(annotator) {
    this.annotator = annotator;
  }

  /** Whether the points are only looked at. */
  get isLocked() {
    return this.on && !this.isFixing;
  }

  get #document() {
    return this.annotator.document;
  }

  /** The verdict that stands for the open picture, or null. */
  get verdict() {
    const { remarks: { letters }, outbox } = this.annotator;
    const { item } = this.#document;
    return standing(this.#document, letters.pending(item), outbox.unsaved(item));
  }

  #say(text) {
    this.annotator.stage.say(text);
  }

  // ------------------------------------------------------------- what waits

  /** Ask how far the review has come, and what waits after the open picture. */
  async learn() {
    this.#asked += 1;
    const asked = this.#asked;
    const { server, data } = this.annotator;
    const answer = await server.reviews(data.project, data.annotator, this.#document?.position);
    if (asked !== this.#asked) return;
    this.progress = answer;
    this.#waiting = answer.next.sort((a, b) => a - b);
    this.#loadAhead();
    if (this.#document) this.annotator.render();
  }

  /** The same where it does not matter whether the server answers. */
  refresh() {
    return this.learn().catch(() => {});
  }

  /** The server has a verdict; what it was asked before that may still say that the picture waits. */
  answered(position) {
    this.#waiting = this.#waiting.filter((other) => other !== position);
    this.refresh();
  }

  /** Positions of what waits after a position, going round. */
  #after(position) {
    const { judged } = this.annotator.remarks.letters;
    const others = this.#waiting.filter((other) => other !== position && !judged.has(other));
    const isLater = (other) => other > position;
    return [...others.filter(isLater), ...others.filter((other) => !isLater(other))];
  }

  #loadAhead() {
    if (!this.on) return;
    const { queue, walk } = this.annotator;
    for (const position of this.#after(walk.wanted).slice(0, AHEAD)) {
      queue.get(position).then((found) => found && queue.picture(found), () => {});
    }
  }

  // ------------------------------------------------------------- going through them

  async toggle() {
    if (!this.annotator.data.reviews) return this.#say("You may not review labels in this project.");
    if (this.on) return this.#end();
    try {
      this.on = true;
      await this.learn();
    } catch (error) {
      this.on = false;
      return this.#say(`Cannot ask what waits for review: ${error.message}`);
    }
    this.annotator.rest();
    this.#trail = [this.#document.position];
    const waits = this.#document.status === "done" && !this.verdict;
    return waits ? this.annotator.render() : this.next();
  }

  #end() {
    this.on = false;
    this.isFixing = false;
    this.annotator.queue.prepare(this.#document.position);
    this.annotator.render();
  }

  /** Another picture is open. */
  entered() {
    this.isFixing = false;
    const { position } = this.#document;
    if (this.#trail.at(-1) !== position) this.#trail.push(position);
    this.annotator.renew();
    this.refresh();
  }

  /** To the next picture that was sent back to the annotator. */
  toReturned() {
    const { walk } = this.annotator;
    const others = (this.progress?.yours ?? []).filter((position) => position !== walk.wanted);
    return walk.ask(async () => others[0] ?? "Nothing else was sent back to you.");
  }

  next() {
    const { walk } = this.annotator;
    return walk.ask(async () => {
      const here = walk.wanted;
      if (this.#after(here).length === 0) await this.refresh();
      return this.#after(here)[0] ?? "Nothing else waits for review.";
    });
  }

  previous() {
    if (this.#trail.length < 2) return this.#say("Here the review began.");
    this.#trail.pop();
    return this.annotator.walk.open(this.#trail.at(-1));
  }

  // ------------------------------------------------------------- verdicts

  /** Why no verdict can be given now; null: nothing is in the way. */
  get #obstacle() {
    const { outbox, walk, panel } = this.annotator;
    const { item, status } = this.#document;
    const unsaved = outbox.unsaved(item);
    if (!this.on) return `Verdicts are given in review: ${panel.bindings.shown("review")}.`;
    if (walk.isUnderway) return "The next picture is not there yet.";
    if (outbox.conflict(item)) return "First choose whose labels are kept.";
    if (status === "open") return "These labels are not finished: there is nothing to review yet.";
    if (unsaved && !unsaved.review) return "These labels are not saved yet; try again in a moment.";
    return null;
  }

  get #isFixedByMe() {
    const { verdict } = this;
    return verdict?.verdict === "fixed" && verdict.reviewer === this.annotator.data.annotator;
  }

  /** These labels are good; a fix says so already. */
  approve() {
    const obstacle = this.#obstacle;
    if (obstacle) return this.#say(obstacle);
    if (this.#isFixedByMe) this.annotator.renew(); // somebody may have changed it since
    else this.annotator.remarks.give("accepted");
    return this.#goOn();
  }

  /** Ask for the reason; without one nothing is sent back. */
  sendBack() {
    const obstacle = this.#obstacle;
    if (obstacle) return this.#say(obstacle);
    if (this.#isFixedByMe) {
      return this.#say("You have fixed these labels: sent back, they would come to you. Accept them.");
    }
    const { item, name } = this.#document;
    return this.annotator.remarks.ask("return", `Send back ${name}: why?`, (written) => {
      if (this.#document.item !== item || this.#obstacle) return this.#say(this.#obstacle ?? "");
      this.annotator.remarks.give("returned", written);
      return this.#goOn();
    });
  }

  #goOn() {
    this.#given.push(this.#document.position);
    return this.next();
  }

  /** The reviewer marks the points; or only looks at them again. */
  fix() {
    if (!this.on) return this.#say("Fixing is for review; here points can be changed anyway.");
    this.isFixing = !this.isFixing;
    return this.annotator.render();
  }

  /** Take back the verdict on the open picture or, where it has none, the last one given here. */
  async takeBack() {
    const { walk } = this.annotator;
    if (!this.verdict) {
      const last = this.#given.pop();
      if (last === undefined) return this.#say("There is no verdict to take back.");
      await walk.open(last);
      if (this.#document.position !== last || !this.verdict) return undefined;
    }
    const { letter } = this.verdict;
    if (!letter || !this.annotator.remarks.letters.cancel(letter)) this.annotator.remarks.give("withdrawn");
    this.#given = this.#given.filter((position) => position !== this.#document.position);
    return this.#say("Taken back: this picture waits for review again.");
  }
}
