// What the gallery's keys do, and the two panels that stand over the pictures.

// ---- overlays: the reasons of an exclusion, the key sheet -------------------------------------------

function openReasons(gallery) {
  if (!gallery.items.length) return;
  const panel = make("div", "panel reasons"); // Below the pictures: the one in question stays in sight.
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", "Why exclude it?");
  panel.append(make("h3", "", "Exclude as"));
  gallery.data.reasons.forEach((reason, i) => panel.append(button(reason, String(i + 1), "", () => exclude(gallery, reason))));
  panel.append(make("p", "hint", "X or Enter: the first · Esc: do not"));
  gallery.overlay = "reasons";
  gallery.parts.overlay.className = "overlay low";
  gallery.parts.overlay.replaceChildren(panel);
  gallery.reveal(panel.offsetHeight);
}

function exclude(gallery, reason) {
  closeOverlay(gallery);
  gallery.judge("exclude", { reason });
}

function openSheet(gallery) {
  const panel = make("div", "panel sheet");
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", "Keys");
  const list = make("dl");
  for (const [key, meaning] of KEY_SHEET) list.append(make("dt", "", key), make("dd", "", meaning));
  panel.append(make("h3", "", "Keys"), list, make("p", "hint", "Keys are silent while you type in a field. Esc closes this."));
  gallery.overlay = "sheet";
  gallery.parts.overlay.className = "overlay";
  gallery.parts.overlay.replaceChildren(panel);
}

function closeOverlay(gallery) {
  gallery.overlay = null;
  gallery.parts.overlay.replaceChildren();
}

// ---- keys -----------------------------------------------------------------------------------------

function handleKey(gallery, event) {
  const path = event.composedPath();
  const target = path[0];
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(target)) return;
  if (["Enter", " "].includes(event.key) && isControl(target)) return; // The button that has the focus is meant.
  if (event.key.startsWith("Arrow") && isControl(target) && !path.includes(gallery.parts.root)) return;
  const act = gallery.overlay ? overlayKey(gallery, event) : keyAct(gallery, event);
  if (act) {
    event.preventDefault();
    event.stopPropagation();
    act();
  } else if (["c", "r"].includes(event.key.toLowerCase())) {
    event.stopPropagation(); // Streamlit would clear its cache or run the page again.
  }
}

function keyAct(gallery, event) {
  const { key } = event;
  const row = gallery.view === "grid" ? gallery.columns : 1;
  const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row, Home: -Infinity, End: Infinity };
  if (key in moves) return () => gallery.go(move(gallery, moves[key]));
  if (/^[1-9]$/.test(key)) {
    const chosen = gallery.data.classes[Number(key) - 1];
    return () => (chosen ? gallery.judge("label", { label: chosen.name }) : gallery.say(`No class has the key ${key}.`));
  }
  const acts = {
    " ": () => gallery.keep(),
    x: () => openReasons(gallery),
    f: () => gallery.judge("flag"),
    z: () => (event.shiftKey ? gallery.redo() : gallery.undo()),
    enter: () => gallery.show(gallery.view === "grid" ? "single" : "grid"),
    "?": () => openSheet(gallery),
  };
  if (key === "Escape" && gallery.view === "single") return () => gallery.show("grid");
  return acts[key.toLowerCase()];
}

function overlayKey(gallery, event) {
  const { key } = event;
  if (key === "Escape" || gallery.overlay === "sheet") return () => closeOverlay(gallery);
  const reasons = gallery.data.reasons;
  if (/^[1-9]$/.test(key) && reasons[Number(key) - 1]) return () => exclude(gallery, reasons[Number(key) - 1]);
  if (["x", "enter"].includes(key.toLowerCase())) return () => exclude(gallery, reasons[0]);
  if (key === "Shift") return null;
  const after = keyAct(gallery, event);
  return after && (() => (exclude(gallery, reasons[0]), after())); // A fast typist is already at the next image.
}

function move(gallery, step) {
  const to = gallery.focus + step;
  if (to >= 0 && to < gallery.items.length) return to;
  return Math.abs(step) === Infinity ? (step < 0 ? 0 : gallery.items.length - 1) : gallery.focus;
}

function isTyping(element) {
  const type = element.type ?? "";
  const isField = element.tagName === "INPUT" && !["checkbox", "radio", "button", "range", "submit"].includes(type);
  return isField || ["TEXTAREA", "SELECT"].includes(element.tagName) || element.isContentEditable;
}

function isControl(element) {
  return ["BUTTON", "A", "INPUT", "SUMMARY"].includes(element.tagName) || ["slider", "tab", "radio", "option"].includes(element.getAttribute?.("role"));
}

