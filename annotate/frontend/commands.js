// What the annotator does on each command, and when a command is heard.

import * as ghosts from "./ghosts.js";
import * as labels from "./document.js";

// Edits of the points: for them the picture must be there. Those of the whole picture need it not.
const MARKING = new Set([
  "undo", "redo", "occluded", "absent", "remove", "copy", "accept", "acceptAll",
]);
const JUDGING = new Set(["skip", "flag"]);

function isAllowed(annotator, name) {
  if (name === "help" || name === "close") return true;
  if (!annotator.document || annotator.panel.helpShown) return false;
  const { marking, walk, review } = annotator;
  if (name === "undo" && review.isLocked) return true;
  if (MARKING.has(name)) return marking.isMarkable;
  return !JUDGING.has(name) || (marking.mayLabel && !walk.isUnderway);
}

/** What happens with the labels of the open picture. */
function ofLabels(annotator) {
  const { marking, history, stage } = annotator;
  return {
    skip: () => annotator.skip(),
    flag: () => annotator.flag(),
    undo: () => annotator.undo(),
    redo: () => (history.redo() ? annotator.edited() : stage.say("Nothing to redo")),
    accept: () => marking.accept(),
    acceptAll: () => marking.commit(ghosts.acceptAll(history.state, annotator.document.ghosts)),
    occluded: () => marking.commit(labels.toggleOccluded(history.state)),
    absent: () => marking.leaveOut(),
    remove: () => marking.commit(labels.remove(history.state)),
    copy: () => marking.copy(),
    placeHere: () => marking.place(annotator.cursor.place, { occluded: false }),
    keepOurs: () => annotator.resolve({ keepOurs: true }),
    takeTheirs: () => annotator.resolve({ keepOurs: false }),
  };
}

/** What is said of the labels. */
function ofReview(annotator) {
  const { review } = annotator;
  return {
    review: () => review.toggle(),
    approve: () => review.approve(),
    sendBack: () => review.sendBack(),
    fix: () => annotator.marking.mayChange && review.fix(),
    comment: () => annotator.remarks.comment(),
    returned: () => review.toReturned(),
  };
}

/** Where to go, and how things are shown. */
function ofView(annotator) {
  const { marking, loop, stage, walk, panel, review } = annotator;
  const goOn = (how) => annotator.gold.before(annotator.document.item, how);
  const toOpen = () => goOn(() => (loop.isOn ? loop.toUndecided() : walk.toOpen()));
  return {
    next: () => (review.on ? review.next() : goOn(() => walk.step(1))),
    previous: () => (review.on ? review.previous() : walk.step(-1)),
    open: () => (review.on ? review.next() : toOpen()),
    loop: () => (review.on ? stage.say("In review all landmarks are looked at.") : loop.toggle()),
    later: () => marking.aim(1),
    earlier: () => marking.aim(-1),
    cursor: () => annotator.toggle(annotator.cursor),
    preview: () => annotator.toggle(annotator.expectations.preview),
    zoomIn: () => stage.zoom(1.25),
    zoomOut: () => stage.zoom(0.8),
    fit: () => stage.fit(),
    whole: () => stage.fit({ whole: true }),
    loupe: () => { stage.loupe.on = !stage.loupe.on; stage.repaint(); },
    help: () => panel.showHelp(!panel.helpShown),
    close: () => annotator.close(),
  };
}

export function obey(annotator, name) {
  if (!isAllowed(annotator, name)) return;
  ({ ...ofLabels(annotator), ...ofReview(annotator), ...ofView(annotator) })[name]();
  if (!annotator.panel.helpShown && !annotator.remarks.isAsking) annotator.stage.node.focus({ preventScroll: true });
}
