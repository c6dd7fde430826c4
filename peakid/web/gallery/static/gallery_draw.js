// How the review grid looks: bars, tiles and the status line, from the state in gallery.js.

import { button, make, thumbnailOf } from "./elements.js";
import { showOnMap } from "./gallery_map.js";
import { openFinder, openReasons, openSheet } from "./gallery_panels.js";
import { notePlace } from "./gallery_place.js";
import { classDot, drawRibbon, makeRibbon } from "./gallery_ribbon.js";
import {
  clearSelection,
  isSelected,
  nMatchingText,
  selectEverything,
  selectTo,
  toggleSelected,
} from "./gallery_select.js";
import { canSearch, similarButton } from "./gallery_similar.js";
import { buildSingle } from "./gallery_single.js";
import { GAP_PX, TILE_WIDTH_PX } from "./gallery_sizes.js";
import { cellOf, drawPair, indexAt, progressOf } from "./gallery_twins.js";

const SPARE_ROWS = 2; // drawn above and below those in sight
const RATE_WINDOW_MS = 120_000;
const N_KEYS = 9; // The first classes have the keys 1 to 9.

export function build(gallery) {
  gallery.parts = { root: make("div", "gallery"), tiles: new Map() };
  const { parts } = gallery;
  parts.classes = toolbar("classes", "Classes");
  parts.acts = toolbar("acts", "Judge");
  parts.stage = make("div", "stage");
  buildGrid(gallery);
  parts.single = make("div", "single");
  parts.overlay = make("div", "overlay");
  parts.status = make("div", "status");
  parts.stage.append(parts.grid, parts.single, parts.overlay);
  parts.focusable = parts[gallery.view];
  parts.root.append(parts.classes, parts.acts, parts.stage, parts.status);
  buildActs(gallery);
  buildSingle(gallery);
  buildStatus(gallery);
}

function toolbar(name, label) {
  const bar = make("div", `bar ${name}`);
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", label);
  return bar;
}

function buildGrid(gallery) {
  const { parts } = gallery;
  parts.grid = make("div", "grid");
  parts.grid.tabIndex = 0;
  parts.grid.setAttribute("role", "listbox");
  parts.grid.setAttribute("aria-label", "Images to judge");
  parts.grid.setAttribute("aria-multiselectable", "true");
  parts.space = make("div", "space");
  parts.grid.append(parts.space);
  const onScroll = () => {
    notePlace(gallery);
    drawGrid(gallery);
    gallery.fetchAhead();
  };
  parts.grid.addEventListener("scroll", onScroll, { passive: true });
}

function buildActs(gallery) {
  const { parts } = gallery;
  const add = (name, text, key, title, act) => {
    parts[name] = button(text, key, title, () => {
      act();
      if (!gallery.overlay) gallery.takeFocus(); // A panel that was opened has it.
    });
    parts.acts.append(parts[name]);
  };
  add("keep", "Keep", "Space", "Keep the label", () => gallery.judge("keep"));
  add("model", "Accept", "M", "Accept the model's answer: label as the predicted class", () =>
    gallery.judge("model"),
  );
  add("exclude", "Exclude", "X", "Do not train on it; the file is kept", () => openReasons(gallery));
  add("flag", "Flag", "F", "Mark for a second look", () => gallery.judge("flag"));
  add("undo", "Undo", "Z", "Undo your last step", () => gallery.undo());
  add("redo", "Redo", "⇧Z", "Redo what you undid", () => gallery.redo());
  parts.acts.append(make("span", "grow"), buildSlider(gallery));
  add("toGrid", "Grid", "", "All images (Enter)", () => gallery.show("grid"));
  add("toSingle", "Single", "", "One large image (Enter)", () => gallery.show("single"));
  add("toMap", "Map", "", "Show the selected images or this one on the map", () => showOnMap(gallery));
  add("help", "Keys", "?", "Show all keys", () => openSheet(gallery));
  for (const name of ["toGrid", "toSingle", "toMap", "help"]) parts[name].classList.add("quiet");
}

function buildSlider(gallery) {
  const slider = make("input", "size");
  const { least: min, most: max } = TILE_WIDTH_PX;
  Object.assign(slider, { type: "range", min, max, step: 4, value: gallery.tileWidthWanted });
  slider.title = "Image size";
  slider.setAttribute("aria-label", "Image size");
  slider.addEventListener("input", () => gallery.resize(Number(slider.value)));
  gallery.parts.slider = slider;
  return slider;
}

