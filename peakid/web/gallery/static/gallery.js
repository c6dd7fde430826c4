// The review grid: its images, what Python sends, and what a person does. It draws a change at once and saves
// it later.
//
// gallery_draw.js and gallery_single.js draw it, gallery_keys.js handles its keys.

import { build, drawBars, drawGrid, drawPressed, drawStatus } from "./gallery_draw.js";
import { eventFields, imagesOf, pastTense, remarkText, stepText } from "./gallery_events.js";
import { keyAction, selectLoadedKey } from "./gallery_keys.js";
import { follow, inNewOrder, isLive, nInPlace, seenDigests, stopFollowing } from "./gallery_live.js";
import { openConfirm } from "./gallery_panels.js";
import { isTargetInSight, notePlace, restorePlace, reveal } from "./gallery_place.js";
import { showRefusals } from "./gallery_refused.js";
import { clearSelection, lastInSight, nMatchingText, targets } from "./gallery_select.js";
import { drawSingle } from "./gallery_single.js";
import { GAP_PX, RIBBON_PX, TILE_WIDTH_PX } from "./gallery_sizes.js";
import { layOutTwins, rowOf } from "./gallery_twins.js";
import { componentOf, Grid, heightBelow } from "./grid_base.js";
import { isRequest, RESEND_MS } from "./outbox.js";
import { recall, remember } from "./storage.js";

const AHEAD = 120; // With fewer images than this after the last in sight, the next ones are requested.
const COUNT_MS = 1000; // After this long without a key, the counts around the grid are updated.
const RENEWED_MS = 700; // A key this soon after a change was meant for the image before.
const NOTHING_TO_GIVE = {
  keep: "No label to keep yet. Press the number of a class, or / to find one.",
  model: "No prediction is shown for this image, so there is none to accept.",
};
const VERDICTS = ["label", "exclude", "flag"];

class Gallery extends Grid {
  constructor(key) {
    super(key, "gallery");
    this.drafts = new Map(); // digest -> state that is drawn before it is saved
    this.done = new Map(); // digest -> "saved" | "pending"
    this.failed = new Map(); // digest -> why its last change was not saved
    this.times = []; // of the judgements in ms, for the rate
    this.items = [];
    this.nHad = 0; // images of Python's page that this browser has
    this.selected = new Set(); // digests
    this.anchor = null; // where a range begins
    this.isEverything = false; // Every matching image is selected, loaded or not.
    this.view = recall("peakid:view", "grid");
    this.tileWidthWanted = recall("peakid:size_px", TILE_WIDTH_PX.usual);
  }

  build() {
    build(this);
    this.isNewGrid = true; // It is scrolled to the top, wherever the grid before it was.
  }

  actionOf(event) {
    return keyAction(this, event);
  }

  handleControlKey(event) {
    selectLoadedKey(this, event);
  }

  drawStatus() {
    drawStatus(this);
  }

  // ---- what Python sends ------------------------------------------------------------------------

  update(data) {
    const isOtherPage = data.page_id !== this.data?.page_id;
    const isRenewed = isOtherPage && data.series_id === this.data?.series_id;
    if (this.rowHeight) notePlace(this);
    const before = this.items;
    const nKept = isOtherPage && !isRenewed ? 0 : this.rowHeight ? nInPlace(this) : 0;
    this.data = data;
    this.takeItems(data, isOtherPage, nKept);
    this.openOutbox(data);
    if (isRenewed) this.renewPage(before);
    else if (isOtherPage) this.beginPage();
    this.acknowledge(data);
    drawBars(this);
    this.layout();
    this.parts.root.dataset.fit = data.fit ?? "";
    if (isOtherPage && !isRenewed) this.reveal();
    this.fetchAhead();
    follow(this);
  }

  unmount(token) {
    super.unmount(token);
    if (!this.root) stopFollowing(this);
  }

