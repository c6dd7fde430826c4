// How the gallery looks: bars, tiles and the status line, from the state in gallery.js.

const SPARE_ROWS = 2; // drawn above and below the window

function build(gallery, root) {
  for (const old of root.querySelectorAll(".gallery")) old.remove();
  const parts = (gallery.parts = { root: make("div", "gallery"), tiles: new Map() });
  parts.classes = make("div", "bar classes");
  parts.classes.setAttribute("role", "toolbar");
  parts.classes.setAttribute("aria-label", "Classes");
  parts.acts = make("div", "bar acts");
  parts.acts.setAttribute("role", "toolbar");
  parts.acts.setAttribute("aria-label", "Judge");
  parts.stage = make("div", "stage");
  buildGrid(gallery);
  parts.single = make("div", "single");
  parts.overlay = make("div", "overlay");
  parts.status = make("div", "status");
  parts.stage.append(parts.grid, parts.single, parts.overlay);
  parts.root.append(parts.classes, parts.acts, parts.stage, parts.status);
  parts.root.addEventListener("pointerdown", () => (active = gallery));
  parts.root.addEventListener("focusin", () => (active = gallery));
  root.append(parts.root);
  buildActs(gallery);
  buildSingle(gallery);
  buildStatus(gallery);
  takeFocus(gallery);
}

function takeFocus(gallery) {
  gallery.parts.grid.focus({ preventScroll: true });
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
  parts.grid.addEventListener("scroll", () => (drawGrid(gallery), gallery.fetchAhead()), { passive: true });
}

function buildActs(gallery) {
  const { acts } = gallery.parts;
  const then = (act) => () => (act(), takeFocus(gallery));
  const add = (name, ...rest) => (gallery.parts[name] = button(...rest));
  acts.append(
    add("keep", "Keep", "Space", "Keep the label it has", then(() => gallery.judge("keep"))),
    add("exclude", "Exclude", "X", "Keep it out of training; its bytes stay", then(() => openReasons(gallery))),
    add("flag", "Flag", "F", "Ask for another look", then(() => gallery.judge("flag"))),
    add("undo", "Undo", "Z", "Take back your newest step", then(() => gallery.undo())),
    add("redo", "Redo", "⇧Z", "Do again what you undid", then(() => gallery.redo())),
    make("span", "grow"),
    buildSlider(gallery),
    add("toGrid", "Grid", "", "All images (Enter)", then(() => gallery.show("grid"))),
    add("toSingle", "Single", "", "One image, large (Enter)", then(() => gallery.show("single"))),
    add("help", "Keys", "?", "What the keys do", then(() => openSheet(gallery))),
  );
  for (const name of ["toGrid", "toSingle", "help"]) gallery.parts[name].classList.add("quiet");
}

function buildSlider(gallery) {
  const slider = make("input", "size");
  Object.assign(slider, { type: "range", min: SIZES_PX.least, max: SIZES_PX.most, step: 4, value: gallery.size });
  slider.title = "Size of the pictures";
  slider.setAttribute("aria-label", "Size of the pictures");
  slider.addEventListener("input", () => gallery.resize(Number(slider.value)));
  return (gallery.parts.slider = slider);
}

function buildStatus(gallery) {
  const { parts } = gallery;
  parts.count = make("span", "count");
  parts.message = make("span", "message");
  parts.message.setAttribute("role", "status"); // Only this is spoken: a count at every key would drown the images.
  parts.why = make("span", "why");
  parts.offer = make("span", "offer");
  parts.status.append(parts.count, parts.message, parts.why, make("span", "grow"), parts.offer);
}

function drawBars(gallery) {
  const { classes } = gallery.parts;
  const wanted = JSON.stringify(gallery.data.classes);
  if (classes.dataset.drawn === wanted) return;
  classes.dataset.drawn = wanted;
  const find = button("Find class", "/", "Type a part of its name", () => openFinder(gallery));
  find.classList.add("quiet");
  classes.replaceChildren(...gallery.data.classes.map((row, i) => classButton(gallery, row, i)), find);
}

function classButton(gallery, { name, colour }, i) {
  const element = button(name, i < 9 ? String(i + 1) : "", `Label as ${name}`, () => {
    gallery.judge("label", { label: name });
    takeFocus(gallery);
  });
  element.insertBefore(classDot(colour), element.querySelector(".name"));
  element.dataset.label = name;
  if (i >= 9) element.tabIndex = -1; // A hundred stops of the Tab key: these are reached through "Find class".
  return element;
}

