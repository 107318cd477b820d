// Everything around the stage: tool bar, progress, state of saving, the help, a conflict's choice.

import { isPlaced } from "./document.js";
import { element } from "./elements.js";
import { Help } from "./help.js";
import { COMMANDS } from "./keys.js";

const BUTTONS = [
  ["previous", "‹ Back"], ["next", "Next ›"], ["open", "Next open"], ["skip", "Skip"], null,
  ["undo", "Undo"], ["redo", "Redo"], ["accept", "Take"], ["acceptAll", "Take all"], ["occluded", "Occluded"], ["absent", "Not visible"],
  ["remove", "Remove"], null, ["comment", "Comment"], ["flag", "Flag"], ["fit", "Fit"], ["help", "Keys"],
];
const SAVING = {
  saved: ["✓", "Saved"],
  saving: ["…", "Saving"],
  offline: ["⚠", "Offline – kept in this browser"],
  notKept: ["⚠", "Offline – not kept anywhere: leave this page open"],
  conflict: ["⚠", "Changed elsewhere"],
  refused: ["⚠", "Not accepted"],
};
const KEEPS_NOTHING = "This browser does not let this page keep anything: labels that are not saved "
  + "yet are lost when it is closed.";

const titleOf = (command) => COMMANDS.find((entry) => entry.command === command).text;

export class Panel {
  onKeys = () => {}; // called when keys are others
  #isReviewing = false;
  #reviewed = ""; // what is said of the review beside the counts

