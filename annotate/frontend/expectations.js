// What the other points make of each one: the preview of the landmarks that are not marked, and the
// slips, with a mark on the stage and a note in words. All of it is advice; labels never wait for it.

import { element, shape } from "./elements.js";
import { isPlaced } from "./document.js";
import { PreviewLayer, ShapeModel, preview } from "./preview.js";
import { explained, inWords } from "./slips.js";

/** Marks of slips on the stage: a sign at the point, a line to where it is expected. */
class SlipLayer {
  node = shape("g", { class: "slip-marks", "aria-hidden": "true" });
  #marks = [];

  show(found, points) {
    this.#marks = found.flatMap(({ kind, k, other, expected }) => {
      if (kind === "sides") return [];
      const sign = shape("g", { class: "slip" }, shape("path", { d: "M0-9L9 7H-9Z" }),
        shape("text", { y: 5, "text-anchor": "middle" }, "!"));
      const line = shape("path", { class: "slip-line" });
      return [{ sign, line, from: points[k], to: kind === "swap" ? points[other] : expected }];
    });
    this.node.replaceChildren(...this.#marks.flatMap(({ sign, line }) => [line, sign]));
  }

  paint(view) {
    for (const { sign, line, from, to } of this.#marks) {
      const [x, y] = view.toScreen(from);
      sign.setAttribute("transform", `translate(${x - 14} ${y - 14})`);
      line.setAttribute("d", `M${x} ${y}L${view.toScreen(to)}`);
    }
  }
}

export class Expectations {
  notes = element("ul", { class: "slips", role: "status", "aria-label": "Possible slips", hidden: "" });
  marks = new SlipLayer();
  found = [];
  #model = null;

  /** `dismissals`: what was found right; `on`: `pick(index)` to look at a landmark, `dismissed()`. */
  constructor(data, dismissals, on) {
    Object.assign(this, { data, dismissals, on });
    this.preview = new PreviewLayer(data.dense_groups, data.contours);
  }

  /** What the server knows of the shapes; null: nothing is expected of any landmark. */
  learn(model) {
    this.#model = model && new ShapeModel(model);
  }

  /** Show what follows from labels; while a point is dragged (not `settled`) slips wait. */
  show({ points }, { item, settled }) {
    if (!this.#model) return;
    try {
      const { found, sound } = settled ? this.#judged(item, points)
        : { found: this.found, sound: points };
      this.preview.show(this.#places(points, sound ?? []));
      if (settled) this.#showSlips(item, found, points);
    } catch (error) {
      console.error(error); // advice that fails must not stop anybody from labelling
      this.#model = null;
      this.preview.show([]);
    }
  }

  /** The slips that nobody has found right, and the points from which others are expected. */
  #judged(item, points) {
    const { found, points: sound } = explained(this.#model, points);
    const left = found.filter((slip) => !this.dismissals.has(item, slip, points));
    return { found: left, sound: left.length > 0 ? sound : points };
  }

  /** Where landmarks are placed or, going by the `sound` points alone, expected. */
  #places(points, sound) {
    if (!this.preview.on) return [];
    const places = preview(this.#model, sound)
      .map((place) => place && { ...place, isExpected: true });
    this.#model.chosen.forEach((landmark, k) => {
      if (isPlaced(points[k]) && points[k] === sound[k]) places[landmark] = points[k];
    });
    return places;
  }

  #showSlips(item, found, points) {
    this.found = found;
    this.marks.show(this.found, points);
    this.notes.hidden = this.found.length === 0;
    this.notes.replaceChildren(...this.found.map((slip) => {
      const note = element("button", { type: "button" }, `⚠ ${inWords(slip, this.data.names)}`);
      note.addEventListener("click", () => this.on.pick(slip.k));
      return element("li", {}, note, this.#dismissal(item, slip, points));
    }));
  }

  /** The button that says: it is right as it is. */
  #dismissal(item, slip, points) {
    const label = `It is right, until the point moves: ${inWords(slip, this.data.names)}`;
    const names = { type: "button", class: "dismiss", "aria-label": label, title: "It is right" };
    const button = element("button", names, "✕");
    button.addEventListener("click", () => {
      this.dismissals.add(item, slip, points);
      this.on.dismissed();
    });
    return button;
  }
}
