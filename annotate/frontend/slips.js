// Slips: points that the others do not expect where they are. Every placed point is held against
// what the best linear predictor makes of all others (leave-one-out); where one stands out, the
// simplest change that makes it fit says what it is: sides that are mixed up throughout, two points
// that are swapped, or one that is misplaced. Nothing is ever refused; people are told.

import { apply, knownOf, similarity } from "./preview.js";
import { inverse } from "./linear.js";

export const LIMIT = 3.5; // deviations; measured on faces, see docs/results.md
const VERY_FAR = 10; // deviations from which on it is said so
const SUSPECT = 0.6; // of the limit: what stands out so far with all points is looked at closer
const CLOSER = 3; // so many are
const UNLIKE = 0.7; // share of the mean shape in the points below which they may be mixed up
const ALIKE = 0.85; // and above which another order explains them
const MOST = 6; // slips that are told at once
const ENOUGH = 4; // points from which on they are held against each other

/** How many deviations the click on marked landmark k lies from where others expect it, and where. */
export function deviation(model, points, k) {
  const { known, places } = knownOf(points.map((point, index) => (index === k ? null : point)));
  const found = model.condition(known, places);
  if (!found) return null;
  const landmark = model.chosen[k];
  const expected = { x: found.completed[2 * landmark], y: found.completed[2 * landmark + 1] };
  const [u, v, s, t] = apply(found.frame, [points[k].x, points[k].y, expected.x, expected.y]);
  const [xx, xy, yy] = model.spread(k, known);
  const [dx, dy] = [u - s, v - t];
  const squared = (dx * dx * yy - 2 * dx * dy * xy + dy * dy * xx) / (xx * yy - xy * xy);
  return { sigma: Math.sqrt(Math.max(0, squared)), expected, known };
}

/** What all placed points together deviate: the energy of their offsets; and each one's part. */
function judged(model, points) {
  const { known, places } = knownOf(points);
  const found = model.condition(known, places);
  if (!found) return null;
  const { offset, weights } = found;
  const energy = offset.reduce((sum, value, i) => sum + value * weights[i], 0);
  return { known, energy, weights, frame: found.frame, places };
}

/** Squared deviations of every known point from the others, by the inverse of their covariance. */
function screened({ known, weights }, P) {
  const n = 2 * known.length;
  return known.map((_, i) => {
    const [x, y] = [weights[2 * i], weights[2 * i + 1]];
    const [a, b, d] = [P[2 * i * n + 2 * i], P[2 * i * n + 2 * i + 1], P[(2 * i + 1) * n + 2 * i + 1]];
    return (d * x * x - 2 * b * x * y + a * y * y) / (a * d - b * b);
  });
}

/** What the energy becomes, the frame left as it is, if points i and j changed places. */
function swapped({ energy, weights, frame, places, known }, P, i, j) {
  const n = 2 * known.length;
  const at = apply(frame, places);
  const index = [2 * i, 2 * i + 1, 2 * j, 2 * j + 1];
  const [dx, dy] = [at[2 * j] - at[2 * i], at[2 * j + 1] - at[2 * i + 1]];
  const change = [dx, dy, -dx, -dy];
  let sum = energy;
  index.forEach((row, r) => {
    sum += 2 * change[r] * weights[row];
    index.forEach((column, c) => { sum += change[r] * P[row * n + column] * change[c]; });
  });
  return sum;
}

const exchanged = (points, i, j) => points.map((point, k) => (
  k === i ? points[j] : k === j ? points[i] : point));

const without = (points, k) => points.map((point, index) => (index === k ? null : point));

/** How much of the mean shape is in the points if they are these landmarks, from 0 to 1. */
function likeness(model, places, landmarks) {
  const means = Float64Array.from(landmarks.flatMap((i) => [model.mean[2 * i], model.mean[2 * i + 1]]));
  return similarity(places, means).likeness;
}

/** Whether the points are rather those of the other side, all of them. */
function isMirrored(model, points) {
  const { known, places } = knownOf(points);
  const as = (landmarks) => likeness(model, places, known.map((k) => landmarks[k]));
  return as(model.chosen) < UNLIKE && as(model.mirror) > ALIKE;
}