function buildStatus(gallery) {
  const { parts } = gallery;
  parts.count = make("span", "count");
  parts.message = make("span", "message");
  // Only the message is read out: a count at every key would hide it.
  parts.message.setAttribute("role", "status");
  parts.why = make("span", "why");
  parts.storage = make("span", "storage");
  parts.offer = make("span", "offer");
  parts.status.append(
    parts.count,
    parts.message,
    parts.why,
    parts.storage,
    make("span", "grow"),
    parts.offer,
  );
}

export function drawBars(gallery) {
  const { classes } = gallery.parts;
  drawEmpty(gallery);
  const wanted = JSON.stringify(gallery.data.classes);
  if (classes.dataset.drawn === wanted) return;
  classes.dataset.drawn = wanted;
  const find = button("Find class", "/", "Type part of its name", () => openFinder(gallery));
  find.classList.add("quiet");
  const rows = gallery.data.classes.map((row, i) => classButton(gallery, row, i));
  // The rows scroll where they are many: what finds the others must not be among them.
  classes.replaceChildren(...(rows.length > N_KEYS ? [find, ...rows] : [...rows, find]));
}

/** In an empty queue only Undo and Redo are left, for what emptied it. */
function drawEmpty({ items, parts, steps }) {
  const isEmpty = !items.length;
  for (const each of [parts.classes, parts.stage, parts.count, ...parts.acts.children]) each.hidden = isEmpty;
  parts.undo.hidden = parts.redo.hidden = false;
  parts.acts.hidden = isEmpty && !steps.hasAny;
}

function classButton(gallery, { name, colour }, i) {
  const element = button(name, i < N_KEYS ? String(i + 1) : "", `Label as ${name}`, () => {
    gallery.judge("label", { label: name });
    gallery.takeFocus();
  });
  element.insertBefore(classDot(colour), element.querySelector(".name"));
  element.dataset.label = name;
  if (i >= N_KEYS) element.tabIndex = -1; // Too many for the Tab key: "Find class" reaches these.
  return element;
}

export function drawPressed(gallery) {
  const { classes, model, toGrid, toMap, toSingle, slider } = gallery.parts;
  const item = gallery.items[gallery.focus];
  const state = item ? gallery.state(item) : {};
  for (const element of classes.children) {
    if (!element.dataset.label) continue;
    const isPressed = state.verdict === "label" && state.label === element.dataset.label;
    element.setAttribute("aria-pressed", String(isPressed));
  }
  toGrid.setAttribute("aria-pressed", String(gallery.view === "grid"));
  toSingle.setAttribute("aria-pressed", String(gallery.view === "single"));
  slider.hidden = gallery.view !== "grid" || !gallery.items.length;
  toMap.hidden = !gallery.data.has_map || !gallery.items.length;
  model.hidden = !gallery.items.some(({ predicted }) => predicted);
  model.title = item?.predicted
    ? `Label as ${item.predicted}, which the model predicts`
    : "No prediction is shown";
}

/** Draw the rows in sight and a few around them; the others have no elements. */
export function drawGrid(gallery) {
  const { grid, space, tiles } = gallery.parts;
  const { columns, rowHeight, items } = gallery;
  const firstRow = Math.floor(grid.scrollTop / rowHeight) - SPARE_ROWS;
  const lastRow = Math.ceil((grid.scrollTop + grid.clientHeight) / rowHeight) + SPARE_ROWS;
  const first = indexAt(gallery, Math.max(0, firstRow) * columns);
  const last = indexAt(gallery, lastRow * columns);
  const shown = new Set(items.slice(first, last).map((item) => item.digest));
  for (const [digest, tile] of tiles) {
    if (shown.has(digest)) continue;
    tile.remove();
    tiles.delete(digest);
  }
  for (let i = first; i < last; i++) {
    const item = items[i];
    if (!tiles.has(item.digest)) {
      const tile = makeTile(gallery, item);
      tiles.set(item.digest, tile);
      space.append(tile);
    }
    drawTile(gallery, tiles.get(item.digest), item, i);
  }
  grid.setAttribute("aria-activedescendant", `tile-${gallery.focus}`);
}