  /**
   * Python sends all images from `start` on; of those before it, only the changed ones. In a queue that the
   * live head orders, the first `nKept` stay where they are.
   */
  takeItems({ start, items, changed }, isOtherPage, nKept) {
    if (isLive(this) && (isOtherPage || start < this.nHad)) this.items = inNewOrder(this.items, nKept, items);
    else if (isLive(this)) this.items = inNewOrder(this.items, this.items.length, items);
    else this.items = [...(isOtherPage ? [] : this.items.slice(0, start)), ...items];
    this.nHad = start + items.length;
    this.position = new Map(this.items.map((item, i) => [item.digest, i]));
    for (const item of changed) {
      if (this.position.has(item.digest)) this.items[this.position.get(item.digest)] = item;
    }
    const reasons = new Set(this.items.map((item) => item.why));
    this.commonWhy = reasons.size === 1 ? [...reasons][0] : null; // Shown once instead of on every tile.
  }

  beginPage() {
    this.done.clear();
    this.failed.clear();
    this.drafts.clear();
    clearSelection(this);
    this.place = null;
    this.focus = this.position.get(recall(`peakid:focus:${this.key}`, null)) ?? 0;
    for (const event of this.outbox.pending) this.draft(event);
  }

  /** Keep the place and the marks: the queue has changed, not what the person is doing. */
  renewPage(before) {
    const isHere = ({ digest }) => this.position.has(digest);
    const focused = before[this.focus];
    for (const digest of this.done.keys()) if (!isHere({ digest })) this.done.delete(digest);
    this.selected = new Set([...this.selected].filter((digest) => isHere({ digest })));
    if (!focused || isHere(focused)) {
      this.focus = this.position.get(focused?.digest) ?? 0;
      return;
    }
    const next = before.slice(this.focus).find(isHere) ?? before.slice(0, this.focus).findLast(isHere);
    this.focus = this.position.get(next?.digest) ?? 0;
    this.renewedAt = Date.now();
  }

  /** Tell whether the focused image has just been replaced by another, which no key was meant for. */
  isJustRenewed() {
    if (Date.now() - (this.renewedAt ?? 0) > RENEWED_MS) return false;
    this.say("The queue has changed, and another image is in focus. Press the key again to judge it.");
    return true;
  }

  received() {
    const { page_id } = this.data;
    return { page_id, n_items: this.nHad, acked_seq: this.ackedSeq, seen: seenDigests(this) };
  }

  settle(written, { isNew, refused, touched }) {
    const pending = this.outbox.pending.flatMap(imagesOf);
    const waiting = new Set(pending.map((image) => image.digest));
    for (const { digest } of written.flatMap(imagesOf)) {
      if (waiting.has(digest)) continue;
      this.drafts.delete(digest);
      if (this.done.has(digest)) this.done.set(digest, "saved");
    }
    if (written.some((event) => !isRequest(event))) this.requestCounts();
    if (!isNew) return;
    this.finishQueues(written, refused);
    showRefusals(this, refused, written);
    this.goToTouched(touched.at(-1));
  }

  finishQueues(written, refused) {
    const failed = new Set(refused.map((each) => each.seq));
    for (const event of written) {
      if (event.kind !== "queue" || failed.has(event.seq)) continue;
      for (const item of this.items) if (!item.is_beside) this.done.set(item.digest, "saved");
      this.message = `Judged all ${event.n.toLocaleString("en")} images of this queue.`;
      this.offered = "undo";
    }
  }

  /** After a reload, only Python knows which image an undo changed. */
  goToTouched(digest) {
    if (digest === undefined || this.outbox.nWaiting || !this.isWaitingForTouched) return;
    this.isWaitingForTouched = false;
    if (this.position.has(digest)) this.go(this.position.get(digest));
  }

  // ---- what the person does ---------------------------------------------------------------------

