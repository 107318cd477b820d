// Puts the annotator of a project on the page; Streamlit calls this again whenever data change.

import { Annotator } from "./annotator.js";

const annotators = new Map(); // by store and project; outlives Streamlit's taking apart of the page
const occupants = new WeakMap(); // place on the page -> annotator

export function mount({ data, parentElement }) {
  const key = `${data.store}:${data.project}`;
  const known = annotators.get(key);
  const annotator = known ?? new Annotator(data);
  if (!known) annotators.set(key, annotator);
  else annotator.update(data);
  const place = parentElement.querySelector(".fewmark-canvas");
  if (occupants.get(place) !== annotator) occupants.get(place)?.attachment.detach();
  occupants.set(place, annotator);
  if (annotator.host.parentNode !== place) annotator.attachment.attach(place);
  return () => {
    if (annotator.host.parentNode === place) annotator.attachment.detach();
  };
}
