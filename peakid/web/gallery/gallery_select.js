// Which images a judgement is about: the one in focus, a selection, or everything that matches.

function targets(gallery) {
  if (gallery.selected.size) return gallery.items.filter((item) => gallery.selected.has(item.digest));
  const item = gallery.items[gallery.focus];
  return item ? [item] : [];
}

function clearSelection(gallery) {
  gallery.selected.clear();
  gallery.anchor = null;
  gallery.isEverything = false;
}

/** Select from where the range began to `index`, and go there. */
function selectTo(gallery, index) {
  gallery.anchor ??= gallery.focus;
  const [from, to] = [gallery.anchor, index].sort((a, b) => a - b);
  gallery.isEverything = false;
  gallery.selected = new Set(gallery.items.slice(from, to + 1).map((item) => item.digest));
  gallery.message = "";
  gallery.go(index);
}

function toggleSelected(gallery, index) {
  const { digest } = gallery.items[index];
  gallery.isEverything = false;
  if (!gallery.selected.delete(digest)) gallery.selected.add(digest);
  gallery.anchor = index;
  gallery.go(index);
}

/** Select what is wholly in sight; with `isAll`, what is loaded. Judged images are left out: a keep would undo an exclusion. */
function selectPage(gallery, isAll) {
  if (gallery.view !== "grid") gallery.show("grid");
  const [from, to] = isAll ? [0, gallery.items.length] : rowsInSight(gallery).map((row) => row * gallery.columns);
  const open = gallery.items.slice(from, to).filter((item) => !gallery.done.has(item.digest));
  gallery.isEverything = false;
  gallery.selected = new Set(open.map((item) => item.digest));
  gallery.message = open.length ? "" : "Every image in sight is judged.";
  gallery.draw();
}

function selectEverything(gallery) {
  if (gallery.view !== "grid") gallery.show("grid");
  clearSelection(gallery);
  gallery.isEverything = gallery.data.n_matching > 0;
  gallery.message = gallery.isEverything ? "" : "Nothing in this queue waits any more.";
  gallery.draw();
}

function isSelected(gallery, item) {
  return gallery.isEverything || gallery.selected.has(item.digest);
}

/** First row wholly in sight, and the row behind the last. */
function rowsInSight({ parts: { grid }, rowHeight }) {
  const first = Math.ceil((grid.scrollTop - GAP) / rowHeight);
  return [Math.max(0, first), Math.max(first + 1, Math.floor((grid.scrollTop + grid.clientHeight) / rowHeight))];
}

function lastInSight({ parts: { grid }, rowHeight, columns }) {
  return Math.ceil((grid.scrollTop + grid.clientHeight) / rowHeight) * columns;
}

/** How many wait in the queue, in words; of many, only that there are more than were counted. */
function matching({ n_matching, is_more }) {
  return `${is_more ? "more than " : ""}${n_matching.toLocaleString("en")}`;
}
