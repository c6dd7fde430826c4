// The steps of this tab, for undo and redo: those of another tab or of other pages are never taken back here.
//
// A step has the id of its event, by which Python finds what the event wrote. The steps are kept in
// sessionStorage, so that a reload of the tab can still undo them.

import { recallInTab, rememberInTab } from "./storage.js";

const MAX_STEPS = 200;
const MAX_DIGESTS = 50; // Of one step: they only tell which image to go to.

const all = new Map(); // by name: all grids of a tab share the steps of one workspace and reviewer

/** Return the steps of this tab for the workspace and reviewer in `data`. */
export function stepsOf({ workspace, reviewer }) {
  const name = `peakid:steps:${workspace}:${reviewer}`;
  if (!all.has(name)) all.set(name, new Steps(name));
  return all.get(name);
}

/** A step is {id, seq, kind, text, digests, before}; `text` completes "Undid: ...". */
class Steps {
  constructor(name) {
    this.name = name;
    const kept = recallInTab(name, {});
    this.done = kept.done ?? []; // newest last
    this.undone = kept.undone ?? [];
  }

  /** Tell whether there is something to undo or to redo. */
  get hasAny() {
    return this.done.length + this.undone.length > 0;
  }

  add(step) {
    this.done = [...this.done, step].slice(-MAX_STEPS);
    this.undone = [];
    this.store();
  }

  /** Add a step that a button of the page made, unless it was added before. */
  addOnce(step) {
    const isKnown = [...this.done, ...this.undone].some((each) => each.first === step.id);
    if (!isKnown) this.add({ ...step, first: step.id });
  }

  /** Undo the newest step through `push(event)` and return it; undefined if this tab has none left. */
  undo(push) {
    const step = this.done.pop();
    if (step) {
      const { id, seq } = push({ kind: "undo", target: step.id, images: imagesOf(step) });
      this.undone.push({ ...step, undo: { id, seq } });
      this.store();
    }
    return step;
  }

  redo(push) {
    const step = this.undone.pop();
    if (step) {
      const { id, seq } = push({ kind: "redo", target: step.undo.id, images: imagesOf(step) });
      this.done.push({ ...step, id, seq });
      this.store();
    }
    return step;
  }

  /** Drop the step of an event that was not saved; a step on several images may be saved in part. */
  refuse(seq) {
    this.done = this.done.filter((step) => step.seq !== seq || step.digests.length > 1);
    this.undone = this.undone.filter((step) => step.undo?.seq !== seq);
    this.store();
  }

  store() {
    const short = ({ before, event, digests, ...step }) => ({
      ...step,
      digests: digests.slice(0, MAX_DIGESTS),
    });
    rememberInTab(this.name, { done: this.done.map(short), undone: this.undone.map(short) });
  }
}

function imagesOf({ digests }) {
  return digests.map((digest) => ({ digest }));
}
