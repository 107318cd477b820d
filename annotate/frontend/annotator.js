// The annotator: joins queue, labels, stage, guide, panel and outbox. One for each project, kept
// while the browser's page lives: Streamlit may take the canvas off the page and put it back.

import { Attachment } from "./attachment.js";
import { Bindings } from "./bindings.js";
import { obey } from "./commands.js";
import { KeyCursor } from "./cursor.js";
import { Dismissals } from "./dismissals.js";
import * as labels from "./document.js";
import { element } from "./elements.js";
import { Expectations } from "./expectations.js";
import { Gold } from "./gold.js";
import { Guide } from "./guide.js";
import { Histories } from "./history.js";
import { Journal, browserStorage } from "./journal.js";
import { Loop } from "./loop.js";
import { Marking } from "./marking.js";
import { Panel } from "./panel.js";
import { Queue } from "./queue.js";
import { Remarks } from "./remarks.js";
import { Review } from "./review.js";
import { keepRoom } from "./room.js";
import { Server } from "./server.js";
import { Stage } from "./stage.js";
import { Outbox } from "./sync.js";
import { Walk } from "./walk.js";

const IDLE_MS = 10_000; // longer pauses are not work

// States of saving, the gravest first.
const STATES = ["conflict", "refused", "offline", "saving", "saved"];
const worst = (...states) => STATES.find((state) => states.includes(state));

export class Annotator {
  document = null;
  picture = null; // of the open document
  history = null; // of the open document
  marking = new Marking(this);
  loop = new Loop(this);
  review = new Review(this);
  #histories = new Histories(labels.opened);
  #lastActive = 0;

