// The keyboard's cursor: it starts where the next landmark is expected, arrows move it, Enter or
// Space places. Expected is where a typical shape has the landmark, laid over what is placed.

import { isPlaced } from "./document.js";
import { intoReach, rounded, wholeArea } from "./geometry.js";

const PRIOR = 0.1; // what the box says counts as much as this part of one placed point

/** Where to look for the object: its box, or the middle of the picture. */
function areaOf(document) {
  if (document.box) return document.box;
  const [left, top, right, bottom] = wholeArea(document);
  const [dx, dy] = [(right - left) / 4, (bottom - top) / 4];
  return [left + dx, top + dy, right - dx, bottom - dy];
}

/** The typical shape as it fits into an area without being turned. */
function fitted(guide, [left, top, right, bottom]) {
  const xs = guide.map(([x]) => x);
  const ys = guide.map(([, y]) => y);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  const [width, height] = [Math.max(...xs) - x || 1, Math.max(...ys) - y || 1];
  const scale = Math.min((right - left) / width, (bottom - top) / height);
  const [moreX, moreY] = [(right - left - width * scale) / 2, (bottom - top - height * scale) / 2];
  return guide.map((p) => [left + moreX + (p[0] - x) * scale, top + moreY + (p[1] - y) * scale]);
}

/** The similarity that takes points `from` closest to points `to`, in weighted squares. */
export function similarity(pairs) {
  const total = pairs.reduce((sum, { weight }) => sum + weight, 0);
  const mean = (read) => [0, 1].map((axis) => (
    pairs.reduce((sum, pair) => sum + pair.weight * read(pair)[axis], 0) / total));
  const [zero, one] = [mean(({ from }) => from), mean(({ to }) => to)];
  let [along, across, spread] = [0, 0, 0];
  for (const { from, to, weight } of pairs) {
    const [ax, ay] = [from[0] - zero[0], from[1] - zero[1]];
    const [bx, by] = [to[0] - one[0], to[1] - one[1]];
    along += weight * (ax * bx + ay * by);
    across += weight * (ax * by - ay * bx);
    spread += weight * (ax * ax + ay * ay);
  }
  const [cosine, sine] = spread > 0 ? [along / spread, across / spread] : [1, 0];
  return ([x, y]) => [
    one[0] + cosine * (x - zero[0]) - sine * (y - zero[1]),
    one[1] + sine * (x - zero[0]) + cosine * (y - zero[1]),
  ];
}

/** Where the landmark `index` is to be looked for. */
export function expectedPlace({ guide, chosen }, points, document, index) {
  const area = areaOf(document);
  if (!guide) return { x: (area[0] + area[2]) / 2, y: (area[1] + area[3]) / 2 };
  const laid = fitted(guide, area);
  const pairs = laid.map((to, i) => ({ from: guide[i], to, weight: PRIOR / guide.length }));
  points.forEach((point, i) => {
    if (isPlaced(point)) pairs.push({ from: guide[chosen[i]], to: [point.x, point.y], weight: 1 });
  });
  const [x, y] = similarity(pairs)(guide[chosen[index]]);
  return { x: rounded(x), y: rounded(y) };
}

export class KeyCursor {
  on = false;
  place = null; // in pixels of the picture
  #aimedAt = "";

  /** `template` has the typical shape, the chosen landmarks and how far outside they may lie. */
  constructor(template) {
    this.template = template;
  }

  /** Whether arrows move the cursor and not a point. */
  get isActive() {
    return this.on && this.place !== null;
  }

  /** Go to the target, or its ghost, when that or the picture is another one; null where none is. */
  follow(document, { points, target }, ghost) {
    const aim = this.on && target >= 0 ? `${document.item}:${target}` : "";
    if (aim !== this.#aimedAt) {
      const start = () => (isPlaced(points[target])
        ? points[target] : ghost ?? expectedPlace(this.template, points, document, target));
      this.place = aim && intoReach(start(), document, this.template.margin);
      this.place ||= null;
    }
    this.#aimedAt = aim;
    return this.place;
  }

  move([dx, dy], document) {
    const moved = { x: this.place.x + dx, y: this.place.y + dy };
    this.place = intoReach(moved, document, this.template.margin);
  }
}
