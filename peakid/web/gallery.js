// The picture gallery: paints a judgement at once, keeps it in an outbox, and forgets it when Python says "written".
//
// Nothing typed is ever lost: an event stays in `pending` (and in sessionStorage, across a reload) until its number
// is acknowledged. Delivering one twice is harmless, its id is unique in the database.

const GAP = 10; // px between tiles
const RIBBON = 30; // px under each picture
const SPARE_ROWS = 2; // drawn above and below the window
const RESEND_MS = 3000;
const RATE_WINDOW_MS = 120_000;
const SIZES = [112, 148, 196, 256]; // px, width of a tile; a thumbnail is 256 px
const KEY_SHEET = [
  ["1 – 9", "label as that class"],
  ["Space", "keep the label it has"],
  ["X", "exclude, then a number for the reason (X again: unsuitable)"],
  ["F", "flag for another look"],
  ["Z", "undo"],
  ["Shift Z", "redo"],
  ["← → ↑ ↓", "move"],
  ["Home  End", "first, last"],
  ["Enter", "one image, large; again: back to the grid"],
  ["?", "this sheet"],
];

const galleries = new Map(); // by data.key: survives a remount of the component
let active = null; // the gallery that the keyboard speaks to

export default function (component) {
  const { data } = component;
  let gallery = galleries.get(data.key);
  if (!gallery) galleries.set(data.key, (gallery = new Gallery(data.key)));
  const token = gallery.mount(component);
  return () => gallery.unmount(token);
}

class Gallery {
  constructor(key) {
    this.key = key;
    this.pending = load(`peakid:outbox:${key}`, []);
    this.lastSeq = this.pending.reduce((most, event) => Math.max(most, event.seq), 0);
    this.paint = new Map(); // digest -> state shown before it is written
    this.done = new Map(); // digest -> "saved" | "pending" | "refused", judged in this sitting
    this.history = []; // own steps, newest last: {seq, digest, before}
    this.undone = [];
    this.times = []; // ms of the judgements, for the rate
    this.items = [];
    this.focus = 0;
    this.view = load("peakid:view", "grid");
    this.size = load("peakid:size", 1);
    this.token = 0;
    this.message = "";
    this.onKey = (event) => active === this && handleKey(this, event);
    this.onResize = () => this.layout();
  }

  mount(component) {
    this.component = component;
    const root = component.parentElement;
    if (this.root !== root) {
      this.root = root;
      build(this, root);
      window.addEventListener("keydown", this.onKey, true); // before Streamlit, which owns C and R
      window.addEventListener("resize", this.onResize);
    }
    if (!active?.root?.isConnected && !active?.root?.host?.isConnected) active = this;
    active = active ?? this;
    this.update(component.data);
    return ++this.token;
  }

  unmount(token) {
    if (token !== this.token) return; // A newer render has taken over: its listeners stay.
    window.removeEventListener("keydown", this.onKey, true);
    window.removeEventListener("resize", this.onResize);
    this.root = null;
    if (active === this) active = null;
  }

  // ---- what Python says -------------------------------------------------------------------------

  update(data) {
    const isOther = data.items[0]?.digest !== this.items[0]?.digest || data.items.length !== this.items.length;
    this.data = data;
    this.items = data.items;
    this.position = new Map(this.items.map((item, i) => [item.digest, i]));
    if (isOther) this.beginBatch();
    this.acknowledge(data);
    const whys = new Set(this.items.map((item) => item.why));
    this.commonWhy = whys.size === 1 ? [...whys][0] : null; // Said once, not on every tile.
    drawBars(this);
    this.layout();
  }

  beginBatch() {
    this.done.clear();
    const held = this.position.get(load(`peakid:focus:${this.key}`, null));
    this.focus = held ?? 0;
    for (const event of this.pending) this.paintEvent(event);
  }

  acknowledge({ seq, refused, touched }) {
    const heard = this.acked ?? 0;
    this.acked = seq;
    this.lastSeq = Math.max(this.lastSeq, seq);
    const written = this.pending.filter((event) => event.seq <= seq);
    this.pending = this.pending.filter((event) => event.seq > seq);
    save(`peakid:outbox:${this.key}`, this.pending);
    const waiting = new Set(this.pending.map((event) => event.digest));
    for (const event of written) {
      if (!event.digest || waiting.has(event.digest)) continue;
      this.paint.delete(event.digest);
      if (this.done.has(event.digest)) this.done.set(event.digest, "saved");
    }
    if (seq > heard) this.hear(refused.filter((answer) => answer.seq > heard), touched);
    if (!this.pending.length) this.inFlight = false;
    if (written.length) this.inFlight = false;
    this.flush();
  }

  hear(refused, touched) {
    for (const answer of refused) {
      this.paint.delete(answer.digest);
      if (this.position.has(answer.digest)) this.done.set(answer.digest, "refused");
      this.history = this.history.filter((step) => step.seq !== answer.seq);
      this.message = answer.message;
    }
    const digest = touched.at(-1);
    if (digest === undefined || this.pending.length) return;
    if (this.position.has(digest)) this.go(this.position.get(digest));
    else this.message = "Taken back on an image that is not among these.";
  }

  // ---- what the person does ---------------------------------------------------------------------

