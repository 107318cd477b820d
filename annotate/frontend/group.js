// Points that move together: the parts of an object, such as an eye, and points from another picture.

import { isPlaced } from "./document.js";
import { intoReach, wholeArea } from "./geometry.js";
import { COPIED, moved } from "./provenance.js";

/** Placed landmarks of the part of the object to which the landmark `index` belongs. */
export function partOf(groups, { points }, index) {
  return groups.flatMap((group, i) => (group === groups[index] && isPlaced(points[i]) ? [i] : []));
}

const mapped = (state, members, map) => ({
  ...state,
  points: state.points.map((point, i) => (members.includes(i) ? moved(point, map(point)) : point)),
});

/** Move the members as the landmark `index` moves to a position. */
export function shifted(state, members, index, position) {
  const [dx, dy] = [position.x - state.points[index].x, position.y - state.points[index].y];
  return { ...mapped(state, members, ({ x, y }) => ({ x: x + dx, y: y + dy })), selected: index };
}

/** Turn and scale the members around their middle, so that `index` comes to a position. */
export function turned(state, members, index, position) {
  const mean = (axis) => members.reduce((sum, i) => sum + state.points[i][axis], 0) / members.length;
  const [mx, my] = [mean("x"), mean("y")];
  const [ax, ay] = [state.points[index].x - mx, state.points[index].y - my];
  const [bx, by] = [position.x - mx, position.y - my];
  const square = ax * ax + ay * ay;
  if (square === 0) return state; // one point alone, or all in one place: there is no angle
  const [cosine, sine] = [(ax * bx + ay * by) / square, (ax * by - ay * bx) / square];
  const turn = ({ x, y }) => ({
    x: mx + cosine * (x - mx) - sine * (y - my), y: my + sine * (x - mx) + cosine * (y - my),
  });
  return { ...mapped(state, members, turn), selected: index };
}

/** All members where a landmark may be, rounded as stored. */
export const held = (state, members, document, margin) => (
  mapped(state, members, (point) => intoReach(point, document, margin)));

/**
 * Undecided landmarks filled in from another picture: where its object's box has them, this one's
 * does. Where a box is missing the whole pictures are laid over each other.
 */
export function copied(points, document, source, margin) {
  const boxed = document.box && source.box;
  const [from, to] = [source, document].map((one) => (boxed ? one.box : wholeArea(one)));
  const scales = [0, 1].map((axis) => (to[axis + 2] - to[axis]) / (from[axis + 2] - from[axis]));
  return points.map((point, i) => {
    const other = source.points[i];
    if (point !== null || !isPlaced(other)) return point;
    const x = to[0] + (other.x - from[0]) * scales[0];
    const y = to[1] + (other.y - from[1]) * scales[1];
    return { ...intoReach({ x, y }, document, margin), v: other.v, src: COPIED };
  });
}
