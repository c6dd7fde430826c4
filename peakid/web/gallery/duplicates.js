// Groups of look-alikes: paints a choice at once, keeps it in an outbox, and forgets it when Python says "written".
//
// outbox.js keeps what is not saved yet.

const KEYS = [
  ["K", "keep this", "keep"],
  ["A", "keep all", "all"],
  ["N", "not duplicates", "not"],
  ["Z", "undo", "undo"],
  ["⇧Z", "redo", "redo"],
];
const SAID = { keep: "kept one", all: "kept all", not: "not duplicates" };

const walls = new Map(); // by data.key: survives a remount of the component
let active = null; // the wall that the keyboard speaks to

export default function (component) {
  const { data } = component;
  let wall = walls.get(data.key);
  if (!wall) walls.set(data.key, (wall = new Wall(data.key)));
  const token = wall.mount(component);
  return () => wall.unmount(token);
}

class Wall {
  constructor(key) {
    this.key = key;
    this.groups = [];
    this.done = new Map(); // group key -> {kind, digest, seq, state: "pending" | "saved"}
    this.history = [];
    this.undone = [];
    this.focus = 0;
    this.image = 0;
    this.token = 0;
    this.message = "";
    this.onKey = (event) => active === this && this.key_(event);
    this.onResize = () => this.fit();
    this.send = (events) => {
      this.sent = (this.sent ?? 0) + 1;
      this.component.setStateValue("outbox", { sent: this.sent, events });
    };
  }

  mount(component) {
    this.component = component;
    if (this.root !== component.parentElement) {
      this.root = component.parentElement;
      this.build();
      window.addEventListener("keydown", this.onKey, true); // before Streamlit, which owns C and R
      window.addEventListener("resize", this.onResize);
    }
    active = this;
    this.update(component.data);
    return ++this.token;
  }

  unmount(token) {
    if (token !== this.token) return; // A newer render has taken over: its listeners stay.
    window.removeEventListener("keydown", this.onKey, true);
    window.removeEventListener("resize", this.onResize);
    this.outbox?.disconnect(this.send);
    this.root = null;
    if (active === this) active = null;
  }

  // ---- what Python says -------------------------------------------------------------------------

  update(data) {
    const wanted = JSON.stringify(data.groups.map((group) => group.key));
    const isOther = wanted !== this.drawn;
    this.data = data;
    this.groups = data.groups;
    this.outbox = outboxOf("duplicates", data);
    this.outbox.connect(this.send, () => this.draw());
    if (isOther) this.begin(wanted);
    this.acknowledge(data);
    this.draw();
  }

  begin(wanted) {
    this.drawn = wanted;
    this.done.clear();
    this.history = [];
    this.undone = [];
    this.focus = this.image = 0;
    for (const event of this.outbox.pending) if (SAID[event.kind]) this.done.set(event.group, { ...event, state: "pending" });
    this.parts.rows.replaceChildren(...this.groups.map((group, i) => this.makeRow(group, i)));
    this.parts.rows.scrollTop = 0;
    this.fit();
  }

  acknowledge({ seq, refused }) {
    const heard = this.acked ?? 0;
    this.acked = seq;
    this.outbox.acknowledge(seq);
    for (const choice of this.done.values()) if (choice.seq <= seq) choice.state = "saved";
    for (const answer of refused.filter((each) => each.seq > heard)) {
      const step = this.history.find((each) => each.seq === answer.seq);
      this.history = this.history.filter((each) => each !== step);
      if (step) this.done.delete(step.group);
      this.message = answer.message;
    }
    this.outbox.flush();
  }

  // ---- what the person does ---------------------------------------------------------------------

  choose(kind) {
    const group = this.groups[this.focus];
    if (!group || this.data.is_settled) return;
    if (this.done.has(group.key)) return this.step(1);
    if (group.kind === "copy" && kind !== "keep") return this.say("These are the same bytes: keep the one whose label is right.");
    const image = group.images[this.image];
    const label = group.is_conflicting ? image.label : null;
    const event = this.push({ kind, group: group.key, digest: image.digest, place: this.image, digests: group.digests, label });
    this.history.push(event);
    this.undone = [];
    this.done.set(group.key, { ...event, state: "pending" });
    this.message = "";
    this.step(1);
  }

  undo() {
    const step = this.history.pop();
    this.push({ kind: "undo" });
    if (!step) return this.say("Undoing your newest step.");
    this.undone.push(step);
    this.done.delete(step.group);
    this.message = "";
    this.go(this.groups.findIndex((group) => group.key === step.group), step.place);
  }

  redo() {
    const step = this.undone.pop();
    const event = this.push({ kind: "redo" });
    if (!step) return this.say("Doing again what you undid last.");
    const again = { ...step, seq: event.seq };
    this.history.push(again);
    this.done.set(step.group, { ...again, state: "pending" });
    this.go(this.groups.findIndex((group) => group.key === step.group), step.place);
  }

  push(event) {
    return this.outbox.push(event);
  }

