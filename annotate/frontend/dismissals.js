// Slips that somebody has looked at and found right: the same points are not doubted again until they
// move. Kept in the browser, so that a reload does not bring the doubts back.

const MOST = 500; // points that are kept; the oldest go first

/** What is doubted: points at their places, or that the sides are not mixed up. */
function doubted(item, { kind, k, other }, points) {
  const about = kind === "swap" ? [k, other] : [k];
  const what = kind === "sides" ? "sides" : "point";
  return about.map((i) => JSON.stringify([item, what, i, points[i].x, points[i].y]));
}

export class Dismissals {
  #kept; // set of what was doubted, oldest first

  /** `storage`: null where the browser keeps nothing; `name` tells projects apart. */
  constructor(storage, name) {
    Object.assign(this, { storage, key: `fewmark-slips:${name}` });
    this.#kept = new Set(this.#read());
  }

  #read() {
    try {
      const kept = JSON.parse(this.storage?.getItem(this.key) ?? "[]");
      return Array.isArray(kept) ? kept : [];
    } catch {
      return []; // not ours, or denied
    }
  }

  has(item, slip, points) {
    return doubted(item, slip, points).every((one) => this.#kept.has(one));
  }

  add(item, slip, points) {
    const all = new Set([...this.#kept, ...doubted(item, slip, points)]);
    this.#kept = new Set([...all].slice(-MOST));
    try {
      this.storage?.setItem(this.key, JSON.stringify([...this.#kept]));
    } catch {
      // full: they hold as long as the page
    }
  }
}
