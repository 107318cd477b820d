// The stage: the picture, the points on it, and what the mouse or fingers do there.

import { colourOf, element, ringOf, shape } from "./elements.js";
import { isPlaced } from "./document.js";
import { View, openingArea, wholeArea } from "./geometry.js";
import { GhostLayer } from "./ghosts.js";
import { Loupe } from "./loupe.js";
import { Pointer } from "./pointer.js";

const SEE_PIXELS = 14; // zoom from which single pixels are shown; below, smooth is more exact
const WHEEL = 0.0016;
const PINCH_WHEEL = 0.01; // trackpads report a pinch as a wheel with the control key
const STAGE_LABEL = "Picture. Click to place the next landmark, or press E to place it "
  + "with the arrows and Enter; press question mark for all keys.";
const EDGE = 40; // the keyboard's cursor stays so far inside
const NUMBERED = 40; // numbers beside more points than this would hide the picture

export class Stage {
  view = new View();
  document = null;
  state = null;
  image = element("img", { alt: "" });
  #frame = 0;
  #cursor = null;
  #keyPlace = null;
  #theirs = [];
  #isFitted = true;

  /** `actions`: what the annotator does on place, drag, drop, select (see pointer.js). */
  constructor(groups, actions) {
    this.groups = groups;
    this.loupe = new Loupe(groups);
    this.node = element("div", {
      class: "stage", tabindex: "0", role: "application", "aria-label": STAGE_LABEL,
    });
    this.overlay = shape("svg", { class: "overlay", "aria-hidden": "true" });
    this.box = shape("rect", { class: "box" });
    this.points = groups.map((group, index) => this.#point(group, index));
    this.theirs = groups.map((group, index) => this.#faint(group, index));
    this.ghosts = new GhostLayer(groups, groups.length <= NUMBERED);
    this.layers = [this.ghosts]; // what is drawn below the points: each has a node and paint(view)
    this.overlay.append(this.box, ...this.layers.map(({ node }) => node), ...this.theirs, ...this.points);
    this.cross = ["across", "down"].map((way) => element("div", { class: `cross ${way}` }));
    this.message = element("div", { class: "message", hidden: "" });
    this.node.append(this.image, this.overlay, ...this.cross, this.loupe.canvas, this.message);
    this.node.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.pointer = new Pointer(this, actions);
    new ResizeObserver(() => this.#resized()).observe(this.node);
  }

  #point(group, index) {
    const number = shape("text", { x: 9, y: -7 }, this.groups.length > NUMBERED ? "" : `${index + 1}`);
    const node = shape("g", { class: "point" },
      shape("path", { class: "halo", d: ringOf(group) }),
      shape("path", { class: "ring", d: ringOf(group) }),
      shape("path", { class: "ticks", d: "M-12 0h5M7 0h5M0-12v5M0 7v5" }),
      shape("circle", { class: "pip-halo", r: 2 }), shape("circle", { class: "pip", r: 1.1 }), number);
    node.style.setProperty("--point", colourOf(group));
    return node;
  }

  /** A point of somebody else, to be compared with ours. */
  #faint(group, index) {
    const node = shape("g", { class: "theirs" }, shape("circle", { r: 6 }),
      shape("text", { x: 9, y: 14 }, `${index + 1}`));
    node.style.setProperty("--point", colourOf(group));
    return node;
  }

  /** Draw something below the ghosts and points, or above them, or both. */
  add({ below = null, above }) {
    if (below) this.ghosts.node.before(below.node);
    this.overlay.append(above.node);
    this.layers.push(...[below, above].filter(Boolean));
  }

  /** What can be dragged: by landmark the point or, where there is none yet, the ghost. */
  get handles() {
    return this.state.points.map((point, index) => point ?? this.ghosts.open[index] ?? null);
  }

  get rectangle() {
    return this.node.getBoundingClientRect(); // never kept: the page may have scrolled
  }

  /** Place of an event on the stage. */
  placeOf(event) {
    const { left, top } = this.rectangle;
    return [event.clientX - left, event.clientY - top];
  }

  /** Show another document; its picture must be ready. */
  open(document, image) {
    this.document = document;
    image.className = "picture";
    image.hidden = image.naturalWidth === 0; // could not be loaded: the message tells, no broken icon
    this.image.replaceWith(image);
    this.image = image;
    image.style.width = `${document.width}px`; // the store's size: the browser's may be for a density
    image.style.height = `${document.height}px`;
    this.fit();
  }

  fit({ whole = false } = {}) {
    if (!this.document) return;
    this.#isFitted = !whole;
    const { width, height } = this.rectangle;
    if (width === 0) return; // off the page; fitted when it is back
    const area = whole ? wholeArea(this.document) : openingArea(this.document);
    this.view.fit(area, { width, height });
    this.repaint();
  }

  zoom(factor, at = this.#cursor) {
    const { width, height } = this.rectangle;
    const [x, y] = at ?? [width / 2, height / 2];
    this.view.zoomAt(factor, x, y);
    this.#isFitted = false;
    this.repaint();
  }

  pan(dx, dy) {
    this.view.pan(dx, dy);
    this.#isFitted = false;
    this.repaint();
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 18 : 1; // some mice count lines
    const speed = event.ctrlKey ? PINCH_WHEEL : WHEEL;
    this.zoom(Math.exp(-event.deltaY * lines * speed), this.placeOf(event));
  }

  #resized() {
    if (this.#isFitted) this.fit();
    else this.repaint();
  }

  /** Show labels. */
  show(state) {
    this.state = state;
    this.repaint();
  }

  /** Show somebody else's points, faintly; none: an empty list. */
  showTheirs(points) {
    this.#theirs = points;
    this.repaint();
  }

  /** Where the cursor is, or null: moves the cross and the loupe. */
  point(at) {
    this.#cursor = at;
    this.repaint();
  }

  /** Where the keyboard's cursor is in the picture, or null: it goes before the mouse's. */
  showCursor(place) {
    this.#keyPlace = place;
    if (place) this.#reveal(this.view.toScreen(place));
    this.repaint();
  }

  /** Pan as far as a place of the stage needs to be seen. */
  #reveal([x, y]) {
    const { width, height } = this.rectangle;
    if (width === 0) return;
    const into = (value, size) => Math.min(Math.max(value, Math.min(EDGE, size / 2)), size - EDGE);
    const [dx, dy] = [into(x, width) - x, into(y, height) - y];
    if (dx || dy) this.pan(dx, dy);
  }

