// The map of images: it fetches points and categories, draws them, and tells Python what a person opens.
//
// map_parts.js has its elements, map_gl.js and map_2d.js draw the points, map_pointer.js handles mouse and keys.

import { button, make, PREFIX } from "./elements.js";
import { PlainPainter } from "./map_2d.js";
import { channelsOf, fetchColours, fetchPoints } from "./map_data.js";
import { PointIndex } from "./map_index.js";
import { drawOverlay } from "./map_overlay.js";
import { buildMap } from "./map_parts.js";
import { asking, sightOf } from "./map_sight.js";
import { View } from "./map_view.js";

const BOTTOM_PX = 96; // the line below the map and the margin of the page
const LEAST_HEIGHT_PX = 320;
const FOCUS_ZOOM = 6; // to a highlighted image
const STILL_MS = 250; // without a move, before the points in sight are asked for

const maps = new Map(); // by data.key: survives a remount of the component

class ImageMap {
  constructor() {
    this.view = new View();
    this.tool = "pan";
    this.hovered = -1;
    this.selected = null; // Uint8Array, 1 for a selected point
    this.nSelected = 0;
    this.highlighted = []; // points
    this.token = 0;
    this.sight = ""; // what part of the map the points are of; "" = the whole
    this.resized = new ResizeObserver(() => this.layout());
    this.onResize = () => this.layout();
  }

  mount(component) {
    this.component = component;
    if (this.host !== component.parentElement) {
      this.host = component.parentElement;
      for (const old of this.host.querySelectorAll(".map")) old.remove();
      this.build();
      this.host.append(this.parts.root);
      this.resized.observe(this.parts.stage);
      window.addEventListener("resize", this.onResize);
    }
    this.update(component.data);
    this.token += 1;
    return this.token;
  }

  unmount(token) {
    if (token !== this.token) return; // A newer run has mounted it again.
    this.resized.disconnect();
    window.removeEventListener("resize", this.onResize);
    this.painter?.release();
    this.painter = null;
    this.host = null;
    this.shown = {};
  }

  build() {
    this.hovered = -1;
    buildMap(this);
    this.shown = {};
  }

  /** Draw on a new canvas without WebGL: the old one has lost what was on the graphics card. */
  replaceCanvas() {
    const { parts } = this;
    const canvas = make("canvas", "points");
    parts.canvas.replaceWith(canvas);
    parts.canvas = canvas;
    this.painter = new PlainPainter(canvas);
    parts.root.dataset.painter = this.painter.kind;
    if (this.points) this.painter.setPoints(this.points);
    if (this.colours) this.painter.setCodes(this.colours.codes);
    this.layout();
    this.recolour();
    this.mark();
  }

  choose(tool) {
    this.tool = tool;
    for (const choice of this.parts.choices)
      choice.setAttribute("aria-pressed", String(choice.dataset.tool === tool));
    if (this.parts.overlay) this.parts.overlay.dataset.tool = tool;
  }

  // ---- what Python sends ------------------------------------------------------------------------

  /** Load what is new, one run of the page after the other: colours need the points before them. */
  update(data) {
    this.data = data;
    this.layout();
    const failed = (error) => this.say(`The map cannot be loaded now: ${error.message.slice(0, 200)}`);
    this.loading = (this.loading ?? Promise.resolve()).then(() => this.load(data)).catch(failed);
  }

  async load(data) {
    if (data !== this.data || !this.painter) return; // A newer run has other ones.
    const { focus } = data;
    const points = asking(data.points, this.sight);
    const colours = asking(data.colours, this.sight);
    if (this.shown.points !== points) {
      // Of another part of the map, its colours come along: the points before stay until both are here.
      const isOther = this.shown.whole === data.points;
      this.shown = { ...(isOther ? this.shown : {}), points, colours, whole: data.points };
      const found = await Promise.all([fetchPoints(PREFIX + points), fetchColours(PREFIX + colours)]);
      if (!this.painter || this.shown.points !== points) return;
      this.takePoints(found[0]);
      this.takeColours(found[1]);
    }
    if (this.shown.colours !== colours) {
      this.shown.colours = colours;
      const found = await fetchColours(PREFIX + colours);
      if (!this.painter || this.shown.colours !== colours) return;
      this.takeColours(found);
    }
    const wanted = focus.join(" ");
    if (this.shown.focus !== wanted) {
      this.shown.focus = wanted;
      this.highlight(focus);
    }
  }

