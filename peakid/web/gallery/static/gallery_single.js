// One large image: zoom and pan at full resolution, and what is known about it.

import { button, imageOf, keepKeys, make, thumbnailOf } from "./elements.js";
import { drawRibbon, makeRibbon } from "./gallery_ribbon.js";
import { similarRow } from "./gallery_similar.js";
import { drawBeside } from "./gallery_twins.js";
import { toggleTypical } from "./gallery_typical.js";
import { hasWhy, whyPart } from "./gallery_why.js";

export const ZOOM_STEP = 1.4; // for one press of + or one notch of the wheel
const MOST_ZOOM = 4; // times its own pixels
export const PAN_STEP = 0.2; // of the window, for one press of Shift and an arrow
const NEIGHBOURS = [1, 2, -1]; // loaded ahead

export function buildSingle(gallery) {
  const { single } = gallery.parts;
  single.tabIndex = 0; // A click on the picture gives it the keys.
  single.setAttribute("role", "group");
  single.setAttribute("aria-label", "Image to judge");
  const picture = make("img", "large");
  picture.draggable = false;
  picture.addEventListener("error", () => {
    const item = gallery.items[gallery.focus];
    if (item) picture.src = thumbnailOf(item.digest);
  });
  picture.addEventListener("load", () => drawZoom(gallery));
  gallery.parts.large = picture;
  gallery.parts.window = make("div", "window");
  gallery.parts.window.append(picture);
  gallery.parts.panel = make("aside", "about");
  gallery.parts.caption = make("div", "caption");
  gallery.parts.views = make("div", "views");
  gallery.parts.views.append(gallery.parts.window);
  single.append(gallery.parts.views, gallery.parts.panel, gallery.parts.caption);
  gallery.zoom = { scale: 1, x: 0, y: 0 };
  listenForZoom(gallery);
}

export function drawSingle(gallery) {
  const item = gallery.items[gallery.focus];
  if (!item) return;
  const { large, caption, single } = gallery.parts;
  const state = gallery.state(item);
  if (large.dataset.digest !== item.digest) loadLarge(gallery, item);
  single.dataset.verdict = state.verdict;
  single.dataset.reviewed = state.is_reviewed;
  const ribbon = makeRibbon("span");
  drawRibbon(gallery, ribbon, item, state);
  gallery.parts.percent = make("span", "percent");
  const [why, path] = [make("span", "why", item.why), make("span", "path", item.path)];
  caption.replaceChildren(ribbon, why, path, gallery.parts.percent);
  drawAbout(gallery, item);
  drawBeside(gallery, item);
  drawZoom(gallery);
}

function loadLarge(gallery, item) {
  const { large } = gallery.parts;
  large.dataset.digest = item.digest;
  large.style.backgroundImage = `url("${thumbnailOf(item.digest)}")`; // Until the image is loaded.
  large.src = imageOf(item.digest);
  large.alt = item.path;
  gallery.zoom = { scale: 1, x: 0, y: 0 };
  for (const near of NEIGHBOURS) {
    const neighbour = gallery.items[gallery.focus + near];
    if (neighbour) new Image().src = imageOf(neighbour.digest);
  }
}

// ---- zoom and pan -----------------------------------------------------------------------------------------

/** Return how many screen pixels one pixel of the image takes when the whole image is in sight. */
function fitScale({ parts: { large, window } }) {
  const fit = Math.min(window.clientWidth / large.naturalWidth, window.clientHeight / large.naturalHeight);
  return Number.isFinite(fit) && fit > 0 ? fit : 1;
}

/** Zoom by a factor, keeping the point (x, y) of the window in place. */
export function zoomBy(gallery, factor, x, y) {
  const { window: frame } = gallery.parts;
  const [atX, atY] = [x ?? frame.clientWidth / 2, y ?? frame.clientHeight / 2];
  const { zoom } = gallery;
  const scale = Math.max(1, Math.min(Math.max(MOST_ZOOM / fitScale(gallery), 2), zoom.scale * factor));
  const grown = scale / zoom.scale;
  gallery.zoom = { scale, x: atX - (atX - zoom.x) * grown, y: atY - (atY - zoom.y) * grown };
  drawZoom(gallery);
}

export function zoomToFit(gallery) {
  gallery.zoom = { scale: 1, x: 0, y: 0 };
  drawZoom(gallery);
}

export function panBy(gallery, x, y) {
  gallery.zoom.x += x;
  gallery.zoom.y += y;
  drawZoom(gallery);
}

function drawZoom(gallery) {
  const { large, window: frame, percent } = gallery.parts;
  const { zoom } = gallery;
  // The image always covers the window.
  const clamp = (offset, size) => Math.min(0, Math.max(offset, size - size * zoom.scale));
  zoom.x = clamp(zoom.x, frame.clientWidth);
  zoom.y = clamp(zoom.y, frame.clientHeight);
  const transform = `translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})`;
  large.style.transform = zoom.scale === 1 ? "" : transform;
  frame.classList.toggle("zoomed", zoom.scale > 1);
  if (!percent || !large.naturalWidth) return;
  percent.textContent = `${Math.round(100 * fitScale(gallery) * zoom.scale)} %`;
}

