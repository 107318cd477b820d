// Small makers of elements; texts are set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function shape(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Okabe and Ito (2008): told apart with every kind of colour vision. Their black and their dark
// blue are left out, as they vanish on pictures.
const COLOURS = ["#56b4e9", "#e69f00", "#2fd3a2", "#f0e442", "#ff8fc7", "#ff7f3a"];

// A ring of its own beside the colour: neighbouring parts of an object differ without colour, too,
// and twelve parts differ from each other. All are about as large as a circle of radius 6.
const RINGS = [
  "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0z", "M-5.3-5.3h10.6v10.6h-10.6z",
  "M0-7.6 7.6 0 0 7.6-7.6 0z", "M0-7.8 7 4.8h-14z",
];

export const ringOf = (group) => RINGS[group % RINGS.length];

export const colourOf = (group) => COLOURS[group % COLOURS.length];
