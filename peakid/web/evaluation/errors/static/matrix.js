// The confusion matrix: a cell is opened with a click, or with the arrow keys and Enter.
//
// matrix_layout.js says where its cells and names are, matrix_draw.js draws them. A cell is found by its place on
// the canvas, so that a click opens exactly the cell that is drawn there, also where it is four pixels wide.

import { make, percent, thumbnailOf } from "./elements.js";
import { drawMatrix } from "./matrix_draw.js";
import { layoutOf, placesOf } from "./matrix_layout.js";

const REACH_PX = 3; // An empty cell that is this near to one with images is too small to be meant.
const GAP_PX = 14;
const HEADER_PX = 72; // of the page, which covers what is scrolled under it
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

const matrices = new Map(); // by data.key: survives a remount of the component

class Matrix {
  constructor() {
    this.token = 0;
    this.at = null; // the cell under the pointer or of the keys: its row and column as they are drawn
    this.clicked = null;
    this.resized = new ResizeObserver(() => this.layout());
  }

  mount(component) {
    this.component = component;
    if (this.host !== component.parentElement) {
      this.host = component.parentElement;
      for (const old of this.host.querySelectorAll(".matrix")) old.remove();
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
    this.root = make("div", "matrix");
    this.root.dataset.keys = "own"; // The review grid leaves the arrow keys to it.
    this.canvas = make("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.tip = make("div", "tip");
    this.tip.hidden = true;
    this.said = make("div", "said");
    this.said.setAttribute("role", "status");
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => this.move(null));
    this.canvas.addEventListener("blur", () => this.move(null));
    this.canvas.addEventListener("click", (event) => this.click(event));
    this.canvas.addEventListener("keydown", (event) => this.press(event));
    this.root.append(this.canvas, this.tip, this.said);
    this.host.append(this.root);
  }

  update(data) {
    this.data = data;
    const n = data.names.length;
    this.counts = new Map(); // of the cells with images, by row * n + column, as the classes are numbered
    for (const [row, column, count, level] of data.cells) this.counts.set(row * n + column, { count, level });
    this.canvas.setAttribute(
      "aria-label",
      `${data.finding}. Arrow keys choose a cell, Enter opens its images.`,
    );
    this.root.dataset.classes = String(n);
    this.at = null;
    this.tip.hidden = true;
    this.layout();
    this.scrollToImages();
  }

  layout() {
    const width = this.root.clientWidth; // The host is a shadow root, which has no size.
    if (!width || !this.data) return;
    const context = this.canvas.getContext("2d");
    this.places = placesOf(layoutOf(this.data, width, context), this.data);
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(this.places.height * ratio);
    this.canvas.style.height = `${this.places.height}px`;
    this.draw();
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawMatrix(context, this.data, this.places, this.counts, this.at);
    const { left, top, lineX, lineY } = this.places;
    this.root.dataset.cells = [left, top, lineX.at(-1), lineY.at(-1)].join(" "); // All of them, in pixels.
  }

  // ---- where the pointer is ---------------------------------------------------------------------

  /** Return the cell at a place of the canvas as [row, column] in drawing order, null outside. */
  cellAt(x, y) {
    const { left, top, lineX, lineY } = this.places;
    if (x < left || y < top || x >= lineX.at(-1) || y >= lineY.at(-1)) return null;
    const found = [indexIn(lineY, y), indexIn(lineX, x)];
    return this.countAt(found) ? found : (this.nearby(x, y) ?? found);
  }

  /** Return a cell with images within reach of a place, where cells are smaller than a finger or a pointer. */
  nearby(x, y) {
    const { lineX, lineY } = this.places;
    if (lineX[1] - lineX[0] > 4 * REACH_PX) return null;
    for (let distance = 1; distance <= REACH_PX; distance += 1)
      for (const [dx, dy] of Object.values(ARROWS)) {
        const [otherX, otherY] = [x + dx * distance, y + dy * distance];
        const isInside =
          otherX >= lineX[0] && otherY >= lineY[0] && otherX < lineX.at(-1) && otherY < lineY.at(-1);
        const cell = isInside ? [indexIn(lineY, otherY), indexIn(lineX, otherX)] : null;
        if (cell && this.countAt(cell)) return cell;
      }
    return null;
  }

  countAt([row, column]) {
    const { order, names } = this.data;
    return this.counts.get(order[row] * names.length + order[column])?.count ?? 0;
  }

  point(event) {
    this.move(this.cellAt(event.offsetX, event.offsetY));
  }

  move(cell) {
    const isSame = String(cell) === String(this.at);
    if (isSame) return;
    this.at = cell;
    this.canvas.classList.toggle("over", Boolean(cell) && this.data.can_open);
    this.draw();
    this.showTip();
  }

  // ---- what is opened ---------------------------------------------------------------------------

  click(event) {
    this.canvas.focus({ preventScroll: true });
    this.open(this.cellAt(event.offsetX, event.offsetY));
  }

  press(event) {
    const step = ARROWS[event.key];
    if (step) {
      const last = this.data.order.length - 1;
      const [row, column] = this.at ?? [0, -step[1] - step[0]];
      const within = (value) => Math.min(last, Math.max(0, value));
      this.move([within(row + step[0]), within(column + step[1])]);
      this.said.textContent = this.textOf(this.at).join(": ");
    } else if (event.key === "Enter" && this.at) this.open(this.at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  open(cell) {
    if (!cell || !this.data.can_open) return;
    const { order } = this.data;
    this.clicked = [order[cell[0]], order[cell[1]]];
    this.component.setTriggerValue("cell", this.clicked);
  }

  /** Show the images of the cell that was clicked: below a large matrix they are out of sight. */
  scrollToImages() {
    if (!this.clicked || String(this.clicked) !== String(this.data.opened)) return;
    this.clicked = null;
    setTimeout(() => {
      const images = document.querySelector(".st-key-errors-images");
      const isSeen = images && images.getBoundingClientRect().top < 0.6 * window.innerHeight;
      if (!images) return;
      images.style.scrollMarginTop = `${HEADER_PX}px`;
      if (!isSeen) images.scrollIntoView({ block: "start", behavior: "smooth" });
    }, 300);
  }

  // ---- what is said about a cell ----------------------------------------------------------------

  textOf([row, column]) {
    const { names, order, given, predicted } = this.data;
    const [i, j] = [order[row], order[column]];
    const count = this.countAt([row, column]);
    const title = i === j ? `${names[i]} correctly predicted` : `${names[i]} predicted as ${names[j]}`;
    const [n, ofGiven, ofPredicted] = [count, given[i], predicted[j]].map((each) =>
      each.toLocaleString("en"),
    );
    const shares = `${share(count, given[i])} of ${ofGiven} given, ${share(count, predicted[j])} of ${ofPredicted} predicted`;
    return [title, `${n} ${count === 1 ? "image" : "images"}: ${shares}`];
  }

  showTip() {
    this.tip.hidden = !this.at;
    if (!this.at) return;
    const [row, column] = this.at;
    const [title, text] = this.textOf(this.at);
    const parts = [make("div", "names", title), make("div", "text", text)];
    const { order, names, examples } = this.data;
    const digest = examples[order[row] * names.length + order[column]];
    if (digest) {
      const picture = make("img");
      picture.src = thumbnailOf(digest);
      picture.alt = "";
      parts.unshift(picture);
    }
    this.tip.replaceChildren(...parts);
    this.placeTip(row, column);
  }

  placeTip(row, column) {
    const { lineX, lineY, height } = this.places;
    const width = this.canvas.clientWidth;
    const [x, y] = [(lineX[column] + lineX[column + 1]) / 2, (lineY[row] + lineY[row + 1]) / 2];
    const [isRight, isLow] = [x > width / 2, y > height / 2];
    this.tip.style.left = isRight ? "auto" : `${x + GAP_PX}px`;
    this.tip.style.right = isRight ? `${width - x + GAP_PX}px` : "auto";
    this.tip.style.top = isLow ? "auto" : `${y + GAP_PX}px`;
    this.tip.style.bottom = isLow ? `${height - y + GAP_PX}px` : "auto";
  }
}

function share(part, whole) {
  return whole ? percent(part / whole) : "-";
}

/** Return the last index whose line is at or before a place. */
function indexIn(lines, place) {
  let [low, high] = [0, lines.length - 2];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (lines[middle] <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}

export default (component) => {
  const { key } = component.data;
  if (!matrices.has(key)) matrices.set(key, new Matrix());
  const matrix = matrices.get(key);
  const token = matrix.mount(component);
  return () => matrix.unmount(token);
};
