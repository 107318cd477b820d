// The loupe: what is under the cursor, enlarged, in the corner of the stage away from the cursor.

import { colourOf, element, ringOf } from "./elements.js";
import { isPlaced } from "./document.js";
import { toCorner } from "./geometry.js";

const SIZE = 168;
const MORE = 2.5; // times the zoom of the stage
const CLOSE = 16; // zoom of the stage from which nothing is gained

export class Loupe {
  on = true;

  constructor(groups) {
    this.groups = groups;
    const scale = Math.min(2, globalThis.devicePixelRatio || 1);
    this.canvas = element("canvas", {
      class: "loupe", width: SIZE * scale, height: SIZE * scale, "aria-hidden": "true",
    });
    this.context = this.canvas.getContext("2d");
    this.context.scale(scale, scale);
    this.hide();
  }

  hide() {
    this.canvas.style.visibility = "hidden";
  }

  /** Draw what is around a position of a picture of `size`; `left` puts the loupe on the left. */
  draw(image, size, position, view, points, { left }) {
    if (!this.on || !image?.naturalWidth || view.zoom >= CLOSE) return this.hide();
    const zoom = Math.max(6, view.zoom * MORE);
    const half = SIZE / 2 / zoom;
    const [x, y] = [toCorner(position.x) - half, toCorner(position.y) - half];
    const { context } = this;
    context.imageSmoothingEnabled = zoom < 24;
    context.fillStyle = "#333";
    context.fillRect(0, 0, SIZE, SIZE);
    const [across, down] = [image.naturalWidth / size.width, image.naturalHeight / size.height];
    context.drawImage(image, x * across, y * down, 2 * half * across, 2 * half * down, 0, 0, SIZE, SIZE);
    points.forEach((point, index) => {
      if (!isPlaced(point)) return;
      const [px, py] = [(toCorner(point.x) - x) * zoom, (toCorner(point.y) - y) * zoom];
      this.#ring(px, py, this.groups[index]);
    });
    this.#cross();
    this.canvas.style.visibility = "visible";
    this.canvas.classList.toggle("left", left);
  }

  #ring(x, y, group) {
    const { context } = this;
    context.save();
    context.translate(x, y);
    for (const [style, width] of [["rgba(0,0,0,.75)", 4], [colourOf(group), 2]]) {
      context.strokeStyle = style;
      context.lineWidth = width;
      context.stroke(new Path2D(ringOf(group)));
    }
    context.restore();
  }

  #cross() {
    const middle = SIZE / 2;
    for (const [style, width] of [["rgba(0,0,0,.6)", 4], ["#fff", 2]]) {
      this.context.strokeStyle = style;
      this.context.lineWidth = width;
      this.context.beginPath();
      for (const [from, to] of [[middle - 26, middle - 5], [middle + 5, middle + 26]]) {
        this.context.moveTo(from, middle);
        this.context.lineTo(to, middle);
        this.context.moveTo(middle, from);
        this.context.lineTo(middle, to);
      }
      this.context.stroke();
    }
  }
}
