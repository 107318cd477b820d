// The labels of one picture as plain values. Nothing here changes its arguments.
//
// A state is { points, target, selected }: m points, each null (undecided) or { x, y, v } with
// v = 0 absent, 1 occluded, 2 visible, and how it came about (see provenance.js); which landmark the next click places (-1: none); and which
// one the keyboard works on (-1: none).

import { moved } from "./provenance.js";

export const ABSENT = 0;
export const OCCLUDED = 1;
export const VISIBLE = 2;

const absentPoint = { x: null, y: null, v: ABSENT };

const LABEL = ["x", "y", "v"];

/** Whether two lists of points say the same of the picture, however they came about. */
export function sameLabels(a, b) {
  return a.length === b.length && a.every((point, i) => (
    point && b[i] ? LABEL.every((part) => point[part] === b[i][part]) : point === b[i]));
}

export const isPlaced = (point) => point !== null && point.v !== ABSENT;
export const isComplete = (points) => points.every((point) => point !== null);

/** How far a picture has come, as the store says it. */
export function statusOf({ points, skipped }) {
  if (skipped) return "skipped";
  return isComplete(points) ? "done" : "open";
}

/** The first undecided landmark from `start` on, going round; -1 where there is none. */
export function nextUndecided(points, start = 0) {
  for (let step = 0; step < points.length; step += 1) {
    const index = (start + step) % points.length;
    if (points[index] === null) return index;
  }
  return -1;
}

/** The state in which a picture opens. */
export const opened = (points) => ({ points, target: nextUndecided(points), selected: -1 });

const replaced = (points, index, point) => points.map((old, i) => (i === index ? point : old));

/** Place the target at a position and go on to the next undecided landmark. */
export function place(state, position, v = VISIBLE) {
  const index = state.target;
  if (index < 0) return state;
  const points = replaced(state.points, index, { x: position.x, y: position.y, v });
  return { points, target: nextUndecided(points, index + 1), selected: index };
}

/** Move a placed landmark; what comes next stays as it is. */
export function move(state, index, position) {
  const old = state.points[index];
  if (!isPlaced(old)) return state;
  const points = replaced(state.points, index, moved(old, position));
  return { ...state, points, selected: index };
}

/** The landmark cannot be seen and its place not be told: the target, else the selected one. */
export function markAbsent(state) {
  const index = state.target >= 0 ? state.target : state.selected;
  if (index < 0) return state;
  const points = replaced(state.points, index, absentPoint);
  return { points, target: nextUndecided(points, index + 1), selected: index };
}

/** Hidden behind something, but its place is known: switch for the selected landmark. */
export function toggleOccluded(state) {
  const old = state.points[state.selected];
  if (state.selected < 0 || !isPlaced(old)) return state;
  const v = old.v === VISIBLE ? OCCLUDED : VISIBLE;
  return { ...state, points: replaced(state.points, state.selected, { ...old, v }) };
}

/** Make the selected landmark undecided again; it becomes the target. */
export function remove(state) {
  const index = state.selected;
  if (index < 0 || state.points[index] === null) return state;
  return { points: replaced(state.points, index, null), target: index, selected: -1 };
}

/** Choose the landmark that the next click places, even if it has a place already. */
export const aim = (state, index) => ({ ...state, target: index, selected: index });
