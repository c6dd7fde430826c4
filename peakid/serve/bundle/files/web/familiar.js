// Whether a photo looks like nothing the model learned: how far its embedding is from what it learned.
//
// The distance is that of Mahalanobis to the nearest class mean, of embeddings of length 1, as in model.py.

/** What the model learned, from the bytes of a safetensors file; above `threshold` a photo is unfamiliar. */
export class Learned {
  constructor(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const start = 8 + Number(view.getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
    const numbers = (name) => {
      const [from, to] = header[name].data_offsets;
      return Array.from({ length: (to - from) / 4 }, (_, n) => view.getFloat32(start + from + 4 * n, true));
    };
    const rows = (name) => {
      const [n, length] = header[name].shape;
      const values = numbers(name);
      return Array.from({ length: n }, (_, row) => values.slice(row * length, (row + 1) * length));
    };
    this.means = rows("means"); // One a class.
    this.directions = rows("directions");
    this.variances = numbers("variances"); // Along the directions.
    [this.rest] = numbers("rest"); // The variance along all others.
    [this.threshold] = numbers("threshold");
  }

  /** Return the distance of an embedding, an array of numbers. */
  distance(embedding) {
    const length = Math.max(Math.sqrt(dot(embedding, embedding)), 1e-12);
    const squares = this.means.map((mean) => {
      const away = mean.map((value, n) => embedding[n] / length - value);
      const along = this.directions.map((direction) => dot(away, direction) ** 2);
      const inside = along.reduce((sum, square, n) => sum + square / this.variances[n], 0);
      const outside = dot(away, away) - along.reduce((sum, square) => sum + square, 0);
      return inside + Math.max(outside, 0) / this.rest;
    });
    return Math.sqrt(squares.reduce((one, other) => Math.min(one, other)));
  }
}

function dot(one, other) {
  let sum = 0;
  for (let n = 0; n < one.length; n += 1) sum += one[n] * other[n];
  return sum;
}
