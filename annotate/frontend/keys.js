// Keys: which command each one stands for, and when they are ours.

/** Command and the keys that give it; `shown` is what the help says. */
export const COMMANDS = [
  { command: "next", keys: ["d", "enter", "pagedown"], shown: "D", text: "Next picture" },
  { command: "previous", keys: ["a", "pageup"], shown: "A", text: "Previous picture" },
  { command: "open", keys: ["u"], shown: "U", text: "Next open picture" },
  { command: "skip", keys: ["s"], shown: "S", text: "Skip this picture; take that back" },
  { command: "undo", keys: ["z", "ctrl+z"], shown: "Z", text: "Undo" },
  { command: "redo", keys: ["y", "ctrl+y", "ctrl+shift+z"], shown: "Y", text: "Redo" },
  { command: "accept", keys: ["space"], shown: "Space", text: "Take the ghost of the next landmark" },
  { command: "acceptAll", keys: ["g"], shown: "G", text: "Take all ghosts" },
  { command: "occluded", keys: ["o"], shown: "O", text: "Occluded: hidden, but its place is known" },
  { command: "absent", keys: ["x"], shown: "X", text: "Not visible: leave out, go on" },
  { command: "remove", keys: ["delete", "backspace"], shown: "Del", text: "Take the point away" },
  { command: "later", keys: ["n"], shown: "N", text: "Aim at the next landmark" },
  { command: "earlier", keys: ["p"], shown: "P", text: "Aim at the previous landmark" },
  { command: "cursor", keys: ["e"], shown: "E", text: "Place by keyboard: arrows, then Enter or Space" },
  { command: "loop", keys: ["r"], shown: "R", text: "This landmark in every picture, one after the other" },
  { command: "copy", keys: ["c"], shown: "C", text: "Copy what is missing from the picture before" },
  { command: "flag", keys: ["f"], shown: "F", text: "Flag for a second look" },
  { command: "zoomIn", keys: ["+", "=", "shift++"], shown: "+", text: "Zoom in (or wheel)" },
  { command: "zoomOut", keys: ["-"], shown: "−", text: "Zoom out" },
  { command: "fit", keys: ["0"], shown: "0", text: "Show the object" },
  { command: "whole", keys: ["9"], shown: "9", text: "Show the whole picture" },
  { command: "loupe", keys: ["l"], shown: "L", text: "Loupe on or off" },
  { command: "preview", keys: ["v"], shown: "V", text: "Preview of the other landmarks on or off" },
  { command: "help", keys: ["?", "shift+?", "h"], shown: "?", text: "This help" },
  { command: "close", keys: ["escape"], shown: "Esc", text: "Deselect; close the help" },
];

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
// A key that is held repeats; whatever takes more than a glance to put right must not.
const REPEATING = new Set(["next", "previous", "undo", "redo", "later", "earlier", "zoomIn", "zoomOut"]);
const BY_KEY = new Map(COMMANDS.flatMap(({ command, keys }) => keys.map((key) => [key, command])));
// Streamlit reruns the page on "r" and offers to clear its caches on "c": not while labelling,
// whatever these keys are for.
const SWALLOWED = new Set(["r", "c"]);

const TYPING = "textarea, select, [contenteditable=true], [role=dialog], [role=listbox], "
  + "[role=menu], [role=combobox], "
  + "input:not([type=checkbox], [type=radio], [type=range], [type=button])";
const PRESSABLE = "button, a, summary, [role=button], [role=tab], [role=radio], input";

/** The key's letter; where the layout has no Latin letters or digits, the one at its place. */
function letterOf({ key, code = "" }) {
  const isLatin = key.charCodeAt(0) < 128;
  return (isLatin ? key : code.match(/^(?:Key|Digit)(.)$/)?.[1] ?? key).toLowerCase();
}

/** What a key event asks for: { command }, { nudge: [dx, dy] }, { swallow } or null. */
export function meaning(event) {
  if (event.key in ARROWS && !event.ctrlKey && !event.metaKey) {
    const step = event.altKey ? 0.1 : event.shiftKey ? 10 : 1;
    return { nudge: ARROWS[event.key].map((part) => part * step) };
  }
  if (event.altKey) return null;
  const control = event.ctrlKey || event.metaKey ? "ctrl+" : "";
  const name = letterOf(event);
  const shift = event.shiftKey ? "shift+" : "";
  const command = BY_KEY.get(control + shift + name) ?? (control ? null : BY_KEY.get(name));
  if (command) return event.repeat && !REPEATING.has(command) ? { swallow: true } : { command };
  return !control && SWALLOWED.has(name) ? { swallow: true } : null;
}

/** Whether a key event belongs to whatever has the focus, not to the canvas. */
export function isForeign(event, host) {
  const focused = event.composedPath()[0];
  if (!(focused instanceof Element)) return false;
  if (focused.closest(TYPING) || document.querySelector("[role=dialog]")) return true;
  const pressing = event.key === "Enter" || event.key === " ";
  const moving = event.key.startsWith("Arrow");
  const pressable = focused.closest(PRESSABLE) !== null;
  return pressable && (pressing || (moving && !host.contains(focused)));
}
