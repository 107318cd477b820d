// What people say of the open picture: verdicts and comments, on their way (letters.js), beside the
// picture (discussion.js), on it (pins.js) and above it (review_bar.js).

import { Discussion } from "./discussion.js";
import { Letters } from "./letters.js";
import { PinLayer } from "./pins.js";
import { ReviewBar } from "./review_bar.js";
import { commentsOf, reasonsOf, withComment } from "./verdicts.js";

export class Remarks {
  pins = new PinLayer();
  bar = null;
  discussion = null;

  /** `name` tells the letters of one store, person and project from others. */
  constructor(annotator, { storage, name, post }) {
    this.annotator = annotator;
    this.letters = new Letters({
      storage,
      prefix: `fewmark-letters:${name}`,
      post,
      onChange: () => this.#changed(),
      onAnswered: (letter, answer) => this.#answered(letter, answer),
    });
  }

  build(bindings, rights, pick) {
    const { annotator } = this;
    this.bar = new ReviewBar(bindings, annotator.data.names, {
      command: (command) => annotator.command(command),
      look: (letter) => this.lookAt(letter),
      drop: (letter) => this.letters.drop(letter),
    });
    this.discussion = new Discussion(annotator.data.names, rights, {
      pick,
      resolve: (comment, resolved) => this.#settle(comment, resolved),
      closed: () => annotator.stage.node.focus({ preventScroll: true }),
    });
    return this;
  }

  #changed() {
    this.annotator.showSaving();
    this.bar.showRefused(this.letters.refused);
    if (this.annotator.document) this.annotator.render();
  }

  // ------------------------------------------------------------- saying something

  /** Whether a text is being written. */
  get isAsking() {
    return this.discussion.form.isOpen;
  }

  close() {
    this.discussion.form.close();
  }

  /** Ask for a text about the selected landmark or the picture; see discussion.js. */
  ask(kind, title, send) {
    const { document, history } = this.annotator;
    const { selected } = history.state;
    const landmark = selected >= 0 ? selected : null;
    this.discussion.ask(document.item, { kind, title, landmark, send });
  }

  #send(path, content) {
    const { document, data } = this.annotator;
    const { item, position, name } = document;
    this.letters.send({ item, position, name, path, body: { annotator: data.annotator, ...content } });
  }

  comment() {
    if (!this.annotator.marking.mayChange) return;
    const { item, name } = this.annotator.document;
    this.ask("comment", `Comment on ${name}`, (written) => this.#send(`api/items/${item}/comments`, written));
  }

  #settle({ comment }, resolved) {
    this.#send(`api/comments/${comment}`, { comment, resolved });
    this.annotator.stage.node.focus({ preventScroll: true });
  }

  give(verdict, more = {}) {
    const { item, revision, reviews: seen } = this.annotator.document;
    this.#send(`api/items/${item}/reviews`, { verdict, revision, seen, ...more });
  }

  /** The server has a verdict or a comment. */
  #answered({ item, position, body }, answer) {
    const document = this.annotator.queue.byItem(item);
    if (document && body.verdict) {
      const { review } = answer;
      const isNone = review.verdict === "withdrawn";
      Object.assign(document, { review: isNone ? null : review, reviews: review.number });
    }
    if (document && answer.comments) document.comments = answer.comments;
    else if (document && answer.comment) document.comments = withComment(document.comments, answer);
    if (body.verdict) this.annotator.review.answered(position);
  }

  /** To the picture about which a verdict or comment was refused, as it is now. */
  lookAt(letter) {
    const { queue, walk } = this.annotator;
    this.letters.drop(letter);
    queue.refresh([]);
    walk.open(letter.position);
  }

  // ------------------------------------------------------------- showing

  show() {
    const { document, review, marking, panel, host } = this.annotator;
    const { verdict } = review;
    const comments = commentsOf(document, this.letters.pending(document.item));
    const open = comments.filter(({ resolved }) => !resolved);
    this.discussion.show(comments);
    this.pins.show(open, marking.shown.points);
    this.#showBar(verdict, open);
    panel.showReview(review, document.position);
    host.dataset.review = review.on ? (review.isFixing ? "fixing" : "on") : "";
    host.dataset.verdict = verdict?.verdict ?? "";
    host.dataset.comments = open.length;
  }

  #showBar(verdict, open) {
    const { document, review, data } = this.annotator;
    const returned = document.review?.verdict === "returned" ? document.review : null;
    if (review.on) {
      const { isFixing, progress } = review;
      const waiting = progress?.waiting ?? null;
      this.bar.showReviewing(document, data.annotator, { verdict, isFixing, waiting });
    } else if (returned) {
      this.bar.showReturned(returned, reasonsOf(returned, open), { isChanged: verdict === null });
    } else this.bar.showNothing();
  }
}
