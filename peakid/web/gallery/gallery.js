// The picture gallery: what it holds, what Python says, and what a person does. Paints a judgement at once and saves behind.
//
// Drawn by gallery_draw.js and gallery_single.js, spoken to by gallery_keys.js; outbox.js keeps what is not saved yet.

const GAP = 10; // px between tiles
const RIBBON = 30; // px under each picture
const SIZES_PX = { least: 96, usual: 148, most: 256 }; // width of a tile; a thumbnail is 256 px
const AHEAD = 120; // images: with fewer left behind the last in sight, the next are asked for
const RATE_WINDOW_MS = 120_000;
const COUNT_MS = 1000; // without a key for so long, the counts around the gallery are brought up to date

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
    this.paint = new Map(); // digest -> state shown before it is written
    this.done = new Map(); // digest -> "saved" | "pending" | "refused", judged in this sitting
    this.history = []; // own steps, newest last: {event, before: [[digest, state, was done]]}
    this.undone = [];
    this.times = []; // ms of the judgements, for the rate
    this.items = [];
    this.selected = new Set(); // digests
    this.anchor = null; // where a range begins
    this.isEverything = false; // all that match, loaded or not
    this.focus = 0;
    this.view = recall("peakid:view", "grid");
    this.size = recall("peakid:size_px", SIZES_PX.usual);
    this.token = 0;
    this.message = "";
    this.onKey = (event) => active === this && handleKey(this, event);
    this.onResize = () => this.layout();
    this.send = (events) => this.deliver(events);
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
    this.outbox?.disconnect(this.send);
    this.root = null;
    if (active === this) active = null;
  }

  // ---- what Python says -------------------------------------------------------------------------

  update(data) {
    const isOther = data.table !== this.data?.table;
    this.data = data;
    this.take(data, isOther);
    this.outbox = outboxOf("gallery", data);
    this.outbox.connect(this.send, () => drawStatus(this));
    if (isOther) this.beginTable();
    this.acknowledge(data);
    drawBars(this);
    this.layout();
    this.fetchAhead();
  }

  /** Images from `start` on are sent; before it only those that changed. */
  take({ start, items, fresh }, isOther) {
    this.items = [...(isOther ? [] : this.items.slice(0, start)), ...items];
    this.position = new Map(this.items.map((item, i) => [item.digest, i]));
    for (const item of fresh) if (this.position.has(item.digest)) this.items[this.position.get(item.digest)] = item;
    const whys = new Set(this.items.map((item) => item.why));
    this.commonWhy = whys.size === 1 ? [...whys][0] : null; // Said once, not on every tile.
  }

  beginTable() {
    this.done.clear();
    this.paint.clear();
    clearSelection(this);
    this.focus = this.position.get(recall(`peakid:focus:${this.key}`, null)) ?? 0;
    for (const event of this.outbox.pending) this.paintEvent(event);
  }

  acknowledge({ seq, refused, touched }) {
    const heard = this.heard ?? 0;
    this.heard = seq;
    const written = this.outbox.acknowledge(seq);
    const waiting = new Set(this.outbox.pending.flatMap((event) => imagesOf(event).map((image) => image.digest)));
    for (const { digest } of written.flatMap(imagesOf)) {
      if (waiting.has(digest)) continue;
      this.paint.delete(digest);
      if (this.done.has(digest)) this.done.set(digest, "saved");
    }
    if (written.some((event) => !isRequest(event))) this.askForCounts();
    if (seq > heard) this.hear(refused.filter((answer) => answer.seq > heard), touched, written);
    this.outbox.flush();
  }

  hear(refused, touched, written) {
    const failed = new Set(refused.map((answer) => answer.seq));
    for (const event of written) if (event.kind === "queue" && !failed.has(event.seq)) this.finishQueue(event);
    for (const answer of refused) {
      this.paint.delete(answer.digest);
      if (this.position.has(answer.digest)) this.done.set(answer.digest, "refused");
      this.history = this.history.filter((step) => step.event.seq !== answer.seq || imagesOf(step.event).length > 1);
      this.message = answer.message;
    }
    const digest = touched.at(-1);
    if (digest === undefined || this.outbox.nWaiting || !this.isBlind) return;
    this.isBlind = false;
    this.message = "";
    if (this.position.has(digest)) this.go(this.position.get(digest));
    else this.message = "Taken back on an image that is not among these.";
  }

  finishQueue({ n }) {
    for (const item of this.items) this.done.set(item.digest, "saved");
    this.message = `Judged all ${n.toLocaleString("en")} images of this queue. Undo: Z`;
  }

  deliver(events) {
    this.sent = (this.sent ?? 0) + 1;
    const { table } = this.data;
    this.component.setStateValue("outbox", { sent: this.sent, events, table, n_items: this.items.length, heard: this.heard ?? 0 });
  }

  // ---- what the person does ---------------------------------------------------------------------

  /** Judge the selection, or the image in focus: "label", "exclude", "flag", or "keep" for the label each has. */
  judge(kind, { label = "", reason = "" } = {}) {
    if (this.isEverything) return openConfirm(this, kind, { label, reason });
    const verdict = kind === "keep" ? "label" : kind;
    const all = targets(this).map((item) => ({ item, label: kind === "keep" ? (this.state(item).label ?? "") : label }));
    const wanted = all.filter((each) => verdict !== "label" || each.label);
    if (!wanted.length) return all.length && this.say("No label to keep yet: press the number of a class, or / to find one.");
    const event = this.push({ kind: verdict, reason, view: this.view, ...described(wanted) });
    const judged = wanted.map(({ item }) => item.digest);
    this.history.push({ event, before: judged.map((digest) => [digest, this.state(this.item(digest)), this.done.get(digest)]) });
    this.undone = [];
    this.times.push(...judged.map(() => Date.now()));
    this.paintEvent(event);
    this.message = judged.length > 1 ? `${said(verdict)} ${judged.length} images. Undo: Z` : "";
    if (wanted.length < all.length) this.message += ` · ${all.length - wanted.length} without a label are left`;
    this.advance(judged);
  }

  judgeQueue(kind, { label, reason }, n) {
    const event = this.push({ kind: "queue", verdict: kind === "keep" ? "label" : kind, label, reason, n, is_more: this.data.is_more, table: this.data.table });
    this.history.push({ event, before: [] });
    this.undone = [];
    clearSelection(this);
    this.say(`Judging ${matching(this.data)} images.`);
    this.draw();
  }

  /** Add or take away a tag, a note or another class of the image in focus; Python names the kinds it takes. */
  remark(kind, item, change, fields) {
    Object.assign(item, change);
    const event = this.push({ kind, digest: item.digest, ...fields });
    this.history.push({ event, before: [] });
    this.undone = [];
    this.draw();
  }

  undo() {
    const step = this.history.pop();
    this.push({ kind: "undo", images: step ? imagesOf(step.event).map(({ digest }) => ({ digest })) : [] });
    if (!step) return this.sayBlind("Undoing your newest step.");
    this.undone.push(step);
    if (step.event.kind === "queue") this.done.clear();
    for (const [digest, state, wasDone] of step.before) {
      this.paint.set(digest, state);
      if (wasDone) this.done.set(digest, wasDone);
      else this.done.delete(digest);
    }
    this.times.splice(-step.before.length, step.before.length);
    this.message = tookBack(step);
    this.goTo(step);
  }

  redo() {
    const step = this.undone.pop();
    const event = this.push({ kind: "redo", images: step ? imagesOf(step.event).map(({ digest }) => ({ digest })) : [] });
    if (!step) return this.sayBlind("Doing again what you undid last.");
    this.history.push({ ...step, event: { ...step.event, seq: event.seq } });
    this.paintEvent(step.event);
    this.message = "";
    this.goTo(step);
  }

  /** Have the next images when few are left; behind the last, only when asked. */
  fetchAhead() {
    if (!this.root || this.data.is_end || !this.data.n_waiting) return;
    const last = Math.max(this.focus, this.view === "grid" ? lastInSight(this) : 0);
    if (this.items.length - last < AHEAD) this.next();
  }

  next() {
    const isAsked = this.asked?.table === this.data.table && this.asked.n === this.items.length && Date.now() - this.asked.at < RESEND_MS;
    if (isAsked) return;
    this.asked = { table: this.data.table, n: this.items.length, at: Date.now() };
    this.outbox.pending = this.outbox.pending.filter((event) => event.kind !== "next");
    this.push({ kind: "next", digest: "" });
  }

  /** Ask for the counts around the gallery, once nobody has typed for a moment: a key alone draws only the gallery. */
  askForCounts() {
    clearTimeout(this.countTimer);
    this.countTimer = setTimeout(() => {
      if (this.root && !this.outbox.pending.length) this.push({ kind: "count", digest: "" });
    }, COUNT_MS);
  }

  push(event) {
    return this.outbox.push({ ...event, queue: this.key });
  }

  // ---- what is shown ----------------------------------------------------------------------------

  item(digest) {
    return this.items[this.position.get(digest)];
  }

  state(item) {
    return this.paint.get(item.digest) ?? item;
  }

  paintEvent(event) {
    if (!["label", "exclude", "flag"].includes(event.kind)) return;
    for (const { digest, label } of imagesOf(event)) {
      const item = this.item(digest);
      if (!item) continue;
      const kept = this.state(item).label;
      const is_reviewed = event.kind !== "flag";
      this.paint.set(digest, { verdict: event.kind, label: event.kind === "label" ? label : kept, reason: event.reason, is_reviewed });
      this.done.set(digest, "pending");
    }
  }

  /** Go on behind what was judged; behind a selection, with the next images at the top. */
  advance(judged) {
    const last = Math.max(...judged.map((digest) => this.position.get(digest)));
    clearSelection(this);
    this.go(last + 1);
    if (judged.length > 1 && this.view === "grid") this.parts.grid.scrollTop = Math.floor(this.focus / this.columns) * this.rowHeight;
  }

  goTo(step) {
    const first = step.before[0]?.[0] ?? step.event.digest;
    clearSelection(this);
    this.go(this.position.get(first) ?? this.focus);
  }

  go(index) {
    this.focus = Math.max(0, Math.min(index, this.items.length - 1));
    remember(`peakid:focus:${this.key}`, this.items[this.focus]?.digest ?? null);
    this.reveal();
    this.draw();
    this.fetchAhead();
  }

  say(message) {
    this.message = message;
    drawStatus(this);
  }

  /** After a reload only Python knows which image it was: go there when it answers. */
  sayBlind(message) {
    this.isBlind = true;
    this.say(message);
  }

  show(view) {
    this.view = view;
    clearSelection(this);
    remember("peakid:view", view);
    this.layout();
  }

  resize(size) {
    this.size = Math.max(SIZES_PX.least, Math.min(SIZES_PX.most, size));
    remember("peakid:size_px", this.size);
    this.layout();
  }

  layout() {
    if (!this.root) return;
    const { root, stage, grid, space } = this.parts;
    root.dataset.view = this.view; // First: a hidden grid has no width.
    const top = stage.getBoundingClientRect().top;
    const rest = Math.max(320, window.innerHeight - Math.max(top, 0) - 62); // What the window has left below it.
    stage.style.height = `${this.data.height_px ?? rest}px`;
    const inner = (grid.clientWidth || 800) - 2 * GAP;
    this.columns = Math.max(1, Math.floor((inner + GAP) / (this.size + GAP)));
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
    if (this.view === "single") drawSingle(this);
    else drawGrid(this);
    drawStatus(this);
    drawPressed(this);
  }
}

/** What an event judges, image by image. */
function imagesOf(event) {
  if (event.images) return event.images;
  return event.digest ? [{ digest: event.digest, label: event.label }] : [];
}

/** One image is an event of its own; several are one event, so that one undo takes all of them back. */
function described(wanted) {
  const images = wanted.map(({ item, label }) => ({ digest: item.digest, base: item.base, label, why: item.why }));
  return images.length === 1 ? images[0] : { images };
}

function tookBack({ event, before }) {
  if (event.kind === "queue") return "Took back the judgement of the whole queue.";
  return before.length > 1 ? `Took back ${before.length} judgements.` : "";
}

function said(verdict) {
  return { label: "Labelled", exclude: "Excluded", flag: "Flagged" }[verdict];
}
