// The duplicates grid: one group of duplicates per row. It draws a choice at once and saves it later.

import { alignedOf, button, make, thumbnailOf } from "./elements.js";
import { componentOf, Grid, heightBelow } from "./grid_base.js";

const CHOICES = [
  ["K", "Keep this", "keep", "Keep this image and exclude the others"],
  ["A", "Keep all", "all", "Keep every image of the group"],
  ["N", "Not duplicates", "not", "These images only look alike"],
];
const RESULTS = { keep: "kept one", all: "kept all", not: "not duplicates" };
const KINDS = {
  exact: "same pixels",
  near: "look alike",
  copy: "same bytes",
  proposed: "proposed by the model",
};

class DuplicatesGrid extends Grid {
  constructor(key) {
    super(key, "duplicates");
    this.groups = [];
    this.done = new Map(); // group key -> {kind, digest, seq, state: "pending" | "saved"}
    this.image = 0; // index of the focused image in its group
  }

  // ---- what Python sends ------------------------------------------------------------------------

  update(data) {
    const wanted = JSON.stringify(data.groups.map((group) => group.key));
    this.data = data;
    this.groups = data.groups;
    this.openOutbox(data);
    if (wanted !== this.drawn) this.beginPage(wanted);
    this.acknowledge(data);
    this.draw();
  }

  beginPage(wanted) {
    const focused = this.focusedKey;
    this.drawn = wanted;
    const keys = new Set(this.groups.map((group) => group.key));
    for (const key of this.done.keys()) if (!keys.has(key)) this.done.delete(key);
    this.focus = Math.max(
      0,
      this.groups.findIndex((group) => group.key === focused),
    );
    this.image = this.focus ? this.image : 0;
    for (const event of this.outbox.pending) {
      if (RESULTS[event.kind]) this.done.set(event.group, { ...event, state: "pending" });
    }
    this.parts.rows.replaceChildren(...this.groups.map((group, i) => this.makeRow(group, i)));
    this.parts.rows.scrollTop = 0;
    this.layout();
    this.parts.rows.children[this.focus]?.scrollIntoView({ block: "nearest" });
  }

  settle(_written, { refused }) {
    for (const choice of this.done.values()) if (choice.seq <= this.ackedSeq) choice.state = "saved";
    for (const { seq, message } of refused) {
      for (const [group, choice] of this.done) if (choice.seq === seq) this.done.delete(group);
      this.steps.refuse(seq);
      this.message = message;
      this.offered = "";
    }
  }

  // ---- what the person does ---------------------------------------------------------------------

  choose(kind) {
    const group = this.groups[this.focus];
    if (!group || this.data.is_settled) return;
    if (!this.isFocusInSight()) {
      this.go(this.focus, this.image);
      this.say("The chosen group was out of sight. Nothing was changed: press the key again.");
    } else if (this.done.has(group.key)) this.moveBy(1);
    else if (group.kind === "copy" && kind !== "keep") {
      this.say("These are copies of one file: keep the one whose label is right.");
    } else this.save(group, kind);
  }

  save(group, kind) {
    const { digest, label } = group.images[this.image];
    const event = this.push({
      kind,
      group: group.key,
      digest,
      place: this.image,
      digests: group.digests,
      label: group.is_conflicting ? label : null,
    });
    const { path } = group.images[this.image];
    this.steps.add({
      ...{ id: event.id, seq: event.seq, kind, group: group.key, place: this.image, event },
      text: `${RESULTS[kind]} in the group of ${path}`,
      digests: kind === "keep" ? [digest] : [],
    });
    this.done.set(group.key, { ...event, state: "pending" });
    this.message = "";
    this.moveBy(1);
  }

  undo() {
    const step = this.steps.undo((event) => this.push(event));
    if (!step) {
      this.say("This tab has nothing to undo. The History page has the steps of everyone.");
      return;
    }
    this.done.delete(step.group);
    this.say(`Undid: ${step.text}.`, "redo");
    this.goToStep(step);
  }

