// The panels over the images: reasons to exclude, class finder, confirmation of a whole queue, list of keys.

import { button, keepKeys, make } from "./elements.js";
import { classDot } from "./gallery_ribbon.js";
import { nMatchingText } from "./gallery_select.js";

const KEYS = [
  ["1 – 9", "label as that class"],
  ["/", "find a class by part of its name, then Enter"],
  ["Space", "keep the label"],
  ["X", "exclude, then the number of a reason (X again: unsuitable)"],
  ["M", "accept the model's answer: label as the predicted class"],
  ["F", "flag for a second look"],
  ["T", "mark as typical of its class, or take the mark off"],
  ["S", "more like this: the images most similar in meaning"],
  ["Z", "undo"],
  ["Shift Z", "redo"],
  ["← → ↑ ↓", "move; with Shift, select"],
  ["Home  End  Page", "first image, last image, one page"],
  ["A", "select the unjudged images in sight"],
  ["Ctrl A", "select the unjudged images that are loaded"],
  ["Shift A", "select every image of the queue, loaded or not"],
  ["Enter", "one large image; again: back to the grid"],
  ["+  −  0", "zoom the large image; Shift and arrows move it"],
  ["Esc", "close, clear the selection, back to the grid"],
  ["?", "these keys"],
];

function openOverlay(gallery, name, panel, label, className = "overlay") {
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", label);
  panel.setAttribute("aria-modal", "true");
  panel.tabIndex = -1;
  panel.addEventListener("keydown", (event) => keepFocusIn(panel, event), true); // Before a field keeps it.
  gallery.overlay = name;
  gallery.parts.overlay.className = className;
  gallery.parts.overlay.replaceChildren(panel);
  panel.focus();
}

/** Tab moves from control to control of an open panel, and from the last to the first. */
function keepFocusIn(panel, event) {
  if (event.key !== "Tab") return;
  event.preventDefault();
  const stops = [...panel.querySelectorAll("button:not(:disabled), input")];
  const at = stops.indexOf(panel.getRootNode().activeElement);
  const first = event.shiftKey ? -1 : 0;
  const next = at < 0 ? first : (at + (event.shiftKey ? -1 : 1)) % stops.length;
  (stops.at(next) ?? panel).focus();
}

export function closeOverlay(gallery) {
  gallery.overlay = null;
  gallery.confirmed = null;
  gallery.parts.overlay.replaceChildren();
  gallery.takeFocus();
}

export function openReasons(gallery) {
  if (!gallery.items.length) return;
  const panel = make("div", "panel reasons"); // Below the images, so that the focused one stays in sight.
  panel.append(make("h2", "", "Exclude as"));
  gallery.data.reasons.forEach((reason, i) => {
    panel.append(button(reason, String(i + 1), "", () => exclude(gallery, reason)));
  });
  panel.append(make("p", "hint", `X or Enter: ${gallery.data.reasons[0]} · Esc: cancel`));
  openOverlay(gallery, "reasons", panel, "Reason to exclude", "overlay low");
  gallery.reveal(panel.offsetHeight);
}

export function exclude(gallery, reason) {
  closeOverlay(gallery);
  gallery.judge("exclude", { reason });
}

export function openSheet(gallery) {
  const panel = make("div", "panel sheet");
  const list = make("dl");
  for (const [key, meaning] of KEYS) list.append(make("dt", "", key), make("dd", "", meaning));
  const hint = make("p", "hint", "Keys do nothing while you type in a field. Esc closes this.");
  panel.append(make("h2", "", "Keys"), list, hint);
  openOverlay(gallery, "sheet", panel, "Keys");
}

// ---- a whole queue -------------------------------------------------------------------------------

/** Ask before judging a whole queue, most of which is not in sight. Only Enter or the button confirms. */
export function openConfirm(gallery, kind, { label, reason }) {
  const n = gallery.data.n_matching;
  const images = `${nMatchingText(gallery.data)} ${n === 1 ? "image" : "images"}`;
  const titles = {
    label: `Label ${images} as ${label}`,
    keep: `Keep the labels of ${images}`,
    exclude: `Exclude ${images}`,
    flag: `Flag ${images}`,
  };
  gallery.confirmed = () => {
    closeOverlay(gallery);
    gallery.judgeQueue(kind, { label, reason }, n);
  };
  const title = titles[kind];
  const hint = "This changes every image of this queue, also those you have not seen. One undo restores all.";
  const bar = make("div", "bar");
  bar.append(button(title, "Enter", "", gallery.confirmed));
  bar.append(button("Cancel", "Esc", "", () => closeOverlay(gallery)));
  const panel = make("div", "panel confirm");
  panel.append(make("h2", "", `${title}?`), make("p", "hint", hint), bar);
  openOverlay(gallery, "confirm", panel, title);
}

// ---- the class finder ------------------------------------------------------------------------------

export function openFinder(gallery) {
  const panel = make("div", "panel finder");
  const list = make("div", "found");
  list.id = "found";
  list.setAttribute("role", "listbox");
  const input = finderField();
  const state = { found: [], chosen: 0 };
  const draw = () => drawFound(gallery, input, list, state);
  input.addEventListener("input", () => {
    state.chosen = 0;
    draw();
  });
  input.addEventListener("keydown", (event) => handleFinderKey(gallery, event, state, draw));
  panel.append(input, list, make("p", "hint", "Enter: label as this class · ↑ ↓: choose · Esc: cancel"));
  openOverlay(gallery, "finder", panel, "Find a class");
  draw();
  input.focus();
}

function finderField() {
  const input = keepKeys(make("input", "field"));
  input.placeholder = "Part of the name";
  const attributes = {
    role: "combobox",
    "aria-label": "Find a class",
    "aria-expanded": "true",
    "aria-controls": "found",
    autocomplete: "off",
  };
  for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);
  return input;
}

/** Return the classes whose name contains the text, those that begin with it first. */
function classesLike(classes, text) {
  const wanted = text.trim().toLocaleLowerCase();
  const place = ({ name }) => name.toLocaleLowerCase().indexOf(wanted);
  const found = classes.filter((row) => place(row) >= 0);
  return found.sort((a, b) => Math.min(place(a), 1) - Math.min(place(b), 1));
}

function drawFound(gallery, input, list, state) {
  state.found = classesLike(gallery.data.classes, input.value);
  const rows = state.found.map(({ name, colour }, i) => {
    const row = make("div", "option");
    row.id = `found-${i}`;
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(i === state.chosen));
    row.append(classDot(colour), make("span", "name", name));
    row.addEventListener("click", () => labelAs(gallery, name));
    return row;
  });
  list.replaceChildren(...(rows.length ? rows : [make("p", "hint", "No class name contains this.")]));
  rows[state.chosen]?.scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", rows.length ? `found-${state.chosen}` : "");
}

function handleFinderKey(gallery, event, state, draw) {
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  const { found, chosen } = state;
  if (event.key === "Escape") closeOverlay(gallery);
  else if (event.key === "Enter" && found.length) labelAs(gallery, found[chosen].name);
  else if (event.key in steps)
    state.chosen = Math.max(0, Math.min(chosen + steps[event.key], found.length - 1));
  else return;
  event.preventDefault();
  if (gallery.overlay === "finder") draw();
}

function labelAs(gallery, name) {
  closeOverlay(gallery);
  gallery.judge("label", { label: name });
}
