// Draws over a photo where its prediction comes from: the parts whose hiding lowers the probability.

import { element, request } from "./parts.js";

const LEAST_FALL = 0.01; // A smaller one is not shown.
const MOST_OPACITY = 0.75;

/** Return the place of what the model saw in the shown photo, in percent: left, top, width and height. */
function place(picture, resize) {
  const [wide, high] = [picture.naturalWidth, picture.naturalHeight];
  if (resize === "squish") return [0, 0, 100, 100];
  const side = resize === "pad" ? Math.max(wide, high) : Math.min(wide, high);
  const [w, h] = [(100 * side) / wide, (100 * side) / high];
  return [(100 - w) / 2, (100 - h) / 2, w, h];
}

function drawn(rows, most) {
  const n = rows.length;
  const canvas = element("canvas", "map");
  [canvas.width, canvas.height] = [n, n];
  const pixels = canvas.getContext("2d").createImageData(n, n);
  rows.flat().forEach((fall, at) => {
    const share = Math.max(0, fall) / most;
    pixels.data.set([255, 120, 0, Math.round(255 * MOST_OPACITY * share)], 4 * at);
  });
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  canvas.setAttribute("aria-hidden", "true"); // The sentence below says what it shows.
  return canvas;
}

function sentence(found, most) {
  if (most < LEAST_FALL) return "Hiding any one part changes little: the whole photo speaks for this class.";
  const points = Math.round(100 * most);
  return `Hiding the orange parts lowers the probability of ${found.label} by up to ${points} points.`;
}

/** Return a button that shows the map over the photo of a card, and hides it again. */
export function mapButton(card, file, label, model) {
  const button = element("button", "button secondary small", "Show what it depends on");
  button.type = "button";
  button.setAttribute("aria-pressed", "false");
  const text = element("p", "note");
  text.setAttribute("role", "status");
  const part = element("div", "explained");
  part.append(button, text);
  let map = null;

  async function load() {
    const form = new FormData();
    form.append("file", file, file.name);
    const found = await request(`occlusion?label=${encodeURIComponent(label)}`, form);
    const most = Math.max(0, ...found.rows.flat());
    map = drawn(found.rows, Math.max(most, LEAST_FALL));
    const picture = card.querySelector("img");
    if (picture) {
      const [left, top, width, height] = place(picture, model.resize);
      Object.assign(map.style, {
        left: `${left}%`,
        top: `${top}%`,
        width: `${width}%`,
        height: `${height}%`,
      });
      picture.after(map);
    }
    text.textContent = sentence(found, most);
  }

  button.addEventListener("click", async () => {
    if (map) {
      map.hidden = !map.hidden;
      text.hidden = map.hidden;
    } else {
      button.disabled = true;
      text.textContent = "Computing";
      try {
        await load();
      } catch (error) {
        text.textContent = error.message;
      }
      button.disabled = false;
      button.focus();
    }
    const isShown = map !== null && !map.hidden;
    button.setAttribute("aria-pressed", String(isShown));
  });
  return part;
}
