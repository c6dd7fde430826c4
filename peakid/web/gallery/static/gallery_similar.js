// The key S: search for the images that are similar in meaning to the focused one.

import { button, make } from "./elements.js";
import { targets } from "./gallery_select.js";

const TIP = "Show the images most similar in meaning, the most similar first";

export function openSimilar(gallery) {
  const chosen = targets(gallery);
  if (!chosen.length) return;
  if (!canSearch(gallery)) {
    gallery.say("Similar images are found once the embeddings are computed. The Collect page has them.");
  } else if (chosen.length > 1 || gallery.isEverything) {
    gallery.say("S searches with one image at a time.");
  } else {
    gallery.push({ kind: "similar", digest: chosen[0].digest });
    gallery.say("Searching for images like this one.");
  }
}

export function canSearch(gallery) {
  return gallery.data.can.includes("similar");
}

export function similarButton(gallery) {
  return button("More like this", "S", TIP, () => openSimilar(gallery));
}

/** Return the row of the single view with the button. */
export function similarRow(gallery) {
  if (!canSearch(gallery)) return [];
  const row = make("div", "bar");
  row.append(similarButton(gallery));
  return [row];
}
