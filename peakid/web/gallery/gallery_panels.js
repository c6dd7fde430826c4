// What stands over the pictures: the reasons of an exclusion, the class finder, the question before a whole queue, the key sheet.

const KEY_SHEET = [
  ["1 – 9", "label as that class"],
  ["/", "find a class by a part of its name, then Enter"],
  ["Space", "keep the label it has"],
  ["X", "exclude, then a number for the reason (X again: unsuitable)"],
  ["F", "flag for another look"],
  ["Z", "undo"],
  ["Shift Z", "redo"],
  ["← → ↑ ↓", "move; with Shift, select"],
  ["Home  End  Page", "first, last, a page on"],
  ["A", "select what is in sight and not judged"],
  ["Ctrl A", "select what is loaded and not judged"],
  ["Shift A", "select all that match, loaded or not"],
  ["Enter", "one image, large; again: back to the grid"],
  ["+  −  0", "zoom the large image; Shift and arrows move it"],
  ["Esc", "close, select nothing, back to the grid"],
  ["?", "this sheet"],
];

function openOverlay(gallery, name, panel, label, className = "overlay") {
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", label);
  panel.tabIndex = -1;
  gallery.overlay = name;
  gallery.parts.overlay.className = className;
  gallery.parts.overlay.replaceChildren(panel);
}

function closeOverlay(gallery) {
  gallery.overlay = null;
  gallery.confirmed = null;
  gallery.parts.overlay.replaceChildren();
  takeFocus(gallery);
}

function openReasons(gallery) {
  if (!gallery.items.length) return;
  const panel = make("div", "panel reasons"); // Below the pictures: the one in question stays in sight.
  panel.append(make("h3", "", "Exclude as"));
  gallery.data.reasons.forEach((reason, i) => panel.append(button(reason, String(i + 1), "", () => exclude(gallery, reason))));
  panel.append(make("p", "hint", "X or Enter: the first · Esc: do not"));
  openOverlay(gallery, "reasons", panel, "Why exclude it?", "overlay low");
  gallery.reveal(panel.offsetHeight);
}

function exclude(gallery, reason) {
  closeOverlay(gallery);
  gallery.judge("exclude", { reason });
}

function openSheet(gallery) {
  const panel = make("div", "panel sheet");
  const list = make("dl");
  for (const [key, meaning] of KEY_SHEET) list.append(make("dt", "", key), make("dd", "", meaning));
  panel.append(make("h3", "", "Keys"), list, make("p", "hint", "Keys are silent while you type in a field. Esc closes this."));
  openOverlay(gallery, "sheet", panel, "Keys");
  panel.focus();
}

// ---- a whole queue ------------------------------------------------------------------------------------------

/** Ask before what is big and mostly out of sight; only Enter or a click on the button does it. */
function openConfirm(gallery, kind, { label, reason }) {
  const n = gallery.data.n_matching;
  const images = `${matching(gallery.data)} ${n === 1 ? "image" : "images"}`;
  const acts = { label: `Label ${images} as ${label}`, keep: `Keep the labels of ${images}`, exclude: `Exclude ${images}`, flag: `Flag ${images}` };
  const act = acts[kind];
  const panel = make("div", "panel confirm");
  panel.append(make("h3", "", `${act}?`));
  panel.append(make("p", "hint", "All that wait in this queue, also those you have not seen. It is one step: Z takes all of it back."));
  gallery.confirmed = () => (closeOverlay(gallery), gallery.judgeQueue(kind, { label, reason }, n));
  const bar = make("div", "bar");
  bar.append(button(act, "Enter", "", gallery.confirmed), button("Do not", "Esc", "", () => closeOverlay(gallery)));
  panel.append(bar);
  openOverlay(gallery, "confirm", panel, act);
  panel.focus();
}

// ---- classes beyond the ninth ---------------------------------------------------------------------------------

function openFinder(gallery) {
  const panel = make("div", "panel finder");
  const input = keepKeys(make("input", "field"));
  const list = make("div", "found");
  input.placeholder = "a part of the name";
  const attributes = { role: "combobox", "aria-label": "Find a class", "aria-expanded": "true", "aria-controls": "found", autocomplete: "off" };
  for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);
  list.id = "found";
  list.setAttribute("role", "listbox");
  const state = { found: [], at: 0 };
  const draw = () => drawFound(gallery, input, list, state);
  input.addEventListener("input", () => ((state.at = 0), draw()));
  input.addEventListener("keydown", (event) => finderKey(gallery, event, state, draw));
  panel.append(input, list, make("p", "hint", "Enter: label as it · ↑ ↓: another · Esc: do not"));
  openOverlay(gallery, "finder", panel, "Find a class");
  draw();
  input.focus();
}

/** Classes whose name holds the text, those that begin with it first. */
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
    row.setAttribute("aria-selected", String(i === state.at));
    row.append(classDot(colour), make("span", "name", name));
    row.addEventListener("click", () => labelAs(gallery, name));
    return row;
  });
  list.replaceChildren(...(rows.length ? rows : [make("p", "hint", "No class has this in its name.")]));
  rows[state.at]?.scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", rows.length ? `found-${state.at}` : "");
}

function finderKey(gallery, event, state, draw) {
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key === "Escape") closeOverlay(gallery);
  else if (event.key === "Enter" && state.found.length) labelAs(gallery, state.found[state.at].name);
  else if (event.key in steps) state.at = Math.max(0, Math.min(state.at + steps[event.key], state.found.length - 1));
  else return;
  event.preventDefault();
  if (gallery.overlay === "finder") draw();
}

function labelAs(gallery, name) {
  closeOverlay(gallery);
  gallery.judge("label", { label: name });
}
