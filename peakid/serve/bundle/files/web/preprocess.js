// Make the pixels that the model takes from decoded pixels: what preprocess.py does with Pillow, in JavaScript.
//
// A picture is {data, width, height}; `data` has 4 bytes a pixel (RGBA) or 3 (RGB), row by row. The resize is
// Pillow's, bit for bit: bicubic with antialiasing in two passes, with coefficients of 22 bits. The scaling of
// a canvas gives other pixels, and so other predictions.

const PRECISION_BITS = 22; // Resample.c of Pillow: 32 bits less 8 of a pixel and 2 of overflow.
const FLAT = 8; // Standard deviation, of 255, below which a picture on white shows nothing.

/** Return a Uint8Array of sizePx x sizePx x 3 from upright RGBA pixels. `resize` is that of card.json. */
export function preprocess(picture, sizePx, resize) {
  const image = onGround(picture);
  if (resize === "squish") return resized(image, sizePx, sizePx).data;
  if (resize === "pad") return padded(image, sizePx).data;
  const side = Math.min(image.width, image.height);
  const left = (image.width - side) / 2;
  const top = (image.height - side) / 2;
  return resized(image, sizePx, sizePx, [left, top, left + side, top + side]).data;
}

/** Return by what a JPEG of that size is divided while it is decoded: 8, 4, 2 or 1, as Pillow's `draft` does. */
export function divisorOf(width, height, sizePx, resize) {
  const shrink = Math.min(
    1,
    (2 * sizePx) / (resize === "pad" ? Math.max(width, height) : Math.min(width, height)),
  );
  const least = [width, height].map((side) => Math.max(1, roundHalfEven(side * shrink)));
  const scale = Math.min(Math.floor(width / least[0]), Math.floor(height / least[1]));
  return [8, 4, 2].find((divisor) => scale >= divisor) ?? 1;
}

/** Return RGBA pixels divided by 8, 4, 2 or 1: the means of squares, as a JPEG decoder reduces them. */
export function reduced(picture, divisor) {
  if (divisor === 1) return picture;
  const width = Math.ceil(picture.width / divisor);
  const height = Math.ceil(picture.height / divisor);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1)
      meanOf(picture, x * divisor, y * divisor, divisor, data, (y * width + x) * 4);
  }
  return { data, width, height };
}

function meanOf(picture, left, top, divisor, out, at) {
  const right = Math.min(left + divisor, picture.width);
  const bottom = Math.min(top + divisor, picture.height);
  const n = (right - left) * (bottom - top);
  let [red, green, blue] = [0, 0, 0];
  for (let y = top; y < bottom; y += 1) {
    for (let from = (y * picture.width + left) * 4; from < (y * picture.width + right) * 4; from += 4) {
      red += picture.data[from];
      green += picture.data[from + 1];
      blue += picture.data[from + 2];
    }
  }
  out[at] = Math.floor(red / n + 0.5);
  out[at + 1] = Math.floor(green / n + 0.5);
  out[at + 2] = Math.floor(blue / n + 0.5);
  out[at + 3] = 255;
}

/** Return RGBA pixels turned by an EXIF orientation, 1 to 8. */
export function turned(picture, orientation) {
  if (!(orientation >= 2 && orientation <= 8)) return picture;
  const { width, height } = picture;
  const isSwapped = orientation >= 5;
  const out = { width: isSwapped ? height : width, height: isSwapped ? width : height };
  const from = new Uint32Array(picture.data.buffer, picture.data.byteOffset, width * height);
  const to = new Uint32Array(width * height);
  for (let y = 0; y < out.height; y += 1) {
    for (let x = 0; x < out.width; x += 1) {
      let [u, v] = isSwapped ? [y, x] : [x, y];
      if ([2, 3, 7, 8].includes(orientation)) u = width - 1 - u;
      if ([3, 4, 6, 7].includes(orientation)) v = height - 1 - v;
      to[y * out.width + x] = from[v * width + u];
    }
  }
  return { ...out, data: new Uint8ClampedArray(to.buffer) };
}

/** Return RGB pixels: transparent ones on white, or on black where they show nothing on white. */
export function onGround(picture) {
  const onWhite = composite(picture, 255);
  if (picture.data.every((value, n) => n % 4 !== 3 || value === 255)) return onWhite;
  const contrast = contrastOf(onWhite);
  if (contrast >= FLAT) return onWhite;
  const onBlack = composite(picture, 0);
  return contrastOf(onBlack) > contrast ? onBlack : onWhite;
}

