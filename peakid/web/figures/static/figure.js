// A figure as SVG: what a point says appears beside the pointer, or is reached with the arrow keys.
//
// figure_layout.js says where panels and ticks are, figure_draw.js draws them, at the width that there is. Every
// text comes as text: names are from folders and web pages.

import { make } from "./elements.js";
import { drawFigure, HALO } from "./figure_draw.js";
import { layoutOf, svgOf } from "./figure_layout.js";

const REACH_PX = 24; // A point that is this near to the pointer is meant.
const GAP_PX = 12;
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

const figures = new Map(); // by data.key: survives a remount of the component

class Figure {
  constructor() {
    this.token = 0;
    this.resized = new ResizeObserver(() => this.layout());
  }

  mount(component) {
    if (this.host !== component.parentElement) {
      this.host = component.parentElement;
      for (const old of this.host.querySelectorAll(".figure")) old.remove();
      this.build();
      this.resized.observe(this.root);
    }
    this.update(component.data);
    this.token += 1;
    return this.token;
  }

  unmount(token) {
    if (token !== this.token) return; // A newer run has mounted it again.
    this.resized.disconnect();
    this.host = null;
  }

  build() {
    this.root = make("div", "figure");
    this.svg = svgOf("svg");
    this.tip = make("div", "tip");
    this.said = make("div", "said");
    this.said.setAttribute("role", "status");
    this.svg.addEventListener("pointermove", (event) => this.point(event));
    this.svg.addEventListener("pointerdown", (event) => this.point(event)); // A tap of a finger.
    this.svg.addEventListener("pointerleave", () => this.show(-1));
    this.svg.addEventListener("blur", () => this.show(-1));
    this.svg.addEventListener("keydown", (event) => this.press(event));
    this.root.append(this.svg, this.tip, this.said);
    this.host.append(this.root);
  }

  update(data) {
    this.data = data;
    this.width = 0;
    Object.assign(this.root.style, { color: data.ink, fontFamily: data.font });
    Object.assign(this.tip.style, { background: data.ground, borderColor: data.ink });
    this.svg.style.height = `${data.height}px`; // Before the width is known: the page does not jump.
    this.layout();
  }

  layout() {
    const width = this.root.clientWidth;
    if (!width || !this.data || width === this.width) return;
    this.width = width;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${this.data.height}`);
    this.svg.replaceChildren();
    this.targets = drawFigure(this.svg, this.data, layoutOf(this.data, width, this.svg));
    this.describe();
    this.show(-1);
  }

  describe() {
    const hasTips = this.targets.length > 0;
    const keys = hasTips ? ". Arrow keys read its points." : "";
    this.svg.setAttribute("aria-label", `${this.data.label}${keys}`);
    this.svg.setAttribute("role", hasTips ? "application" : "img");
    if (hasTips) this.svg.dataset.keys = "own";
    if (hasTips) this.svg.tabIndex = 0;
    else this.svg.removeAttribute("tabindex");
  }

  point(event) {
    const box = this.svg.getBoundingClientRect();
    this.show(nearest(this.targets, event.clientX - box.left, event.clientY - box.top));
  }

  press(event) {
    if (event.key === "Escape") this.show(-1);
    const step = STEPS[event.key];
    if (!step || !this.targets.length) return;
    const last = this.targets.length - 1;
    const place = this.at < 0 ? (step > 0 ? 0 : last) : this.at + step;
    this.show(Math.min(last, Math.max(0, place)));
    this.said.textContent = this.targets[this.at].tip.join(", ");
    event.preventDefault();
    event.stopPropagation();
  }

  show(place) {
    if (place === this.at && place >= 0) return;
    this.at = place;
    this.svg.querySelector(`.${HALO}`)?.remove();
    this.tip.hidden = place < 0;
    if (place < 0) return;
    const target = this.targets[place];
    this.tip.replaceChildren(...target.tip.map((line) => make("div", "", line)));
    this.svg.append(svgOf("circle", { class: HALO, ...target.halo, fill: "none", stroke: this.data.ink }));
    const { x, y } = target;
    const [isRight, isLow] = [x > this.width / 2, y > this.data.height / 2];
    this.tip.style.left = isRight ? "auto" : `${x + GAP_PX}px`;
    this.tip.style.right = isRight ? `${this.width - x + GAP_PX}px` : "auto";
    this.tip.style.top = isLow ? "auto" : `${y + GAP_PX}px`;
    this.tip.style.bottom = isLow ? `${this.data.height - y + GAP_PX}px` : "auto";
  }
}

/** Return the place of the target that is nearest to a point within reach, -1 where none is. */
function nearest(targets, x, y) {
  let [found, least] = [-1, Number.POSITIVE_INFINITY];
  for (const [place, { box, ...target }] of targets.entries()) {
    const outside = Math.hypot(Math.max(box[0] - x, 0, x - box[2]), Math.max(box[1] - y, 0, y - box[3]));
    const distance = outside + Math.hypot(target.x - x, target.y - y) / 1e4; // Of those around it, the middle one.
    if (outside <= REACH_PX && distance < least) [found, least] = [place, distance];
  }
  return found;
}

export default (component) => {
  const { key } = component.data;
  if (!figures.has(key)) figures.set(key, new Figure());
  const figure = figures.get(key);
  const token = figure.mount(component);
  return () => figure.unmount(token);
};
