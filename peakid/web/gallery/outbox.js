// Judgements on their way to the database: kept in this browser until Python says "written", whatever happens between.
//
// An event has a number (`seq`, rising) and an id. Python acknowledges by number; the id is unique in the database, so
// delivering an event twice is harmless. Kept in localStorage under workspace, reviewer and tab: a reload finds its own,
// and what a closed tab or a crashed browser left behind is delivered by the next tab that opens.

const RESEND_MS = 3000; // also how often a tab says that it lives
const ORPHANED_MS = 12_000; // a tab that has not said so for this long is gone
const LATE_MS = 4500; // without an answer for this long, the connection is said to be broken

const outboxes = new Map(); // by name: survives a remount of the component

/** Asks Python for something, and judges nothing. */
function isRequest({ kind }) {
  return kind === "next" || kind === "count";
}

/** The outbox of one kind of component, for the workspace and reviewer that `data` names. */
function outboxOf(family, { workspace, reviewer, seq }) {
  const name = `peakid:outbox:${family}:${workspace}:${reviewer}`;
  if (!outboxes.has(name)) outboxes.set(name, new Outbox(name));
  const outbox = outboxes.get(name);
  outbox.begin(seq);
  return outbox;
}

class Outbox {
  constructor(name) {
    this.name = name;
    this.place = `${name}:${tabName()}`;
    this.pending = [];
    this.lastSeq = 0;
    this.isOpen = false;
  }

  /** Take in what is kept from before, numbered anew: numbers of an earlier session mean nothing to this one. */
  begin(seq) {
    this.lastSeq = Math.max(this.lastSeq, seq);
    if (this.isOpen) return;
    this.isOpen = true;
    const kept = [...(recall(this.place, { events: [] }).events ?? []), ...this.orphans()];
    this.pending = kept.map((event) => ({ ...event, seq: this.number() }));
    this.oldest = Date.now();
    this.keep();
  }

  orphans() {
    const found = [];
    for (const place of placesOf(localStorage)) {
      if (!place.startsWith(`${this.name}:`) || place === this.place) continue;
      const { beat, events } = recall(place, {});
      if (!Array.isArray(events) || Date.now() - (beat ?? 0) < ORPHANED_MS) continue;
      found.push(...events);
      forget(place);
    }
    return found;
  }

  number() {
    return (this.lastSeq = Math.max(this.lastSeq + 1, Date.now() * 1000));
  }

  push(event) {
    const seq = this.number();
    const whole = { ...event, seq, id: `${seq}-${crypto.getRandomValues(new Uint32Array(2)).join("-")}` };
    if (!this.pending.length) this.oldest = Date.now();
    this.pending.push(whole);
    this.keep();
    this.flush();
    return whole;
  }

  /** Forget what is written; answers it. */
  acknowledge(seq) {
    this.lastSeq = Math.max(this.lastSeq, seq);
    const written = this.pending.filter((event) => event.seq <= seq);
    if (written.length) {
      this.pending = this.pending.filter((event) => event.seq > seq);
      this.oldest = Date.now();
      this.keep();
    }
    if (written.length || !this.pending.length) this.isInFlight = false;
    return written;
  }

  /** Deliver through `send(events)` from now on; `onWait` is told whenever an answer is late. */
  connect(send, onWait) {
    this.send = send;
    this.onWait = onWait;
  }

  disconnect(send) {
    if (this.send === send) this.send = null; // The next gallery of this page, or of another, takes over.
  }

  flush() {
    if (!this.pending.length || this.isInFlight || !this.send) return;
    this.isInFlight = true;
    this.keep();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.again(), RESEND_MS);
    this.send([...this.pending]);
  }

  again() {
    this.isInFlight = false;
    this.flush();
    this.onWait?.();
  }

  /** How many judgements wait; a request is none. */
  get nWaiting() {
    return this.pending.filter((event) => !isRequest(event)).length;
  }

  get isLate() {
    return this.pending.length > 0 && Date.now() - this.oldest > LATE_MS;
  }

  keep() {
    if (this.pending.length) remember(this.place, { beat: Date.now(), events: this.pending });
    else forget(this.place);
  }
}

// ---- this browser's memory ----------------------------------------------------------------------------
// A browser that stores nothing loses only what a reload would have to remember.

function tabName() {
  try {
    const name = sessionStorage.getItem("peakid:tab") ?? `${Date.now()}-${Math.random()}`;
    sessionStorage.setItem("peakid:tab", name);
    return name;
  } catch {
    return "tab";
  }
}

function placesOf(storage) {
  try {
    return Object.keys(storage);
  } catch {
    return [];
  }
}

function recall(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // Nothing to do about it.
  }
}

function forget(name) {
  try {
    localStorage.removeItem(name);
  } catch {
    // Nothing to do about it.
  }
}
