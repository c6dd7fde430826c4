// What the map shows, as the server sends it in binary: the points, and the category of each.

/**
 * Read points: uint32 count, uint32 images that have a place there, then uint32 image ids, then float32 x and y
 * of each in -1 to 1.
 */
export async function fetchPoints(address) {
  const buffer = await fetchBytes(address);
  const [n, total] = new Uint32Array(buffer, 0, 2);
  return {
    n,
    total,
    ids: new Uint32Array(buffer, 8, n),
    xy: new Float32Array(buffer, 8 + 4 * n, 2 * n),
  };
}

/**
 * Read categories: uint32 length of a JSON document, the document padded to 4 bytes, then a uint16 code of each
 * point. The document names the categories with colour and count, in the order of their codes.
 */
export async function fetchColours(address) {
  const buffer = await fetchBytes(address);
  const [length] = new Uint32Array(buffer, 0, 1);
  const { points_key, categories } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { pointsKey: points_key, categories, codes: new Uint16Array(buffer, 4 + length) };
}

export async function fetchAbout(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

async function fetchBytes(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.arrayBuffer();
}

/** Return "#rrggbb" as three numbers from 0 to 255. */
export function channelsOf(colour) {
  const number = Number.parseInt(colour.slice(1), 16);
  return [(number >> 16) & 255, (number >> 8) & 255, number & 255];
}
