// How points come about: `src` is "accepted" for a ghost taken as it was, "corrected" for one that
// was moved, "copied" for a point of the picture before that nobody has moved yet, and not there
// where a person placed the point; `ms` is the time its annotator was active on it, and not there
// where that is not known. Nothing here changes its arguments.

export const ACCEPTED = "accepted";
export const CORRECTED = "corrected";
export const COPIED = "copied";

const AFTER_A_MOVE = { [ACCEPTED]: CORRECTED, [COPIED]: null };

/**
 * A point at another place: a ghost that was taken as it was is a corrected one from now on, and a
 * copied point is one that a person placed.
 */
export function moved({ src, ...point }, { x, y }) {
  const now = src in AFTER_A_MOVE ? AFTER_A_MOVE[src] : src;
  return { ...point, x, y, ...(now ? { src: now } : {}) };
}

/**
 * The state after an edit that took `ms`: that time is shared by the points which the edit changed,
 * and added to what they took before. A point that took nobody knows how long stays such a point.
 */
export function timed(before, after, ms) {
  const isChanged = (point, index) => point !== null && point !== before.points[index];
  const changed = after.points.filter(isChanged).length;
  if (changed === 0) return after;
  const share = ms / changed;
  const points = after.points.map((point, index) => {
    if (!isChanged(point, index)) return point;
    const old = before.points[index];
    const { ms: _, ...rest } = point;
    const isUnknown = old !== null && old.ms === undefined;
    return isUnknown ? rest : { ...rest, ms: Math.round((old?.ms ?? 0) + share) };
  });
  return { ...after, points };
}
