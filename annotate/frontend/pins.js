// Pins: a bubble beside each point on which somebody has left a comment that still waits.

import { isPlaced } from "./document.js";
import { shape } from "./elements.js";

const BUBBLE = "M-10-9h20v14h-8l-5 6v-6h-7z";

export class PinLayer {
  node = shape("g", { class: "pins", "aria-hidden": "true" });
  #pins = []; // { node, place }

  /** `open`: the comments that wait; `points`: where the landmarks are. */
  show(open, points) {
    const counts = new Map();
    for (const { landmark } of open) {
      if (landmark !== null) counts.set(landmark, (counts.get(landmark) ?? 0) + 1);
    }
    const placed = [...counts].filter(([landmark]) => isPlaced(points[landmark] ?? null));
    this.#pins = placed.map(([landmark, count]) => ({ node: this.#pin(count), place: points[landmark] }));
    this.node.replaceChildren(...this.#pins.map(({ node }) => node));
  }

  #pin(count) {
    const text = shape("text", { y: 2, "text-anchor": "middle" }, `${count}`);
    return shape("g", { class: "pin" }, shape("path", { d: BUBBLE }), text);
  }

  paint(view) {
    for (const { node, place } of this.#pins) {
      const [x, y] = view.toScreen(place);
      node.setAttribute("transform", `translate(${x + 2} ${y - 22})`);
    }
  }
}