function classDot(colour) {
  const dot = make("span", "dot");
  dot.style.background = colour ?? "transparent";
  return dot;
}

function drawPressed(gallery) {
  const item = gallery.items[gallery.focus];
  const state = item ? gallery.state(item) : {};
  for (const element of gallery.parts.classes.children) {
    if (!element.dataset.label) continue;
    element.setAttribute("aria-pressed", String(state.verdict === "label" && state.label === element.dataset.label));
  }
  gallery.parts.toGrid.setAttribute("aria-pressed", String(gallery.view === "grid"));
  gallery.parts.toSingle.setAttribute("aria-pressed", String(gallery.view === "single"));
  gallery.parts.slider.hidden = gallery.view !== "grid";
}

/** Draw the rows in sight and a few around them; the others are no elements at all. */
function drawGrid(gallery) {
  const { grid, space, tiles } = gallery.parts;
  const { columns, rowHeight, items } = gallery;
  const first = Math.max(0, Math.floor(grid.scrollTop / rowHeight) - SPARE_ROWS) * columns;
  const last = Math.min(items.length, (Math.ceil((grid.scrollTop + grid.clientHeight) / rowHeight) + SPARE_ROWS) * columns);
  const shown = new Set(items.slice(first, last).map((item) => item.digest));
  for (const [digest, tile] of tiles) if (!shown.has(digest)) tile.remove(), tiles.delete(digest);
  for (let i = first; i < last; i++) {
    let tile = tiles.get(items[i].digest);
    if (!tile) {
      tiles.set(items[i].digest, (tile = makeTile(gallery, items[i])));
      space.append(tile);
    }
    drawTile(gallery, tile, items[i], i);
  }
  grid.setAttribute("aria-activedescendant", `tile-${gallery.focus}`);
}

/** On a picture only what is wrong, "dark"; how dark stands in the status line and beside the single image. */
function shortened(why) {
  return why.length > 28 ? why.split(": ")[0] : why;
}

function makeTile(gallery, { digest, path, why }) {
  const tile = make("div", "tile");
  tile.setAttribute("role", "option");
  const picture = make("img");
  picture.src = `/thumb/${digest}`;
  picture.alt = path;
  picture.draggable = false;
  const ribbon = make("div", "ribbon");
  ribbon.append(make("span", "dot"), make("span", "name"), make("span", "mark"));
  const frame = make("div", "frame");
  frame.append(picture, make("span", "badge", shortened(why ?? "")));
  tile.append(frame, ribbon);
  tile.addEventListener("click", (event) => clickTile(gallery, gallery.position.get(digest), event));
  tile.addEventListener("dblclick", () => gallery.show("single"));
  return tile;
}

function clickTile(gallery, index, event) {
  if (event.shiftKey) return selectTo(gallery, index);
  if (event.ctrlKey || event.metaKey) return toggleSelected(gallery, index);
  clearSelection(gallery);
  gallery.go(index);
}

function drawTile(gallery, tile, item, index) {
  const { columns, rowHeight, tileWidth } = gallery;
  const state = gallery.state(item);
  tile.style.transform = `translate(${GAP + (index % columns) * (tileWidth + GAP)}px, ${GAP + Math.floor(index / columns) * rowHeight}px)`;
  tile.style.width = `${tileWidth}px`;
  tile.style.height = `${rowHeight - GAP}px`;
  const isChosen = isSelected(gallery, item);
  tile.id = `tile-${index}`;
  tile.title = item.path;
  tile.dataset.verdict = state.verdict;
  tile.dataset.reviewed = state.is_reviewed;
  tile.dataset.digest = item.digest;
  tile.classList.toggle("focus", index === gallery.focus);
  tile.classList.toggle("selected", isChosen);
  tile.setAttribute("aria-label", `${item.path}: ${spoken(state)}`);
  tile.setAttribute("aria-selected", String(isChosen || (index === gallery.focus && !gallery.selected.size)));
  tile.setAttribute("aria-posinset", String(index + 1));
  tile.setAttribute("aria-setsize", String(gallery.data.is_end ? gallery.items.length : -1)); // -1: more will come.
  tile.querySelector(".badge").hidden = gallery.commonWhy !== null || !item.why;
  drawRibbon(gallery, tile.querySelector(".ribbon"), item, state);
}