  /** `rights`: { reviews, readsOnly }, for what is not there for everybody. */
  constructor(bindings, rights, onCommand, onProblem) {
    this.bindings = bindings;
    this.onCommand = onCommand;
    this.buttons = new Map();
    this.bar = element("div", { class: "bar", role: "toolbar", "aria-label": "Labelling" });
    this.bar.append(...BUTTONS.map((entry) => (entry ? this.#button(...entry) : element("i", { class: "gap" }))));
    const review = this.#button("review", "Review");
    review.hidden = !rights.reviews;
    this.buttons.get("comment").hidden = rights.readsOnly;
    this.place = element("span", { class: "place" });
    this.loop = element("button", { class: "loop", type: "button", hidden: "" });
    this.loop.addEventListener("click", () => onCommand("loop"));
    this.meter = element("progress", { class: "meter", max: "1", value: "0", "aria-label": "Pictures done" });
    this.counts = element("span", { class: "counts" });
    this.returned = element("button", { class: "loop", type: "button", hidden: "" });
    this.returned.addEventListener("click", () => onCommand("returned"));
    this.saving = element("button", { class: "saving", type: "button" });
    this.saving.addEventListener("click", onProblem);
    this.head = element("div", { class: "head" }, this.place, this.loop, this.returned, this.meter, this.counts, review, this.saving);
    this.next = element("div", { class: "next" });
    this.definition = element("div", { class: "definition" });
    this.live = element("div", { class: "live", role: "status", "aria-live": "polite" });
    const close = () => onCommand("close");
    this.help = new Help(bindings, { close, changed: () => this.#showKeys() });
    this.#showKeys();
    this.choice = this.#choice();
    this.warning = element("div", { class: "warning", role: "alert", hidden: "" }, KEEPS_NOTHING);
  }

  #button(command, text) {
    const key = element("kbd", { "aria-hidden": "true" });
    const button = element("button", { type: "button", title: titleOf(command) }, `${text} `, key);
    button.addEventListener("click", () => this.onCommand(command));
    this.buttons.set(command, button);
    return button;
  }

  /** The keys on the buttons, as they are chosen. */
  #showKeys() {
    this.onKeys();
    for (const [command, button] of this.buttons) {
      const shown = this.bindings.shown(command);
      button.querySelector("kbd").textContent = shown;
      button.setAttribute("aria-keyshortcuts", shown.replace(" ", "+"));
    }
  }

  #choice() {
    const ours = element("button", { type: "button" }, "Keep mine");
    const theirs = element("button", { type: "button" }, "Take theirs");
    ours.addEventListener("click", () => this.onCommand("keepOurs"));
    theirs.addEventListener("click", () => this.onCommand("takeTheirs"));
    this.who = element("span", {});
    const choice = element("div", { class: "choice", role: "alert", hidden: "" });
    choice.append(this.who, ours, theirs);
    return choice;
  }

  /**
   * Where we are: position from 0, counts of the project, the open document. `isBlind`: no number
   * and no name, by which a gold picture could be told.
   */
  showPlace(document, { total, done, skipped, annotator }, isBlind = false) {
    const flag = document.flag ? " ⚑" : "";
    const { holder } = document;
    const others = document.status === "open" ? ` · ${holder} is at it` : ` · by ${holder}`;
    const who = holder && holder !== annotator ? others : "";
    const place = isBlind ? "Picture" : `${document.position + 1} of ${total} · ${document.name}`;
    this.place.textContent = `${place}${flag}${who}`;
    this.place.title = isBlind ? "" : document.name;
    this.meter.max = Math.max(1, total);
    this.meter.value = done + skipped;
    const more = skipped ? `, ${skipped} skipped` : "";
    this.counts.textContent = `${done} done${more}${this.#reviewed}`;
    this.buttons.get("flag").setAttribute("aria-pressed", String(document.flag));
    this.buttons.get("previous").disabled = document.position === 0 && !this.#isReviewing;
  }

  /** How far the review has come, and what else than the picture at `here` was sent back to us. */
  showReview({ on: isOn, progress }, here) {
    const { accepted = 0, returned = 0 } = progress ?? {};
    const others = (progress?.yours ?? []).filter((position) => position !== here);
    const yours = isOn ? 0 : others.length;
    const parts = [accepted && `${accepted} reviewed`, returned && `${returned} sent back`];
    this.#reviewed = parts.filter(Boolean).map((part) => ` · ${part}`).join("");
    this.#isReviewing = isOn;
    this.buttons.get("review").setAttribute("aria-pressed", String(isOn));
    this.returned.hidden = yours === 0;
    this.returned.textContent = `↩ ${yours} sent back to you`;
    this.returned.title = "Open the next one";
  }

  /** Which landmark alone is marked in every picture; null: none. */
  showLoop(name) {
    this.loop.hidden = name === null;
    this.loop.textContent = `↻ Only ${name}, in every picture ✕`;
    this.loop.title = "Mark all landmarks again";
  }

  /** The state of saving, with words and a sign, not by colour alone. */
  showSaving(state, { detail, isKept, elsewhere }) {
    const [sign, text] = SAVING[state === "offline" && !isKept ? "notKept" : state];
    const waiting = elsewhere.map(({ project, pictures }) => (
      pictures === 1 ? `1 picture of ${project} waits` : `${pictures} pictures of ${project} wait`));
    const words = [detail ? `${text}: ${detail}` : text, ...waiting];
    this.saving.textContent = `${sign} ${words.join(" · ")}`;
    this.saving.title = waiting.length ? "Open that project to see what keeps its labels" : "";
    this.saving.dataset.state = state === "saved" && waiting.length ? "waiting" : state;
  }

  /** What there is to choose from; theirs is drawn faintly on the stage. */
  showConflict(theirs, ours, annotator) {
    this.choice.hidden = theirs === null;
    if (!theirs) return;
    const [saved, here] = [theirs, ours].map(({ points }) => points.filter(isPlaced).length);
    const points = saved === 1 ? "1 point" : `${saved} points`;
    this.who.textContent = theirs.annotator === annotator
      ? `You saved ${points} in another tab; here you have ${here}.`
      : `${theirs.annotator} saved ${points} meanwhile; you have ${here}.`;
  }

  get helpShown() {
    return this.help.shown;
  }

  showHelp(shown) {
    this.help.show(shown);
  }

  /** What the next click does. */
  showNext(document, target, names, hint = "") {
    let text = "All placed – D for the next picture";
    if (document.status === "skipped") text = "Skipped – S takes it back";
    else if (target >= 0) text = `${target + 1}/${names.length} ${names[target]}${hint}`;
    if (this.next.textContent !== text) this.#say(`Next: ${text}`);
    this.next.textContent = text;
  }

  /** Where the next landmark is on the object, in words; "" where nothing is known. */
  showDefinition(text) {
    this.definition.textContent = text;
    this.definition.hidden = text === "";
  }

  /** Buttons for ghosts are there where ghosts are, also when all are taken: nothing moves then. */
  showGhosts(ghosts, open, target) {
    const [one, all] = ["accept", "acceptAll"].map((command) => this.buttons.get(command));
    one.hidden = all.hidden = !ghosts;
    one.disabled = !open[target];
    all.disabled = !open.some(Boolean);
  }

  #say(text) {
    this.live.textContent = text;
  }
}
