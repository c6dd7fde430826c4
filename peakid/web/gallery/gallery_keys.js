// What the gallery's keys do.

const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

function handleKey(gallery, event) {
  const path = event.composedPath();
  const target = path[0];
  if (event.altKey || event.isComposing || isTyping(target)) return;
  if (event.ctrlKey || event.metaKey) return selectAllKey(gallery, event);
  if (["Enter", " "].includes(event.key) && isControl(target)) return; // The button that has the focus is meant.
  const isMove = event.key in ARROWS || /^(Home|End|Page)/.test(event.key);
  if (isMove && (target.type === "range" || (isControl(target) && !path.includes(gallery.parts.root)))) return;
  const act = gallery.overlay ? overlayKey(gallery, event) : keyAct(gallery, event);
  if (act) {
    event.preventDefault();
    event.stopPropagation();
    act();
  } else if (["c", "r"].includes(event.key.toLowerCase())) {
    event.stopPropagation(); // Streamlit would clear its cache or run the page again.
  }
}

function selectAllKey(gallery, event) {
  if (event.key.toLowerCase() !== "a" || gallery.overlay || !gallery.items.length) return;
  event.preventDefault();
  selectPage(gallery, true);
}

function keyAct(gallery, event) {
  const { key } = event;
  if (gallery.view === "single" && singleAct(gallery, event)) return singleAct(gallery, event);
  const to = destination(gallery, key);
  if (to !== undefined) return () => moveTo(gallery, to, event.shiftKey);
  if (/^[1-9]$/.test(key)) {
    const chosen = gallery.data.classes[Number(key) - 1];
    return () => (chosen ? gallery.judge("label", { label: chosen.name }) : gallery.say(`No class has the key ${key}.`));
  }
  const acts = {
    " ": () => gallery.judge("keep"),
    x: () => openReasons(gallery),
    f: () => gallery.judge("flag"),
    z: () => (event.shiftKey ? gallery.redo() : gallery.undo()),
    a: () => (event.shiftKey ? selectEverything(gallery) : selectPage(gallery, false)),
    enter: () => gallery.show(gallery.view === "grid" ? "single" : "grid"),
    "/": () => openFinder(gallery),
    "?": () => openSheet(gallery),
    escape: () => escape(gallery),
  };
  return acts[key.toLowerCase()];
}

/** Keys that the large image has for itself: zoom, and with Shift, moving it. */
function singleAct(gallery, event) {
  const zooms = { "+": ZOOM_STEP, "=": ZOOM_STEP, "-": 1 / ZOOM_STEP, "_": 1 / ZOOM_STEP };
  if (event.key in zooms) return () => zoomBy(gallery, zooms[event.key]);
  if (event.key === "0") return () => zoomToFit(gallery);
  if (!event.shiftKey || !(event.key in ARROWS)) return null;
  const [x, y] = ARROWS[event.key];
  const { clientWidth, clientHeight } = gallery.parts.window;
  return () => panBy(gallery, -x * PAN_STEP * clientWidth, -y * PAN_STEP * clientHeight);
}

/** Where a key of movement leads, as an index; undefined for any other key. */
function destination(gallery, key) {
  const isGrid = gallery.view === "grid";
  const row = isGrid ? gallery.columns : 1;
  const [first, behind] = isGrid ? rowsInSight(gallery) : [0, 10];
  const page = (behind - first) * row;
  const last = gallery.items.length - 1;
  if (key === "Home") return 0;
  if (key === "End") return last;
  if (key === "PageDown") return Math.min(gallery.focus + page, last);
  if (key === "PageUp") return Math.max(gallery.focus - page, 0);
  if (!(key in ARROWS)) return undefined;
  const [across, down] = ARROWS[key];
  const to = gallery.focus + across + down * row;
  return to >= 0 && to <= last ? to : gallery.focus;
}

function moveTo(gallery, index, isRange) {
  if (isRange) return selectTo(gallery, index);
  clearSelection(gallery);
  gallery.go(index);
}

function escape(gallery) {
  if (gallery.selected.size || gallery.isEverything) {
    clearSelection(gallery);
    gallery.draw();
  } else if (gallery.view === "single") gallery.show("grid");
}

function overlayKey(gallery, event) {
  const { key } = event;
  if (key === "Shift") return null;
  if (key === "Tab") return null;
  if (key === "Escape" || gallery.overlay === "sheet") return () => closeOverlay(gallery);
  if (gallery.overlay === "finder") return null; // Its field listens itself.
  if (gallery.overlay === "confirm") return key === "Enter" ? gallery.confirmed : () => {};
  const reasons = gallery.data.reasons;
  if (/^[1-9]$/.test(key) && reasons[Number(key) - 1]) return () => exclude(gallery, reasons[Number(key) - 1]);
  if (["x", "enter"].includes(key.toLowerCase())) return () => exclude(gallery, reasons[0]);
  const after = keyAct(gallery, event);
  return after && (() => (exclude(gallery, reasons[0]), after())); // A fast typist is already at the next image.
}
