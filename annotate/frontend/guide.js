// The guide: a typical shape with the next landmark pulsing, and the list of landmarks.

import { colourOf, element, ringOf, shape } from "./elements.js";
import { isPlaced } from "./document.js";

/** A word for the state of a landmark. */
export function describe(point) {
  if (point === null) return "to do";
  return ["absent", "occluded", "placed"][point.v];
}

const dotAt = ([x, y], size) => `translate(${x} ${y}) scale(${size})`;

export class Guide {
  constructor(template, onPick) {
    this.template = template;
    this.figure = shape("svg", { class: "guide", role: "img" });
    this.figure.setAttribute("aria-label", "Typical shape; the pulsing dot is the next landmark");
    this.list = element("ol", { class: "landmarks", "aria-label": "Landmarks" });
    this.dots = template.guide ? this.#draw(template.guide, onPick) : [];
    this.rows = template.names.map((name, index) => this.#row(name, index, onPick));
    this.list.append(...this.rows);
  }

  #draw(points, onPick) {
    const xs = points.map(([x]) => x);
    const ys = points.map(([, y]) => y);
    const [left, top] = [Math.min(...xs), Math.min(...ys)];
    const size = Math.max(Math.max(...xs) - left, Math.max(...ys) - top) || 1;
    const width = (Math.max(...xs) - left) / size;
    const height = (Math.max(...ys) - top) / size;
    const at = ([x, y]) => [(100 * (x - left)) / size, (100 * (y - top)) / size];
    const box = [-8, -8, 100 * width + 16, 100 * height + 16];
    this.figure.setAttribute("viewBox", box.map((v) => v.toFixed(2)).join(" "));
    for (const { indices, closed } of this.template.contours) {
      const path = indices.map((i) => at(points[i]).join(",")).join(" ");
      this.figure.append(shape(closed ? "polygon" : "polyline", { points: path, class: "contour" }));
    }
    for (const point of points) {
      const [cx, cy] = at(point);
      this.figure.append(shape("circle", { cx, cy, r: 0.9, class: "dense" }));
    }
    return this.template.chosen.map((place, index) => {
      const group = this.template.groups[index];
      const title = shape("title", {}, this.template.names[index]);
      const dot = shape("path", { d: ringOf(group), class: "dot" }, title);
      dot.place = at(points[place]);
      dot.style.setProperty("--point", colourOf(group));
      dot.addEventListener("click", () => onPick(index));
      this.figure.append(dot);
      return dot;
    });
  }

  #row(name, index, onPick) {
    const group = this.template.groups[index];
    const swatch = shape("svg", { class: "swatch", viewBox: "-9 -9 18 18", "aria-hidden": "true" },
      shape("path", { d: ringOf(group) }));
    swatch.style.setProperty("--point", colourOf(group));
    const mark = element("span", { class: "mark", "aria-hidden": "true" });
    const label = element("span", { class: "name" }, name);
    const button = element("button", { type: "button" }, swatch, label, mark);
    button.addEventListener("click", () => onPick(index));
    return element("li", {}, button);
  }

  /** Show a state of the labels. */
  show({ points, target, selected }) {
    points.forEach((point, index) => {
      const state = point === null ? "todo" : isPlaced(point) ? "placed" : "absent";
      const next = index === target;
      const words = [state, point?.v === 1 ? "occluded" : "", next ? "next" : "",
        index === selected ? "selected" : ""];
      const names = words.filter(Boolean).join(" ");
      const button = this.rows[index].firstChild;
      this.rows[index].className = names;
      this.rows[index].querySelector(".mark").textContent =
        point === null ? "" : ["absent", "occluded", "✓"][point.v];
      button.setAttribute("aria-label", `${this.template.names[index]}, ${describe(point)}`);
      if (next) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
      const dot = this.dots[index];
      dot?.setAttribute("class", `dot ${names}`);
      dot?.setAttribute("transform", dotAt(dot.place, next ? 0.73 : 0.43));
    });
    if (this.dots[target]) this.figure.append(this.dots[target]); // drawn above its neighbours
    this.#scrollTo(this.rows[target]);
  }

  #scrollTo(row) {
    if (!row) return;
    const above = row.offsetTop - this.list.offsetTop;
    const { scrollTop, clientHeight } = this.list;
    if (above < scrollTop || above + row.offsetHeight > scrollTop + clientHeight) {
      this.list.scrollTop = above - clientHeight / 2;
    }
  }
}