  constructor(data) {
    this.data = data;
    this.attachment = new Attachment(this);
    this.server = new Server(new URL(data.root, location.origin).href, data.token);
    this.queue = new Queue(this.server, data.project, data.annotator);
    // Where people sign in, what one of them has not sent yet is not for the next one to send.
    const owner = data.owner ? `${encodeURIComponent(data.owner)}:` : "";
    const name = `${data.store}:${owner}${data.project}`;
    const journal = new Journal(browserStorage(), `fewmark:${name}`, data.project_name);
    this.outbox = new Outbox({
      journal,
      post: (item, body) => this.#post(`api/items/${item}`, body),
      onChange: () => this.showSaving(),
      onSaved: (item, answer, news) => this.#saved(item, answer, news),
    });
    this.remarks = new Remarks(this, {
      storage: browserStorage(), name, post: (path, body) => this.#post(path, body),
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
    this.remarks.letters.flush();
    this.review.refresh();
    if (data.renew_ms) setInterval(() => this.#renew(), data.renew_ms);
  }

  async #post(path, body) {
    const reply = await this.server.send(path, body);
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
    if (this.document) this.render();
  }

  #build() {
    this.cursor = new KeyCursor(this.data);
    const pick = (index) => this.marking.aimAt(index);
    this.guide = new Guide(this.data, pick);
    this.stage = new Stage(this.data.groups, {
      active: () => this.active(),
      place: (position, how) => this.marking.place(position, how),
      select: (index) => this.marking.show({ ...this.history.state, selected: index }),
      drag: (index, position, how) => this.marking.drag(index, position, how),
      drop: (moved) => this.marking.drop(moved),
    });
    const dismissals = new Dismissals(browserStorage(), `${this.data.store}:${this.data.project}`);
    this.expectations = new Expectations(this.data, dismissals, {
      pick, dismissed: () => this.marking.show(this.history.state, { focus: true }),
    });
    this.stage.add({ below: this.expectations.preview, above: this.expectations.marks });
    this.stage.add({ above: this.remarks.pins });
    this.bindings = new Bindings(browserStorage());
    const rights = { reviews: this.data.reviews, readsOnly: this.data.reads_only };
    this.panel = new Panel(this.bindings, rights, (command) => this.command(command), () => this.#toProblem());
    const { head, bar, next, definition, live, help, choice, warning } = this.panel;
    const { figure, list } = this.guide;
    const remarks = this.remarks.build(this.bindings, rights, pick);
    this.panel.onKeys = () => remarks.bar.showKeys();
    this.gold = new Gold(this.data.names, {
      ask: (item) => this.server.gold(item, this.data.annotator),
      told: (item, text) => {
        if (item === this.document?.item) this.render();
        else this.stage.say(`${text} (the one before)`);
      },
    });
    const words = [next, definition, this.gold.node, this.expectations.notes, remarks.discussion.node];
    const side = element("aside", { class: "side" }, figure, ...words, list);
    const work = element("div", { class: "work" }, this.stage.node, side, choice, help.node);
    this.host = element("div", { class: "annotator" }, warning, head, bar, remarks.bar.node, work, live);
    keepRoom(this.host, [warning, bar, remarks.bar.node]);
    warning.hidden = this.outbox.journal.isLasting;
    this.host.dataset.annotator = this.data.annotator;
    this.showSaving();
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
    else this.#lookAgain();
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
    if (document === this.document) this.render();
  }

  /** The canvas is seen again: another tab, or somebody else, may have changed the picture. */
  async back() {
    if (this.data.renew_ms) await this.#renew();
    this.outbox.flush();
    this.outbox.forward();
    this.remarks.letters.flush();
    this.beat();
    this.review.refresh();
    if (!this.document) return;
    this.queue.refresh([this.document.position, this.walk.wanted]);
    await this.renew();
    this.#lookAgain();
  }

  /** A picture that could not be loaded may be there by now. */
  #lookAgain() {
    if (this.picture.problem && !this.walk.isUnderway) this.walk.open(this.document.position);
  }

  /** What others have done to the open picture meanwhile. */
  async renew() {
    const { document } = this;
    const fresh = await this.queue.ask(document.position).catch(() => null);
    const isBusy = document !== this.document || this.marking.dragged || this.outbox.unsaved(document.item);
    if (!fresh || isBusy || fresh.revision < document.revision) return;
    const { review, reviews, comments } = fresh;
    // Asked before a verdict or comment of ours was answered, it does not know of that yet.
    if (reviews >= document.reviews) Object.assign(document, { review, reviews });
    if (comments.length >= document.comments.length) document.comments = comments;
    if (fresh.revision > document.revision) this.#saved(document.item, fresh, true);
    else this.render();
  }

  // ------------------------------------------------------------- pictures

  /** A sign of life: what is held for the annotator stays held. */
  beat() {
    if (!this.document || this.review.on) return;
    this.queue.claim(this.document.position).catch(() => {});
  }

  /** For the page's next visit, too: a reload must not give the labels to somebody else. */
  #rename(annotator) {
    this.queue.handOver(annotator, this.document?.position ?? null).catch(() => {});
    const value = encodeURIComponent(annotator);
    document.cookie = `fewmark_annotator=${value}; path=/; max-age=31536000; samesite=lax`;
  }

