// How the gallery looks: bars, tiles, the single view and the status line, from the state in gallery.js.

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text; // Never innerHTML: names come from folders and web pages.
  return element;
}

function button(text, key, title, act) {
  const element = make("button", "act");
  element.type = "button";
  element.title = title;
  if (key) element.append(make("kbd", "", key));
  element.append(make("span", "name", text));
  element.addEventListener("click", act);
  return element;
}

function build(gallery, root) {
  for (const old of root.querySelectorAll(".gallery")) old.remove();
  const parts = (gallery.parts = { root: make("div", "gallery"), tiles: new Map() });
  parts.classes = make("div", "bar classes");
  parts.classes.setAttribute("role", "toolbar");
  parts.classes.setAttribute("aria-label", "Classes");
  parts.acts = make("div", "bar acts");
  parts.stage = make("div", "stage");
  parts.grid = make("div", "grid");
  parts.grid.tabIndex = 0;
  parts.grid.setAttribute("role", "listbox");
  parts.grid.setAttribute("aria-label", "Images to judge");
  parts.space = make("div", "space");
  parts.grid.append(parts.space);
  parts.grid.addEventListener("scroll", () => drawGrid(gallery), { passive: true });
  parts.single = make("figure", "single");
  parts.overlay = make("div", "overlay");
  parts.status = make("div", "status");
  parts.status.setAttribute("role", "status");
  parts.stage.append(parts.grid, parts.single, parts.overlay);
  parts.root.append(parts.classes, parts.acts, parts.stage, parts.status);
  parts.root.addEventListener("pointerdown", () => (active = gallery));
  root.append(parts.root);
  buildActs(gallery);
  buildSingle(gallery);
  parts.grid.focus({ preventScroll: true });
}

function buildActs(gallery) {
  const { acts } = gallery.parts;
  const then = (act) => () => (act(), gallery.parts.grid.focus({ preventScroll: true }));
  const grow = make("span", "grow");
  const add = (name, ...rest) => (gallery.parts[name] = button(...rest));
  acts.append(
    add("keep", "Keep", "Space", "Keep the label it has", then(() => gallery.keep())),
    add("exclude", "Exclude", "X", "Keep it out of training; its bytes stay", then(() => openReasons(gallery))),
    add("flag", "Flag", "F", "Ask for another look", then(() => gallery.judge("flag"))),
    add("undo", "Undo", "Z", "Take back your newest step", then(() => gallery.undo())),
    add("redo", "Redo", "⇧Z", "Do again what you undid", then(() => gallery.redo())),
    grow,
    add("smaller", "−", "", "Smaller pictures", then(() => gallery.resize(-1))),
    add("larger", "+", "", "Larger pictures", then(() => gallery.resize(1))),
    add("toGrid", "Grid", "", "All images (Enter)", then(() => gallery.show("grid"))),
    add("toSingle", "Single", "", "One image, large (Enter)", then(() => gallery.show("single"))),
    add("help", "Keys", "?", "What the keys do", then(() => openSheet(gallery))),
  );
  for (const name of ["smaller", "larger", "toGrid", "toSingle", "help"]) gallery.parts[name].classList.add("quiet");
}

function buildSingle(gallery) {
  const { single } = gallery.parts;
  const picture = make("img", "large");
  picture.addEventListener("error", () => gallery.items[gallery.focus] && (picture.src = `/thumb/${gallery.items[gallery.focus].digest}`));
  gallery.parts.large = picture;
  gallery.parts.caption = make("figcaption", "caption");
  single.append(picture, gallery.parts.caption);
}

function drawBars(gallery) {
  const { classes } = gallery.parts;
  const wanted = JSON.stringify(gallery.data.classes);
  if (classes.dataset.drawn === wanted) return;
  classes.dataset.drawn = wanted;
  classes.replaceChildren(
    ...gallery.data.classes.map(({ name, colour }, i) => {
      const element = button(name, i < 9 ? String(i + 1) : "", `Label as ${name}`, () => {
        gallery.judge("label", { label: name });
        gallery.parts.grid.focus({ preventScroll: true });
      });
      const dot = make("span", "dot");
      dot.style.background = colour;
      element.insertBefore(dot, element.querySelector(".name"));
      element.dataset.label = name;
      return element;
    }),
  );
}

function drawPressed(gallery) {
  const item = gallery.items[gallery.focus];
  const state = item ? gallery.state(item) : {};
  for (const element of gallery.parts.classes.children) {
    element.setAttribute("aria-pressed", String(state.verdict === "label" && state.label === element.dataset.label));
  }
  gallery.parts.toGrid.setAttribute("aria-pressed", String(gallery.view === "grid"));
  gallery.parts.toSingle.setAttribute("aria-pressed", String(gallery.view === "single"));
  gallery.parts.smaller.hidden = gallery.parts.larger.hidden = gallery.view !== "grid";
}

