// Gold pictures: their true points are known, which nothing tells before such a picture is done.
// Then, before the next one is opened, it is told how far the labels are from them.

import { element } from "./elements.js";
import { isPlaced } from "./document.js";

const TITLE = "This was a gold picture";

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** How far labels are from the true points, in a line. */
function inShort({ px, percent, unit }) {
  const [far, share] = [px, percent].map((values) => values.filter((value) => value !== null));
  if (far.length === 0) return `${TITLE}.`;
  const part = share.length > 0 ? ` (${mean(share).toFixed(1)} % of ${unit})` : "";
  return `${TITLE}: ${mean(far).toFixed(1)} px from the true points on average${part}.`;
}

export class Gold {
  node = element("div", { class: "gold", role: "status", hidden: "" });
  #waiting = new Set(); // items that are done and not told of yet
  #told = new Map(); // item -> what the server said

  /**
   * `ask(item)` resolves to the true points and the errors, `told(item, text)` hears of them;
   * `names` are those of the landmarks.
   */
  constructor(names, { ask, told }) {
    this.names = names;
    this.ask = ask;
    this.told = told;
  }

  /** A save was answered: is there something to tell of the picture? At once where it was left. */
  heard(item, { gold }, isOpen) {
    if (!gold || this.#told.has(item)) return;
    this.#waiting.add(item);
    if (!isOpen) this.#tell(item);
  }

  /** Go on from a picture; from a gold one only when it was told how exact it was. */
  before(item, goOn) {
    if (this.#waiting.has(item)) this.#tell(item).then((found) => found || goOn());
    else goOn();
  }

  /** Ask how exact a picture was, and say so; null where that cannot be told now. */
  async #tell(item) {
    this.#waiting.delete(item);
    const found = await this.ask(item).catch(() => null);
    if (!found) return null;
    this.#told.set(item, found);
    this.told(item, inShort(found));
    return found;
  }

  /** The true points of a picture, where they were told: to be drawn as somebody else's. */
  truth(item) {
    return this.#told.get(item)?.truth ?? [];
  }

  /** The errors of a picture, landmark by landmark. */
  show(item) {
    const found = this.#told.get(item);
    this.node.hidden = !found;
    if (!found || this.node.dataset.item === String(item)) return;
    this.node.dataset.item = item;
    const rows = found.truth.flatMap((point, k) => {
      if (!isPlaced(point) || found.px[k] === null) return [];
      const cells = [this.names[k], `${found.px[k].toFixed(1)} px`,
        found.percent[k] === null ? "" : `${found.percent[k].toFixed(1)} %`];
      return [element("tr", {}, ...cells.map((text) => element("td", {}, text)))];
    });
    const caption = element("caption", {}, `${inShort(found)} They are drawn faintly.`);
    this.node.replaceChildren(element("table", {}, caption, element("tbody", {}, ...rows)));
  }
}
