// Where the other landmarks are expected, given those that are placed: the Gaussian shape model
// (datasets/shape_model.py, `condition`), in the browser so that it follows the mouse.
//
// A model has, for M landmarks of which m are marked: `mean` (2 M), the mean shape; `cross`
// (2 M x 2 m), the covariance of all with the marked ones, place, size and orientation included as
// modes of wide variance; `variance` (2 M), of every coordinate; `noise`, the variance of a click;
// `chosen` (m), which landmarks are marked; `mirror` (m), which are on the other side. All in the frame of the mean shape.

import { isPlaced } from "./document.js";
import { colourOf, shape } from "./elements.js";
import { cholesky, solve } from "./linear.js";

const ROUNDS = 20;
const CONVERGED = 1e-6;
const ENOUGH = 3; // points from which on the others are shown
const SURE = 0.25; // deviation up to which they are, in root mean square radii of the mean shape

/**
 * The similarity (x, y) -> (a x - b y + c, b x + a y + d) that brings `from` closest to `to`, and
 * `likeness`, the share of `to` that it explains.
 */
export function similarity(from, to) {
  const n = from.length / 2;
  const centre = (points, axis) => {
    let sum = 0;
    for (let i = axis; i < points.length; i += 2) sum += points[i];
    return sum / n;
  };
  const [fx, fy, tx, ty] = [centre(from, 0), centre(from, 1), centre(to, 0), centre(to, 1)];
  let [size, aim, along, across] = [0, 0, 0, 0];
  for (let i = 0; i < from.length; i += 2) {
    const [x, y, u, v] = [from[i] - fx, from[i + 1] - fy, to[i] - tx, to[i + 1] - ty];
    size += x * x + y * y;
    aim += u * u + v * v;
    along += x * u + y * v;
    across += x * v - y * u;
  }
  const [a, b] = [along / size, across / size];
  const likeness = (along * along + across * across) / (size * aim);
  return { a, b, c: tx - a * fx + b * fy, d: ty - b * fx - a * fy, likeness };
}

export function apply({ a, b, c, d }, points) {
  const moved = new Float64Array(points.length);
  for (let i = 0; i < points.length; i += 2) {
    moved[i] = a * points[i] - b * points[i + 1] + c;
    moved[i + 1] = b * points[i] + a * points[i + 1] + d;
  }
  return moved;
}

export function inverted({ a, b, c, d }) {
  const size = a * a + b * b;
  const [p, q] = [a / size, -b / size];
  return { a: p, b: q, c: -(p * c - q * d), d: -(q * c + p * d) };
}

export class ShapeModel {
  #systems = new Map(); // known landmarks -> Cholesky factor of their covariance
  #sure = new Map(); // known landmarks -> which others they tell

  constructor({ mean, cross, variance, noise, chosen, mirror }) {
    this.mean = Float64Array.from(mean);
    this.cross = Float64Array.from(cross);
    this.variance = Float64Array.from(variance);
    this.noise = noise;
    this.chosen = chosen;
    this.mirror = mirror;
    this.radius = Math.hypot(...this.mean) / Math.sqrt(this.mean.length / 2);
  }

  /** Covariance of two coordinates: of any landmark, and of a marked one. */
  covariance(row, column) {
    return this.cross[row * 2 * this.chosen.length + column];
  }

