// What an event of the review grid is about, and what it did in words.

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

/** Return what a tag, a note, a further class or the mark as typical changed, to complete "Undid: ...". */
export function remarkText({ kind, name, is_on, text }, path) {
  if (kind === "note") return `${text ? "wrote" : "removed"} the note of ${path}`;
  if (kind === "typical") return `${is_on ? "marked" : "no longer marked"} ${path} as typical`;
  if (kind === "tag")
    return `${is_on ? "added" : "removed"} the tag ${name} ${is_on ? "to" : "from"} ${path}`;
  return `${is_on ? "added" : "removed"} ${name} ${is_on ? "to" : "from"} what ${path} also shows`;
}
