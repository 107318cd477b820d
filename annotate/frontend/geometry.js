// Where things are: pixels of the picture (the project's convention: the centre of the top-left
// pixel is (0, 0)) and pixels of the stage on the screen. Browsers count from the corner of the
// top-left pixel; only the two functions below know of it.

export const fromCorner = (value) => value - 0.5;
export const toCorner = (value) => value + 0.5;

/** Rounded to 1/1000 pixel, the stored resolution. */
export const rounded = (value) => Math.round(value * 1000) / 1000;

const clamped = (value, low, high) => Math.min(high, Math.max(low, value));
const MIN_ZOOM = 0.02;
const MAX_ZOOM = 128;

/** How far outside the picture a landmark may lie: `margin` in parts of its longer side. */
function reach(size, margin) {
  const more = margin * Math.max(size.width, size.height);
  return {
    left: -0.5 - more, right: size.width - 0.5 + more,
    top: -0.5 - more, bottom: size.height - 0.5 + more,
  };
}

export function withinReach(place, size, margin) {
  const edge = reach(size, margin);
  return place.x >= edge.left && place.x <= edge.right
    && place.y >= edge.top && place.y <= edge.bottom;
}

/** The nearest position that a landmark may have, rounded as stored. */
export function intoReach(place, size, margin) {
  const edge = reach(size, margin);
  return {
    x: rounded(clamped(place.x, edge.left, edge.right)),
    y: rounded(clamped(place.y, edge.top, edge.bottom)),
  };
}

/** Which part of the picture the stage shows: `zoom` screen pixels for one pixel of the picture. */
export class View {
  zoom = 1;
  left = 0; // of the picture's corner on the stage
  top = 0;

  toScreen(place) {
    return [toCorner(place.x) * this.zoom + this.left, toCorner(place.y) * this.zoom + this.top];
  }

  toPicture(x, y) {
    return { x: fromCorner((x - this.left) / this.zoom), y: fromCorner((y - this.top) / this.zoom) };
  }

  /** Show all of `area` (edges x_min, y_min, x_max, y_max in picture pixels), with some air. */
  fit(area, stage, air = 0.96) {
    const [xMin, yMin, xMax, yMax] = area;
    const wanted = Math.min(stage.width / (xMax - xMin), stage.height / (yMax - yMin)) * air;
    this.zoom = clamped(wanted, MIN_ZOOM, MAX_ZOOM);
    this.left = stage.width / 2 - toCorner((xMin + xMax) / 2) * this.zoom;
    this.top = stage.height / 2 - toCorner((yMin + yMax) / 2) * this.zoom;
  }

  /** Zoom by a factor; what is under (x, y) of the stage stays there. */
  zoomAt(factor, x, y) {
    const zoom = clamped(this.zoom * factor, MIN_ZOOM, MAX_ZOOM);
    this.left = x - (x - this.left) * (zoom / this.zoom);
    this.top = y - (y - this.top) * (zoom / this.zoom);
    this.zoom = zoom;
  }

  pan(dx, dy) {
    this.left += dx;
    this.top += dy;
  }
}

/** What to show when a picture opens: the object with room around it, or the whole picture. */
export function openingArea(document) {
  const whole = wholeArea(document);
  if (!document.box) return whole;
  const [xMin, yMin, xMax, yMax] = document.box;
  const room = 0.3 * Math.max(xMax - xMin, yMax - yMin);
  const area = [
    Math.max(whole[0], xMin - room), Math.max(whole[1], yMin - room),
    Math.min(whole[2], xMax + room), Math.min(whole[3], yMax + room),
  ];
  return area[2] > area[0] && area[3] > area[1] ? area : whole;
}

export const wholeArea = ({ width, height }) => [-0.5, -0.5, width - 0.5, height - 0.5];
