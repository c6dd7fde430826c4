// Where the grid is scrolled to. It stays there whatever is loaded, and keys act on images in sight only.

import { firstInSight } from "./gallery_select.js";
import { GAP_PX, RIBBON_PX } from "./gallery_sizes.js";
import { rowOf } from "./gallery_twins.js";

/** Remember which image is where, so that `restorePlace` can show it there after a change of the images. */
export function notePlace(gallery) {
  const { grid } = gallery.parts;
  if (gallery.isNewGrid || gallery.view !== "grid" || !grid.clientHeight || !gallery.items.length) return;
  const index = isInSight(gallery, gallery.focus) ? gallery.focus : firstInSight(gallery);
  const digest = gallery.items[Math.min(index, gallery.items.length - 1)]?.digest;
  const top = topOf(gallery, gallery.position.get(digest)) - grid.scrollTop;
  gallery.place = { digest, top, scrollTop: grid.scrollTop };
}

/** Scroll to where the grid was before its images, its size or its element changed. */
export function restorePlace(gallery) {
  const { grid } = gallery.parts;
  const { place } = gallery;
  gallery.isNewGrid = false;
  if (!place || gallery.view !== "grid") return;
  const index = gallery.position.get(place.digest);
  const wanted = index === undefined ? place.scrollTop : topOf(gallery, index) - place.top;
  if (Math.abs(grid.scrollTop - wanted) >= 1) grid.scrollTop = wanted;
}

/** Tell whether at least half of an image is in sight: in the grid, and in the window. */
export function isInSight(gallery, index) {
  if (gallery.view !== "grid") return true;
  const { grid } = gallery.parts;
  const box = grid.getBoundingClientRect();
  const height = gallery.rowHeight - GAP_PX - RIBBON_PX;
  const top = topOf(gallery, index) + GAP_PX - grid.scrollTop;
  const from = Math.max(0, -box.top);
  const to = Math.min(grid.clientHeight, window.innerHeight - box.top);
  return Math.min(top + height, to) - Math.max(top, from) >= height / 2;
}

/** Scroll to the focused image; `covered` px at the bottom are hidden by a panel. */
export function reveal(gallery, covered = 0) {
  const { grid } = gallery.parts;
  const height = grid.clientHeight - covered;
  const top = topOf(gallery, gallery.focus);
  const bottom = top + gallery.rowHeight + GAP_PX;
  if (top < grid.scrollTop) grid.scrollTop = top;
  else if (bottom > grid.scrollTop + height) grid.scrollTop = bottom - height;
  notePlace(gallery);
}

/** Tell whether a judgement may be made: it is about an image in sight. If not, scroll to that image. */
export function isTargetInSight(gallery) {
  if (gallery.isEverything || !gallery.items.length) return true; // The whole queue is confirmed first.
  const selected = gallery.items.flatMap(({ digest }, i) => (gallery.selected.has(digest) ? [i] : []));
  if ((selected.length ? selected : [gallery.focus]).some((index) => isInSight(gallery, index))) return true;
  if (selected.length) gallery.focus = selected[0];
  reveal(gallery);
  gallery.draw();
  // Where the window itself is scrolled away from the grid.
  gallery.parts.tiles.get(gallery.items[gallery.focus].digest)?.scrollIntoView({ block: "nearest" });
  const which = selected.length ? "The selected images were" : "The focused image was";
  gallery.say(`${which} out of sight. Nothing was changed: press the key again.`);
  return false;
}

function topOf(gallery, index) {
  return rowOf(gallery, index) * gallery.rowHeight;
}