  judge(kind, { label = "", reason = "" } = {}) {
    const item = this.items[this.focus];
    if (!item) return;
    const before = { ...this.state(item) };
    if (kind === "label" && !label) {
      this.say("This image has no label yet: press the number of its class.");
      return;
    }
    const event = this.push({ kind, digest: item.digest, label, reason, base: item.base, why: item.why, view: this.view });
    this.history.push({ seq: event.seq, digest: item.digest, before, isNew: !this.done.has(item.digest), event });
    this.undone = [];
    this.times.push(Date.now());
    this.paintEvent(event);
    this.message = "";
    this.go(Math.min(this.focus + 1, this.items.length - 1));
  }

  keep() {
    const item = this.items[this.focus];
    if (item) this.judge("label", { label: this.state(item).label ?? "" });
  }

  undo() {
    const step = this.history.pop();
    this.push({ kind: "undo", digest: step?.digest ?? "" });
    if (!step) return this.say("Undoing your newest step.");
    this.undone.push({ ...step, after: { ...this.state(this.item(step.digest) ?? {}) } });
    this.paint.set(step.digest, step.before);
    if (step.isNew) this.done.delete(step.digest);
    this.times.pop();
    this.message = "";
    this.go(this.position.get(step.digest) ?? this.focus);
  }

  redo() {
    const step = this.undone.pop();
    const event = this.push({ kind: "redo", digest: step?.digest ?? "" });
    if (!step) return this.say("Doing again what you undid last.");
    this.history.push({ ...step, seq: event.seq });
    this.paint.set(step.digest, step.after);
    this.done.set(step.digest, "pending");
    this.message = "";
    this.go(this.position.get(step.digest) ?? this.focus);
  }

  next() {
    this.push({ kind: "next", digest: "" });
    this.say("Fetching the next images.");
  }

  push(event) {
    const seq = (this.lastSeq = Math.max(this.lastSeq + 1, Date.now() * 1000));
    const whole = { ...event, seq, id: `${seq}-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`, queue: this.key };
    this.pending.push(whole);
    save(`peakid:outbox:${this.key}`, this.pending);
    this.flush();
    return whole;
  }

  flush() {
    if (!this.pending.length || this.inFlight || !this.root) return;
    this.inFlight = true;
    this.sent = (this.sent ?? 0) + 1;
    this.component.setStateValue("outbox", { sent: this.sent, events: [...this.pending] });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => ((this.inFlight = false), this.flush()), RESEND_MS);
  }

  // ---- what is shown ----------------------------------------------------------------------------

  item(digest) {
    return this.items[this.position.get(digest)];
  }

  state(item) {
    return this.paint.get(item.digest) ?? item;
  }

  paintEvent({ kind, digest, label, reason }) {
    const item = this.item(digest);
    if (!item || !["label", "exclude", "flag"].includes(kind)) return;
    const before = this.state(item);
    this.paint.set(digest, {
      verdict: kind,
      label: kind === "label" ? label : before.label,
      note: reason,
      is_reviewed: kind !== "flag",
    });
    this.done.set(digest, "pending");
  }

  go(index) {
    this.focus = Math.max(0, Math.min(index, this.items.length - 1));
    save(`peakid:focus:${this.key}`, this.items[this.focus]?.digest ?? null);
    this.reveal();
    this.draw();
  }

  say(message) {
    this.message = message;
    drawStatus(this);
  }

  show(view) {
    this.view = view;
    save("peakid:view", view);
    this.layout();
  }

  resize(step) {
    this.size = Math.max(0, Math.min(SIZES.length - 1, this.size + step));
    save("peakid:size", this.size);
    this.layout();
  }

  layout() {
    if (!this.root) return;
    const { stage, grid, space } = this.parts;
    const top = stage.getBoundingClientRect().top;
    const rest = Math.max(320, window.innerHeight - Math.max(top, 0) - 62); // What the window has left below it.
    stage.style.height = `${this.data.height_px ?? rest}px`;
    const inner = grid.clientWidth - 2 * GAP || 800;
    this.columns = Math.max(1, Math.floor((inner + GAP) / (SIZES[this.size] + GAP)));
    this.tileWidth = Math.floor((inner - GAP * (this.columns - 1)) / this.columns);
    this.rowHeight = Math.round(this.tileWidth * 0.75) + RIBBON + GAP;
    space.style.height = `${Math.ceil(this.items.length / this.columns) * this.rowHeight + GAP}px`;
    this.reveal();
    this.draw();
  }

  reveal(covered = 0) {
    const { grid } = this.parts;
    const height = grid.clientHeight - covered; // px not hidden by the reasons
    const top = Math.floor(this.focus / this.columns) * this.rowHeight;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + this.rowHeight + GAP > grid.scrollTop + height) grid.scrollTop = top + this.rowHeight + GAP - height;
  }

  draw() {
    if (!this.root) return;
    this.parts.root.dataset.view = this.view;
    if (this.view === "single") drawSingle(this);
    else drawGrid(this);
    drawStatus(this);
    drawPressed(this);
  }
}

// ---- this tab's memory ------------------------------------------------------------------------------

function load(name, otherwise) {
  try {
    return JSON.parse(sessionStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function save(name, value) {
  try {
    sessionStorage.setItem(name, JSON.stringify(value));
  } catch {
    // A browser that stores nothing loses only what a reload would have to remember.
  }
}
