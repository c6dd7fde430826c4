// Decode the bytes of a photo in a browser, to the pixels that Pillow gives.
//
// Colour profiles and EXIF turns are removed from the bytes first, because browsers differ in what they do with
// them; the turn is made here. A JPEG is reduced while it is decoded, as Pillow does.

import { divisorOf, reduced, turned } from "preprocess";

const BAND_ROWS = 512; // Divisible by 8. A phone refuses a canvas of more than 16 megapixels.
const ORIENTATION = 0x0112; // EXIF 2.3, section 4.6.4.
const PNG_CHUNKS = ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"];

/** Return upright RGBA pixels. Throws an Error with a sentence for people if the bytes are no picture. */
export async function decode(bytes, sizePx, resize) {
  const { parts, orientation, isJpeg } = plain(bytes);
  let bitmap;
  try {
    bitmap = await createImageBitmap(new Blob(parts), {
      colorSpaceConversion: "none",
      imageOrientation: "none",
      premultiplyAlpha: "none",
    });
  } catch {
    throw new Error("This browser cannot read the file as a picture.");
  }
  try {
    const divisor = isJpeg ? divisorOf(bitmap.width, bitmap.height, sizePx, resize) : 1;
    return turned(pixelsOf(bitmap, divisor), orientation);
  } finally {
    bitmap.close();
  }
}

/** Read a bitmap band by band, so that a large photo is never held whole when it is reduced. */
function pixelsOf(bitmap, divisor) {
  const width = Math.ceil(bitmap.width / divisor);
  const height = Math.ceil(bitmap.height / divisor);
  const data = new Uint8ClampedArray(width * height * 4);
  const canvas = new OffscreenCanvas(bitmap.width, Math.min(BAND_ROWS, bitmap.height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.globalCompositeOperation = "copy";
  for (let top = 0; top < bitmap.height; top += BAND_ROWS) {
    const rows = Math.min(BAND_ROWS, bitmap.height - top);
    context.drawImage(bitmap, 0, -top);
    const band = reduced(context.getImageData(0, 0, bitmap.width, rows), divisor);
    data.set(band.data, (top / divisor) * width * 4);
  }
  return { data, width, height };
}

/** Return the bytes without profile and turn, and what the turn was. */
function plain(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return { ...plainJpeg(bytes, view), isJpeg: true };
  if (text(bytes, 1, 3) === "PNG") return plainPng(bytes, view);
  if (text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 4) === "WEBP") return plainWebp(bytes, view);
  return { parts: [bytes], orientation: 1 };
}

function plainJpeg(bytes, view) {
  const parts = [bytes.subarray(0, 2)];
  let orientation = null;
  let xmp = "";
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda) {
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const end = at + 2 + view.getUint16(at + 2);
    const isMetadata = (marker >= 0xe1 && marker <= 0xef && marker !== 0xee) || marker === 0xfe;
    if (marker === 0xe1 && text(bytes, at + 4, 4) === "Exif")
      orientation = orientationOf(bytes.subarray(at + 10, end));
    if (marker === 0xe1 && text(bytes, at + 4, 4) === "http")
      xmp = new TextDecoder().decode(bytes.subarray(at, end));
    if (!isMetadata) parts.push(bytes.subarray(at, end));
    at = end;
  }
  const inXmp = /tiff:Orientation(?:="|>)([0-9])/.exec(xmp)?.[1] ?? 1;
  return { parts: [...parts, bytes.subarray(at)], orientation: orientation ?? Number(inXmp) };
}

function plainPng(bytes, view) {
  if (bytes[24] === 16) throw new Error("Pictures of 16 bits per channel are not converted here.");
  const parts = [bytes.subarray(0, 8)];
  let orientation = 1;
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 12 + view.getUint32(at);
    const name = text(bytes, at + 4, 4);
    if (name === "eXIf") orientation = orientationOf(bytes.subarray(at + 8, end));
    if (PNG_CHUNKS.includes(name)) parts.push(bytes.subarray(at, end));
    at = end;
  }
  return { parts, orientation };
}

function plainWebp(bytes, view) {
  const copy = bytes.slice();
  let orientation = 1;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = text(bytes, at, 4);
    const length = view.getUint32(at + 4, true);
    const content = bytes.subarray(at + 8, at + 8 + length);
    if (name === "EXIF")
      orientation = orientationOf(text(content, 0, 4) === "Exif" ? content.subarray(6) : content);
    if (name === "VP8X") copy[at + 8] &= ~0x2c; // Without profile, EXIF and XMP.
    if (["ICCP", "EXIF", "XMP "].includes(name)) copy.set([0x78, 0x78, 0x78, 0x78], at); // An unknown chunk.
    at += 8 + length + (length % 2);
  }
  return { parts: [copy], orientation };
}

/** Return the orientation, 1 to 8, of an EXIF block that begins with its TIFF header; null if it has none. */
function orientationOf(exif) {
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  try {
    const isLittle = text(exif, 0, 2) === "II";
    const start = view.getUint32(4, isLittle);
    const nEntries = view.getUint16(start, isLittle);
    for (let n = 0; n < nEntries; n += 1) {
      const entry = start + 2 + 12 * n;
      if (view.getUint16(entry, isLittle) === ORIENTATION) return view.getUint16(entry + 8, isLittle);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // The block ends early.
  }
  return null;
}

function text(bytes, at, length) {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
