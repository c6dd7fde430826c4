// Which points are near a place or inside an outline: a grid of cells over the square from -1 to 1.

const POINTS_A_CELL = 4;
const MOST_SIDE = 512; // cells

/** Sort the points into cells, so that those near a place are found without reading all. */
export class PointIndex {
  constructor({ n, xy }) {
    this.n = n;
    this.xy = xy;
    this.side = Math.max(1, Math.min(MOST_SIDE, Math.ceil(Math.sqrt(n / POINTS_A_CELL))));
    const cells = new Uint32Array(n);
    this.starts = new Uint32Array(this.side * this.side + 1);
    for (let i = 0; i < n; i++) {
      cells[i] = this.row(xy[2 * i + 1]) * this.side + this.row(xy[2 * i]);
      this.starts[cells[i] + 1] += 1;
    }
    for (let cell = 0; cell < this.side * this.side; cell++) this.starts[cell + 1] += this.starts[cell];
    const next = this.starts.slice();
    this.sorted = new Uint32Array(n);
    for (let i = 0; i < n; i++) this.sorted[next[cells[i]]++] = i;
  }

  row(value) {
    return Math.max(0, Math.min(this.side - 1, Math.floor(((value + 1) / 2) * this.side)));
  }

  /** Call `see` with every point of the cells that a rectangle touches. */
  visit([left, bottom, right, top], see) {
    for (let y = this.row(bottom); y <= this.row(top); y++) {
      for (let x = this.row(left); x <= this.row(right); x++) {
        const cell = y * this.side + x;
        for (let at = this.starts[cell]; at < this.starts[cell + 1]; at++) see(this.sorted[at]);
      }
    }
  }

  /** Return the nearest point that `isShown`, -1 where none is within `radius`. */
  nearest(x, y, radius, isShown) {
    let best = -1;
    let least = radius * radius;
    this.visit([x - radius, y - radius, x + radius, y + radius], (i) => {
      const distance = (this.xy[2 * i] - x) ** 2 + (this.xy[2 * i + 1] - y) ** 2;
      if (distance > least || !isShown(i)) return;
      // The later of two points at one place is drawn over the other.
      if (distance < least || i > best) best = i;
      least = distance;
    });
    return best;
  }

  /** Return the points inside a closed outline [x, y, x, y, ...] that are shown, in ascending order. */
  inside(outline, isShown) {
    const box = boxOf(outline);
    const found = [];
    this.visit(box, (i) => {
      const [x, y] = [this.xy[2 * i], this.xy[2 * i + 1]];
      if (x < box[0] || x > box[2] || y < box[1] || y > box[3]) return;
      if (isShown(i) && isInside(outline, x, y)) found.push(i);
    });
    return found.sort((a, b) => a - b);
  }
}

function boxOf(outline) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (let at = 0; at < outline.length; at += 2) {
    box[0] = Math.min(box[0], outline[at]);
    box[1] = Math.min(box[1], outline[at + 1]);
    box[2] = Math.max(box[2], outline[at]);
    box[3] = Math.max(box[3], outline[at + 1]);
  }
  return box;
}

/** Tell whether a ray from the point crosses the outline an odd number of times. */
export function isInside(outline, x, y) {
  let isIn = false;
  for (let at = 0, before = outline.length - 2; at < outline.length; before = at, at += 2) {
    const [x1, y1, x2, y2] = [outline[at], outline[at + 1], outline[before], outline[before + 1]];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) isIn = !isIn;
  }
  return isIn;
}