  key_(event) {
    const target = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(target)) return;
    if (["Enter", " "].includes(event.key) && target.tagName === "BUTTON") return;
    const acts = {
      k: () => this.choose("keep"),
      a: () => this.choose("all"),
      n: () => this.choose("not"),
      z: () => (event.shiftKey ? this.redo() : this.undo()),
      arrowdown: () => this.step(1),
      arrowup: () => this.step(-1),
      arrowright: () => this.side(1),
      arrowleft: () => this.side(-1),
    };
    const act = acts[event.key.toLowerCase()];
    if (act) {
      event.preventDefault();
      act();
    }
    if (act || ["c", "r"].includes(event.key.toLowerCase())) event.stopPropagation();
  }

  step(by) {
    this.go(Math.max(0, Math.min(this.focus + by, this.groups.length - 1)));
  }

  side(by) {
    const n = this.groups[this.focus]?.images.length ?? 1;
    this.go(this.focus, Math.max(0, Math.min(this.image + by, n - 1)));
  }

  go(group, image = 0) {
    if (group < 0) return this.draw();
    this.focus = group;
    this.image = image;
    this.draw();
    this.parts.rows.children[group]?.scrollIntoView({ block: "nearest" });
    this.parts.rows.children[group]?.querySelectorAll(".twin")[image]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  say(message) {
    this.message = message;
    this.draw();
  }

  // ---- what is shown ----------------------------------------------------------------------------

  build() {
    for (const old of this.root.querySelectorAll(".gallery")) old.remove();
    this.drawn = null;
    const parts = (this.parts = { root: make("div", "gallery wall") });
    parts.acts = make("div", "bar acts");
    parts.rows = make("div", "rows");
    parts.rows.tabIndex = 0;
    parts.status = make("div", "status");
    parts.status.setAttribute("role", "status");
    for (const [key, text, kind] of KEYS) {
      const element = make("button", "act");
      element.type = "button";
      element.append(make("kbd", "", key), make("span", "name", text));
      element.addEventListener("click", () => {
        if (kind === "undo" || kind === "redo") this[kind]();
        else this.choose(kind);
        parts.rows.focus({ preventScroll: true });
      });
      parts.acts.append(element);
    }
    parts.acts.append(make("span", "hint", "↑ ↓ group · ← → image"));
    parts.root.append(parts.acts, parts.rows, parts.status);
    parts.root.addEventListener("pointerdown", () => (active = this));
    this.root.append(parts.root);
    parts.rows.focus({ preventScroll: true });
  }

  makeRow(group, i) {
    const row = make("section", "row");
    row.dataset.key = group.key;
    const twins = make("div", "twins");
    group.images.forEach((image, j) => {
      const twin = make("figure", "twin");
      const picture = make("img");
      picture.loading = "lazy";
      picture.src = `/thumb/${image.digest}`;
      picture.alt = image.path;
      picture.draggable = false;
      const caption = make("figcaption");
      caption.append(make("div", "mark", image.is_best ? "best" : ""), ...image.differs.map((text) => make("div", "", text)));
      caption.append(make("div", "path", image.path));
      twin.title = image.path;
      twin.append(picture, caption);
      twin.addEventListener("click", () => this.go(i, j));
      twins.append(twin);
    });
    if (group.n_hidden) twins.append(make("div", "more", `and ${group.n_hidden} more`));
    row.append(twins, make("div", "same"));
    return row;
  }

  fit() {
    if (!this.root) return;
    const { rows } = this.parts;
    rows.style.height = `${Math.max(320, window.innerHeight - Math.max(rows.getBoundingClientRect().top, 0) - 62)}px`;
  }

  draw() {
    if (!this.root) return;
    this.parts.acts.hidden = this.data.is_settled;
    this.groups.forEach((group, i) => this.drawRow(this.parts.rows.children[i], group, i));
    const words = [`${this.done.size} of ${(this.groups.length + this.data.n_waiting).toLocaleString("en")}`];
    words.push(this.outbox.nWaiting ? `${this.outbox.nWaiting} pending` : "all saved");
    const parts = [make("span", "count", this.data.is_settled ? `${this.groups.length} shown` : words.join(" · "))];
    const message = this.outbox.isLate ? "The server does not answer; what you judge is kept in this browser." : this.message;
    if (message) parts.push(make("span", "message", message));
    if (this.data.n_waiting && this.done.size >= this.groups.length) {
      const more = make("button", "act", "Show the next groups");
      more.addEventListener("click", () => this.push({ kind: "next" }));
      parts.push(more);
    }
    this.parts.status.replaceChildren(...parts);
  }

  drawRow(row, group, i) {
    const choice = this.done.get(group.key);
    const isHere = i === this.focus && !this.data.is_settled;
    const state = `${isHere ? this.image : ""}|${choice?.kind}|${choice?.state}|${choice?.place}`;
    if (row.dataset.state === state) return; // A hundred rows are drawn at every key; most have not changed.
    row.dataset.state = state;
    row.classList.toggle("focus", isHere);
    row.classList.toggle("done", Boolean(choice));
    row.querySelectorAll(".twin").forEach((twin, j) => {
      const image = group.images[j];
      const isOut = choice?.kind === "keep" ? j !== choice.place && group.kind !== "copy" : image.verdict === "exclude" && !choice;
      twin.classList.toggle("focus", isHere && j === this.image);
      twin.classList.toggle("out", isOut);
      const mark = twin.querySelector(".mark");
      mark.textContent = isOut ? "✕ excluded" : choice?.kind === "keep" && j === choice.place ? "✓ kept" : image.is_best && !choice ? "best" : "";
    });
    const said = choice ? `${SAID[choice.kind]} · ${choice.state === "saved" ? "saved" : "being saved"}` : "";
    const kinds = { exact: "same pixels", near: "looks the same", copy: "same bytes" };
    row.querySelector(".same").textContent = [said, group.is_conflicting ? "labels differ" : "", kinds[group.kind], group.same].filter(Boolean).join(" · ");
  }
}
