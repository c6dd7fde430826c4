// What the keys of the review grid do.

import { closeOverlay, exclude, openFinder, openReasons, openSheet } from "./gallery_panels.js";
import { isInSight, isTargetInSight } from "./gallery_place.js";
import {
  clearSelection,
  firstInSight,
  rowsInSight,
  selectEverything,
  selectPage,
  selectTo,
} from "./gallery_select.js";
import { openSimilar } from "./gallery_similar.js";
import { PAN_STEP, panBy, ZOOM_STEP, zoomBy, zoomToFit } from "./gallery_single.js";
import { indexBelow } from "./gallery_twins.js";
import { toggleTypical } from "./gallery_typical.js";
import { ARROWS } from "./grid_base.js";

const PAGE_OF_SINGLE = 10; // images that Page Up and Page Down move by in the single view

export function keyAction(gallery, event) {
  if (!gallery.items.length && event.key.toLowerCase() !== "z") return undefined;
  return gallery.overlay ? overlayAction(gallery, event) : gridAction(gallery, event);
}

/** Ctrl A: select every loaded image that is not judged. */
export function selectLoadedKey(gallery, event) {
  if (event.key.toLowerCase() !== "a" || gallery.overlay || !gallery.items.length) return;
  event.preventDefault();
  selectPage(gallery, true);
}

function gridAction(gallery, event) {
  const { key } = event;
  if (key === "Escape" && document.querySelector("[data-testid=stPopoverBody]")) return null; // It closes.
  const zoom = gallery.view === "single" && zoomAction(gallery, event);
  if (zoom) return zoom;
  const target = destination(gallery, key);
  if (target !== undefined) return () => moveTo(gallery, target, event.shiftKey);
  if (/^[1-9]$/.test(key)) return () => labelByKey(gallery, key);
  const actions = {
    " ": () => gallery.judge("keep"),
    x: () => isTargetInSight(gallery) && openReasons(gallery),
    f: () => gallery.judge("flag"),
    m: () => gallery.judge("model"),
    t: () => isTargetInSight(gallery) && toggleTypical(gallery),
    s: () => isTargetInSight(gallery) && openSimilar(gallery),
    z: () => (event.shiftKey ? gallery.redo() : gallery.undo()),
    a: () => (event.shiftKey ? selectEverything(gallery) : selectPage(gallery, false)),
    enter: () => isTargetInSight(gallery) && gallery.show(gallery.view === "grid" ? "single" : "grid"),
    "/": () => isTargetInSight(gallery) && openFinder(gallery),
    "?": () => openSheet(gallery),
    escape: () => leave(gallery),
  };
  return actions[key.toLowerCase()];
}

function labelByKey(gallery, key) {
  const row = gallery.data.classes[Number(key) - 1];
  if (row) gallery.judge("label", { label: row.name });
  else gallery.say(`No class has the key ${key}.`);
}

/** Return the action of a key of the single view: zoom, and with Shift, move the image. */
function zoomAction(gallery, event) {
  const zooms = { "+": ZOOM_STEP, "=": ZOOM_STEP, "-": 1 / ZOOM_STEP, _: 1 / ZOOM_STEP };
  if (event.key in zooms) return () => zoomBy(gallery, zooms[event.key]);
  if (event.key === "0") return () => zoomToFit(gallery);
  if (!event.shiftKey || !(event.key in ARROWS)) return null;
  const [x, y] = ARROWS[event.key];
  const { clientWidth, clientHeight } = gallery.parts.window;
  return () => panBy(gallery, -x * PAN_STEP * clientWidth, -y * PAN_STEP * clientHeight);
}

/** Return the index that a movement key leads to; undefined for any other key. */
function destination(gallery, key) {
  const isGrid = gallery.view === "grid";
  const row = isGrid ? gallery.columns : 1;
  const [first, behind] = isGrid ? rowsInSight(gallery) : [0, PAGE_OF_SINGLE];
  const page = (behind - first) * row;
  const last = gallery.items.length - 1;
  if (key === "Home") return 0;
  if (key === "End") return last;
  const isSeen = isInSight(gallery, gallery.focus);
  const from = isSeen ? gallery.focus : Math.min(firstInSight(gallery), last);
  if (key === "PageDown") return Math.min(from + page, last);
  if (key === "PageUp") return Math.max(from - page, 0);
  if (!(key in ARROWS)) return undefined;
  if (!isSeen) return from; // Moving starts where the person looks.
  const [across, down] = ARROWS[key];
  const below = isGrid ? indexBelow(gallery, gallery.focus, down) : gallery.focus + down;
  const target = below + across;
  return target >= 0 && target <= last ? target : gallery.focus;
}

function moveTo(gallery, index, isRange) {
  if (isRange) {
    if (isTargetInSight(gallery)) selectTo(gallery, index);
    return;
  }
  clearSelection(gallery);
  gallery.go(index);
}

/** Clear the selection, or else go back to the grid. */
function leave(gallery) {
  if (gallery.selected.size || gallery.isEverything) {
    clearSelection(gallery);
    gallery.draw();
  } else if (gallery.view === "single") gallery.show("grid");
}

function overlayAction(gallery, event) {
  const { key } = event;
  const { overlay } = gallery;
  if (["Shift", "Tab"].includes(key)) return null;
  if (key === "Escape" || overlay === "sheet") return () => closeOverlay(gallery);
  if (overlay === "finder") return null; // Its field handles keys itself.
  if (overlay === "confirm") return key === "Enter" ? gallery.confirmed : () => {};
  return reasonAction(gallery, event);
}

function reasonAction(gallery, event) {
  const { key } = event;
  const { reasons } = gallery.data;
  const reason = /^[1-9]$/.test(key) ? reasons[Number(key) - 1] : undefined;
  if (reason) return () => exclude(gallery, reason);
  if (["x", "enter"].includes(key.toLowerCase())) return () => exclude(gallery, reasons[0]);
  const next = gridAction(gallery, event);
  if (!next) return null;
  return () => {
    exclude(gallery, reasons[0]); // A fast typist already means the next image.
    next();
  };
}
