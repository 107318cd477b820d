// Which key gives which command: the first key of a command is the user's to choose; what they chose
// is kept in their browser.

import { COMMANDS, keyName } from "./keys.js";

const KEPT_AS = "fewmark-keys";
const FIXED = new Set(["accept", "close"]); // Space also pans, Escape closes
const SPECIAL = new Set(["tab", "enter", "escape", " ", "capslock"]);
const NAMES = { delete: "Del", backspace: "⌫", escape: "Esc", "-": "−", pagedown: "PgDn", pageup: "PgUp" };

export const isFixed = (command) => FIXED.has(command);

/** A key as it is written on the keyboard. */
export function written(key) {
  const [last, ...held] = key.split(/\+(?!$)/).reverse();
  const name = NAMES[last] ?? (last.length === 1 ? last.toUpperCase() : last[0].toUpperCase() + last.slice(1));
  return [...held.reverse().map((part) => part[0].toUpperCase() + part.slice(1)), name].join(" ");
}

export class Bindings {
  #chosen = {}; // command -> key

  /** `storage`: null where the browser keeps nothing. */
  constructor(storage) {
    this.storage = storage;
    for (const [command, key] of Object.entries(this.#read())) {
      if (typeof key === "string" && this.#problem(command, key) === null) this.#chosen[command] = key;
    }
  }

  #read() {
    try {
      return JSON.parse(this.storage?.getItem(KEPT_AS) ?? "{}") ?? {};
    } catch {
      return {}; // not ours, or denied
    }
  }

  #keep() {
    try {
      this.storage?.setItem(KEPT_AS, JSON.stringify(this.#chosen));
    } catch {
      // full: they hold as long as the page
    }
  }

  /** Keys of a command, the one that is shown first. */
  keysOf(command) {
    const { keys } = COMMANDS.find((entry) => entry.command === command);
    return command in this.#chosen ? [this.#chosen[command], ...keys.slice(1)] : keys;
  }

  shown(command) {
    return written(this.keysOf(command)[0]);
  }

  commandOf(key) {
    return COMMANDS.find(({ command }) => this.keysOf(command).includes(key))?.command ?? null;
  }

  get isChanged() {
    return Object.keys(this.#chosen).length > 0;
  }

  /** Why a key cannot be chosen for a command, or null. */
  #problem(command, key) {
    const entry = COMMANDS.find((known) => known.command === command);
    if (!entry || isFixed(command)) return "This key cannot be changed.";
    if (SPECIAL.has(key) || /^arrow|^f\d+$|^(ctrl|alt)\+/.test(key)) {
      return `${written(key)} has a meaning of its own: choose another key.`;
    }
    const other = this.commandOf(key);
    if (other === null || other === command) return null;
    const { text } = COMMANDS.find((known) => known.command === other);
    return `${written(key)} is taken (${text}): choose another key.`;
  }

  /** Choose the key of an event for a command; returns what is wrong with it, or null. */
  choose(command, event) {
    const key = keyName(event);
    const problem = event.altKey ? "Keys with Alt are the browser's." : this.#problem(command, key);
    if (problem) return problem;
    this.#chosen[command] = key;
    this.#keep();
    return null;
  }

  reset() {
    this.#chosen = {};
    this.#keep();
  }
}
