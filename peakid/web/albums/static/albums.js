// The albums of a preview as cards, or the photos of one of them, which are selected with a click or with keys.
//
// Python draws the menu that moves the selected photos: here is only what has to be fast.

import { make, PREFIX } from "./elements.js";

const boards = new Map(); // by data.key: survives a remount of the component

const thumbnailOf = (data, number) => `${PREFIX}/album/${data.preview}/${number}/${data.version}`;

class Board {
  constructor() {
    this.token = 0;
    this.shown = ""; // What is drawn, without the selection
    this.selected = new Set(); // Numbers of photos
    this.at = 0; // The photo that the keys are at: its place in the grid
  }

  mount(component) {
    this.component = component;
    if (this.host !== component.parentElement) {
      this.host = component.parentElement;
      for (const old of this.host.querySelectorAll(".albums")) old.remove();
      this.root = make("div", "albums");
      this.root.dataset.keys = "own"; // Other grids leave the arrow keys to it.
      this.host.append(this.root);
      this.shown = "";
    }
    this.update(component.data);
    this.token += 1;
    return this.token;
  }

  unmount(token) {
    if (token === this.token) this.host = null; // Else a newer run has mounted it again.
  }

  update(data) {
    const shown = JSON.stringify(data);
    if (shown === this.shown) return;
    this.shown = shown;
    this.data = data;
    const present = new Set(data.photos.map((photo) => photo.number));
    this.selected = new Set([...this.selected].filter((number) => present.has(number)));
    this.at = Math.min(this.at, Math.max(0, data.photos.length - 1));
    if (data.album === null) this.root.replaceChildren(this.cards());
    else this.root.replaceChildren(this.grid());
  }

  // ---- the albums -------------------------------------------------------------------------------

  cards() {
    const list = make("div", "cards");
    for (const album of this.data.albums) {
      const card = make("button", "card");
      card.type = "button";
      const title = make("div", "title");
      const n = `${album.n.toLocaleString("en")} ${album.n === 1 ? "photo" : "photos"}`;
      title.append(make("span", "name", album.name), " ", make("span", "n", n));
      const strip = make("div", "strip");
      for (const number of album.numbers) strip.append(this.picture(number));
      card.append(title, strip);
      card.addEventListener("click", () => this.component.setTriggerValue("opened", album.id));
      list.append(card);
    }
    return list;
  }

  picture(number) {
    const image = make("img");
    image.src = thumbnailOf(this.data, number);
    image.alt = "";
    image.loading = "lazy";
    return image;
  }

  // ---- the photos of one album --------------------------------------------------------------------

  grid() {
    const grid = make("div", "grid");
    grid.setAttribute("role", "listbox");
    grid.setAttribute("aria-multiselectable", "true");
    grid.setAttribute("aria-label", `${this.data.album}. Arrow keys choose a photo, Space selects it.`);
    this.tiles = this.data.photos.map((photo, place) => this.tile(photo, place));
    grid.append(...this.tiles);
    grid.addEventListener("keydown", (event) => this.press(event));
    this.mark();
    return grid;
  }

  tile(photo, place) {
    const tile = make("figure", "tile");
    tile.setAttribute("role", "option");
    tile.setAttribute("aria-label", [photo.name, ...photo.facts].join(", "));
    tile.title = photo.name;
    const caption = make("figcaption");
    caption.append(...photo.facts.map((fact) => make("div", "", fact)));
    tile.append(this.picture(photo.number), caption);
    tile.addEventListener("click", () => {
      this.at = place;
      this.toggle(place);
      tile.focus({ preventScroll: true });
    });
    return tile;
  }

  press(event) {
    const perRow = this.perRow();
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -perRow, ArrowDown: perRow };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) {
      const next = this.at + steps[event.key];
      if (next >= 0 && next < this.tiles.length) this.at = next;
      this.mark();
      this.tiles[this.at].focus();
    } else if (event.key === " " || event.key === "Enter") this.toggle(this.at);
    else if (event.key === "Escape" && this.selected.size) this.select([]);
    else if (event.key === "a") this.select(this.data.photos.map((photo) => photo.number));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  perRow() {
    const top = this.tiles[0]?.offsetTop;
    const next = this.tiles.findIndex((tile) => tile.offsetTop !== top);
    return next < 1 ? Math.max(1, this.tiles.length) : next;
  }

  toggle(place) {
    const number = this.data.photos[place]?.number;
    if (number === undefined) return;
    const selected = new Set(this.selected);
    if (!selected.delete(number)) selected.add(number);
    this.select([...selected]);
  }

  select(numbers) {
    this.selected = new Set(numbers);
    this.mark();
    this.component.setStateValue("selected", { album: this.data.album, numbers: [...this.selected] });
  }

  mark() {
    for (const [place, tile] of this.tiles.entries()) {
      const isSelected = this.selected.has(this.data.photos[place].number);
      tile.classList.toggle("selected", isSelected);
      tile.setAttribute("aria-selected", String(isSelected));
      tile.tabIndex = place === this.at ? 0 : -1;
    }
  }
}

export default (component) => {
  const key = component.data.key;
  if (!boards.has(key)) boards.set(key, new Board());
  const board = boards.get(key);
  const token = board.mount(component);
  return () => board.unmount(token);
};