  #leave() {
    this.stage.pointer.end(); // a drag belongs to the picture that is left
    this.remarks.close();
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
    this.render();
    this.loop.aim();
    if (this.review.on) this.review.entered();
    else this.queue.prepare(found.position);
  }

  /** What is not saved yet is newer than what the server said. */
  #adopt(document) {
    const unsaved = this.outbox.unsaved(document.item);
    if (!unsaved) return;
    Object.assign(document, { points: unsaved.points, flag: unsaved.flag });
    this.queue.setStatus(document, labels.statusOf(unsaved));
  }

  #toProblem() {
    const { refused } = this.remarks.letters;
    if (!this.outbox.problem && refused) return this.remarks.lookAt(refused);
    const position = this.outbox.problem?.position;
    if (Number.isInteger(position)) this.walk.open(position);
    this.remarks.letters.flush();
    return this.outbox.flush();
  }

  // ------------------------------------------------------------- labels

  /** The labels have changed: keep them, send them, show them. */
  edited({ skipped = false } = {}) {
    const { document } = this;
    document.points = this.history.state.points;
    this.queue.setStatus(document, labels.statusOf({ points: document.points, skipped }));
    this.outbox.edit(document.item, document.revision, {
      annotator: this.data.annotator,
      points: document.points,
      flag: document.flag,
      skipped,
      ...(this.review.isFixing ? { review: true } : {}),
      active_ms: Math.round(document.active ?? 0),
      position: document.position, // the server has no use for it, the journal has
    });
    document.active = 0;
    this.stage.say("");
    this.render();
  }

  #saved(item, answer, news) {
    this.queue.remember(item, answer);
    this.gold.heard(item, answer, item === this.document?.item);
    const document = this.queue.byItem(item);
    if (!document) return;
    this.queue.setStatus(document, answer.status);
    // Nothing is left to send (but after a conflict, what was not seen yet), so the answer counts,
    // also for a document that was asked for before the save and waits for its picture.
    const { revision, points, flag, annotator, created } = answer;
    Object.assign(document, { revision, points, flag, annotator, created });
    if (answer.review) Object.assign(document, { review: answer.review, reviews: answer.review.number });
    if (document.review) this.review.refresh(); // it may be mended now, and wait again
    this.#adopt(document);
    if (document !== this.document) return;
    if (news) this.history = this.#histories.of(document);
    this.render();
    if (news) this.loop.aim();
  }

  // ------------------------------------------------------------- commands

  command(name) {
    obey(this, name);
  }

  undo() {
    if (this.review.isLocked) this.review.takeBack();
    else if (this.history.undo()) this.edited();
    else this.stage.say("Nothing to undo");
  }

  /** Turn on or off what has a part of the canvas to itself. */
  toggle(part) {
    part.on = !part.on;
    this.render();
  }

  /** Skip the picture and go on; take that back where it was skipped. */
  skip() {
    const skipped = this.document.status !== "skipped";
    this.edited({ skipped });
    if (skipped) this.walk.step(1);
  }

  flag() {
    this.document.flag = !this.document.flag;
    this.edited({ skipped: this.document.status === "skipped" });
  }

  close() {
    if (this.remarks.isAsking) return this.remarks.close();
    const wasHelp = this.panel.helpShown;
    this.panel.showHelp(false);
    this.stage.say("");
    return wasHelp || !this.document ? undefined : this.rest();
  }

  /** Back to plain marking: no cursor of the keyboard, no loop. */
  rest() {
    this.cursor.on = false;
    this.loop.end();
  }

  resolve(choice) {
    this.outbox.resolve(this.document.item, choice);
    this.render();
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

  render() {
    const { state } = this.history;
    this.showLabels();
    this.guide.show(state);
    const { open } = this.stage.ghosts;
    this.stage.showCursor(this.cursor.follow(this.document, state, open[state.target]));
    this.remarks.show();
    this.panel.showPlace(this.document, this.queue, this.data.is_blind);
    this.#showConflict();
    const hint = open[state.target] ? " – Space takes the ghost" : "";
    this.panel.showLoop(this.loop.isOn ? this.data.names[this.loop.landmark] : null);
    this.panel.showNext(this.document, state.target, this.data.names, hint);
    this.panel.showDefinition(this.data.definitions[state.target] ?? "");
    this.panel.showGhosts(this.document.ghosts, open, state.target);
    this.gold.show(this.document.item);
    this.host.dataset.loop = this.loop.landmark ?? "";
    this.host.dataset.status = this.document.status;
    this.host.dataset.revision = this.document.revision;
  }

  showLabels() {
    const shown = this.marking.shown;
    this.stage.ghosts.show(shown, this.document.ghosts);
    const { item } = this.document;
    this.expectations.show(shown, { item, settled: !this.marking.dragged });
    this.host.dataset.slips = this.expectations.found.length;
    this.stage.show(shown);
  }

  /** Whether everything that is not saved yet would outlive this page. */
  get isKept() {
    return this.outbox.isKept && this.remarks.letters.isKept;
  }

  showSaving() {
    if (!this.panel) return;
    const { problem, elsewhere } = this.outbox;
    const { letters } = this.remarks;
    const state = worst(this.outbox.state, letters.state);
    const detail = state === "refused" ? problem?.text ?? "" : ""; // of letters the bar tells more
    this.panel.showSaving(state, { detail, isKept: this.isKept, elsewhere });
    this.host.dataset.saving = state;
    if (this.document) this.#showConflict();
  }

  #showConflict() {
    const theirs = this.outbox.conflict(this.document.item);
    this.panel.showConflict(theirs, this.document, this.data.annotator);
    this.stage.showTheirs(theirs?.points ?? this.gold.truth(this.document.item));
  }
}
