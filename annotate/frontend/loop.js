// One landmark alone, picture after picture.

import * as labels from "./document.js";

export class Loop {
  landmark = null; // index of the one that alone is marked; null: all are

  constructor(annotator) {
    this.annotator = annotator;
  }

  get isOn() {
    return this.landmark !== null;
  }

  toggle() {
    const { target, selected } = this.annotator.history.state;
    if (this.isOn) this.end();
    else this.landmark = Math.max(0, target >= 0 ? target : selected);
    this.aim();
  }

  end() {
    this.landmark = null;
    const { state } = this.annotator.history;
    const target = labels.nextUndecided(state.points);
    this.annotator.marking.show({ ...state, target, selected: -1 });
  }

  aim() {
    const { history, marking } = this.annotator;
    if (this.isOn) marking.show(labels.aim(history.state, this.landmark));
  }

  /** After its landmark was decided: where it was open, to the next picture where it is, too. */
  goOn({ points, target }) {
    if (!this.isOn || target !== this.landmark) return;
    this.aim();
    if (points[target] === null) this.toUndecided();
    else this.annotator.walk.step(1);
  }

  toUndecided() {
    const { landmark } = this;
    const { outbox, walk, data, queue } = this.annotator;
    const isWanted = (document) => {
      const { points, skipped } = outbox.unsaved(document.item) ?? document;
      if (points[landmark] !== null || queue.whyNotMine(document)) return false;
      return !(skipped ?? document.status === "skipped");
    };
    return walk.toWhere(isWanted, `${data.names[landmark]} is decided in every picture.`);
  }
}
