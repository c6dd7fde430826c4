// Duplicates with different labels side by side: in one row of the grid, and as two large images.

import { button, imageOf, thumbnailOf } from "./elements.js";
import { drawRibbon, makeRibbon } from "./gallery_ribbon.js";

const MOST_BESIDE = 3; // Large images beside the focused one.

/** Return the loaded duplicates of an image that have, or had, another label. */
export function twinsOf(gallery, item) {
  return (item.twins ?? []).map((digest) => gallery.item(digest)).filter(Boolean);
}

function areTwins(one, other) {
  return Boolean(one.twins?.includes(other.digest) || other.twins?.includes(one.digest));
}

/**
 * Number the cells of the grid so that twins that follow each other share a row: `gallery.cells` has the cell
 * of each image, or is null where each image is in the cell of its own number.
 */
export function layOutTwins(gallery) {
  const { items, columns } = gallery;
  gallery.cells = null;
  if (!items.some((item) => item.twins?.length)) return;
  const cells = [];
  for (let i = 0; i < items.length; ) {
    let end = i + 1;
    while (end < items.length && end - i < columns && areTwins(items[end - 1], items[end])) end += 1;
    const next = (cells.at(-1) ?? -1) + 1;
    const column = next % columns;
    const first = column + end - i > columns ? next + columns - column : next;
    for (let n = 0; i < end; i += 1, n += 1) cells.push(first + n);
  }
  gallery.cells = cells;
}

/** Return the cell of an image. */
export function cellOf({ cells }, index) {
  return cells?.[index] ?? index;
}

/** Return the first image in a cell or after it; the number of images where there is none. */
export function indexAt({ cells, items }, cell) {
  if (!cells) return Math.max(0, Math.min(cell, items.length));
  let [low, high] = [0, cells.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cells[middle] < cell) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function rowOf(gallery, index) {
  return Math.floor(cellOf(gallery, index) / gallery.columns);
}

/** Return the image `down` rows below one, in its column or the last before it. */
export function indexBelow(gallery, index, down) {
  if (!gallery.cells || !down) return index + down * gallery.columns;
  const cell = cellOf(gallery, index) + down * gallery.columns;
  if (cell < 0) return -1;
  const found = indexAt(gallery, cell);
  const isThere = found < gallery.items.length && gallery.cells[found] === cell;
  const row = Math.floor(cell / gallery.columns);
  if (isThere || found === 0 || rowOf(gallery, found - 1) < row) return found;
  return found - 1;
}

/** Mark a tile that belongs together with the next or the previous one. */
export function drawPair(gallery, tile, item, index) {
  const { items, focus } = gallery;
  const isNext = (other) =>
    Boolean(items[other] && areTwins(item, items[other]) && rowOf(gallery, other) === rowOf(gallery, index));
  const isJoined = isNext(index + 1);
  tile.classList.toggle("joined", isJoined);
  tile.classList.toggle("pair", isJoined || isNext(index - 1));
  tile.classList.toggle("twin", index !== focus && Boolean(items[focus] && areTwins(item, items[focus])));
  return isJoined;
}

/** Draw the duplicates of the focused image beside it, in the order of the queue. A click goes to one. */
export function drawBeside(gallery, item) {
  const { views, window: own } = gallery.parts;
  const shown = twinsOf(gallery, item).slice(0, MOST_BESIDE);
  views.classList.toggle("pair", shown.length > 0);
  views.classList.toggle("stacked", views.clientHeight > views.clientWidth); // Where that shows them larger.
  own.style.order = gallery.position.get(item.digest);
  const wanted = shown.map(({ digest }) => digest).join();
  if (views.dataset.beside !== wanted) {
    views.dataset.beside = wanted;
    views.replaceChildren(own, ...shown.map((twin) => makeBeside(gallery, twin)));
  }
  [...views.children].slice(1).forEach((element, i) => {
    const twin = shown[i];
    const state = gallery.state(twin);
    element.style.order = gallery.position.get(twin.digest);
    element.dataset.verdict = state.verdict;
    element.dataset.reviewed = state.is_reviewed;
    drawRibbon(gallery, element.querySelector(".ribbon"), twin, state);
    element.setAttribute("aria-label", `Duplicate: ${state.label ?? "no label"}: ${twin.path}`);
  });
}

function makeBeside(gallery, { digest, path }) {
  const element = button("", "", `Go to ${path}`, () => {
    gallery.go(gallery.position.get(digest));
    gallery.takeFocus();
  });
  element.className = "beside";
  const picture = document.createElement("img");
  picture.addEventListener("error", () => (picture.src = thumbnailOf(digest)), { once: true });
  picture.src = imageOf(digest);
  picture.alt = "";
  picture.draggable = false;
  element.replaceChildren(picture, makeRibbon("span"));
  return element;
}

/** Return how many images the queue has and how many of them are judged; duplicates beside it do not count. */
export function progressOf({ items, done, data, position }) {
  if (!data.n_beside) return { nJudged: done.size, nLoaded: items.length };
  const isCounted = (digest) => !items[position.get(digest)]?.is_beside;
  return { nJudged: [...done.keys()].filter(isCounted).length, nLoaded: items.length - data.n_beside };
}
