// What an event of the review grid is about, and what it did in words.

const REMARKS = { tag: "a tag", note: "the note", also: "a further class", typical: "the mark as typical" };

/** Return the images that an event names, with their labels. */
export function imagesOf(event) {
  if (event.images) return event.images;
  return event.digest ? [{ digest: event.digest, label: event.label }] : [];
}

/** One image is an event of its own; several are one event, so that one undo restores all of them. */
export function eventFields(judged) {
  const images = judged.map(({ item, label }) => ({
    digest: item.digest,
    base: item.base,
    label,
    why: item.why,
  }));
  return images.length === 1 ? images[0] : { images };
}

/** Return what a judgement did, to complete "Undid: ...". */
export function stepText(verdict, judged) {
  const [{ item, label }] = judged;
  const verb = pastTense(verdict).toLowerCase();
  if (judged.length > 1) return `${verb} ${judged.length} images`;
  return `${verb} ${item.path}${verdict === "label" ? ` as ${label}` : ""}`;
}

export function pastTense(verdict) {
  return { label: "Labelled", exclude: "Excluded", flag: "Flagged" }[verdict];
}

/** Return what a change beside the label did, to complete "Undid: ...". */
export function remarkText(kind, { path }) {
  return `changed ${REMARKS[kind]} of ${path}`;
}