function composite({ data, width, height }, ground) {
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const alpha = data[from + 3];
    for (let channel = 0; channel < 3; channel += 1, to += 1) {
      // AlphaComposite.c of Pillow, for an opaque ground.
      const sum = (data[from + channel] * alpha + ground * (255 - alpha)) * 128 + 0x80 * 128;
      rgb[to] = ((sum >> 8) + sum) >> 15;
    }
  }
  return { data: rgb, width, height };
}

function contrastOf({ data }) {
  const deviations = [0, 1, 2].map((channel) => {
    let [sum, squares] = [0, 0];
    for (let at = channel; at < data.length; at += 3) {
      sum += data[at];
      squares += data[at] ** 2;
    }
    const n = data.length / 3;
    return Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2));
  });
  return Math.max(...deviations);
}

function padded(image, sizePx) {
  const scale = sizePx / Math.max(image.width, image.height);
  const width = Math.max(1, roundHalfEven(image.width * scale));
  const height = Math.max(1, roundHalfEven(image.height * scale));
  const inner = resized(image, width, height);
  const data = new Uint8Array(sizePx * sizePx * 3);
  const left = Math.floor((sizePx - width) / 2);
  const top = Math.floor((sizePx - height) / 2);
  for (let y = 0; y < height; y += 1) {
    const row = inner.data.subarray(y * width * 3, (y + 1) * width * 3);
    data.set(row, ((top + y) * sizePx + left) * 3);
  }
  return { data, width: sizePx, height: sizePx };
}

/** Return RGB pixels resized to width x height. `box` is the part to take: left, top, right, bottom. */
export function resized(image, width, height, box = [0, 0, image.width, image.height]) {
  const across = coefficients(image.width, box[0], box[2], width);
  const down = coefficients(image.height, box[1], box[3], height);
  // The order that Pillow 13 takes; the values between the two passes are rounded to 8 bits.
  const isVerticalFirst = image.height - height > Math.max(0, 2 * (image.width - width));
  return isVerticalFirst
    ? horizontal(vertical(image, down), across)
    : vertical(horizontal(image, across), down);
}

/** Return for each place of the result where its sources begin, and their weights as integers. */
function coefficients(inSize, from, to, outSize) {
  const [first, last] = [Math.fround(from), Math.fround(to)];
  const scale = (last - first) / outSize;
  const filterScale = Math.max(scale, 1);
  const support = 2 * filterScale;
  return Array.from({ length: outSize }, (_, place) => {
    const center = first + (place + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(inSize, Math.trunc(center + support + 0.5));
    const weights = [];
    for (let at = start; at < end; at += 1) weights.push(bicubic((at - center + 0.5) / filterScale));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const fixed = weights.map((weight) => fixedPoint(sum ? weight / sum : weight));
    return { start, weights: Int32Array.from(fixed) };
  });
}

function fixedPoint(weight) {
  return Math.trunc((weight < 0 ? -0.5 : 0.5) + weight * 2 ** PRECISION_BITS);
}

function bicubic(distance) {
  const x = Math.abs(distance);
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

function horizontal({ data, width, height }, across) {
  const out = new Uint8ClampedArray(across.length * height * 3);
  for (let y = 0; y < height; y += 1) {
    across.forEach(({ start, weights }, x) => {
      sumInto(out, (y * across.length + x) * 3, data, (y * width + start) * 3, 3, weights);
    });
  }
  return { data: out, width: across.length, height };
}

function vertical({ data, width }, down) {
  const out = new Uint8ClampedArray(width * down.length * 3);
  down.forEach(({ start, weights }, y) => {
    for (let x = 0; x < width; x += 1) {
      sumInto(out, (y * width + x) * 3, data, (start * width + x) * 3, width * 3, weights);
    }
  });
  return { data: new Uint8Array(out.buffer), width, height: down.length };
}

/** Write the weighted sums of three channels; `step` is the distance of two sources in `data`. */
function sumInto(out, to, data, from, step, weights) {
  const half = 1 << (PRECISION_BITS - 1);
  let [red, green, blue] = [half, half, half];
  for (let n = 0, at = from; n < weights.length; n += 1, at += step) {
    red += data[at] * weights[n];
    green += data[at + 1] * weights[n];
    blue += data[at + 2] * weights[n];
  }
  out[to] = red >> PRECISION_BITS;
  out[to + 1] = green >> PRECISION_BITS;
  out[to + 2] = blue >> PRECISION_BITS;
}

/** Round as Python does: halves to the even number. */
function roundHalfEven(value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 ? below + 1 : below;
}
