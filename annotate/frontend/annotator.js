// The annotator: joins queue, labels, stage, guide, panel and outbox. One for each project, kept
// while the browser's page lives: Streamlit may take the canvas off the page and put it back.

import { Attachment } from "./attachment.js";
import { Bindings } from "./bindings.js";
import { KeyCursor } from "./cursor.js";
import * as labels from "./document.js";
import { element } from "./elements.js";
import { Expectations } from "./expectations.js";
import { intoReach, withinReach } from "./geometry.js";
import * as ghosts from "./ghosts.js";
import * as group from "./group.js";
import { Guide } from "./guide.js";
import { Histories } from "./history.js";
import { Journal, browserStorage } from "./journal.js";
import { Panel } from "./panel.js";
import { timed } from "./provenance.js";
import { Queue } from "./queue.js";
import { Server } from "./server.js";
import { Stage } from "./stage.js";
import { Outbox } from "./sync.js";
import { Walk } from "./walk.js";

// Edits of the points: for them the picture must be there. Those of the whole picture need it not.
const MARKING = new Set([
  "undo", "redo", "occluded", "absent", "remove", "copy", "accept", "acceptAll",
]);
const JUDGING = new Set(["skip", "flag"]);
const IDLE_MS = 10_000; // longer pauses are not work

export class Annotator {
  document = null;
  picture = null; // of the open document
  history = null; // of the open document
  #loop = null; // index of the landmark that alone is marked, picture after picture
  #dragged = null; // index, place and manner of a point under the mouse, not yet an edit
  #histories = new Histories(labels.opened);
  #lastActive = 0;

  constructor(data) {
    this.data = data;
    this.attachment = new Attachment(this);
    this.server = new Server(new URL(data.root, location.origin).href, data.token);
    this.queue = new Queue(this.server, data.project, data.annotator);
    // Where people sign in, what one of them has not sent yet is not for the next one to send.
    const owner = data.owner ? `${encodeURIComponent(data.owner)}:` : "";
    const name = `fewmark:${data.store}:${owner}${data.project}`;
    const journal = new Journal(browserStorage(), name, data.project_name);
    this.outbox = new Outbox({
      journal,
      post: (item, body) => this.#post(item, body),
      onChange: () => this.#showSaving(),
      onSaved: (item, answer, news) => this.#saved(item, answer, news),
    });
    this.#build();
    this.walk = new Walk(this.queue, {
      say: (text) => this.stage.say(text),
      leave: () => this.#leave(),
      underway: (isUnderway) => this.host.toggleAttribute("data-underway", isUnderway),
      enter: (found, picture) => this.#enter(found, picture),
    });
    this.walk.begin(data.start);
    this.#learn();
    this.outbox.flush(); // what an earlier page could not send
    this.outbox.forward();
    if (data.renew_ms) setInterval(() => this.#renew(), data.renew_ms);
  }

  async #post(item, body) {
    const reply = await this.server.save(item, body);
    if (reply.status === 401) this.stage?.say(reply.answer.error); // what to do about it
    return reply;
  }

