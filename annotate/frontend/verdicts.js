// What reviewers think of a picture's labels, with what is on its way (see letters.js). Nothing here
// changes its arguments.

const WORDS = {
  accepted: ["✓", "accepted by"], fixed: ["✎", "fixed by"], returned: ["↩", "sent back by"],
};

/** A moment, as people write it. */
export const at = (seconds) => new Date(seconds * 1000)
  .toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

/** The verdict that stands: { verdict, reviewer, ... }, or null. `unsaved`: labels on their way. */
export function standing(document, letters, unsaved) {
  const said = letters.filter(({ body }) => body.verdict).at(-1);
  if (said) {
    const { verdict, annotator: reviewer, revision } = said.body;
    return verdict === "withdrawn" ? null : { verdict, reviewer, revision, letter: said };
  }
  if (unsaved?.review) return { verdict: "fixed", reviewer: unsaved.annotator };
  const { review } = document;
  if (!review) return null;
  if (!unsaved && review.revision === document.revision) return review;
  return review.verdict === "returned" && document.status === "open" ? review : null;
}

/** A verdict in words, with a sign. */
export function inWords({ verdict, reviewer }, annotator) {
  const [sign, text] = WORDS[verdict];
  return `${sign} ${text} ${reviewer === annotator ? "you" : reviewer}`;
}

/** The comments on a picture; those on their way have no number yet. */
export function commentsOf(document, letters) {
  const known = document.comments.map((comment) => {
    const settled = letters.filter(({ body }) => body.comment === comment.comment).at(-1);
    if (!settled) return comment;
    return { ...comment, resolved: settled.body.resolved, resolved_by: settled.body.annotator };
  });
  const fresh = letters.filter(({ body }) => body.text !== undefined)
    .map(({ written_ms, body: { annotator, text, landmark } }) => ({
      comment: null, landmark, author: annotator, text, created: written_ms / 1000,
      resolved: false, resolved_by: null,
    }));
  return [...known, ...fresh];
}

/** A document's comments after one of them was made or settled. */
export function withComment(comments, comment) {
  const isKnown = comments.some((other) => other.comment === comment.comment);
  if (!isKnown) return [...comments, comment];
  return comments.map((other) => (other.comment === comment.comment ? comment : other));
}

/** Why a picture was sent back: what its reviewer has said since, and nobody has settled. */
export function reasonsOf({ reviewer, created = 0 }, comments) {
  return comments.filter((comment) => (
    comment.author === reviewer && comment.created >= created && !comment.resolved));
}
