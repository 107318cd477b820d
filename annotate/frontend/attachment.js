// The annotator's listeners on window and page: there while the canvas is on the page.

import { isForeign, meaning } from "./keys.js";

const BEAT_MS = 5 * 60_000; // a third of how long pictures are held

export class Attachment {
  #listeners = null;

  constructor(annotator) {
    this.annotator = annotator;
  }

  attach(parent) {
    const { annotator } = this;
    parent.replaceChildren(annotator.host);
    this.#listeners?.abort();
    this.#listeners = new AbortController();
    const { signal } = this.#listeners;
    // In the capture phase of the window: before Streamlit's own keys, wherever the focus is.
    addEventListener("keydown", (event) => this.#key(event), { capture: true, signal });
    addEventListener("keyup", (event) => this.#keyUp(event), { capture: true, signal });
    addEventListener("blur", () => this.#letGo(), { signal }); // keys go up elsewhere
    addEventListener("pagehide", () => this.#leave(), { signal });
    addEventListener("online", () => annotator.back(), { signal });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") annotator.back();
      else annotator.outbox.flush();
    }, { signal });
    const beat = setInterval(() => {
      if (document.visibilityState === "visible") annotator.beat();
    }, BEAT_MS);
    signal.addEventListener("abort", () => clearInterval(beat));
    addEventListener("beforeunload", (event) => {
      if (!annotator.isKept) event.preventDefault(); // the browser asks
    }, { signal });
  }

  detach() {
    this.#listeners?.abort();
    this.#listeners = null;
    this.#letGo();
    this.annotator.left();
  }

  #key(event) {
    const { annotator } = this;
    if (annotator.panel.help.isAsking) {
      event.preventDefault();
      event.stopImmediatePropagation();
      annotator.panel.help.answer(event);
      return;
    }
    if (!annotator.document || isForeign(event, annotator.host)) return;
    const isSpace = event.key === " ";
    const isPlacing = annotator.cursor.isActive && (isSpace || event.key === "Enter");
    if (isSpace) {
      const spaceUsed = event.repeat || isPlacing; // else a ghost is taken when the key goes up
      Object.assign(annotator.stage.pointer, { space: true, spaceUsed });
    }
    const found = isPlacing || isSpace ? { swallow: true } : meaning(event, annotator.bindings);
    if (!found || (annotator.panel.helpShown && found.nudge)) return; // arrows scroll the help
    event.preventDefault();
    event.stopImmediatePropagation();
    annotator.active();
    if (isPlacing && !event.repeat) annotator.command("placeHere");
    if (found.nudge) annotator.marking.nudge(found.nudge);
    else if (found.command) annotator.command(found.command);
  }

  #keyUp(event) {
    if (event.key !== " ") return;
    const { space, spaceUsed } = this.annotator.stage.pointer;
    this.#letGo();
    if (space && !spaceUsed) this.annotator.command("accept"); // tapped, not held to pan
  }

  #leave() {
    this.annotator.outbox.leave();
    this.annotator.remarks.letters.leave();
  }

  #letGo() {
    this.annotator.stage.pointer.space = false;
  }
}