  redo() {
    const step = this.steps.redo((event) => this.push(event));
    if (!step) {
      this.say("This tab has nothing to redo.");
      return;
    }
    if (step.event) this.done.set(step.group, { ...step.event, seq: this.outbox.lastSeq, state: "pending" });
    this.say(`Did again: ${step.text}.`, "undo");
    this.goToStep(step);
  }

  actionOf(event) {
    const actions = {
      k: () => this.choose("keep"),
      a: () => this.choose("all"),
      n: () => this.choose("not"),
      z: () => (event.shiftKey ? this.redo() : this.undo()),
      arrowdown: () => this.moveBy(1),
      arrowup: () => this.moveBy(-1),
      arrowright: () => this.moveAcross(1),
      arrowleft: () => this.moveAcross(-1),
    };
    return actions[event.key.toLowerCase()];
  }

  /** Tell whether at least half of the focused group is in sight: in the list, and in the window. */
  isFocusInSight() {
    const [row, list] = [this.parts.rows.children[this.focus], this.parts.rows].map((each) =>
      each.getBoundingClientRect(),
    );
    const from = Math.max(row.top, list.top, 0);
    const to = Math.min(row.bottom, list.bottom, window.innerHeight);
    return to - from >= Math.min(row.height, list.height) / 2;
  }

  moveBy(nGroups) {
    if (!this.groups.length) return;
    this.go(Math.max(0, Math.min(this.focus + nGroups, this.groups.length - 1)));
  }

  moveAcross(nImages) {
    const n = this.groups[this.focus]?.images.length ?? 1;
    this.go(this.focus, Math.max(0, Math.min(this.image + nImages, n - 1)));
  }

  goToStep(step) {
    const index = this.groups.findIndex((group) => group.key === step.group);
    if (index < 0) this.draw();
    else this.go(index, step.place);
  }