const SHORTER = [
  [/^looks like (.*) \((\d+ %)\)(, \d+ of \d+ nearest images are .*)?$/, "$1 $2 suggested"],
  [/^a near duplicate has another label.*$/, "near duplicate"],
  [/^test image: the suggestion is hidden.*$/, "test image"],
  [/^run \d+ predicts (.*) \((\d+ %)\)$/, "$1 $2 predicted"],
  [
    /^run \d+ predicts (.*) \((\d+ %)\); a near duplicate is in train$/,
    "$1 $2 predicted, duplicate in train",
  ],
  [/^run (\d+): (.*) \d+ %, run \d+: .*$/, "$2 by run $1"],
  [/^a duplicate is labelled (.*)$/, "$1 is the label of a duplicate"],
  [/^similarity (-?[\d.]+) to .*$/, "$1 similar"],
  [/^unlike every class: nearest is (.*) at (-?[\d.]+)$/, "nearest $1 $2"],
  [/^unlike its class: (-?[\d.]+) to .*$/, "$1 to its class"],
  [/^ImageNet: (.*); kept.*$/, "$1"],
  [/^also found as (.*)$/, "$1 is the label elsewhere"],
];

/** On a tile "dark" or "eiger 60 % predicted": what matters is first, and the tooltip has the whole reason. */
function shortened(why) {
  for (const [pattern, text] of SHORTER) if (pattern.test(why)) return why.replace(pattern, text);
  return why.length > 28 ? why.split(": ")[0] : why;
}

function makeTile(gallery, { digest, path, why }) {
  const tile = make("div", "tile");
  tile.setAttribute("role", "option");
  const picture = make("img");
  picture.src = thumbnailOf(digest);
  picture.alt = path;
  picture.draggable = false;
  const frame = make("div", "frame");
  frame.append(picture, make("span", "star", "★"), make("span", "badge", shortened(why ?? "")));
  tile.append(frame, " ", makeRibbon("div")); // The blank separates the two texts for a screen reader.
  tile.addEventListener("click", (event) => clickTile(gallery, gallery.position.get(digest), event));
  tile.addEventListener("dblclick", () => gallery.show("single"));
  return tile;
}

function clickTile(gallery, index, event) {
  if (event.shiftKey) selectTo(gallery, index);
  else if (event.ctrlKey || event.metaKey) toggleSelected(gallery, index);
  else {
    clearSelection(gallery);
    gallery.go(index);
  }
}

function drawTile(gallery, tile, item, index) {
  const { columns, rowHeight, tileWidth } = gallery;
  const cell = cellOf(gallery, index);
  const isJoined = drawPair(gallery, tile, item, index);
  const state = gallery.state(item);
  const left = GAP_PX + (cell % columns) * (tileWidth + GAP_PX);
  const top = GAP_PX + Math.floor(cell / columns) * rowHeight;
  tile.style.transform = `translate(${left}px, ${top}px)`;
  tile.style.width = `${tileWidth + (isJoined ? GAP_PX : 0)}px`;
  tile.style.height = `${rowHeight - GAP_PX}px`;
  tile.id = `tile-${index}`;
  tile.title = item.why ? `${item.path}\n${item.why}` : item.path;
  tile.dataset.verdict = state.verdict;
  tile.dataset.reviewed = state.is_reviewed;
  tile.dataset.digest = item.digest;
  const isFocused = index === gallery.focus;
  const isChosen = isSelected(gallery, item);
  tile.classList.toggle("focus", isFocused);
  tile.classList.toggle("selected", isChosen);
  tile.setAttribute("aria-selected", String(isChosen || (isFocused && !gallery.selected.size)));
  tile.setAttribute("aria-posinset", String(index + 1));
  // -1: the total is not known yet.
  tile.setAttribute("aria-setsize", String(gallery.data.is_end ? gallery.items.length : -1));
  const badge = tile.querySelector(".badge");
  badge.hidden = gallery.commonWhy !== null || !item.why;
  const star = tile.querySelector(".star");
  star.hidden = !item.typical;
  star.title = `Typical of ${state.label}`;
  const seen = [item.typical ? "★ " : "", badge.hidden ? "" : `${badge.textContent} `];
  const shown = seen.join(""); // A name begins with what is seen.
  tile.setAttribute("aria-label", `${shown}${spokenState(state)}: ${item.path}`);
  drawRibbon(gallery, tile.querySelector(".ribbon"), item, state);
}

