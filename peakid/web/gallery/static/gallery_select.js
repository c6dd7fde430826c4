// Which images a judgement is about: the focused one, a selection, or the whole queue.

import { GAP_PX } from "./gallery_sizes.js";
import { indexAt } from "./gallery_twins.js";

export function targets(gallery) {
  if (gallery.selected.size) return gallery.items.filter((item) => gallery.selected.has(item.digest));
  const item = gallery.items[gallery.focus];
  return item ? [item] : [];
}

export function clearSelection(gallery) {
  gallery.selected.clear();
  gallery.anchor = null;
  gallery.isEverything = false;
}

/** Select from the start of the range to `index`, and go there. */
export function selectTo(gallery, index) {
  gallery.anchor ??= gallery.focus;
  const [from, to] = [gallery.anchor, index].sort((a, b) => a - b);
  gallery.isEverything = false;
  gallery.selected = new Set(gallery.items.slice(from, to + 1).map((item) => item.digest));
  gallery.message = "";
  gallery.go(index);
}

export function toggleSelected(gallery, index) {
  const { digest } = gallery.items[index];
  gallery.isEverything = false;
  if (!gallery.selected.delete(digest)) gallery.selected.add(digest);
  gallery.anchor = index;
  gallery.go(index);
}

/**
 * Select the images wholly in sight, or with `isAll` every loaded one. Judged images are left out: keeping
 * the label of an excluded image would undo its exclusion.
 */
export function selectPage(gallery, isAll) {
  if (gallery.view !== "grid") gallery.show("grid");
  const inSight = rowsInSight(gallery).map((row) => indexAt(gallery, row * gallery.columns));
  const [from, to] = isAll ? [0, gallery.items.length] : inSight;
  const isOpen = (item) => !gallery.done.has(item.digest) && !item.is_beside;
  const unjudged = gallery.items.slice(from, to).filter(isOpen);
  gallery.isEverything = false;
  gallery.selected = new Set(unjudged.map((item) => item.digest));
  const none = isAll ? "Every loaded image is judged." : "Every image in sight is judged.";
  gallery.message = unjudged.length ? "" : none;
  gallery.draw();
}

export function selectEverything(gallery) {
  if (gallery.view !== "grid") gallery.show("grid");
  clearSelection(gallery);
  gallery.isEverything = gallery.data.n_matching > 0;
  gallery.message = gallery.isEverything ? "" : "No image of this queue is left.";
  gallery.draw();
}

export function isSelected(gallery, item) {
  return gallery.isEverything || gallery.selected.has(item.digest);
}

/** Return the first row wholly in sight, and the row after the last. */
export function rowsInSight({ parts: { grid }, rowHeight }) {
  const first = Math.ceil((grid.scrollTop - GAP_PX) / rowHeight);
  const behind = Math.floor((grid.scrollTop + grid.clientHeight) / rowHeight);
  return [Math.max(0, first), Math.max(first + 1, behind)];
}

/** Return the index of the first image that is wholly in sight. */
export function firstInSight(gallery) {
  return indexAt(gallery, rowsInSight(gallery)[0] * gallery.columns);
}

/** Return the index after the last image that is at least partly in sight. */
export function lastInSight(gallery) {
  const { grid } = gallery.parts;
  const behind = Math.ceil((grid.scrollTop + grid.clientHeight) / gallery.rowHeight);
  return indexAt(gallery, behind * gallery.columns);
}

/** Return how many images the queue has, as text; a large queue is not counted to its end. */
export function nMatchingText({ n_matching, is_more }) {
  return `${is_more ? "more than " : ""}${n_matching.toLocaleString("en")}`;
}