  /** Ask for the points in sight, where the map has more images than are drawn. */
  lookCloser() {
    clearTimeout(this.waiting);
    const isSample = this.data.total > this.points?.n || this.sight;
    if (!isSample || this.nSelected) return; // A selection is of the points that are there.
    this.waiting = setTimeout(() => {
      const sight = sightOf(this.view);
      if (sight === this.sight || this.nSelected) return;
      this.sight = sight;
      this.update(this.data);
    }, STILL_MS);
  }

  takePoints(points) {
    this.hover(-1);
    this.points = points;
    this.index = new PointIndex(points);
    this.colours = null;
    this.painter.setPoints(points);
    this.selected = new Uint8Array(points.n);
    this.nSelected = 0;
  }

  takeColours(colours) {
    if (colours.codes.length !== this.points.n) {
      this.say("Images were added or forgotten meanwhile. Reload the page.");
      return;
    }
    this.colours = colours;
    this.painter.setCodes(colours.codes);
    this.legend.show(colours.categories);
    this.recolour();
    const total = this.points.n.toLocaleString("en");
    const named = colours.categories
      .filter(({ n }) => n)
      .slice(0, 12)
      .map(({ name, n }) => `${name} ${n}`);
    this.parts.overlay.setAttribute("aria-label", `Map of ${total} images. ${named.join(", ")}`);
    this.parts.root.dataset.drawn = String(this.points.n);
    this.tell();
  }

  recolour() {
    if (!this.colours) return;
    const { hidden } = this.legend;
    this.palette = this.colours.categories.map(({ colour }, code) => [
      ...channelsOf(colour),
      hidden.has(code) ? 0 : 255,
    ]);
    this.painter.setPalette(this.palette);
    this.unselectHidden();
    this.draw();
  }

  /** Take what the legend hides out of the selection: a person opens what they see. */
  unselectHidden() {
    if (!this.nSelected) return;
    const kept = [];
    for (let i = 0; i < this.points.n; i++) if (this.selected[i] && this.isShown(i)) kept.push(i);
    if (kept.length !== this.nSelected) this.select(kept);
  }

  highlight(ids) {
    const wanted = new Set(ids);
    this.highlighted = [];
    this.points.ids.forEach((id, i) => {
      if (wanted.has(id)) this.highlighted.push(i);
    });
    if (ids.length && !this.highlighted.length)
      this.say("This image is not on the map: it has no embedding yet.");
    if (this.highlighted.length === 1) {
      const [at] = this.highlighted;
      const { xy } = this.points;
      this.view.centre(xy[2 * at], xy[2 * at + 1], Math.max(this.view.zoom, FOCUS_ZOOM));
    }
    this.draw();
    if (this.highlighted.length === 1) this.hover(this.highlighted[0]);
  }

  // ---- what a person does -----------------------------------------------------------------------

  isShown(i) {
    return this.palette?.[this.colours.codes[i]]?.[3] > 0;
  }

  nearest(px, py, radius) {
    if (!this.colours) return -1;
    const [x, y] = this.view.toMap(px, py);
    return this.index.nearest(x, y, radius / this.view.scale, (i) => this.isShown(i));
  }

  hover(point) {
    if (point === this.hovered) return;
    this.hovered = point;
    this.drawOverlay();
    this.parts.overlay.classList.toggle("over", point >= 0);
    if (point < 0) {
      this.tip.hide();
      return;
    }
    const place = this.placeOf(point);
    const category = this.colours.categories[this.colours.codes[point]]?.name;
    this.tip.show(this.points.ids[point], place, category, this.view);
  }

  panBy(dx, dy) {
    this.view.panBy(dx, dy);
    this.moved();
  }

  zoomBy(factor, px, py) {
    this.view.zoomBy(factor, px, py);
    this.moved();
  }

  fit() {
    this.view.fit();
    this.moved();
  }

