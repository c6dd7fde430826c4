// Draws the points on a plain canvas, for browsers without WebGL 2.

export class PlainPainter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.n = 0;
    this.palette = [];
  }

  get kind() {
    return "canvas";
  }

  get isLost() {
    return false;
  }

  setPoints({ n, xy }) {
    this.n = n;
    this.xy = xy;
    this.marks = new Uint8Array(n);
    this.codes = null;
  }

  setCodes(codes) {
    this.codes = codes;
  }

  setMarks(marks) {
    this.marks = marks;
  }

  setPalette(colours) {
    this.palette = colours;
  }

  draw(view, { ground, isMarking, ratio }) {
    const { context, canvas, codes } = this;
    context.fillStyle = `rgb(${ground.join(" ")})`;
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (codes?.length !== this.n) return;
    const size = view.pointSize(this.n) * ratio;
    for (const isMarked of isMarking ? [0, 1] : [1]) {
      const groups = this.grouped(view, ratio, isMarking ? isMarked : null);
      for (const [code, places] of groups) {
        const [red, green, blue] = this.palette[code];
        const part = isMarked ? 1 : 0.22;
        const mixed = [red, green, blue].map((channel, i) => channel * part + ground[i] * (1 - part));
        context.fillStyle = `rgb(${mixed.join(" ")})`;
        for (let at = 0; at < places.length; at += 2)
          context.fillRect(places[at] - size / 2, places[at + 1] - size / 2, size, size);
      }
    }
  }

  /** Return the places in sight by category: changing the colour for each point would be slow. */
  grouped(view, ratio, wanted) {
    const groups = new Map();
    for (let i = 0; i < this.n; i++) {
      const code = this.codes[i];
      if (!this.palette[code]?.[3] || (wanted !== null && this.marks[i] !== wanted)) continue;
      const [x, y] = view.toWindow(this.xy[2 * i], this.xy[2 * i + 1]);
      if (x < 0 || y < 0 || x > view.width || y > view.height) continue;
      if (!groups.has(code)) groups.set(code, []);
      groups.get(code).push(x * ratio, y * ratio);
    }
    return groups;
  }

  release() {}
}