  #renew() {
    return this.server.renew().catch(() => {}); // the next try, or the next save, will tell
  }

  /** Ask for what is known of the shapes; without it everything works but the advice. */
  async #learn() {
    this.expectations.learn(await this.server.model(this.data.project).catch(() => null));
    this.host.dataset.learnt = "";
    if (this.document) this.#render();
  }

  #build() {
    this.cursor = new KeyCursor(this.data);
    const pick = (index) => this.#aimAt(index);
    this.guide = new Guide(this.data, pick);
    this.stage = new Stage(this.data.groups, {
      active: () => this.active(),
      place: (position, how) => this.place(position, how),
      select: (index) => this.#show({ ...this.history.state, selected: index }),
      drag: (index, position, how) => this.#drag(index, position, how),
      drop: (moved) => this.#drop(moved),
    });
    this.expectations = new Expectations(this.data, pick);
    this.stage.add({ below: this.expectations.preview, above: this.expectations.marks });
    this.bindings = new Bindings(browserStorage());
    this.panel = new Panel(this.bindings, (command) => this.command(command), () => this.#toProblem());
    const { head, bar, next, definition, live, help, choice, warning } = this.panel;
    const { figure, list } = this.guide;
    const words = [next, definition, this.expectations.notes];
    const side = element("aside", { class: "side" }, figure, ...words, list);
    const work = element("div", { class: "work" }, this.stage.node, side, choice, help.node);
    this.host = element("div", { class: "annotator" }, warning, head, bar, work, live);
    warning.hidden = this.outbox.journal.isLasting;
    this.host.dataset.annotator = this.data.annotator;
    this.#showSaving();
  }

  /** The canvas was taken off the page: others may change the pictures meanwhile. */
  left() {
    this.outbox.flush();
    this.queue.refresh([this.document?.position, this.walk.wanted]);
  }

  /** New data from the page, such as another name of the annotator. */
  update(data) {
    if (data.annotator !== this.data.annotator) this.#rename(data.annotator);
    const isHauntedAnew = JSON.stringify(data.ghosts) !== JSON.stringify(this.data.ghosts);
    this.data = data;
    this.server.token = data.token;
    this.host.dataset.annotator = data.annotator;
    if (isHauntedAnew) this.#renewGhosts();
    if (!this.document) this.walk.begin(data.start); // the server was gone when it was asked
    this.outbox.flush();
  }

  /** The project has other ghosts now; the labels stay as they are. */
  async #renewGhosts() {
    const { document } = this;
    if (!document) return;
    this.queue.refresh([document.position, this.walk.wanted]);
    for (const position of new Set([document.position, this.walk.wanted])) {
      const [known, fresh] = await Promise.all([this.queue.get(position), this.queue.ask(position)])
        .catch(() => []);
      if (known && fresh) known.ghosts = fresh.ghosts;
    }
    if (document === this.document) this.#render();
  }

  /** The canvas is seen again: another tab, or somebody else, may have changed the picture. */
  async back() {
    if (this.data.renew_ms) await this.#renew();
    this.outbox.flush();
    this.outbox.forward();
    this.beat();
    const { document } = this;
    if (!document) return;
    this.queue.refresh([document.position, this.walk.wanted]);
    const fresh = await this.queue.ask(document.position).catch(() => null);
    const isBusy = document !== this.document || this.#dragged || this.outbox.unsaved(document.item);
    if (fresh && !isBusy && fresh.revision > document.revision) {
      this.#saved(document.item, fresh, true);
    }
  }

  // ------------------------------------------------------------- pictures

  /** A sign of life: what is held for the annotator stays held. */
  beat() {
    if (this.document) this.queue.claim(this.document.position).catch(() => {});
  }

  /** For the page's next visit, too: a reload must not give the labels to somebody else. */
  #rename(annotator) {
    this.queue.handOver(annotator, this.document?.position ?? null).catch(() => {});
    const value = encodeURIComponent(annotator);
    document.cookie = `fewmark_annotator=${value}; path=/; max-age=31536000; samesite=lax`;
  }

  #leave() {
    this.stage.pointer.end(); // a drag belongs to the picture that is left
    this.outbox.flush();
  }

  #enter(found, picture) {
    this.stage.pointer.end();
    this.#adopt(found);
    this.document = found;
    this.history = this.#histories.of(found);
    this.#lastActive = performance.now();
    this.picture = picture;
    this.stage.open(found, picture.image);
    this.host.dataset.item = found.item;
    this.host.dataset.position = found.position;
    this.#render();
    this.#aimAtLoop();
    this.queue.prepare(found.position);
  }

  /** What is not saved yet is newer than what the server said. */
  #adopt(document) {
    const unsaved = this.outbox.unsaved(document.item);
    if (!unsaved) return;
    Object.assign(document, { points: unsaved.points, flag: unsaved.flag });
    this.queue.setStatus(document, labels.statusOf(unsaved));
  }

  #toProblem() {
    const position = this.outbox.problem?.position;
    if (Number.isInteger(position)) this.walk.open(position);
    this.outbox.flush();
  }

  // ------------------------------------------------------------- labels

  /** Whether points can be marked: the picture is what it should be, and no other is underway. */
  get #isMarkable() {
    if (!this.#mayLabel || this.walk.isUnderway) return false;
    if (!this.picture.problem) return true;
    this.walk.open(this.document.position); // the server, or the file, may be back by now
    return false;
  }

  get #mayLabel() {
    const looking = this.data.reads_only && "You may look at the labels here, but not change them.";
    const why = looking || this.queue.whyNotMine(this.document);
    if (why) this.stage.say(why);
    return !why;
  }

  place(position, { occluded }) {
    if (!this.#isMarkable) return;
    if (!withinReach(position, this.document, this.data.margin)) {
      this.stage.say("That is too far outside the picture.");
      return;
    }
    const { state } = this.history;
    if (state.target < 0) {
      this.stage.say("Every landmark is placed: drag to correct, D for the next picture.");
      return;
    }
    const near = intoReach(position, this.document, this.data.margin);
    const v = occluded ? labels.OCCLUDED : labels.VISIBLE;
    this.#commit(ghosts.place(state, near, v, this.document.ghosts));
    this.#goOn(state);
  }

  // ------------------------------------------------------------- one landmark in every picture

  #toggleLoop() {
    const { target, selected } = this.history.state;
    if (this.#loop !== null) this.#endLoop();
    else this.#loop = Math.max(0, target >= 0 ? target : selected);
    this.#aimAtLoop();
  }

  #endLoop() {
    this.#loop = null;
    const { state } = this.history;
    this.#show({ ...state, target: labels.nextUndecided(state.points), selected: -1 });
  }

  #aimAtLoop() {
    if (this.#loop !== null) this.#show(labels.aim(this.history.state, this.#loop));
  }

  /** After its landmark was decided: where it was open, to the next picture where it is, too. */
  #goOn({ points, target }) {
    if (this.#loop === null || target !== this.#loop) return;
    this.#aimAtLoop();
    if (points[target] === null) this.#toUndecided();
    else this.walk.step(1);
  }

  #toUndecided() {
    const landmark = this.#loop;
    const isWanted = (document) => {
      const { points, skipped } = this.outbox.unsaved(document.item) ?? document;
      if (points[landmark] !== null || this.queue.whyNotMine(document)) return false;
      return !(skipped ?? document.status === "skipped");
    };
    const none = `${this.data.names[landmark]} is decided in every picture.`;
    return this.walk.toWhere(isWanted, none);
  }

  /** `how`: "alone", or with its part of the object "together" or "turning" it. */
  #drag(index, position, how) {
    if (!this.#isMarkable) return;
    this.#dragged = [index, intoReach(position, this.document, this.data.margin), how];
    this.#showLabels();
  }

  #drop(moved) {
    const state = this.#shown;
    this.#dragged = null;
    if (moved) this.#commit(state);
    else this.#render();
  }

  /** The labels, with the point that is being dragged where the mouse is. */
  get #shown() {
    const { state } = this.history;
    if (!this.#dragged) return state;
    const [index, position, how] = this.#dragged;
    const members = how === "alone" ? [] : group.partOf(this.data.groups, state, index);
    if (!members.includes(index)) return ghosts.move(state, index, position, this.document.ghosts);
    const move = how === "turning" ? group.turned : group.shifted;
    return group.held(move(state, members, index, position), members, this.document, this.data.margin);
  }

  /** What is undecided, from the picture before. */
  async #copy() {
    const { document } = this;
    const before = document.position > 0
      && await this.queue.get(document.position - 1).catch(() => null);
    if (document !== this.document || !this.#isMarkable) return;
    if (!before) return this.stage.say("There is no picture before this one.");
    const source = { ...before, points: this.outbox.unsaved(before.item)?.points ?? before.points };
    const { state } = this.history;
    const points = group.copied(state.points, document, source, this.data.margin);
    const more = points.filter((point, i) => point !== state.points[i]).length;
    if (more === 0) return this.stage.say(`Nothing to copy from ${before.name}.`);
    this.#commit({ points, target: labels.nextUndecided(points), selected: -1 });
    return this.stage.say(`Copied ${more} from ${before.name}: drag to correct, Z takes it back.`);
  }

  nudge([dx, dy]) {
    if (this.cursor.isActive) {
      this.cursor.move([dx, dy], this.document);
      this.stage.showCursor(this.cursor.place);
      return;
    }
    const { state } = this.history;
    const point = state.points[state.selected];
    if (!point || !labels.isPlaced(point) || this.panel.helpShown || !this.#isMarkable) return;
    const moved = { x: point.x + dx, y: point.y + dy };
    const near = intoReach(moved, this.document, this.data.margin);
    this.#commit(labels.move(state, state.selected, near));
  }

  #aim(step) {
    const { state } = this.history;
    const from = state.target >= 0 ? state.target : state.selected;
    const m = state.points.length;
    this.#aimAt((from + step + m) % m);
  }

  #aimAt(index) {
    if (this.#loop !== null) this.#loop = index;
    this.#show(labels.aim(this.history.state, index), { focus: true });
  }

  #commit(state) {
    const edit = timed(this.history.state, state, this.document.active ?? 0);
    if (this.history.commit(edit)) this.#edited();
    else this.#render();
  }

  #show(state, { focus = false } = {}) {
    this.history.show(state);
    this.#render();
    if (focus) this.stage.node.focus({ preventScroll: true });
  }

  /** The labels have changed: keep them, send them, show them. */
  #edited({ skipped = false } = {}) {
    const { document } = this;
    document.points = this.history.state.points;
    this.queue.setStatus(document, labels.statusOf({ points: document.points, skipped }));
    this.outbox.edit(document.item, document.revision, {
      annotator: this.data.annotator,
      points: document.points,
      flag: document.flag,
      skipped,
      active_ms: Math.round(document.active ?? 0),
      position: document.position, // the server has no use for it, the journal has
    });
    document.active = 0;
    this.stage.say("");
    this.#render();
  }

  #saved(item, answer, news) {
    this.queue.remember(item, answer);
    const document = this.queue.byItem(item);
    if (!document) return;
    this.queue.setStatus(document, answer.status);
    // Nothing is left to send (but after a conflict, what was not seen yet), so the answer counts,
    // also for a document that was asked for before the save and waits for its picture.
    const { revision, points, flag } = answer;
    Object.assign(document, { revision, points, flag });
    this.#adopt(document);
    if (document !== this.document) return;
    if (news) this.history = this.#histories.of(document);
    this.#render();
    if (news) this.#aimAtLoop();
  }

  // ------------------------------------------------------------- commands

  #isAllowed(name) {
    if (name === "help" || name === "close") return true;
    if (!this.document || this.panel.helpShown) return false;
    if (MARKING.has(name)) return this.#isMarkable;
    return !JUDGING.has(name) || (this.#mayLabel && !this.walk.isUnderway);
  }

  command(name) {
    const commands = {
      next: () => this.walk.step(1),
      previous: () => this.walk.step(-1),
      open: () => (this.#loop === null ? this.walk.toOpen() : this.#toUndecided()),
      loop: () => this.#toggleLoop(),
      skip: () => this.#skip(),
      undo: () => (this.history.undo() ? this.#edited() : this.stage.say("Nothing to undo")),
      redo: () => (this.history.redo() ? this.#edited() : this.stage.say("Nothing to redo")),
      accept: () => this.#accept(),
      acceptAll: () => this.#commit(ghosts.acceptAll(this.history.state, this.document.ghosts)),
      occluded: () => this.#commit(labels.toggleOccluded(this.history.state)),
      absent: () => this.#leaveOut(),
      remove: () => this.#commit(labels.remove(this.history.state)),
      later: () => this.#aim(1),
      earlier: () => this.#aim(-1),
      cursor: () => { this.cursor.on = !this.cursor.on; this.#render(); },
      placeHere: () => this.place(this.cursor.place, { occluded: false }),
      copy: () => this.#copy(),
      flag: () => this.#flag(),
      zoomIn: () => this.stage.zoom(1.25),
      zoomOut: () => this.stage.zoom(0.8),
      fit: () => this.stage.fit(),
      whole: () => this.stage.fit({ whole: true }),
      loupe: () => { this.stage.loupe.on = !this.stage.loupe.on; this.stage.repaint(); },
      preview: () => {
        this.expectations.preview.on = !this.expectations.preview.on;
        this.#render();
      },
      help: () => this.panel.showHelp(!this.panel.helpShown),
      close: () => this.#close(),
      keepOurs: () => this.#resolve({ keepOurs: true }),
      takeTheirs: () => this.#resolve({ keepOurs: false }),
    };
    if (!this.#isAllowed(name)) return;
    commands[name]();
    if (!this.panel.helpShown) this.stage.node.focus({ preventScroll: true });
  }

  #accept() {
    const { state } = this.history;
    const next = ghosts.accept(state, this.document.ghosts);
    if (next !== state) {
      this.#commit(next);
      this.#goOn(state);
    } else if (this.data.ghosts && state.target >= 0) {
      this.stage.say("No ghost here: click the landmark.");
    }
  }

  #leaveOut() {
    const { state } = this.history;
    this.#commit(labels.markAbsent(state));
    this.#goOn(state);
  }

  /** Skip the picture and go on; take that back where it was skipped. */
  #skip() {
    const skipped = this.document.status !== "skipped";
    this.#edited({ skipped });
    if (skipped) this.walk.step(1);
  }

  #flag() {
    this.document.flag = !this.document.flag;
    this.#edited({ skipped: this.document.status === "skipped" });
  }

  #close() {
    const wasHelp = this.panel.helpShown;
    this.panel.showHelp(false);
    this.stage.say("");
    if (wasHelp || !this.document) return;
    this.cursor.on = false;
    this.#endLoop();
  }

  #resolve(choice) {
    this.outbox.resolve(this.document.item, choice);
    this.#render();
  }

  active() {
    const now = performance.now();
    if (this.document) {
      const pause = Math.min(now - this.#lastActive, IDLE_MS);
      this.document.active = (this.document.active ?? 0) + pause;
    }
    this.#lastActive = now;
  }

  // ------------------------------------------------------------- showing

  #render() {
    const { state } = this.history;
    this.#showLabels();
    this.guide.show(state);
    const { open } = this.stage.ghosts;
    this.stage.showCursor(this.cursor.follow(this.document, state, open[state.target]));
    this.panel.showPlace(this.document, this.queue);
    this.#showConflict();
    const hint = open[state.target] ? " – Space takes the ghost" : "";
    this.panel.showLoop(this.#loop === null ? null : this.data.names[this.#loop]);
    this.panel.showNext(this.document, state.target, this.data.names, hint);
    this.panel.showDefinition(this.data.definitions[state.target] ?? "");
    this.panel.showGhosts(open, state.target);
    this.host.dataset.loop = this.#loop ?? "";
    this.host.dataset.status = this.document.status;
    this.host.dataset.revision = this.document.revision;
  }

  #showLabels() {
    const shown = this.#shown;
    this.stage.ghosts.show(shown, this.document.ghosts);
    this.expectations.show(shown, { settled: !this.#dragged });
    this.host.dataset.slips = this.expectations.found.length;
    this.stage.show(shown);
  }

  #showSaving() {
    if (!this.panel) return;
    const { state, problem } = this.outbox;
    const { isKept, elsewhere } = this.outbox;
    const detail = state === "refused" ? problem.text : "";
    this.panel.showSaving(state, { detail, isKept, elsewhere });
    this.host.dataset.saving = state;
    if (this.document) this.#showConflict();
  }

  #showConflict() {
    const theirs = this.outbox.conflict(this.document.item);
    this.panel.showConflict(theirs, this.document, this.data.annotator);
    this.stage.showTheirs(theirs?.points ?? []);
  }
}