function drawRibbon(gallery, ribbon, item, state) {
  const [dot, name, mark] = ribbon.children;
  const colour = gallery.data.classes.find((row) => row.name === state.label)?.colour;
  dot.style.background = colour ?? "transparent";
  name.textContent = ribbonText(state);
  const done = gallery.done.get(item.digest);
  mark.textContent = { saved: "✓", pending: "●", refused: "!" }[done] ?? (state.is_reviewed ? "✓" : "");
  mark.dataset.done = done ?? (state.is_reviewed ? "before" : "");
  mark.title = { saved: "Saved", pending: "Not saved yet", refused: "Not taken" }[done] ?? (state.is_reviewed ? "Reviewed" : "");
}

function ribbonText({ verdict, label, reason }) {
  if (verdict === "exclude") return `✕ ${reason || "excluded"}`;
  if (verdict === "flag") return `⚑ ${label ?? "flagged"}`;
  return label ?? "No label yet";
}

function spoken({ verdict, label, reason, is_reviewed }) {
  if (verdict === "exclude") return `excluded${reason ? `, ${reason}` : ""}`;
  if (verdict === "flag") return `flagged${label ? `, ${label}` : ""}`;
  return label ? `${label}${is_reviewed ? "" : ", not confirmed"}` : "no label yet";
}

// ---- the status line ------------------------------------------------------------------------------------

function drawStatus(gallery) {
  const { parts, outbox, selected, commonWhy } = gallery;
  parts.count.textContent = [...pace(gallery), savedWords(outbox)].join(" · ");
  parts.count.classList.toggle("pending", outbox.nWaiting > 0);
  const message = outbox.isLate ? "The server does not answer; what you judge is kept in this browser." : gallery.message;
  if (parts.message.textContent !== message) parts.message.textContent = message;
  const isChosen = selected.size || gallery.isEverything;
  parts.why.textContent = !message && !isChosen && commonWhy && gallery.view === "grid" ? `here because: ${commonWhy}` : "";
  drawOffer(gallery);
}

/** How far, how fast and how long still: "12 of 128", "34 a minute", "about 4 min left". */
function pace({ items, done, data, times }) {
  const recent = times.filter((time) => time > Date.now() - RATE_WINDOW_MS);
  const minutes = Math.max((Date.now() - (recent[0] ?? 0)) / 60_000, 1 / 12);
  const rate = recent.length > 4 ? Math.round(recent.length / minutes) : 0;
  const left = items.length - done.size + data.n_waiting;
  const words = [`${done.size.toLocaleString("en")} of ${(items.length + data.n_waiting).toLocaleString("en")}${data.is_more ? "+" : ""}`];
  if (rate) words.push(`${rate} a minute`);
  if (rate && left && !data.is_more) words.push(`about ${Math.max(1, Math.round(left / rate))} min left`);
  return words;
}

function savedWords(outbox) {
  return outbox.nWaiting ? `${outbox.nWaiting.toLocaleString("en")} pending` : "all saved";
}

/** What can be chosen further: more of a selection, or the front of the queue again. */
function drawOffer(gallery) {
  const { data, selected, done, items, isEverything, parts } = gallery;
  const offers = [];
  if (isEverything) offers.push(make("strong", "", `All ${matching(data)} images of this queue selected`));
  else if (selected.size) offers.push(make("strong", "", `${selected.size.toLocaleString("en")} selected`));
  if (selected.size > 1 && data.n_matching > selected.size) {
    const all = () => (selectEverything(gallery), takeFocus(gallery));
    offers.push(button(`Select all ${matching(data)}`, "⇧A", "Everything that waits in this queue", all));
  }
  if (!offers.length && data.is_end && done.size >= items.length) {
    const front = () => gallery.next();
    if (data.n_waiting) offers.push(button(`Show the other ${data.n_waiting.toLocaleString("en")}`, "", "From the front", front));
    else offers.push(make("span", "", "All of this queue is judged. Choose another above."));
  }
  const drawn = offers.map((offer) => offer.textContent).join("|");
  if (parts.offer.dataset.drawn === drawn) return; // A button that is replaced under the pointer takes no click.
  parts.offer.dataset.drawn = drawn;
  parts.offer.replaceChildren(...offers);
}