  /**
   * Judge the selection or the focused image: "label", "exclude", "flag", "keep" for the label it has, or "model"
   * for the predicted one.
   */
  judge(kind, { label = "", reason = "" } = {}) {
    if (this.isJustRenewed() || !isTargetInSight(this)) return;
    if (this.isEverything && kind !== "model") {
      openConfirm(this, kind, { label, reason });
      return;
    }
    const verdict = ["keep", "model"].includes(kind) ? "label" : kind;
    const known = { keep: (item) => this.state(item).label, model: (item) => item.predicted };
    const labelOf = (item) => (kind in known ? (known[kind](item) ?? "") : label);
    const all = targets(this).map((item) => ({ item, label: labelOf(item) }));
    const judged = all.filter((each) => verdict !== "label" || each.label);
    if (judged.length)
      this.judgeImages(judged, { verdict, reason, nWithoutLabel: all.length - judged.length });
    else if (all.length) this.say(NOTHING_TO_GIVE[kind]);
  }

  judgeImages(judged, { verdict, reason, nWithoutLabel }) {
    const event = this.push({ kind: verdict, reason, view: this.view, ...eventFields(judged) });
    const digests = judged.map(({ item }) => item.digest);
    const before = judged.map(({ item }) => [item.digest, this.state(item), this.done.get(item.digest)]);
    this.record(event, stepText(verdict, judged), before);
    this.times.push(...digests.map(() => Date.now()));
    this.draft(event);
    this.message = digests.length > 1 ? `${pastTense(verdict)} ${digests.length} images.` : "";
    this.offered = digests.length > 1 ? "undo" : "";
    if (nWithoutLabel) this.message += ` ${nWithoutLabel} without a label unchanged`;
    this.advance(digests);
  }

  judgeQueue(kind, { label, reason }, n) {
    const verdict = kind === "keep" ? "label" : kind;
    const { is_more, page_id } = this.data;
    const event = this.push({ kind: "queue", verdict, label, reason, n, is_more, page_id });
    this.record(event, `judged all ${nMatchingText(this.data)} images of a queue`);
    clearSelection(this);
    this.say(`Judging ${nMatchingText(this.data)} images.`);
    this.draw();
  }

  /** Change a tag, the note or a further class of an image; Python names the kinds it accepts. */
  remark(kind, item, change, fields) {
    Object.assign(item, change);
    const event = this.push({ kind, digest: item.digest, ...fields });
    this.record(event, remarkText(event, item.path));
    this.draw();
  }

  /** Keep a step of this tab; `before` has the states to draw when it is undone. */
  record(event, text, before = []) {
    const { id, seq, kind } = event;
    const digests = imagesOf(event).map(({ digest }) => digest);
    this.steps.add({ id, seq, kind, text, digests, before, event });
  }

  undo() {
    const step = this.steps.undo((event) => this.push(event));
    if (!step) {
      this.say("This tab has nothing to undo. The History page has the steps of everyone.");
      return;
    }
    const { before = [] } = step;
    if (step.kind === "queue") this.done.clear();
    for (const digest of step.digests) this.done.delete(digest);
    for (const [digest, state, wasDone] of before) {
      this.drafts.set(digest, state);
      if (wasDone) this.done.set(digest, wasDone);
    }
    this.times.splice(-before.length, before.length);
    this.say(`Undid: ${step.text}.`, "redo");
    this.goToStep(step);
  }

  redo() {
    const step = this.steps.redo((event) => this.push(event));
    if (!step) {
      this.say("This tab has nothing to redo.");
      return;
    }
    if (step.event) this.draft(step.event);
    this.say(`Did again: ${step.text}.`, "undo");
    this.goToStep(step);
  }

  /** Request the next images when few are left; after the end of the queue, only a person does. */
  fetchAhead() {
    if (!this.root || this.data.is_end || !this.data.n_waiting) return;
    const last = Math.max(this.focus, this.view === "grid" ? lastInSight(this) : 0);
    if (this.items.length - last < AHEAD) this.requestNext();
  }

  requestNext() {
    const { page_id } = this.data;
    const n = this.items.length;
    const last = this.lastRequest;
    if (last?.page_id === page_id && last.n === n && Date.now() - last.at < RESEND_MS) return;
    this.lastRequest = { page_id, n, at: Date.now() };
    this.outbox.drop("next");
    this.push({ kind: "next", digest: "" });
  }