/** The worst deviation among points, looked at one by one where it is worth it. */
function worst(model, points, suspects) {
  let found = null;
  for (const k of suspects) {
    const one = deviation(model, points, k);
    if (!one || (found && one.sigma <= found.sigma)) continue;
    found = { k, ...one };
  }
  return found;
}

/** One step: the slip that explains most and the points as they would be without it; or null. */
function next(model, points, limit) {
  const all = judged(model, points);
  if (!all || all.known.length < ENOUGH) return null;
  if (isMirrored(model, points)) return { kind: "sides", k: all.known[0], fixed: null };
  const n = 2 * all.known.length;
  const P = inverse(model.system(all.known), n);
  const squares = screened(all, P);
  const order = squares.map((_, i) => i).sort((a, b) => squares[b] - squares[a]);
  const suspects = order.slice(0, CLOSER).filter((i) => squares[i] > (SUSPECT * limit) ** 2);
  const single = worst(model, points, suspects.map((i) => all.known[i]));
  if (!single || single.sigma < limit) return null;
  const rest = judged(model, without(points, single.k)).energy;
  const swap = bestSwap(model, points, all, P, suspects);
  if (swap && swap.energy < rest) return { kind: "swap", ...single, ...swap };
  return { kind: "far", ...single, fixed: without(points, single.k) };
}

function bestSwap(model, points, all, P, suspects) {
  let best = { energy: Infinity };
  for (const i of suspects) {
    all.known.forEach((_, j) => {
      if (i === j) return;
      const energy = swapped(all, P, i, j);
      if (energy < best.energy) best = { energy, i, j };
    });
  }
  if (best.energy === Infinity) return null;
  const [k, other] = [all.known[best.i], all.known[best.j]];
  const fixed = exchanged(points, k, other);
  const found = judged(model, fixed);
  return found && { energy: found.energy, k, other, fixed };
}

/** The marked landmark whose expected place is nearest to a misplaced point, if it is near. */
function lookalike(model, points, { k, known, expected }, limit) {
  const rest = without(points, k);
  const found = model.condition(known, knownOf(rest).places);
  const point = points[k];
  const distance = (other) => {
    const landmark = model.chosen[other];
    return Math.hypot(found.completed[2 * landmark] - point.x, found.completed[2 * landmark + 1] - point.y);
  };
  const others = model.chosen.map((_, other) => other).filter((other) => other !== k);
  const nearest = others.sort((a, b) => distance(a) - distance(b))[0];
  const own = Math.hypot(expected.x - point.x, expected.y - point.y);
  if (nearest === undefined || distance(nearest) > own / 3) return null;
  const there = points.map((old, i) => (i === nearest ? point : i === k ? null : old));
  const fit = deviation(model, there, nearest);
  return fit && fit.sigma < limit / 2 ? nearest : null;
}

/**
 * { found, points }: the slips among points, the gravest first, each { kind, k, other, sigma, expected } with kind "sides"
 * (left and right mixed up throughout), "swap" (of k and other), "order" (k is where other should
 * be) or "far" (k is just not where it is expected). `points` are those without the slips, null
 * where nothing can be made of them.
 */
export function explained(model, points, limit = LIMIT) {
  const found = [];
  let rest = points;
  while (rest && found.length < MOST) {
    const slip = next(model, rest, limit);
    if (!slip) break;
    if (slip.kind === "far") {
      const other = lookalike(model, rest, slip, limit);
      if (other !== null) Object.assign(slip, { kind: "order", other });
    }
    const { kind, k, other = null, sigma = null, expected = null } = slip;
    found.push({ kind, k, other, sigma, expected });
    rest = slip.fixed;
  }
  return { found, points: rest };
}

export const slips = (...given) => explained(...given).found;

/** A slip in words; `sigma` is in standard deviations of how such points lie. */
export function inWords({ kind, k, other, sigma }, names) {
  const how = sigma >= VERY_FAR ? "very far" : "far";
  const far = `${how} from where the other points expect it`;
  if (kind === "sides") return "Left and right look mixed up throughout.";
  if (kind === "swap") return `${names[k]} and ${names[other]} look swapped.`;
  if (kind === "order") return `${names[k]} is ${far}; it looks like ${names[other]}.`;
  return `${names[k]} is ${far}.`;
}
