// Marking the open picture: what clicks, drags and keys make of its points.

import * as labels from "./document.js";
import { intoReach, withinReach } from "./geometry.js";
import * as ghosts from "./ghosts.js";
import * as group from "./group.js";
import { timed } from "./provenance.js";

export class Marking {
  dragged = null; // index, place and manner of a point under the mouse, not yet an edit

  constructor(annotator) {
    this.annotator = annotator;
  }

  get #state() {
    return this.annotator.history.state;
  }

  get #document() {
    return this.annotator.document;
  }

  get #margin() {
    return this.annotator.data.margin;
  }

  #say(text) {
    this.annotator.stage.say(text);
  }

  /** Whether points can be marked: the picture is what it should be, and no other is underway. */
  get isMarkable() {
    const { walk, picture } = this.annotator;
    if (!this.mayLabel || walk.isUnderway) return false;
    if (!picture.problem) return true;
    walk.open(this.#document.position); // the server, or the file, may be back by now
    return false;
  }

  get mayLabel() {
    if (!this.mayChange) return false;
    const { review, panel, queue, document } = this.annotator;
    const notMine = review.on ? null : queue.whyNotMine(document);
    if (notMine) this.#say(notMine);
    if (!review.isLocked) return !notMine;
    const [fix, back] = ["fix", "sendBack"].map((command) => panel.bindings.shown(command));
    this.#say(`You are reviewing: ${fix} to fix the points yourself, ${back} to send them back.`);
    return false;
  }

  /** Whether somebody may change anything here. */
  get mayChange() {
    const readsOnly = this.annotator.data.reads_only;
    if (readsOnly) this.#say("You may look at the labels here, but not change them.");
    return !readsOnly;
  }

  place(position, { occluded }) {
    if (!this.isMarkable) return;
    if (!withinReach(position, this.#document, this.#margin)) {
      this.#say("That is too far outside the picture.");
      return;
    }
    const state = this.#state;
    if (state.target < 0) {
      this.#say("Every landmark is placed: drag to correct, D for the next picture.");
      return;
    }
    const near = intoReach(position, this.#document, this.#margin);
    const v = occluded ? labels.OCCLUDED : labels.VISIBLE;
    this.commit(ghosts.place(state, near, v, this.#document.ghosts));
    this.annotator.loop.goOn(state);
  }

  /** `how`: "alone", or with its part of the object "together" or "turning" it. */
  drag(index, position, how) {
    if (!this.isMarkable) return;
    this.dragged = [index, intoReach(position, this.#document, this.#margin), how];
    this.annotator.showLabels();
  }

  drop(moved) {
    const state = this.shown;
    this.dragged = null;
    if (moved) this.commit(state);
    else this.annotator.render();
  }

  /** The labels, with the point that is being dragged where the mouse is. */
  get shown() {
    const state = this.#state;
    if (!this.dragged) return state;
    const [index, position, how] = this.dragged;
    const { groups } = this.annotator.data;
    const members = how === "alone" ? [] : group.partOf(groups, state, index);
    if (!members.includes(index)) return ghosts.move(state, index, position, this.#document.ghosts);
    const move = how === "turning" ? group.turned : group.shifted;
    return group.held(move(state, members, index, position), members, this.#document, this.#margin);
  }

  /** What is undecided, from the picture before. */
  async copy() {
    const { queue, outbox } = this.annotator;
    const document = this.#document;
    const before = document.position > 0
      && await queue.get(document.position - 1).catch(() => null);
    if (document !== this.#document || !this.isMarkable) return;
    if (!before) return this.#say("There is no picture before this one.");
    const source = { ...before, points: outbox.unsaved(before.item)?.points ?? before.points };
    const state = this.#state;
    const points = group.copied(state.points, document, source, this.#margin);
    const more = points.filter((point, i) => point !== state.points[i]).length;
    if (more === 0) return this.#say(`Nothing to copy from ${before.name}.`);
    this.commit({ points, target: labels.nextUndecided(points), selected: -1 });
    return this.#say(`Copied ${more} from ${before.name}: drag to correct, Z takes it back.`);
  }

  nudge([dx, dy]) {
    const { cursor, stage, panel } = this.annotator;
    if (cursor.isActive) {
      cursor.move([dx, dy], this.#document);
      stage.showCursor(cursor.place);
      return;
    }
    const state = this.#state;
    const point = state.points[state.selected];
    if (!point || !labels.isPlaced(point) || panel.helpShown || !this.isMarkable) return;
    const moved = { x: point.x + dx, y: point.y + dy };
    this.commit(labels.move(state, state.selected, intoReach(moved, this.#document, this.#margin)));
  }

  /** Take the ghost of the next landmark. */
  accept() {
    const state = this.#state;
    const next = ghosts.accept(state, this.#document.ghosts);
    if (next !== state) {
      this.commit(next);
      this.annotator.loop.goOn(state);
    } else if (this.annotator.data.ghosts && state.target >= 0) {
      this.#say("No ghost here: click the landmark.");
    }
  }

  leaveOut() {
    const state = this.#state;
    this.commit(labels.markAbsent(state));
    this.annotator.loop.goOn(state);
  }

  aim(step) {
    const state = this.#state;
    const from = state.target >= 0 ? state.target : state.selected;
    const m = state.points.length;
    this.aimAt((from + step + m) % m);
  }

  aimAt(index) {
    const { loop } = this.annotator;
    if (loop.isOn) loop.landmark = index;
    this.show(labels.aim(this.#state, index), { focus: true });
  }

  commit(state) {
    const edit = timed(this.#state, state, this.#document.active ?? 0);
    if (this.annotator.history.commit(edit)) this.annotator.edited();
    else this.annotator.render();
  }

  /** Aim at something, select something: nothing that could be undone. */
  show(state, { focus = false } = {}) {
    this.annotator.history.show(state);
    this.annotator.render();
    if (focus) this.annotator.stage.node.focus({ preventScroll: true });
  }
}
