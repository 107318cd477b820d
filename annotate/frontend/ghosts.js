// Ghosts: points that a model predicted. They are offered and are no labels; one that is taken
// becomes a point, and says of itself that it was a ghost (see provenance.js). Where a landmark is
// decided, its ghost is not shown. Nothing here changes its arguments.

import { colourOf, shape } from "./elements.js";
import * as labels from "./document.js";
import { ACCEPTED, CORRECTED } from "./provenance.js";

const NEAR = 0.1; // of the extent of all ghosts: a click within that of a ghost corrects it

/** The ghosts of landmarks that are not decided yet, null for all others. */
export const openGhosts = ({ points }, ghosts) => points.map((point, index) => (
  point === null && labels.isPlaced(ghosts?.[index] ?? null) ? ghosts[index] : null));

const taken = ({ x, y, v }, src) => ({ x, y, v, src });

/** Take the ghost of the target as it is and go on; the same state where it has none. */
export function accept(state, ghosts) {
  const ghost = openGhosts(state, ghosts)[state.target];
  if (!ghost) return state;
  const points = state.points.map((old, i) => (i === state.target ? taken(ghost, ACCEPTED) : old));
  const target = labels.nextUndecided(points, state.target + 1);
  return { points, target, selected: state.target };
}

/** Take all ghosts as they are. */
export function acceptAll(state, ghosts) {
  const open = openGhosts(state, ghosts);
  if (!open.some(Boolean)) return state;
  const points = state.points.map((old, index) => (open[index] ? taken(open[index], ACCEPTED) : old));
  return { points, target: labels.nextUndecided(points), selected: -1 };
}

function extent(ghosts) {
  const there = ghosts.filter((ghost) => ghost && labels.isPlaced(ghost));
  const size = (axis) => {
    const values = there.map((ghost) => ghost[axis]);
    return Math.max(...values) - Math.min(...values);
  };
  return Math.hypot(size("x"), size("y"));
}

/** Place the target; near its ghost that is a correction of the ghost. */
export function place(state, position, v, ghosts) {
  const ghost = openGhosts(state, ghosts)[state.target];
  const next = labels.place(state, position, v);
  if (!ghost || next === state) return next;
  const distance = Math.hypot(position.x - ghost.x, position.y - ghost.y);
  if (distance > NEAR * extent(ghosts)) return next; // the ghost was of no use
  const src = distance === 0 && v === ghost.v ? ACCEPTED : CORRECTED;
  const points = next.points.map((point, i) => (i === state.target ? { ...point, src } : point));
  return { ...next, points };
}

/** Move a point, or make one of a ghost by moving it. */
export function move(state, index, position, ghosts) {
  const ghost = openGhosts(state, ghosts)[index];
  if (!ghost) return labels.move(state, index, position);
  const point = taken({ ...ghost, ...position }, CORRECTED);
  const points = state.points.map((old, i) => (i === index ? point : old));
  const target = state.target === index ? labels.nextUndecided(points, index + 1) : state.target;
  return { points, target, selected: index };
}

/** The ghosts on the stage: hollow, dashed and with a question mark, so as not to pass for points. */
export class GhostLayer {
  node = shape("g", { class: "ghosts" });
  open = []; // by landmark; null where there is none or it is decided
  #target = -1;

  constructor(groups, numbered) {
    this.nodes = groups.map((group, index) => {
      const number = shape("text", { x: 10, y: 15 }, numbered ? `${index + 1}?` : "");
      const diamond = "M0-8L8 0L0 8L-8 0Z";
      const node = shape("g", { class: "ghost" }, shape("path", { class: "halo", d: diamond }),
        shape("path", { class: "edge", d: diamond }), shape("circle", { class: "pip-halo", r: 2 }),
        shape("circle", { class: "pip", r: 1.1 }), number);
      node.style.setProperty("--point", colourOf(group));
      return node;
    });
    this.node.append(...this.nodes);
  }

  show(state, ghosts) {
    this.open = openGhosts(state, ghosts);
    this.#target = state.target;
  }

  paint(view) {
    this.nodes.forEach((node, index) => {
      const ghost = this.open[index] ?? null;
      node.style.display = ghost ? "" : "none";
      if (!ghost) return;
      node.setAttribute("class", index === this.#target ? "ghost current" : "ghost");
      node.setAttribute("transform", `translate(${view.toScreen(ghost)})`);
    });
  }
}
