// What the review grid shows of a change that was not saved: the old state, a mark on the image, and why.

import { eventOf, isReversal } from "./grid_base.js";

const SUBJECTS = {
  tag: ({ name }) => `The tag “${name}” of `,
  also: ({ name }) => `The further class “${name}” of `,
  note: () => "The note of ",
  typical: () => "The mark as typical of ",
};

/** Show refusals of the events in `written`: the images are drawn as Python has just sent them again. */
export function showRefusals(gallery, refused, written) {
  let nImages = 0;
  for (const refusal of refused) {
    const { seq, digest, message } = refusal;
    const event = eventOf(refusal, written);
    // Where a whole event is refused, no single image is named.
    const digests = digest ? [digest] : (event?.images ?? []).map((image) => image.digest);
    const text = refusalText(gallery, event, message);
    for (const each of digests) {
      gallery.drafts.delete(each);
      if (!(event?.kind in SUBJECTS)) gallery.done.delete(each);
      gallery.failed.set(each, text);
    }
    if (!isReversal(event)) nImages += Math.max(digests.length, 1);
    gallery.steps.refuse(seq);
    gallery.offered = "";
    gallery.message = text;
  }
  if (refused.length) gallery.nNotSaved = nImages;
}

function refusalText(gallery, event, message) {
  const subject = SUBJECTS[event?.kind];
  if (!subject) return message;
  const path = gallery.item(event.digest)?.path ?? "an image";
  return `${subject(event)}${path} was not ${event.is_on === false ? "removed" : "saved"}. ${message}`;
}
