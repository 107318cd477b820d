// The help: what mouse and keys do. A key that is pressed there can be chosen anew.

import { isFixed, written } from "./bindings.js";
import { element } from "./elements.js";
import { COMMANDS } from "./keys.js";

const MOUSE = [
  ["Click", "Place the next landmark, on top of a point too; when all are placed, select a point"],
  ["Right click", "Place it as occluded"], ["Drag a point", "Move it"],
  ["Drag a ghost", "Correct what a model predicted; a click near the next landmark's ghost does too"],
  ["Ctrl drag", "Move the whole part of the object (also Alt); with Shift turn and scale it"],
  ["Double click", "Places one landmark, not two; Shift click places in any case"],
  ["Wheel", "Zoom at the cursor (or two fingers)"],
  ["Right drag", "Move the picture (also middle button, two fingers, or Space and drag)"],
  ["Arrows", "Move the point 1 px; Shift 10 px, Alt 0.1 px"],
];
const HIDDEN = /^ctrl|^shift\+[^a-z]$/; // what everybody tries anyway
const HINT = "Click a key to choose another one for this browser.";
const MODIFIERS = new Set(["Shift", "Control", "Alt", "AltGraph", "Meta"]);

const row = (term, text) => element("div", {}, element("dt", {}, ...term), element("dd", {}, text));
const kbd = (key) => element("kbd", {}, key);

export class Help {
  #asked = null; // the command whose key is being chosen

  /** `on`: `close()`, `changed()` when a key is another one. */
  constructor(bindings, on) {
    this.bindings = bindings;
    this.on = on;
    this.list = element("dl", {});
    this.note = element("p", { class: "note", role: "status" }, HINT);
    this.closing = this.#button("Close", () => on.close());
    this.resetting = this.#button("Reset the keys", () => this.#reset());
    const actions = element("div", { class: "actions" }, this.closing, this.resetting);
    this.node = element("section", { class: "help", "aria-label": "Keys and mouse", hidden: "" });
    this.node.append(element("h2", {}, "Keys and mouse"), this.note, this.list, actions);
    this.#write();
  }

  #button(text, press) {
    const button = element("button", { type: "button" }, text);
    button.addEventListener("click", press);
    return button;
  }

  #write() {
    const rows = MOUSE.map(([key, text]) => row([kbd(key)], text));
    this.list.replaceChildren(...rows, ...COMMANDS.map((entry) => this.#row(entry)));
    this.resetting.hidden = !this.bindings.isChanged;
  }

  #row({ command, text }) {
    const [key, ...others] = this.bindings.keysOf(command);
    const first = written(key);
    const more = others.filter((other) => other !== key && !HIDDEN.test(other)).map(written).map(kbd);
    if (isFixed(command)) return row([kbd(first), ...more], text);
    const button = this.#button("", () => this.#ask(command));
    button.append(kbd(first));
    button.setAttribute("aria-label", `${first}: choose another key for “${text}”`);
    button.dataset.command = command;
    return row([button, ...more], text);
  }

  #ask(command) {
    this.#asked = command;
    const { text } = COMMANDS.find((entry) => entry.command === command);
    this.note.textContent = `Press a key for “${text}”; Esc keeps it as it is.`;
  }

  /** Whether the next key is an answer and not a command. */
  get isAsking() {
    return this.shown && this.#asked !== null;
  }

  answer(event) {
    if (MODIFIERS.has(event.key)) return;
    const command = this.#asked;
    const problem = event.key === "Escape" ? null : this.bindings.choose(command, event);
    if (problem) {
      this.note.textContent = problem;
      return;
    }
    this.#settled();
    this.list.querySelector(`[data-command="${command}"]`).focus({ preventScroll: true });
  }

  #reset() {
    this.bindings.reset();
    this.#settled();
    this.closing.focus({ preventScroll: true });
  }

  #settled() {
    this.#asked = null;
    this.note.textContent = HINT;
    this.#write();
    this.on.changed();
  }

  get shown() {
    return !this.node.hidden;
  }

  show(shown) {
    this.#asked = null;
    this.note.textContent = HINT;
    this.node.hidden = !shown;
    if (shown) this.closing.focus({ preventScroll: true });
  }
}
