// Keys: which command each one stands for, and when they are ours.

/** Command and the keys that give it, first the one that buttons show; some for the left hand. */
export const COMMANDS = [
  { command: "next", keys: ["d", "enter", "pagedown"], text: "Next picture" },
  { command: "previous", keys: ["a", "pageup"], text: "Previous picture" },
  { command: "open", keys: ["u", "w"], text: "Next open picture" },
  { command: "skip", keys: ["s"], text: "Skip this picture; take that back" },
  { command: "undo", keys: ["z", "ctrl+z"], text: "Undo; in review: take the verdict back" },
  { command: "redo", keys: ["y", "shift+z", "ctrl+y", "ctrl+shift+z"], text: "Redo" },
  { command: "accept", keys: ["space"], text: "Take the ghost of the next landmark" },
  { command: "acceptAll", keys: ["g"], text: "Take all ghosts" },
  { command: "occluded", keys: ["o", "q"], text: "Occluded: hidden, but its place is known" },
  { command: "absent", keys: ["x"], text: "Not visible: leave out, go on" },
  { command: "remove", keys: ["delete", "backspace", "b"], text: "Take the point away" },
  { command: "later", keys: ["n", "2"], text: "Aim at the next landmark" },
  { command: "earlier", keys: ["p", "1"], text: "Aim at the previous landmark" },
  { command: "cursor", keys: ["e"], text: "Place by keyboard: arrows, then Enter or Space" },
  { command: "loop", keys: ["r"], text: "This landmark in every picture, one after the other" },
  { command: "copy", keys: ["c"], text: "Copy what is missing from the picture before" },
  { command: "comment", keys: ["7", "shift+c"], text: "Comment on the selected landmark, or the picture" },
  { command: "flag", keys: ["f"], text: "Flag for a second look" },
  { command: "review", keys: ["i", "5"], text: "Review what is finished; back to marking" },
  { command: "approve", keys: ["k", "3"], text: "In review: accept, and on to the next" },
  { command: "sendBack", keys: ["m", "4"], text: "In review: send back, with a reason" },
  { command: "fix", keys: ["6", "shift+f"], text: "In review: change the points yourself" },
  { command: "zoomIn", keys: ["+", "=", "shift++"], text: "Zoom in (or wheel)" },
  { command: "zoomOut", keys: ["-"], text: "Zoom out" },
  { command: "fit", keys: ["0"], text: "Show the object" },
  { command: "whole", keys: ["9"], text: "Show the whole picture" },
  { command: "loupe", keys: ["l", "t"], text: "Loupe on or off" },
  { command: "preview", keys: ["v"], text: "Preview of the other landmarks on or off" },
  { command: "help", keys: ["?", "h", "shift+?"], text: "This help" },
  { command: "close", keys: ["escape"], text: "Deselect; close the help" },
];

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
// A key that is held repeats; whatever takes more than a glance to put right must not.
const REPEATING = new Set(["next", "previous", "undo", "redo", "later", "earlier", "zoomIn", "zoomOut"]);
const BY_KEY = new Map(COMMANDS.flatMap(({ command, keys }) => keys.map((key) => [key, command])));
const DEFAULT = { commandOf: (key) => BY_KEY.get(key) ?? null };
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

const held = ({ ctrlKey, metaKey, shiftKey }) => [ctrlKey || metaKey ? "ctrl+" : "", shiftKey ? "shift+" : ""];

/** The key of an event with what is held, as `COMMANDS` names it; a sign includes its Shift. */
export function keyName(event) {
  const name = letterOf(event);
  const [control, shift] = held(event);
  const isSign = name.length === 1 && name.toLowerCase() === name.toUpperCase();
  return control + (isSign ? "" : shift) + name;
}

/** What a key event asks for: { command }, { nudge: [dx, dy] }, { swallow } or null. */
export function meaning(event, bindings = DEFAULT) {
  if (event.key in ARROWS && !event.ctrlKey && !event.metaKey) {
    const step = event.altKey ? 0.1 : event.shiftKey ? 10 : 1;
    return { nudge: ARROWS[event.key].map((part) => part * step) };
  }
  if (event.altKey) return null;
  const name = letterOf(event);
  const [control, shift] = held(event);
  const command = bindings.commandOf(control + shift + name)
    ?? (control ? null : bindings.commandOf(name));
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