  say(text) {
    this.message.textContent = text;
    this.message.hidden = text === "";
  }

  repaint() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.document) this.#paint();
    });
  }

  #paint() {
    const { zoom, left, top } = this.view;
    this.image.style.transform = `translate(${left}px, ${top}px) scale(${zoom})`;
    this.image.style.imageRendering = zoom >= SEE_PIXELS ? "pixelated" : "auto";
    this.#paintBox();
    for (const layer of this.layers) layer.paint(this.view);
    this.state?.points.forEach((point, index) => this.#paintPoint(point, index));
    this.theirs.forEach((node, index) => this.#paintTheirs(node, this.#theirs[index] ?? null));
    this.#paintCursor();
  }

  #paintTheirs(node, point) {
    node.style.display = isPlaced(point) ? "" : "none";
    if (!isPlaced(point)) return;
    const [x, y] = this.view.toScreen(point);
    node.setAttribute("transform", `translate(${x} ${y})`);
  }

  #paintBox() {
    const { box } = this.document;
    this.box.style.display = box ? "" : "none";
    if (!box) return;
    const [x, y] = this.view.toScreen({ x: box[0], y: box[1] });
    const [right, bottom] = this.view.toScreen({ x: box[2], y: box[3] });
    const edges = { x, y, width: Math.max(0, right - x), height: Math.max(0, bottom - y) };
    for (const [name, value] of Object.entries(edges)) this.box.setAttribute(name, value);
  }

  #paintPoint(point, index) {
    const node = this.points[index];
    node.style.display = isPlaced(point) ? "" : "none";
    if (!isPlaced(point)) return;
    const [x, y] = this.view.toScreen(point);
    const chosen = index === this.state.selected ? " selected" : "";
    const aimed = index === this.state.target ? " aimed" : "";
    node.setAttribute("class", `point${chosen}${aimed}${point.v === 1 ? " occluded" : ""}`);
    node.setAttribute("transform", `translate(${x} ${y})`);
  }

  #paintCursor() {
    const at = this.#keyPlace ? this.view.toScreen(this.#keyPlace) : this.#cursor;
    this.node.toggleAttribute("data-keyboard", this.#keyPlace !== null);
    for (const line of this.cross) line.style.display = at ? "" : "none";
    if (!at || !this.state) return this.loupe.hide();
    this.cross[0].style.transform = `translateY(${Math.round(at[1])}px)`;
    this.cross[1].style.transform = `translateX(${Math.round(at[0])}px)`;
    const left = at[0] > this.rectangle.width / 2;
    const place = this.view.toPicture(...at);
    return this.loupe.draw(this.image, this.document, place, this.view, this.state.points, { left });
  }
}
