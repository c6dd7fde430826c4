// One image, large: zoomed and panned at full resolution, its neighbours loaded before they are asked for, and what is known of it.

const ZOOM_STEP = 1.4; // a press of + or a notch of the wheel
const MOST_ZOOM = 4; // times its own pixels
const PAN_STEP = 0.2; // of the window, a press of Shift and an arrow
const NEIGHBOURS = [1, 2, -1]; // loaded ahead

function buildSingle(gallery) {
  const { single } = gallery.parts;
  const picture = make("img", "large");
  picture.draggable = false;
  picture.addEventListener("error", () => gallery.items[gallery.focus] && (picture.src = `/thumb/${gallery.items[gallery.focus].digest}`));
  picture.addEventListener("load", () => drawZoom(gallery));
  gallery.parts.large = picture;
  gallery.parts.window = make("div", "window");
  gallery.parts.window.append(picture);
  gallery.parts.panel = make("aside", "about");
  gallery.parts.caption = make("div", "caption");
  single.append(gallery.parts.window, gallery.parts.panel, gallery.parts.caption);
  gallery.zoom = { scale: 1, x: 0, y: 0 };
  listenForZoom(gallery);
}

function drawSingle(gallery) {
  const item = gallery.items[gallery.focus];
  if (!item) return;
  const { large, caption, single } = gallery.parts;
  const state = gallery.state(item);
  if (large.dataset.digest !== item.digest) loadLarge(gallery, item);
  single.dataset.verdict = state.verdict;
  single.dataset.reviewed = state.is_reviewed;
  const ribbon = make("span", "ribbon");
  ribbon.append(make("span", "dot"), make("span", "name"), make("span", "mark"));
  drawRibbon(gallery, ribbon, item, state);
  gallery.parts.percent = make("span", "percent");
  caption.replaceChildren(ribbon, make("span", "why", item.why), make("span", "path", item.path), gallery.parts.percent);
  drawAbout(gallery, item);
  drawZoom(gallery);
}

function loadLarge(gallery, item) {
  const { large } = gallery.parts;
  large.dataset.digest = item.digest;
  large.style.backgroundImage = `url("/thumb/${item.digest}")`; // There at once, until the whole has come.
  large.src = `/image/${item.digest}`;
  large.alt = item.path;
  gallery.zoom = { scale: 1, x: 0, y: 0 };
  for (const near of NEIGHBOURS) {
    const neighbour = gallery.items[gallery.focus + near];
    if (neighbour) new Image().src = `/image/${neighbour.digest}`;
  }
}

// ---- zoom and pan -----------------------------------------------------------------------------------------

/** How many screen pixels one pixel of the image takes when the whole is in sight. */
function fitScale({ parts: { large, window } }) {
  const fit = Math.min(window.clientWidth / large.naturalWidth, window.clientHeight / large.naturalHeight);
  return Number.isFinite(fit) && fit > 0 ? fit : 1;
}

/** Zoom by a factor, keeping the point (x, y) of the window in place. */
function zoomBy(gallery, factor, x, y) {
  const { window: frame } = gallery.parts;
  const [atX, atY] = [x ?? frame.clientWidth / 2, y ?? frame.clientHeight / 2];
  const { zoom } = gallery;
  const scale = Math.max(1, Math.min(Math.max(MOST_ZOOM / fitScale(gallery), 2), zoom.scale * factor));
  const grown = scale / zoom.scale;
  gallery.zoom = { scale, x: atX - (atX - zoom.x) * grown, y: atY - (atY - zoom.y) * grown };
  drawZoom(gallery);
}

function zoomToFit(gallery) {
  gallery.zoom = { scale: 1, x: 0, y: 0 };
  drawZoom(gallery);
}

function panBy(gallery, x, y) {
  gallery.zoom.x += x;
  gallery.zoom.y += y;
  drawZoom(gallery);
}