function spokenState({ verdict, label, reason, is_reviewed }) {
  if (verdict === "exclude") return `excluded${reason ? `, ${reason}` : ""}`;
  if (verdict === "flag") return `flagged${label ? `, ${label}` : ""}`;
  return label ? `${label}${is_reviewed ? "" : ", not confirmed"}` : "no label yet";
}

// ---- the status line ------------------------------------------------------------------------------------

export function drawStatus(gallery) {
  const { parts, outbox, selected, commonWhy } = gallery;
  parts.count.textContent = [...progressTexts(gallery), gallery.savedText].join(" · ");
  parts.count.classList.toggle("pending", outbox.nWaiting > 0);
  const message = gallery.statusMessage;
  if (parts.message.textContent !== message) parts.message.textContent = message;
  const hasSelection = selected.size > 0 || gallery.isEverything;
  parts.storage.textContent = gallery.storageText;
  const isWhyShown = !message && !hasSelection && commonWhy && gallery.view === "grid";
  parts.why.textContent = isWhyShown ? `why these images: ${commonWhy}` : "";
  drawOffer(gallery);
}

/** Return how far, how fast and how much is left: "12 of 128", "34 per minute", "about 4 min left". */
function progressTexts(gallery) {
  const { data, times } = gallery;
  const { nJudged, nLoaded } = progressOf(gallery);
  const recent = times.filter((time) => time > Date.now() - RATE_WINDOW_MS);
  const minutes = Math.max((Date.now() - (recent[0] ?? 0)) / 60_000, 1 / 12);
  const rate = recent.length > 4 ? Math.round(recent.length / minutes) : 0;
  const nLeft = nLoaded - nJudged + data.n_waiting;
  const nAll = (nLoaded + data.n_waiting).toLocaleString("en");
  const texts = [`${nJudged.toLocaleString("en")} of ${nAll}${data.is_more ? "+" : ""}`];
  if (rate) texts.push(`${rate} per minute`);
  if (rate && nLeft && !data.is_more) texts.push(`about ${Math.max(1, Math.round(nLeft / rate))} min left`);
  return texts;
}

/** Offer what can be selected or shown next. */
function drawOffer(gallery) {
  const offers = [...messageOffers(gallery), ...selectionOffers(gallery), ...endOffers(gallery)];
  const drawn = offers.map((offer) => offer.textContent).join("|");
  const { offer } = gallery.parts;
  if (offer.dataset.drawn === drawn) return; // A button that is replaced while it is pressed gets no click.
  offer.dataset.drawn = drawn;
  offer.replaceChildren(...offers);
}

/** Offer to undo or redo what the message says. */
function messageOffers(gallery) {
  const { message, offered, outbox } = gallery;
  if (!message || !offered || outbox.isLate) return [];
  const act = () => {
    gallery[offered]();
    gallery.takeFocus();
  };
  return [offered === "undo" ? button("Undo", "Z", "", act) : button("Redo", "⇧Z", "", act)];
}

function selectionOffers(gallery) {
  const { data, selected } = gallery;
  if (gallery.isEverything)
    return [make("strong", "", `All ${nMatchingText(data)} images of this queue selected`)];
  if (!selected.size) return [];
  const offers = [make("strong", "", `${selected.size.toLocaleString("en")} selected`)];
  if (selected.size === 1 && canSearch(gallery)) offers.push(similarButton(gallery));
  if (selected.size > 1 && data.n_matching > selected.size) {
    const selectAll = () => {
      selectEverything(gallery);
      gallery.takeFocus();
    };
    offers.push(button(`Select all ${nMatchingText(data)}`, "⇧A", "Every image of this queue", selectAll));
  }
  return offers;
}

function endOffers(gallery) {
  const { data, selected } = gallery;
  const { nJudged, nLoaded } = progressOf(gallery);
  if (selected.size || gallery.isEverything || !data.is_end || nJudged < nLoaded || !nLoaded) return [];
  if (!data.n_waiting)
    return [
      make("span", "", "Every image of this queue is judged. The next step or another queue is above."),
    ];
  const text = `Show the other ${data.n_waiting.toLocaleString("en")}`;
  return [button(text, "", "From the start of the queue", () => gallery.requestNext())];
}
