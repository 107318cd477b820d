// The row above the picture in review: whose labels these are and what to do with them; for the
// annotator, why the picture was sent back; for a reviewer, which verdict was not recorded.

import { element } from "./elements.js";
import { at, inWords } from "./verdicts.js";

const SAID = { accepted: "accept", returned: "send back", withdrawn: "take back your verdict on" };

/** What has become of a picture meanwhile, by another verdict. */
function judged(review) {
  if (review.verdict === "withdrawn") return `${review.reviewer} took a verdict on it back`;
  return `it was ${inWords(review).slice(2)}`;
}

/** Why a letter was refused, and what it was about; what was written is there to be copied. */
function problemIn({ name, body, problem }) {
  const what = body.verdict ? `You wanted to ${SAID[body.verdict]} ${name}` : `Your comment on ${name}`;
  const written = body.text ? ` You wrote: “${body.text}”` : "";
  if (problem.current) {
    return `${what}, but ${problem.current.annotator} changed the labels meanwhile: not recorded.${written}`;
  }
  if (problem.review) return `${what}, but ${judged(problem.review)} meanwhile: not recorded.${written}`;
  return `${what}: not recorded, ${problem.error}.${written}`;
}

/** What a reviewer wrote, with the landmark it is about. */
const quoted = ({ landmark, text }, names) => (
  landmark === null ? `“${text}”` : `${names[landmark]}: “${text}”`);

export class ReviewBar {
  node = element("div", { class: "review", hidden: "" });
  #problem = null;

  /** `on`: `command(name)`, `look(letter)` at what was refused, `drop(letter)`. */
  constructor(bindings, names, on) {
    Object.assign(this, { bindings, names, on });
    this.words = element("span", { class: "words", role: "status" });
    this.buttons = [["approve", "Accept"], ["sendBack", "Send back"], ["fix", "Fix"]]
      .map(([command, text]) => this.#button(command, text));
    const tools = element("div", { class: "tools", role: "toolbar", "aria-label": "Review" });
    tools.append(...this.buttons);
    this.tools = tools;
    this.refusal = element("div", { class: "refusal", role: "alert", hidden: "" });
    this.node.append(this.refusal, this.words, tools);
    this.showKeys();
  }

  #button(command, text) {
    const key = element("kbd", { "aria-hidden": "true" });
    const made = element("button", { type: "button", "data-command": command }, `${text} `, key);
    made.addEventListener("click", () => this.on.command(command));
    return made;
  }

  /** The keys on the buttons, as they are chosen. */
  showKeys() {
    for (const made of this.buttons) {
      const shown = this.bindings.shown(made.dataset.command);
      made.querySelector("kbd").textContent = shown;
      made.setAttribute("aria-keyshortcuts", shown.replace(" ", "+"));
    }
  }

  /** Say what was refused, until somebody has looked at it; null: nothing was. */
  showRefused(letter) {
    if (letter === this.#problem) return;
    this.#problem = letter;
    this.refusal.hidden = letter === null;
    this.refusal.replaceChildren();
    if (!letter) return;
    const act = (text, press) => {
      const made = element("button", { type: "button" }, text);
      made.addEventListener("click", () => press(letter));
      return made;
    };
    const words = element("span", {}, `⚠ ${problemIn(letter)}`);
    this.refusal.append(words, act("Look at it", this.on.look), act("Drop it", this.on.drop));
  }

  /** The row in review mode: `state` is { verdict, isFixing, waiting }. */
  showReviewing(document, annotator, { verdict, isFixing, waiting }) {
    const labelled = document.annotator ? `labelled by ${document.annotator}, ${at(document.created)}`
      : "not labelled yet";
    const said = verdict ? ` · ${inWords(verdict, annotator)}` : "";
    const left = waiting === null ? "" : ` · ${waiting} waiting`;
    const how = isFixing ? " · drag or nudge what is wrong, then accept" : "";
    this.#say(`Review: ${labelled}${said}${how}${left}`, "reviewing");
    this.buttons.at(-1).setAttribute("aria-pressed", String(isFixing));
    this.tools.hidden = false;
  }

  /** The row for an annotator: why it was sent back, and whether it is changed since. */
  showReturned(review, reasons, { isChanged }) {
    const why = reasons.map((reason) => quoted(reason, this.names)).join(" ");
    const then = isChanged ? " Changed since: it goes to review again." : "";
    this.#say(`↩ Sent back by ${review.reviewer}. ${why}${then}`, "returned");
    this.tools.hidden = true;
  }

  showNothing() {
    this.#say("", "");
    this.tools.hidden = true;
  }

  #say(text, kind) {
    if (this.words.textContent !== text) this.words.textContent = text;
    this.words.hidden = text === "";
    this.node.dataset.kind = kind;
    this.node.hidden = text === "" && this.#problem === null;
  }
}
