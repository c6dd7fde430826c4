// Events on their way to the database, kept in this browser until Python acknowledges them.
//
// An event has a number (`seq`, rising) and an id. Python acknowledges by number; the id is unique in the
// database, so a second delivery changes nothing. Events are kept in localStorage under workspace, reviewer
// and tab: a reload finds its own, and the next tab that opens delivers those of a closed tab.

import { forget, recall, remember, storedNames, tabName } from "./storage.js";

export const RESEND_MS = 3000;
const ORPHANED_MS = 12_000; // A tab that has written nothing for this long is closed.
const LATE_MS = 4500; // Without an acknowledgement for this long, the page says that the connection is lost.

const outboxes = new Map(); // by name: survives a remount of the component

/** Tell whether an event only requests something; it changes no image. */
export function isRequest({ kind }) {
  return kind === "next" || kind === "count" || kind === "sort";
}

/** Return the outbox of one kind of grid, for the workspace and reviewer in `data`. */
export function outboxOf(family, { workspace, reviewer, seq }) {
  const name = `peakid:outbox:${family}:${workspace}:${reviewer}`;
  if (!outboxes.has(name)) outboxes.set(name, new Outbox(name, workspace));
  const outbox = outboxes.get(name);
  outbox.begin(seq);
  return outbox;
}

class Outbox {
  constructor(name, workspace) {
    this.name = name;
    this.workspace = workspace;
    this.storedAs = `${name}:${tabName()}`;
    this.pending = [];
    this.lastSeq = 0;
    this.isOpen = false;
  }

  /** Take over stored events with new numbers: numbers of an earlier session mean nothing to this one. */
  begin(seq) {
    this.lastSeq = Math.max(this.lastSeq, seq);
    if (this.isOpen) return;
    this.isOpen = true;
    const stored = [...(recall(this.storedAs, { events: [] }).events ?? []), ...this.takeOrphans()];
    this.pending = stored.map((event) => ({ ...event, seq: this.nextSeq() }));
    this.oldest = Date.now();
    this.store();
  }

  /** Remove and return the events of tabs that are closed. */
  takeOrphans() {
    const found = [];
    for (const name of storedNames()) {
      if (!name.startsWith(`${this.name}:`) || name === this.storedAs) continue;
      const { beat, events } = recall(name, {});
      if (!Array.isArray(events) || Date.now() - (beat ?? 0) < ORPHANED_MS) continue;
      found.push(...events);
      forget(name);
    }
    return found;
  }

  nextSeq() {
    this.lastSeq = Math.max(this.lastSeq + 1, Date.now() * 1000);
    return this.lastSeq;
  }

  push(event) {
    const seq = this.nextSeq();
    const id = `${seq}-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
    const complete = { ...event, seq, id };
    if (!this.pending.length) this.oldest = Date.now();
    this.pending.push(complete);
    this.store();
    this.flush();
    return complete;
  }

  /** Drop the events up to `seq` and return them. */
  acknowledge(seq) {
    this.lastSeq = Math.max(this.lastSeq, seq);
    const written = this.pending.filter((event) => event.seq <= seq);
    if (written.length) {
      this.pending = this.pending.filter((event) => event.seq > seq);
      this.oldest = Date.now();
      this.store();
    }
    if (written.length || !this.pending.length) this.isInFlight = false;
    return written;
  }

  /**
   * Deliver through `send(events, workspace)` from now on; `onWait` is called at every attempt to send again.
   * The workspace travels along: a server that was restarted on another one must not save these events there.
   */
  connect(send, onWait) {
    this.send = send;
    this.onWait = onWait;
  }

  disconnect(send) {
    if (this.send === send) this.send = null; // The next grid of this page, or of another, takes over.
  }

  flush() {
    if (!this.pending.length || this.isInFlight || !this.send) return;
    this.isInFlight = true;
    this.store();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.resend(), RESEND_MS);
    this.send([...this.pending], this.workspace);
  }

  resend() {
    this.isInFlight = false;
    this.flush();
    this.onWait?.();
  }

  /** Remove the requests of one kind: the next one replaces them. */
  drop(kind) {
    this.pending = this.pending.filter((event) => event.kind !== kind);
  }

  /** How many changes wait to be saved; requests do not count. */
  get nWaiting() {
    return this.pending.filter((event) => !isRequest(event)).length;
  }

  get isLate() {
    return this.pending.length > 0 && Date.now() - this.oldest > LATE_MS;
  }

  store() {
    if (this.pending.length) remember(this.storedAs, { beat: Date.now(), events: this.pending });
    else forget(this.storedAs);
  }
}