function drawZoom(gallery) {
  const { large, window: frame, percent } = gallery.parts;
  const { zoom } = gallery;
  const clamp = (at, size) => Math.min(0, Math.max(at, size - size * zoom.scale)); // The picture's frame never leaves the window.
  zoom.x = clamp(zoom.x, frame.clientWidth);
  zoom.y = clamp(zoom.y, frame.clientHeight);
  large.style.transform = zoom.scale === 1 ? "" : `translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})`;
  frame.classList.toggle("zoomed", zoom.scale > 1);
  if (percent && large.naturalWidth) percent.textContent = `${Math.round(100 * fitScale(gallery) * zoom.scale)} %`;
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
    else zoomBy(gallery, Math.max(2, 1 / fitScale(gallery)), ...place(event)); // Pixel for pixel, where it is larger than the window.
  });
  frame.addEventListener("pointerdown", (event) => frame.setPointerCapture(event.pointerId));
  frame.addEventListener("pointermove", (event) => {
    if (frame.hasPointerCapture(event.pointerId)) panBy(gallery, event.movementX, event.movementY);
  });
}

// ---- what is known of the image ----------------------------------------------------------------------------

/** Draw the panel where there is something to say or to write; never while it is being written in. */
function drawAbout(gallery, item) {
  const { panel } = gallery.parts;
  const { can } = gallery.data;
  const known = [item.tags, item.note, item.also_shows, item.origin_url, item.licence, item.author];
  const drawn = JSON.stringify([item.digest, can, ...known]);
  panel.hidden = !can.length && !known.some((value) => value?.length);
  if (panel.dataset.drawn === drawn) return;
  panel.dataset.drawn = drawn;
  const rows = [
    ...chipRow(gallery, item, "tag", "Tags", item.tags ?? [], "tags"),
    ...chipRow(gallery, item, "also", "Also shows", item.also_shows ?? [], "also_shows"),
    ...noteRow(gallery, item),
    ...factRow("Author", item.author),
    ...factRow("Licence", item.licence),
    ...linkRow(item.origin_url),
  ];
  panel.replaceChildren(...rows);
}

function factRow(title, value) {
  return value ? [make("h4", "", title), make("p", "", value)] : [];
}

function linkRow(url) {
  if (!/^https?:\/\//.test(url ?? "")) return []; // Anything else could be a script.
  const link = make("a", "", "Open the original page");
  Object.assign(link, { href: url, target: "_blank", rel: "noopener noreferrer", title: url });
  return [make("h4", "", "Origin"), link];
}

/** Tags, or further classes: those it has, each with a way to take it off, and a field for one more. */
function chipRow(gallery, item, kind, title, names, field) {
  const isOffered = gallery.data.can.includes(kind);
  if (!isOffered && !names.length) return [];
  const set = (name, is_on) => {
    const rest = names.filter((each) => each !== name);
    gallery.remark(kind, item, { [field]: is_on ? [...rest, name] : rest }, { name, is_on });
  };
  const chips = names.map((name) => (isOffered ? button(name, "×", `Take off ${name}`, () => set(name, false)) : make("span", "chip", name)));
  const row = make("div", "bar");
  row.append(...chips);
  if (isOffered) row.append(nameField(gallery, title, kind, (name) => set(name, true)));
  return [make("h4", "", title), row];
}

function nameField(gallery, title, kind, add) {
  const input = keepKeys(make("input", "field"));
  input.placeholder = kind === "also" ? "another class" : "a new tag";
  input.setAttribute("aria-label", title);
  if (kind === "also") input.setAttribute("list", suggestions(gallery));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return takeFocus(gallery);
    if (event.key !== "Enter" || !input.value.trim()) return;
    add(input.value.trim());
    takeFocus(gallery);
  });
  return input;
}

function suggestions(gallery) {
  const id = "class-names";
  gallery.parts.names?.remove();
  const list = (gallery.parts.names = make("datalist"));
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
  field.placeholder = "What the next person should know";
  field.setAttribute("aria-label", "Note");
  field.addEventListener("change", () => gallery.remark("note", item, { note: field.value.trim() }, { text: field.value.trim() }));
  field.addEventListener("keydown", (event) => event.key === "Escape" && takeFocus(gallery));
  return [make("h4", "", "Note"), field];
}
