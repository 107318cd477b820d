// How points come about: `src` is "accepted" for a ghost taken as it was, "corrected" for one that
// was moved, and not there where a person placed the point; `ms` is the time its annotator was
// active on it, and not there where that is not known. Nothing here changes its arguments.

export const ACCEPTED = "accepted";
export const CORRECTED = "corrected";

/** A point at another place: a ghost that was taken as it was is a corrected one from now on. */
export function moved(point, { x, y }) {
  return { ...point, x, y, ...(point.src === ACCEPTED ? { src: CORRECTED } : {}) };
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