function drawGrid(gallery) {
  const { grid, space, tiles } = gallery.parts;
  const { columns, rowHeight, tileWidth, items } = gallery;
  const first = Math.max(0, Math.floor(grid.scrollTop / rowHeight) - SPARE_ROWS) * columns;
  const last = Math.min(items.length, (Math.ceil((grid.scrollTop + grid.clientHeight) / rowHeight) + SPARE_ROWS) * columns);
  const shown = new Set(items.slice(first, last).map((item) => item.digest));
  for (const [digest, tile] of tiles) if (!shown.has(digest)) tile.remove(), tiles.delete(digest);
  for (let i = first; i < last; i++) {
    const item = items[i];
    let tile = tiles.get(item.digest);
    if (!tile) {
      tiles.set(item.digest, (tile = makeTile(gallery, item)));
      space.append(tile);
    }
    tile.style.transform = `translate(${GAP + (i % columns) * (tileWidth + GAP)}px, ${GAP + Math.floor(i / columns) * rowHeight}px)`;
    tile.style.width = `${tileWidth}px`;
    tile.style.height = `${rowHeight - GAP}px`;
    drawTile(gallery, tile, item, i);
  }
  grid.setAttribute("aria-activedescendant", `tile-${gallery.focus}`);
}

function makeTile(gallery, item) {
  const tile = make("div", "tile");
  tile.setAttribute("role", "option");
  const picture = make("img");
  picture.src = `/thumb/${item.digest}`;
  picture.alt = item.path;
  picture.draggable = false;
  const badge = make("span", "badge", item.why);
  const ribbon = make("div", "ribbon");
  ribbon.append(make("span", "dot"), make("span", "name"), make("span", "mark"));
  const frame = make("div", "frame");
  frame.append(picture, badge);
  tile.append(frame, ribbon);
  tile.addEventListener("click", () => gallery.go(gallery.position.get(item.digest)));
  tile.addEventListener("dblclick", () => gallery.show("single"));
  return tile;
}

function drawTile(gallery, tile, item, index) {
  const state = gallery.state(item);
  tile.id = `tile-${index}`;
  tile.title = item.path;
  tile.setAttribute("aria-label", `${item.path}: ${spoken(state)}`);
  tile.dataset.verdict = state.verdict;
  tile.dataset.reviewed = state.is_reviewed;
  tile.dataset.digest = item.digest;
  tile.classList.toggle("focus", index === gallery.focus);
  tile.setAttribute("aria-selected", String(index === gallery.focus));
  tile.setAttribute("aria-posinset", String(index + 1));
  tile.setAttribute("aria-setsize", String(gallery.items.length));
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

function ribbonText({ verdict, label, note }) {
  if (verdict === "exclude") return `✕ ${note || "excluded"}`;
  if (verdict === "flag") return `⚑ ${label ?? "flagged"}`;
  return label ?? "No label yet";
}

function spoken({ verdict, label, note, is_reviewed }) {
  if (verdict === "exclude") return `excluded${note ? `, ${note}` : ""}`;
  if (verdict === "flag") return `flagged${label ? `, ${label}` : ""}`;
  return label ? `${label}${is_reviewed ? "" : ", not confirmed"}` : "no label yet";
}

function drawSingle(gallery) {
  const item = gallery.items[gallery.focus];
  if (!item) return;
  const { large, caption, single } = gallery.parts;
  const state = gallery.state(item);
  if (large.dataset.digest !== item.digest) {
    large.dataset.digest = item.digest;
    large.style.backgroundImage = `url("/thumb/${item.digest}")`; // There at once, until the whole has come.
    large.src = `/image/${item.digest}`;
    large.alt = item.path;
    for (const near of [1, 2, -1]) {
      const neighbour = gallery.items[gallery.focus + near];
      if (neighbour) new Image().src = `/image/${neighbour.digest}`;
    }
  }
  single.dataset.verdict = state.verdict;
  single.dataset.reviewed = state.is_reviewed;
  const ribbon = make("span", "ribbon");
  ribbon.append(make("span", "dot"), make("span", "name"), make("span", "mark"));
  drawRibbon(gallery, ribbon, item, state);
  caption.replaceChildren(ribbon, make("span", "why", item.why), make("span", "path", item.path));
}

function drawStatus(gallery) {
  const { items, done, pending, data } = gallery;
  const recent = gallery.times.filter((time) => time > Date.now() - RATE_WINDOW_MS);
  const minutes = Math.max((Date.now() - (recent[0] ?? 0)) / 60_000, 1 / 12);
  const rate = recent.length > 4 ? Math.round(recent.length / minutes) : 0;
  const left = items.length - done.size + data.n_waiting;
  const words = [`${done.size} of ${(items.length + data.n_waiting).toLocaleString("en")}`];
  if (rate) words.push(`${rate} a minute`);
  if (rate && left) words.push(`about ${Math.max(1, Math.round(left / rate))} min left`);
  words.push(pending.length ? `${pending.length} being saved` : "all saved");
  const parts = [make("span", pending.length ? "count pending" : "count", words.join(" · "))];
  if (gallery.message) parts.push(make("span", "message", gallery.message));
  else if (gallery.commonWhy && gallery.view === "grid") parts.push(make("span", "why", `here because: ${gallery.commonWhy}`));
  if (data.n_waiting && done.size >= items.length) {
    parts.push(make("span", "grow"), button(`Show the next ${Math.min(data.n_waiting, 240)} images`, "", "", () => gallery.next()));
  }
  gallery.parts.status.replaceChildren(...parts);
}