function listenForZoom(gallery) {
  const { window: frame } = gallery.parts;
  const place = (event) => {
    const box = frame.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  frame.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      zoomBy(gallery, ZOOM_STEP ** (-event.deltaY / 100), ...place(event));
    },
    { passive: false },
  );
  frame.addEventListener("dblclick", (event) => {
    if (gallery.zoom.scale > 1) zoomToFit(gallery);
    else zoomBy(gallery, Math.max(2, 1 / fitScale(gallery)), ...place(event)); // One pixel to one pixel.
  });
  frame.addEventListener("pointerdown", (event) => frame.setPointerCapture(event.pointerId));
  frame.addEventListener("pointermove", (event) => {
    if (frame.hasPointerCapture(event.pointerId)) panBy(gallery, event.movementX, event.movementY);
  });
}

// ---- what is known about the image -------------------------------------------------------------------

/** Draw the panel where it has content; an unchanged panel keeps what is being typed. */
function drawAbout(gallery, item) {
  const { panel } = gallery.parts;
  const { can } = gallery.data;
  const known = [item.tags, item.note, item.also_shows, item.origin_url, item.licence, item.author];
  const { label, verdict } = gallery.state(item);
  const drawn = JSON.stringify([item.digest, can, label, verdict, item.typical, ...known]);
  panel.hidden = !can.length && !hasWhy(gallery) && !known.some((value) => value?.length);
  if (panel.dataset.drawn === drawn) return;
  panel.dataset.drawn = drawn;
  panel.replaceChildren(
    ...whyPart(gallery, item),
    ...typicalRow(gallery, item),
    ...similarRow(gallery),
    ...chipRow(gallery, item, "tag", "Tags", item.tags ?? [], "tags"),
    ...chipRow(gallery, item, "also", "Also shows", item.also_shows ?? [], "also_shows"),
    ...noteRow(gallery, item),
    ...factRow("Author", item.author),
    ...factRow("Licence", item.licence),
    ...linkRow(item.origin_url),
  );
}

/** Return the button that marks the image as typical of its class. */
function typicalRow(gallery, item) {
  const { label, verdict } = gallery.state(item);
  if (!gallery.data.can.includes("typical") || !label || verdict !== "label") return [];
  const act = () => {
    toggleTypical(gallery);
    gallery.takeFocus();
  };
  const toggle = button(`Typical of ${label}`, "T", "Shown under “How to tell them apart”", act);
  toggle.setAttribute("aria-pressed", String(Boolean(item.typical)));
  const row = make("div", "bar");
  row.append(toggle);
  return [row];
}

function factRow(title, value) {
  return value ? [make("h4", "", title), make("p", "", value)] : [];
}

function linkRow(url) {
  if (!/^https?:\/\//.test(url ?? "")) return []; // Any other link could run a script.
  const link = make("a", "", "Open the original page");
  Object.assign(link, { href: url, target: "_blank", rel: "noopener noreferrer", title: url });
  return [make("h4", "", "Origin"), link];
}

/** Return a row of tags or further classes, each with a button to remove it, and a field to add one. */
function chipRow(gallery, item, kind, title, names, field) {
  const isOffered = gallery.data.can.includes(kind);
  if (!isOffered && !names.length) return [];
  const set = (name, is_on) => {
    const rest = names.filter((each) => each !== name);
    gallery.remark(kind, item, { [field]: is_on ? [...rest, name] : rest }, { name, is_on });
  };
  const chip = (name) => {
    if (!isOffered) return make("span", "chip", name);
    return button(name, "×", `Remove ${name}`, () => set(name, false));
  };
  const row = make("div", "bar");
  row.append(...names.map(chip));
  if (isOffered) row.append(nameField(gallery, title, kind, (name) => set(name, true)));
  return [make("h4", "", title), row];
}

function nameField(gallery, title, kind, add) {
  const input = keepKeys(make("input", "field"));
  input.placeholder = kind === "also" ? "Add a class" : "Add a tag";
  input.setAttribute("aria-label", title);
  if (kind === "also") input.setAttribute("list", suggestions(gallery));
  input.addEventListener("keydown", (event) => {
    const isAdded = event.key === "Enter" && input.value.trim();
    if (isAdded) add(input.value.trim());
    if (isAdded || event.key === "Escape") gallery.takeFocus();
  });
  return input;
}

function suggestions(gallery) {
  const id = "class-names";
  gallery.parts.names?.remove();
  const list = make("datalist");
  gallery.parts.names = list;
  list.id = id;
  list.append(...gallery.data.classes.map(({ name }) => Object.assign(make("option"), { value: name })));
  gallery.parts.root.append(list);
  return id;
}

function noteRow(gallery, item) {
  if (!gallery.data.can.includes("note")) return factRow("Note", item.note);
  const field = keepKeys(make("textarea", "field"));
  field.value = item.note ?? "";
  field.rows = 3;
  field.placeholder = "Anything the next reviewer should know";
  field.setAttribute("aria-label", "Note");
  field.addEventListener("change", () => {
    const text = field.value.trim();
    gallery.remark("note", item, { note: text }, { text });
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") gallery.takeFocus();
  });
  return [make("h4", "", "Note"), field];
}