  /** Coordinates of the landmarks, by their places among the marked ones. */
  #rows(known) {
    return known.flatMap((k) => [2 * this.chosen[k], 2 * this.chosen[k] + 1]);
  }

  /** The factor of the covariance of known landmarks, their noise included; null if there is none. */
  system(known) {
    const key = known.join();
    if (!this.#systems.has(key)) {
      if (this.#systems.size > 300) this.#systems.clear();
      const [rows, n] = [this.#rows(known), 2 * known.length];
      const columns = known.flatMap((k) => [2 * k, 2 * k + 1]);
      const A = new Float64Array(n * n);
      for (let i = 0; i < n; i += 1) {
        for (let j = 0; j < n; j += 1) A[i * n + j] = this.covariance(rows[i], columns[j]);
        A[i * n + i] += this.noise;
      }
      this.#systems.set(key, cholesky(A, n));
    }
    return this.#systems.get(key);
  }

  /**
   * What follows from landmarks `known` (places among the marked ones) at `places` (pixels, flat):
   * { frame, offset, weights, completed }, or null where nothing does. `frame` maps pixels to the
   * frame of the mean shape, `offset` is how far the known ones lie from their means there,
   * `weights` solves their covariance for that, `completed` are all landmarks in pixels.
   */
  condition(known, places) {
    const L = known.length > 1 ? this.system(known) : null;
    if (!L) return null;
    const rows = this.#rows(known);
    const means = Float64Array.from(rows, (row) => this.mean[row]);
    let frame = similarity(places, means);
    if (!(Math.hypot(frame.a, frame.b) > 0 && Number.isFinite(frame.a))) return null; // in one place
    let [found, previous] = [null, null];
    for (let round = 0; round < ROUNDS; round += 1) {
      const offset = apply(frame, places).map((value, i) => value - means[i]);
      const weights = solve(L, offset.length, offset);
      const moves = this.#moves(known, weights);
      const whole = this.mean.map((value, i) => value + moves[i]);
      const completed = apply(inverted(frame), whole);
      found = { frame, offset, weights, completed };
      const before = previous;
      if (before && moves.every((move, i) => Math.abs(move - before[i]) < CONVERGED)) break;
      frame = similarity(completed, this.mean);
      previous = moves;
    }
    return found;
  }

  #moves(known, weights) {
    const moves = new Float64Array(this.mean.length);
    const m = 2 * this.chosen.length;
    known.forEach((k, i) => {
      const [x, y] = [weights[2 * i], weights[2 * i + 1]];
      for (let row = 0; row < moves.length; row += 1) {
        moves[row] += this.cross[row * m + 2 * k] * x + this.cross[row * m + 2 * k + 1] * y;
      }
    });
    return moves;
  }

  /** How far a landmark's covariance [xx, xy, yy] in the frame shrinks when some are known. */
  #gain(landmark, known) {
    const L = this.system(known);
    const columns = known.flatMap((k) => [2 * k, 2 * k + 1]);
    const [gx, gy] = [0, 1].map((axis) => (
      columns.map((column) => this.covariance(2 * landmark + axis, column))));
    const [sx, sy] = [gx, gy].map((part) => solve(L, columns.length, part));
    const dot = (u, v) => u.reduce((sum, value, i) => sum + value * v[i], 0);
    return [dot(gx, sx), dot(gx, sy), dot(gy, sy)];
  }

  /** Covariance [xx, xy, yy] in the frame of a click on the marked landmark k, given known ones. */
  spread(k, known) {
    const [landmark, xy] = [this.chosen[k], this.covariance(2 * this.chosen[k], 2 * k + 1)];
    const gain = this.#gain(landmark, known);
    const [xx, yy] = [this.variance[2 * landmark], this.variance[2 * landmark + 1]];
    return [xx - gain[0] + this.noise, xy - gain[1], yy - gain[2] + this.noise];
  }

  /** By landmark, whether its place is told well enough by known ones to be shown. */
  sure(known) {
    const key = known.join();
    if (!this.#sure.has(key)) {
      if (this.#sure.size > 300) this.#sure.clear();
      const limit = 2 * (SURE * this.radius) ** 2;
      this.#sure.set(key, Array.from({ length: this.mean.length / 2 }, (_, i) => {
        const [xx, , yy] = this.#gain(i, known);
        return this.variance[2 * i] - xx + this.variance[2 * i + 1] - yy < limit;
      }));
    }
    return this.#sure.get(key);
  }
}

/** Which of the marked landmarks are placed, and where: as `condition` takes them. */
export function knownOf(points) {
  const known = points.flatMap((point, index) => (isPlaced(point) ? [index] : []));
  return { known, places: Float64Array.from(known.flatMap((k) => [points[k].x, points[k].y])) };
}

/** Places of the landmarks that are not marked, in pixels; null where one is not to be told yet. */
export function preview(model, points) {
  const { known, places } = knownOf(points);
  const M = model.mean.length / 2;
  const none = Array(M).fill(null);
  const found = known.length >= ENOUGH ? model.condition(known, places) : null;
  if (!found) return none;
  const marked = new Set(model.chosen);
  const isSure = model.sure(known);
  return none.map((_, i) => (marked.has(i) || !isSure[i] ? null
    : { x: found.completed[2 * i], y: found.completed[2 * i + 1] }));
}

/** The preview on the stage: small dots, and the lines of the format through them. */
export class PreviewLayer {
  node = shape("g", { class: "preview", "aria-hidden": "true" });
  on = true;
  #places = [];

  /** `groups` are by landmark of the whole format, as are the indices of `contours`. */
  constructor(groups, contours) {
    this.contours = contours;
    this.lines = contours.map(() => shape("path", { class: "line" }));
    this.dots = groups.map((group) => {
      const dot = shape("circle", { r: 2.2, class: "expected" });
      dot.style.setProperty("--point", colourOf(group));
      return dot;
    });
    this.node.append(...this.lines, ...this.dots);
  }

  /** By landmark where it is placed or expected, and whether the latter; null: neither. */
  show(places) {
    this.#places = places;
  }

  paint(view) {
    const on = this.on && this.#places.some((place) => place?.isExpected);
    this.node.style.display = on ? "" : "none";
    if (!on) return;
    const screen = this.#places.map((place) => place && view.toScreen(place));
    this.dots.forEach((dot, i) => {
      dot.style.display = this.#places[i]?.isExpected ? "" : "none";
      if (screen[i]) dot.setAttribute("transform", `translate(${screen[i]})`);
    });
    this.contours.forEach(({ indices, closed }, number) => {
      const ring = closed ? [...indices, indices[0]] : indices;
      let path = "";
      ring.forEach((i, step) => {
        if (screen[i]) path += `${step > 0 && screen[ring[step - 1]] ? "L" : "M"}${screen[i]}`;
      });
      this.lines[number].setAttribute("d", path);
    });
  }
}
