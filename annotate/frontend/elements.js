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

export const colourOf = (group) => COLOURS[group % COLOURS.length];
