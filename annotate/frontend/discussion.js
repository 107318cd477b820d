// Comments beside the picture: to read, to write, to settle. Texts are texts, never markup.

import { element } from "./elements.js";
import { at } from "./verdicts.js";

const LONGEST = 2000; // as the server takes it
const PICTURE = "";

const button = (text, press, attributes = {}) => {
  const made = element("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", press);
  return made;
};

/** Where a comment is written; what was begun stays with its picture. */
class Form {
  #drafts = new Map(); // item -> what was begun
  #asked = null; // { item, kind, send }

  constructor(names, onClose) {
    this.onClose = onClose;
    this.title = element("h3", { id: "fewmark-comment-title" });
    this.about = element("select", { "aria-label": "What it is about" });
    const options = [[PICTURE, "The picture"], ...names.map((name, k) => [`${k}`, name])];
    this.about.append(...options.map(([value, text]) => element("option", { value }, text)));
    this.text = element("textarea", {
      rows: "3", maxlength: `${LONGEST}`, "aria-labelledby": "fewmark-comment-title",
    });
    this.note = element("p", { class: "note", role: "alert", hidden: "" }, "Say it in a few words.");
    this.submit = element("button", { type: "submit" });
    const actions = element("div", { class: "actions" }, this.submit, button("Cancel", () => this.close()));
    this.node = element("form", { class: "comment-form", hidden: "" });
    this.node.append(this.title, this.about, this.text, this.note, actions);
    this.node.addEventListener("submit", (event) => { event.preventDefault(); this.#send(); });
    this.node.addEventListener("keydown", (event) => this.#key(event));
  }

  get isOpen() {
    return this.#asked !== null;
  }

  /** Ask for a text: `kind` is what is done with it, `send({ text, landmark })` does it. */
  open(item, { kind, title, landmark = null, text = "", send }) {
    const begun = this.#drafts.get(item);
    const kept = begun?.kind === kind ? begun : { landmark, text };
    this.#asked = { item, kind, title, send };
    this.title.textContent = title;
    this.submit.textContent = kind === "return" ? "Send back" : "Comment";
    this.about.value = kept.landmark === null ? PICTURE : `${kept.landmark}`;
    this.text.value = kept.text;
    this.note.hidden = true;
    this.node.hidden = false;
    this.text.focus({ preventScroll: true });
  }

  get #written() {
    const landmark = this.about.value === PICTURE ? null : Number(this.about.value);
    return { text: this.text.value.trim(), landmark };
  }

  #key(event) {
    if (event.key === "Escape") this.close();
    const isLine = event.key === "Enter" && event.target === this.text;
    if (!isLine || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#send();
  }

  #send() {
    const written = this.#written;
    this.note.hidden = written.text !== "";
    if (!written.text) return this.text.focus();
    const { item, send } = this.#asked;
    this.#asked = null;
    this.node.hidden = true;
    this.#drafts.delete(item);
    this.onClose();
    return send(written);
  }

  /** Close; what was begun is there again when the same is asked for the same picture. */
  close() {
    if (!this.isOpen) return;
    const { item, kind } = this.#asked;
    const written = this.#written;
    if (written.text) this.#drafts.set(item, { kind, ...written });
    else this.#drafts.delete(item);
    this.#asked = null;
    this.node.hidden = true;
    this.onClose();
  }
}

export class Discussion {
  node = element("section", { class: "discussion", "aria-label": "Comments", hidden: "" });
  #shown = "";

  /** `on`: `pick(landmark)`, `resolve(comment, isResolved)`, `closed()` when the form is. */
  constructor(names, { readsOnly }, on) {
    Object.assign(this, { names, readsOnly, on });
    this.form = new Form(names, () => { this.#showAny(); on.closed(); });
    this.open = element("ul", {});
    this.summary = element("summary", {});
    this.settled = element("ul", {});
    this.details = element("details", { hidden: "" }, this.summary, this.settled);
    this.node.append(this.form.node, this.open, this.details);
  }

  ask(item, question) {
    this.node.hidden = false; // else it cannot have the focus
    this.form.open(item, question);
  }

  #showAny() {
    this.node.hidden = !this.form.isOpen && this.#shown.length <= 2;
  }

  /** Show the comments of a picture; nothing happens where they are shown already. */
  show(comments) {
    const now = JSON.stringify(comments);
    if (now === this.#shown) return;
    this.#shown = now;
    const [open, settled] = [false, true].map((wanted) => (
      comments.filter(({ resolved }) => resolved === wanted).map((one) => this.#comment(one))));
    this.open.replaceChildren(...open);
    this.settled.replaceChildren(...settled);
    this.summary.textContent = `${settled.length} resolved`;
    this.details.hidden = settled.length === 0;
    this.#showAny();
  }

  #comment(comment) {
    const { landmark, author, text, created, resolved, resolved_by: by } = comment;
    const about = landmark === null ? "The picture" : this.names[landmark];
    const place = landmark === null ? element("span", { class: "about" }, about)
      : button(about, () => this.on.pick(landmark), { class: "about" });
    const who = resolved ? `${author}; resolved by ${by}` : author;
    const made = element("li", {}, element("div", { class: "origin" }, place, ` ${who}, ${at(created)}`),
      element("p", { class: "said" }, text));
    if (comment.comment === null || this.readsOnly) return made;
    const word = resolved ? "Reopen" : "Resolve";
    const label = `${word} the comment on ${about}: ${text}`;
    made.append(button(word, () => this.on.resolve(comment, !resolved), { "aria-label": label }));
    return made;
  }
}