  /** Request the counts around the grid after a pause: a key alone redraws only the grid. */
  requestCounts() {
    clearTimeout(this.countTimer);
    this.countTimer = setTimeout(() => {
      if (this.root && !this.outbox.pending.length) this.push({ kind: "count", digest: "" });
    }, COUNT_MS);
  }

  push(event) {
    for (const { digest } of imagesOf(event)) this.failed.delete(digest);
    return super.push({ ...event, queue: this.key });
  }

  // ---- what is shown ----------------------------------------------------------------------------

  item(digest) {
    return this.items[this.position.get(digest)];
  }

  state(item) {
    return this.drafts.get(item.digest) ?? item;
  }

  /** Show the result of an event before it is saved. */
  draft(event) {
    const { kind, reason } = event;
    if (!VERDICTS.includes(kind)) return;
    for (const { digest, label } of imagesOf(event)) {
      const item = this.item(digest);
      if (!item) continue;
      const newLabel = kind === "label" ? label : this.state(item).label;
      this.drafts.set(digest, { verdict: kind, label: newLabel, reason, is_reviewed: kind !== "flag" });
      this.done.set(digest, "pending");
    }
  }

  /** Go to the image after the judged ones; after a selection, it is in the first row. */
  advance(digests) {
    const last = Math.max(...digests.map((digest) => this.position.get(digest)));
    clearSelection(this);
    this.go(last + 1);
    if (digests.length === 1 || this.view !== "grid") return;
    this.parts.grid.scrollTop = rowOf(this, this.focus) * this.rowHeight;
  }

  /** Go to the first image of a step; where none is loaded, Python tells what changed. */
  goToStep({ digests }) {
    const first = this.position.get(digests[0]);
    this.isWaitingForTouched = first === undefined;
    clearSelection(this);
    if (first === undefined) this.draw();
    else this.go(first);
  }

  go(index) {
    this.focus = Math.max(0, Math.min(index, this.items.length - 1));
    remember(`peakid:focus:${this.key}`, this.items[this.focus]?.digest ?? null);
    this.reveal();
    this.draw();
    this.fetchAhead();
  }

  show(view) {
    const { root } = this.parts;
    const hadFocus = root.matches(":focus-within"); // A view that is hidden loses it, and with it the keys.
    this.view = view;
    clearSelection(this);
    remember("peakid:view", view);
    this.layout();
    this.reveal();
    this.draw();
    if (hadFocus) this.takeFocus();
  }

  resize(width) {
    this.tileWidthWanted = Math.max(TILE_WIDTH_PX.least, Math.min(TILE_WIDTH_PX.most, width));
    remember("peakid:size_px", this.tileWidthWanted);
    this.layout();
  }

  layout() {
    if (!this.root) return;
    const { root, stage, grid, space } = this.parts;
    if (this.rowHeight) notePlace(this);
    root.dataset.view = this.view; // First: a hidden grid has no width.
    this.parts.focusable = this.parts[this.view];
    stage.style.height = `${this.data.height_px ?? heightBelow(stage)}px`;
    const inner = (grid.clientWidth || 800) - 2 * GAP_PX;
    this.columns = Math.max(1, Math.floor((inner + GAP_PX) / (this.tileWidthWanted + GAP_PX)));
    this.tileWidth = Math.floor((inner - GAP_PX * (this.columns - 1)) / this.columns);
    this.rowHeight = Math.round(this.tileWidth * 0.75) + RIBBON_PX + GAP_PX;
    layOutTwins(this);
    const nRows = this.items.length ? rowOf(this, this.items.length - 1) + 1 : 0;
    space.style.height = `${nRows * this.rowHeight + GAP_PX}px`;
    restorePlace(this);
    this.draw();
  }

  reveal(covered = 0) {
    reveal(this, covered);
  }

  draw() {
    if (!this.root) return;
    if (this.view === "single") drawSingle(this);
    else drawGrid(this);
    drawStatus(this);
    drawPressed(this);
  }
}

export default componentOf(Gallery);
