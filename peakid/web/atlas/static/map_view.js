// Where the map looks: the place in the middle of the window, and how many px one unit takes.

const MARGIN = 0.94; // of the shorter side of the window
const MOST_ZOOM = 400; // times the whole map

export class View {
  constructor() {
    this.width = 1;
    this.height = 1;
    this.fit();
  }

  resize(width, height) {
    const zoom = this.zoom;
    this.width = width;
    this.height = height;
    this.scale = this.fitScale * zoom;
  }

  get fitScale() {
    return (Math.min(this.width, this.height) / 2) * MARGIN;
  }

  /** How much larger than the whole map it is drawn. */
  get zoom() {
    return (this.scale ?? this.fitScale) / this.fitScale;
  }

  fit() {
    this.x = 0;
    this.y = 0;
    this.scale = this.fitScale;
  }

  /** Show a place in the middle. */
  centre(x, y, zoom) {
    this.x = x;
    this.y = y;
    this.scale = this.fitScale * zoom;
  }

  toMap(px, py) {
    return [this.x + (px - this.width / 2) / this.scale, this.y - (py - this.height / 2) / this.scale];
  }

  toWindow(x, y) {
    return [this.width / 2 + (x - this.x) * this.scale, this.height / 2 - (y - this.y) * this.scale];
  }

  panBy(dx, dy) {
    this.x = clamp(this.x - dx / this.scale, 1);
    this.y = clamp(this.y + dy / this.scale, 1);
  }

  /** Zoom by a factor; what is at (px, py) in the window stays there. */
  zoomBy(factor, px = this.width / 2, py = this.height / 2) {
    const [x, y] = this.toMap(px, py);
    const zoom = Math.max(0.5, Math.min(MOST_ZOOM, this.zoom * factor));
    this.scale = this.fitScale * zoom;
    const [atX, atY] = this.toMap(px, py);
    this.x = clamp(this.x + x - atX, 1);
    this.y = clamp(this.y + y - atY, 1);
  }

  /** Return the outline of what is in sight. */
  outline() {
    const [left, top] = this.toMap(0, 0);
    const [right, bottom] = this.toMap(this.width, this.height);
    return [left, top, right, top, right, bottom, left, bottom];
  }

  /** Return the size of a point in px: smaller the more there are, larger when zoomed in. */
  pointSize(n) {
    const whole = Math.max(2.5, Math.min(11, 180 / Math.sqrt(n)));
    return Math.min(14, whole * Math.sqrt(Math.max(1, this.zoom)));
  }
}

function clamp(value, most) {
  return Math.max(-most, Math.min(most, value));
}