  moved() {
    this.hover(-1);
    this.draw();
    this.lookCloser();
  }

  selectInSight() {
    this.selectInside(this.view.outline());
  }

  /** Select the shown points inside an outline of the map. */
  selectInside(outline, isAdded = false) {
    if (!this.colours) return;
    const found = this.index.inside(outline, (i) => this.isShown(i));
    const before = isAdded ? this.selectedPoints() : [];
    this.select([...before, ...found]);
    if (!found.length && !before.length) this.say("No image is inside the outline.");
  }

  select(points) {
    this.selected = new Uint8Array(this.points.n);
    for (const i of points) this.selected[i] = 1;
    this.nSelected = this.selected.reduce((sum, each) => sum + each, 0);
    this.mark();
    this.tell();
  }

  mark() {
    if (!this.selected) return;
    this.painter.setMarks(this.selected);
    this.draw();
  }

  clear() {
    this.highlighted = [];
    if (this.selected) this.select([]);
  }

  selectedPoints() {
    const found = [];
    for (let i = 0; i < this.points.n; i++) if (this.selected[i]) found.push(i);
    return found;
  }

  openSelection() {
    if (!this.nSelected) return;
    this.say(`Opening ${this.nSelected.toLocaleString("en")} images.`);
    const ids = this.selectedPoints().map((i) => this.points.ids[i]);
    this.component.setTriggerValue("chosen", { ids });
  }

  open(point) {
    this.component.setTriggerValue("opened", { id: this.points.ids[point] });
  }

  // ---- drawing ----------------------------------------------------------------------------------

  say(text) {
    this.parts.message.textContent = text;
  }

  /** Write how many images are shown or selected, and offer what can be done with them. */
  tell() {
    const { n, total } = this.points;
    const count = this.nSelected.toLocaleString("en");
    const drawn =
      n < total ? `${n.toLocaleString("en")} of ${total.toLocaleString("en")}` : n.toLocaleString("en");
    const where = this.sight ? " in this part" : "";
    this.say(this.nSelected ? `${count} selected` : `${drawn} images${where}`);
    this.parts.root.dataset.selected = String(this.nSelected);
    if (!this.nSelected) {
      this.parts.offer.replaceChildren();
      return;
    }
    const open = button(`Open ${count} in Review`, "⏎", "A queue of exactly these images", () =>
      this.openSelection(),
    );
    open.classList.add("primary");
    this.parts.offer.replaceChildren(
      open,
      button("Clear", "Esc", "End the selection", () => this.clear()),
    );
  }

  layout() {
    if (!this.host) return;
    const { stage, frame, canvas, overlay } = this.parts;
    const top = Math.max(stage.getBoundingClientRect().top, 0);
    stage.style.height = `${Math.max(LEAST_HEIGHT_PX, window.innerHeight - top - BOTTOM_PX)}px`;
    const { clientWidth, clientHeight } = frame;
    if (!clientWidth || !clientHeight) return;
    this.ratio = window.devicePixelRatio || 1;
    for (const each of [canvas, overlay]) {
      each.width = Math.round(clientWidth * this.ratio);
      each.height = Math.round(clientHeight * this.ratio);
    }
    this.view.resize(clientWidth, clientHeight);
    this.paint(); // Now: a canvas of another size is empty.
  }

  draw() {
    this.frame ??= requestAnimationFrame(() => this.paint());
  }

  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
    if (!this.host || !this.painter || this.painter.isLost) return;
    const style = getComputedStyle(this.parts.frame);
    const ground = (style.backgroundColor.match(/\d+/g) ?? [255, 255, 255]).slice(0, 3).map(Number);
    this.painter.draw(this.view, { ground, isMarking: this.nSelected > 0, ratio: this.ratio });
    this.ink = style.color;
    this.drawOverlay();
  }

  placeOf(point) {
    return this.view.toWindow(this.points.xy[2 * point], this.points.xy[2 * point + 1]);
  }

  drawOverlay() {
    drawOverlay(this);
  }
}

export default (component) => {
  const { key } = component.data;
  if (!maps.has(key)) maps.set(key, new ImageMap());
  const map = maps.get(key);
  const token = map.mount(component);
  return () => map.unmount(token);
};
