// What the mouse, the fingers and the keys do on the map.

import { isTyping } from "./elements.js";

const CLICK_PX = 4; // A press that moves less is a click.
const OUTLINE_STEP_PX = 3; // between two corners of a lasso
const NEAR_PX = 12;
const WHEEL_ZOOM = 1.0016; // for one px of the wheel
const KEY_PAN = 0.15; // of the window
const KEY_ZOOM = 1.4;
const ARROWS = { ArrowRight: [-1, 0], ArrowLeft: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Pointer {
  /** Listen on the element of a map: `map.view`, `map.tool`, and what it draws and opens. */
  constructor(map, element) {
    this.map = map;
    this.element = element;
    this.pressed = new Map(); // pointer id -> where it is
    this.outline = null; // in px, while a lasso or a box is drawn
    element.addEventListener("pointerdown", (event) => this.down(event));
    element.addEventListener("pointermove", (event) => this.move(event));
    element.addEventListener("pointerup", (event) => this.up(event));
    element.addEventListener("pointercancel", (event) => this.cancel(event));
    element.addEventListener("pointerleave", () => this.pressed.size || map.hover(-1));
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("dblclick", (event) => event.preventDefault());
  }

  place(event) {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  down(event) {
    if (event.button) return;
    this.element.setPointerCapture(event.pointerId);
    const at = this.place(event);
    this.pressed.set(event.pointerId, at);
    this.began = at;
    this.hasMoved = this.pressed.size > 1;
    this.outline = this.pressed.size === 1 && this.toolOf(event) !== "pan" ? [...at] : null;
  }

  /** Shift draws an outline whichever tool is chosen. */
  toolOf(event) {
    return event.shiftKey && this.map.tool === "pan" ? "lasso" : this.map.tool;
  }

  move(event) {
    const at = this.place(event);
    const before = this.pressed.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") this.map.hover(this.near(at));
      return;
    }
    if (!this.hasMoved && distance(at, this.began) < CLICK_PX) return;
    this.hasMoved = true;
    this.map.hover(-1);
    if (this.pressed.size > 1) this.pinch(event.pointerId, at);
    else if (this.outline) this.draw(event, at);
    else this.map.panBy(at[0] - before[0], at[1] - before[1]);
    this.pressed.set(event.pointerId, at);
  }

  pinch(id, at) {
    const before = this.pressed.get(id);
    const [other] = [...this.pressed].filter(([each]) => each !== id).map(([, place]) => place);
    const factor = distance(at, other) / Math.max(1, distance(before, other));
    this.map.panBy((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
    this.map.zoomBy(factor, (at[0] + other[0]) / 2, (at[1] + other[1]) / 2);
  }

  draw(event, at) {
    if (this.toolOf(event) === "box") {
      const [x, y] = this.began;
      this.outline = [x, y, at[0], y, at[0], at[1], x, at[1]];
    } else if (distance(at, this.outline.slice(-2)) >= OUTLINE_STEP_PX) this.outline.push(...at);
    this.map.drawOverlay();
  }

  up(event) {
    if (!this.pressed.delete(event.pointerId)) return;
    const { outline, hasMoved } = this;
    this.outline = null;
    if (hasMoved && outline?.length >= 6) {
      const { view } = this.map;
      this.map.selectInside(
        outline.flatMap((_, at) => (at % 2 ? [] : view.toMap(outline[at], outline[at + 1]))),
        event.ctrlKey || event.metaKey,
      );
    } else if (!hasMoved) this.click(event);
    this.map.drawOverlay();
  }

  /** A click opens the image; a first tap of a finger shows it. */
  click(event) {
    const found = this.near(this.place(event));
    const isTapped = event.pointerType === "touch" && found !== this.map.hovered;
    if (isTapped || found < 0) this.map.hover(found);
    else this.map.open(found);
  }

  cancel(event) {
    this.pressed.delete(event.pointerId);
    this.outline = null;
    this.map.drawOverlay();
  }

  near([x, y]) {
    return this.map.nearest(x, y, NEAR_PX);
  }

  wheel(event) {
    event.preventDefault();
    const px = event.deltaMode ? event.deltaY * 30 : event.deltaY; // In lines: Firefox.
    this.map.zoomBy(WHEEL_ZOOM ** -px, ...this.place(event));
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
    const act = this.actionOf(event.key);
    // Streamlit has shortcuts on C and R.
    if (act || ["c", "r"].includes(event.key.toLowerCase())) event.stopPropagation();
    if (!act) return;
    event.preventDefault();
    act();
  }

  actionOf(key) {
    const { map } = this;
    if (key in ARROWS) {
      const [x, y] = ARROWS[key];
      return () => map.panBy(x * KEY_PAN * map.view.width, y * KEY_PAN * map.view.height);
    }
    const actions = {
      "+": () => map.zoomBy(KEY_ZOOM),
      "=": () => map.zoomBy(KEY_ZOOM),
      "-": () => map.zoomBy(1 / KEY_ZOOM),
      0: () => map.fit(),
      a: () => map.selectInSight(),
      Escape: () => (this.outline ? this.cancelOutline() : map.clear()),
      Enter: () => map.openSelection(),
    };
    return actions[key] ?? actions[key.toLowerCase()];
  }

  cancelOutline() {
    this.outline = null;
    this.map.drawOverlay();
  }
}

function distance([x1, y1], [x2, y2]) {
  return Math.hypot(x1 - x2, y1 - y2);
}