  go(index, image = 0) {
    this.focus = index;
    this.focusedKey = this.groups[index]?.key;
    this.image = image;
    this.draw();
    const row = this.parts.rows.children[index];
    if (!row) return;
    row.scrollIntoView({ block: "nearest" });
    row.querySelectorAll(".twin")[image]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  // ---- what is shown ----------------------------------------------------------------------------

  build() {
    this.drawn = null;
    this.parts = { root: make("div", "gallery duplicates") };
    const { parts } = this;
    parts.acts = make("div", "bar acts");
    parts.rows = make("div", "rows");
    parts.rows.tabIndex = 0;
    parts.focusable = parts.rows;
    parts.status = make("div", "status");
    parts.status.setAttribute("role", "status");
    const add = (text, key, title, act) =>
      parts.acts.append(
        button(text, key, title, () => {
          act();
          this.takeFocus();
        }),
      );
    for (const [key, text, kind, title] of CHOICES) add(text, key, title, () => this.choose(kind));
    parts.choices = [...parts.acts.children, make("span", "hint", "↑ ↓ group · ← → image")];
    add("Undo", "Z", "Undo your last step", () => this.undo());
    add("Redo", "⇧Z", "Redo what you undid", () => this.redo());
    parts.acts.append(parts.choices.at(-1));
    parts.root.append(parts.acts, parts.rows, parts.status);
  }

  makeRow(group, i) {
    const row = make("section", "row");
    row.dataset.key = group.key;
    const twins = make("div", "twins");
    const onto = group.aligned_with;
    twins.append(...group.images.map((image, j) => this.makeTwin(image, onto, () => this.go(i, j))));
    if (group.n_hidden) twins.append(make("div", "more", `and ${group.n_hidden} more`));
    row.append(twins, make("div", "same"));
    return row;
  }

  makeTwin({ digest, path, is_best, differs, likeness, is_aligned }, onto, onClick) {
    const twin = make("figure", "twin");
    const pictures = make("div", "pictures");
    pictures.append(makePicture(thumbnailOf(digest), path));
    // Beside it the same picture, turned and cropped as it lies over the first one of the row.
    if (is_aligned)
      pictures.append(makePicture(alignedOf(digest, onto), `${path}, laid over the first image`));
    twin.classList.toggle("aligned", is_aligned);
    const caption = make("figcaption");
    const facts = differs.map((text) => make("div", "", text));
    caption.append(make("div", "mark", is_best ? "best" : ""), ...facts);
    if (likeness) caption.append(make("div", "likeness", likeness));
    caption.append(make("div", "path", path));
    twin.title = path;
    twin.append(pictures, caption);
    twin.addEventListener("click", onClick);
    return twin;
  }

  layout() {
    if (!this.root) return;
    const { rows } = this.parts;
    rows.hidden = !this.groups.length; // First: hidden, it has no place to measure.
    rows.style.height = `${heightBelow(rows)}px`;
  }

  draw() {
    if (!this.root) return;
    const { acts, choices } = this.parts;
    const isEmpty = !this.groups.length;
    for (const each of choices) each.hidden = isEmpty;
    // An empty tab has no choices, but what emptied it can be undone; after a button, the page offers that.
    acts.hidden = this.data.is_settled || (isEmpty && (this.data.step || !this.steps.hasAny));
    this.groups.forEach((group, i) => {
      this.drawRow(this.parts.rows.children[i], group, i);
    });
    this.drawStatus();
  }

  drawStatus() {
    if (!this.root) return;
    const { is_settled, n_waiting } = this.data;
    const nAll = (this.groups.length + n_waiting).toLocaleString("en");
    const progress = `${this.done.size} of ${nAll} · ${this.savedText}`;
    const isEmpty = !this.groups.length;
    const settled = isEmpty
      ? ""
      : `${this.groups.length} ${this.groups.length === 1 ? "group" : "groups"} shown`;
    const open = isEmpty && !this.outbox.nWaiting ? "" : progress;
    const parts = [make("span", "count", is_settled ? settled : open)];
    if (this.statusMessage) parts.push(make("span", "message", this.statusMessage));
    if (this.message && this.offered === "redo" && !this.outbox.isLate)
      parts.push(button("Redo", "⇧Z", "", () => this.redo()));
    if (this.storageText) parts.push(make("span", "storage", this.storageText));
    if (n_waiting && this.done.size >= this.groups.length) {
      parts.push(button("Show the next groups", "", "", () => this.push({ kind: "next" })));
    }
    this.parts.status.replaceChildren(...parts);
  }

  drawRow(row, group, i) {
    const choice = this.done.get(group.key);
    const isFocused = i === this.focus && !this.data.is_settled;
    const state = `${isFocused ? this.image : ""}|${choice?.kind}|${choice?.state}|${choice?.place}`;
    if (row.dataset.state === state) return; // Of a hundred rows, most do not change at a key.
    row.dataset.state = state;
    row.classList.toggle("focus", isFocused);
    row.classList.toggle("done", Boolean(choice));
    row.querySelectorAll(".twin").forEach((twin, j) => {
      const isExcluded = isExcludedBy(choice, group, j);
      twin.classList.toggle("focus", isFocused && j === this.image);
      twin.classList.toggle("out", isExcluded);
      twin.querySelector(".mark").textContent = markText(choice, group.images[j], j, isExcluded);
    });
    row.querySelector(".same").textContent = rowText(choice, group);
  }
}

function makePicture(address, text) {
  const picture = make("img");
  picture.loading = "lazy";
  picture.src = address;
  picture.alt = text;
  picture.title = text;
  picture.draggable = false;
  return picture;
}

function isExcludedBy(choice, group, j) {
  if (choice?.kind === "keep") return j !== choice.place && group.kind !== "copy";
  return group.images[j].verdict === "exclude" && !choice;
}

function markText(choice, image, j, isExcluded) {
  if (isExcluded) return "✕ excluded";
  if (choice?.kind === "keep" && j === choice.place) return "✓ kept";
  return image.is_best && !choice ? "best" : "";
}

function rowText(choice, group) {
  const texts = [
    choice && `${RESULTS[choice.kind]} · ${choice.state === "saved" ? "saved" : "saving"}`,
    group.is_conflicting && "labels differ",
    KINDS[group.kind],
    group.same,
  ];
  return texts.filter(Boolean).join(" · ");
}

export default componentOf(DuplicatesGrid);
