// The photo beside the pointer, with its name and its label.

import { make, thumbnailOf } from "./elements.js";
import { fetchAbout } from "./map_data.js";

const WAIT_MS = 40; // A pointer that crosses the map asks for no photo.
const MOST_KEPT = 500;
const GAP_PX = 14;

export class Tip {
  constructor(addressOf) {
    this.addressOf = addressOf; // of what is known about an image id
    this.known = new Map();
    this.root = make("div", "tip");
    this.root.hidden = true;
    this.root.setAttribute("role", "status");
  }

  hide() {
    clearTimeout(this.timer);
    this.id = null;
    this.root.hidden = true;
  }

  /** Show an image at a place in the window of the map, once the pointer rests. */
  show(id, place, category, size) {
    if (id === this.id) return;
    this.hide();
    this.id = id;
    this.timer = setTimeout(async () => {
      const about = await this.about(id);
      if (this.id === id && about) this.draw(about, place, category, size);
    }, WAIT_MS);
  }

  async about(id) {
    if (!this.known.has(id)) {
      if (this.known.size > MOST_KEPT) this.known.clear();
      const asked = fetchAbout(this.addressOf(id)).catch(() => null);
      this.known.set(id, asked);
    }
    return this.known.get(id);
  }

  draw({ digest, name, label }, [x, y], category, { width, height }) {
    const picture = make("img");
    picture.src = thumbnailOf(digest);
    picture.alt = "";
    const texts = [make("div", "name", name), make("div", "label", label)];
    if (category && category !== label) texts.push(make("div", "category", category));
    this.root.replaceChildren(picture, ...texts);
    this.root.hidden = false;
    const isRight = x > width / 2;
    const isLow = y > height / 2;
    this.root.style.left = isRight ? "auto" : `${x + GAP_PX}px`;
    this.root.style.right = isRight ? `${width - x + GAP_PX}px` : "auto";
    this.root.style.top = isLow ? "auto" : `${y + GAP_PX}px`;
    this.root.style.bottom = isLow ? `${height - y + GAP_PX}px` : "auto";
  }
}
