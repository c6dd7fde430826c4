// Why the live head doubts or suggests a label, or why a run may have erred: the nearest images of both classes,
// and other evidence.

import { make, percent, thumbnailOf, whyOf } from "./elements.js";
import { isLive } from "./gallery_live.js";

const MOST_KEPT = 200; // answers of this page
const TITLES = {
  label: (name) => `Nearest with its label, ${name}`,
  suggested: (name) => `Nearest of ${name}`,
  "trained-predicted": (name) => `Nearest training images of the predicted class, ${name}`,
  "trained-given": (name) => `Nearest training images of its label, ${name}`,
};
const NONE = {
  "trained-predicted": "No training image has it.",
  "trained-given": "No training image has it.",
};

/** Tell whether something is known about why an image is in this queue, beside its reason. */
export const hasWhy = (gallery) => isLive(gallery) || gallery.key.startsWith("errors:");

/** Return the part of the panel that says why; it is filled when the answer is there. */
export function whyPart(gallery, item) {
  if (!hasWhy(gallery)) return [];
  const part = make("div", "evidence");
  part.dataset.digest = item.digest;
  load(gallery, item).then((why) => {
    if (part.dataset.digest !== item.digest) return;
    part.replaceChildren(...(why ? shown(why) : []));
    part.dataset.loaded = "true";
  });
  return [part];
}

/** The answer changes with what is judged, so it is kept until then. */
async function load(gallery, item) {
  const { label, verdict } = gallery.state(item);
  const name = JSON.stringify([item.digest, gallery.key, label, verdict, item.base]);
  gallery.whys ??= new Map();
  if (!gallery.whys.has(name)) {
    if (gallery.whys.size >= MOST_KEPT) gallery.whys.clear();
    gallery.whys.set(name, read(item.digest, gallery.key));
  }
  const why = await gallery.whys.get(name);
  if (!why) gallery.whys.delete(name);
  return why;
}

async function read(digest, queue) {
  try {
    const answer = await fetch(whyOf(digest, queue));
    return answer.ok ? await answer.json() : null;
  } catch {
    return null; // The next drawing asks again.
  }
}

function shown({ is_hidden, sentences, near }) {
  const parts = near.flatMap(({ class_name, role, images }) => {
    const title = TITLES[role](class_name);
    const row = make("div", "near");
    row.append(...images.map(nearImage));
    if (!images.length) row.append(make("p", "", NONE[role] ?? "No other image has this label."));
    return [make("h4", "", title), row];
  });
  const title = is_hidden ? "Suggestion" : "Other evidence";
  if (sentences.length) parts.push(make("h4", "", title), ...sentences.map((text) => make("p", "", text)));
  return parts;
}

function nearImage({ digest, path, similarity }) {
  const figure = make("figure");
  const picture = make("img");
  Object.assign(picture, { src: thumbnailOf(digest), alt: path, title: path, draggable: false });
  const caption = make("figcaption", "", percent(similarity));
  caption.title = "Similarity: the cosine of the two embeddings";
  figure.append(picture, caption);
  return figure;
}
