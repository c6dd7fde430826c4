// Which part of a map is asked for where it has more images than it draws at once.

const SPARE = 0.15; // of the window on each side, so that a small move shows points too
const STEPS = 64; // of one unit: a move of less asks for nothing new

/** Return what to ask for to see the part in sight, "" for the whole map. */
export function sightOf(view) {
  const [left, top] = view.toMap(-SPARE * view.width, -SPARE * view.height);
  const [right, bottom] = view.toMap((1 + SPARE) * view.width, (1 + SPARE) * view.height);
  if (left <= -1 && bottom <= -1 && right >= 1 && top >= 1) return "";
  const steps = STEPS * Math.max(1, Math.round(view.zoom));
  const outwards = [
    Math.floor(left * steps),
    Math.floor(bottom * steps),
    Math.ceil(right * steps),
    Math.ceil(top * steps),
  ];
  return `within=${outwards.map((each) => (each / steps).toFixed(5)).join(",")}`;
}

/** Add what is asked for to an address that may ask for something already. */
export function asking(address, sight) {
  if (!sight) return address;
  return `${address}${address.includes("?") ? "&" : "?"}${sight}`;
}
