// Mouse, pen and fingers on the stage.
//
//   left button, tap       place the next landmark, also on top of a point; once all are placed,
//                          select the point
//   dragged from a point   move it; a ghost becomes a point. With control, command or alt the whole
//                          part of the object, with shift as well: turn and scale that. Without a
//                          point these do nothing
//   twice in a moment      once, as the second press is hardly ever meant; with shift it is
//   right button           place as occluded; dragged: pan
//   middle button, space   pan
//   two fingers            pan and zoom

import { isPlaced } from "./document.js";

const NEAR = { mouse: 10, pen: 12, touch: 22 };
const STILL = 3; // movement up to this is a click
const TWICE_MS = 350; // two presses at one place within this are a double click
const clamped = (value, high) => Math.min(high, Math.max(0, value));

export class Pointer {
  space = false;
  spaceUsed = false; // since it went down: it was held and not tapped
  #down = new Map(); // pointer id -> [x, y]
  #last = { at: [NaN, NaN], time: 0 }; // the last press that could place
  #gesture = null; // { kind: "pan" | "drag" | "press" | "pinch", ... }

  constructor(stage, actions) {
    this.stage = stage;
    this.actions = actions;
    const listen = (name, handle) => stage.node.addEventListener(name, (event) => {
      actions.active();
      handle.call(this, event);
    });
    listen("pointerdown", this.#pressed);
    listen("pointermove", this.#moved);
    listen("pointerup", this.#released);
    listen("pointercancel", this.#cancelled);
    listen("lostpointercapture", this.#cancelled);
    stage.node.addEventListener("pointerleave", () => stage.point(null));
    stage.node.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** The nearest placed point or ghost around a place of the stage, or -1. */
  #hit([x, y], near) {
    let [found, best] = [-1, near];
    this.stage.handles.forEach((point, index) => {
      if (!isPlaced(point)) return;
      const [px, py] = this.stage.view.toScreen(point);
      const distance = Math.hypot(px - x, py - y);
      if (distance < best) [found, best] = [index, distance];
    });
    return found;
  }

  #pressed(event) {
    const { stage } = this;
    if (!stage.state) return;
    event.preventDefault();
    stage.node.focus({ preventScroll: true });
    const at = stage.placeOf(event);
    this.#down.set(event.pointerId, at);
    stage.node.setPointerCapture(event.pointerId);
    if (this.#down.size === 2) {
      if (this.#gesture?.kind === "drag") this.actions.drop(false);
      this.#gesture = { kind: "pinch" };
    } else if (event.button === 1 || this.space) {
      this.spaceUsed = true;
      this.#gesture = { kind: "pan" };
    } else if (event.button === 2) {
      this.#gesture = { kind: "press", from: at, occluded: true };
    } else if (event.button === 0) {
      this.#leftPressed(event, at);
    }
  }

  #leftPressed(event, at) {
    const { state } = this.stage;
    const aimsAgain = state.target >= 0 && state.points[state.target] !== null;
    const isGroup = event.ctrlKey || event.metaKey || event.altKey;
    const isAbove = (event.shiftKey || aimsAgain) && !isGroup; // of a point: places all the same
    const index = isAbove ? -1 : this.#hit(at, NEAR[event.pointerType] ?? 10);
    const isSecond = this.#isSecond(event, at);
    const places = state.target >= 0 && !isSecond && !isGroup;
    if (index >= 0) {
      const [x, y] = this.stage.view.toScreen(this.stage.handles[index]);
      const offset = [x - at[0], y - at[1]];
      const how = isGroup ? (event.shiftKey ? "turning" : "together") : "alone";
      this.#gesture = { kind: "drag", from: at, offset, index, far: false, places, how };
      if (!places) this.actions.select(index);
    } else if (isGroup) {
      this.#gesture = null;
    } else if (event.pointerType === "touch") {
      this.#gesture = { kind: "press", from: at, occluded: false }; // it may become a pinch
    } else {
      this.actions.place(this.stage.view.toPicture(...at), { occluded: false });
    }
  }

  #isSecond({ timeStamp }, at) {
    const { at: [x, y], time } = this.#last;
    this.#last = { at, time: timeStamp };
    return timeStamp - time < TWICE_MS && Math.hypot(at[0] - x, at[1] - y) <= STILL;
  }

  #moved(event) {
    const at = this.stage.placeOf(event);
    const before = this.#down.get(event.pointerId);
    if (event.pointerType !== "touch") this.stage.point(at);
    if (!before || !this.#gesture) return;
    if (this.#gesture.kind === "pinch") this.#pinch(event.pointerId, before, at);
    else if (this.#gesture.kind === "pan") this.stage.pan(at[0] - before[0], at[1] - before[1]);
    else if (this.#gesture.kind === "drag") this.#drag(at);
    else if (this.#isFar(at)) this.#panFrom(at);
    this.#down.set(event.pointerId, at);
  }

  #isFar([x, y]) {
    return Math.hypot(x - this.#gesture.from[0], y - this.#gesture.from[1]) > STILL;
  }

  #panFrom([x, y]) {
    const { from } = this.#gesture;
    this.#gesture = { kind: "pan" };
    this.stage.pan(x - from[0], y - from[1]);
  }

  #drag(at) {
    const gesture = this.#gesture;
    gesture.far ||= this.#isFar(at);
    if (!gesture.far) return;
    const { width, height } = this.stage.rectangle; // what leaves the stage cannot be seen
    const x = clamped(at[0] + gesture.offset[0], width);
    const y = clamped(at[1] + gesture.offset[1], height);
    this.actions.drag(gesture.index, this.stage.view.toPicture(x, y), gesture.how);
  }

  #pinch(id, before, at) {
    const other = [...this.#down].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const length = (p) => Math.max(1, Math.hypot(p[0] - other[0], p[1] - other[1]));
    const middle = [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2];
    this.stage.pan((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
    this.stage.zoom(length(at) / length(before), middle);
  }

  #released(event) {
    const gesture = this.#gesture;
    this.#down.delete(event.pointerId);
    if (!gesture) return;
    if (gesture.kind === "pinch") {
      if (this.#down.size === 0) this.#gesture = null;
      return;
    }
    this.#gesture = null;
    if (gesture.kind === "drag") this.actions.drop(gesture.far);
    if (gesture.kind === "press" || (gesture.places && !gesture.far)) {
      const place = this.stage.view.toPicture(...gesture.from);
      this.actions.place(place, { occluded: gesture.occluded ?? false });
    }
  }

  /** Another picture is about to be shown: a drag ends where it is, and nothing goes over to it. */
  end() {
    const gesture = this.#gesture;
    this.#gesture = null;
    if (gesture?.kind === "drag") this.actions.drop(gesture.far);
  }

  #cancelled(event) {
    if (!this.#down.delete(event.pointerId)) return;
    if (this.#gesture?.kind === "drag") this.actions.drop(false);
    this.#gesture = null;
  }
}
