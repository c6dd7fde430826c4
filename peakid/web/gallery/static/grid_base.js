// What the review grid and the duplicates grid share: mounting, keys, the outbox and unmounting.

import { isControl, isTyping } from "./elements.js";
import { isRequest, outboxOf } from "./outbox.js";
import { stepsOf } from "./steps.js";
import { isStorageRefused } from "./storage.js";

const RENEW_MS = 30_000; // As often, a visible grid asks whether its queue has changed.
const LEAST_HEIGHT_PX = 320;
const NOT_KEPT = "This browser stores no data: a reload loses pending changes and what Undo can take back.";
const STATUS_PX = 62; // The status line and the margin of the page.

export const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

const grids = new Map(); // by data.key: survives a remount of the component
let active = null; // the grid that receives the keys

/** Return the function that Streamlit calls at every run of the page, for one class of grid. */
export function componentOf(GridClass) {
  return (component) => {
    const { key } = component.data;
    if (!grids.has(key)) grids.set(key, new GridClass(key));
    const grid = grids.get(key);
    const token = grid.mount(component);
    return () => grid.unmount(token);
  };
}

/**
 * One queue in the browser. A subclass names its outbox (`family`) and has these methods:
 * build(): create the elements in `this.parts`: `root` holds all of them, `focusable` takes the focus.
 * update(data): take over what Python sent. actionOf(event): the action of a key, if it has one.
 * settle(written, ack): react to an acknowledgement, of which `written` holds the events of this browser.
 * layout() fits the grid to the window, drawStatus() writes the line below it.
 */
export class Grid {
  constructor(key, family) {
    this.key = key;
    this.family = family;
    this.focus = 0;
    this.message = "";
    this.offered = ""; // "undo" or "redo": the button beside the message
    this.ackedSeq = 0;
    this.nNotSaved = 0; // of the last change: how many images were refused
    this.nSent = 0;
    this.token = 0;
    this.onKey = (event) => active === this && this.handleKey(event);
    this.onResize = () => this.layout();
    this.resized = new ResizeObserver(() => this.fitWidth());
    this.onVisible = () => this.askForChanges();
    this.onSkip = (event) => active === this && this.skipTo(event);
    this.send = (events, workspace) => this.deliver(events, workspace);
  }

  mount(component) {
    this.component = component;
    if (this.root !== component.parentElement) {
      this.root = component.parentElement;
      for (const old of this.root.querySelectorAll(".gallery")) old.remove();
      this.build();
      this.parts.root.addEventListener("pointerdown", () => this.activate());
      this.parts.root.addEventListener("focusin", () => this.activate());
      this.root.append(this.parts.root);
      if (!component.data.is_part) this.takeFocus();
      // In the capture phase: before Streamlit, which has shortcuts on C and R.
      window.addEventListener("keydown", this.onKey, true);
      window.addEventListener("resize", this.onResize);
      this.resized.observe(this.parts.root);
      document.addEventListener("visibilitychange", this.onVisible);
      clearInterval(this.renewing);
      this.renewing = setInterval(this.onVisible, RENEW_MS);
      window.addEventListener("click", this.onSkip, true);
    }
    if (!isMounted(active)) this.activate();
    this.update(component.data);
    this.token += 1;
    return this.token;
  }

  unmount(token) {
    if (token !== this.token) return; // A newer run has mounted this grid again: its listeners stay.
    window.removeEventListener("keydown", this.onKey, true);
    window.removeEventListener("resize", this.onResize);
    this.resized.disconnect();
    document.removeEventListener("visibilitychange", this.onVisible);
    clearInterval(this.renewing);
    window.removeEventListener("click", this.onSkip, true);
    this.outbox?.disconnect(this.send);
    this.root = null;
    if (active === this) active = [...grids.values()].find(isMounted) ?? null;
  }

  /** Lay the grid out for a new width, also where the sidebar was folded: that does not resize the window. */
  fitWidth() {
    const width = this.parts.root.clientWidth;
    if (width && width !== this.width) this.layout();
    this.width = width || this.width;
  }

  activate() {
    active = this;
  }

  takeFocus() {
    this.parts.focusable.focus({ preventScroll: true });
  }

  /** Take the focus from the link "Skip to the images", which is outside the component. */
  skipTo(event) {
    if (!event.target.closest?.("a.skip")) return;
    event.preventDefault();
    this.parts.focusable.focus();
  }

  // ---- outbox -----------------------------------------------------------------------------------

  openOutbox(data) {
    const before = this.outbox;
    this.outbox = outboxOf(this.family, data);
    if (before && before.workspace !== this.outbox.workspace) before.disconnect(this.send);
    this.outbox.connect(this.send, () => this.drawStatus());
    this.steps = stepsOf(data);
    if (data.step) this.steps.addOnce(data.step);
  }

  /** Let Python compare the queue with what is on screen: others may have judged, or a scan has ended. */
  askForChanges() {
    if (!this.root || document.visibilityState !== "visible" || this.overlay) return;
    if (!this.outbox.pending.length) this.push({ kind: "count", digest: "" });
  }

  push(event) {
    if (!isRequest(event)) this.nNotSaved = 0;
    return this.outbox.push(event);
  }

  deliver(events, workspace) {
    this.nSent += 1;
    this.component.setStateValue("outbox", { sent: this.nSent, workspace, events, ...this.received() });
  }

  /** What this browser already has, so that Python sends only what changed. */
  received() {
    return {};
  }

  acknowledge(data) {
    const { seq, touched } = data;
    const isNew = seq > this.ackedSeq;
    const refused = data.refused.filter((each) => each.seq > this.ackedSeq);
    this.ackedSeq = seq;
    const written = this.outbox.acknowledge(seq);
    if (refused.length) this.nNotSaved = refused.filter((each) => !isReversal(eventOf(each, written))).length;
    this.settle(written, { isNew, refused, touched });
    this.outbox.flush();
  }

  // ---- keys -------------------------------------------------------------------------------------

  handleKey(event) {
    const path = event.composedPath();
    const target = path[0];
    if (path.some((each) => each.dataset?.keys === "own")) return;
    if (this.data?.is_part && !path.includes(this.parts.root)) return;
    if (event.altKey || event.isComposing || isTyping(target)) return;
    if (event.ctrlKey || event.metaKey) {
      this.handleControlKey(event);
      return;
    }
    if (["Enter", " "].includes(event.key) && isControl(target)) return; // It presses the focused button.
    const isMove = event.key in ARROWS || /^(Home|End|Page)/.test(event.key);
    const isOutside = isControl(target) && !path.includes(this.parts.root);
    if (isMove && (target.type === "range" || isOutside)) return;
    const act = this.actionOf(event);
    if (act) {
      event.preventDefault();
      event.stopPropagation();
      act();
    } else if (["c", "r"].includes(event.key.toLowerCase())) {
      event.stopPropagation(); // Streamlit would clear its cache or run the page again.
    }
  }

  handleControlKey() {}

  // ---- drawing ----------------------------------------------------------------------------------

  /** Show a message, with the button that undoes or redoes what it says. */
  say(message, offered = "") {
    this.message = message;
    this.offered = offered;
    this.drawStatus();
  }

  get statusMessage() {
    if (!this.outbox.isLate) return this.message;
    if (isStorageRefused()) return `Nothing can be saved now. ${NOT_KEPT}`;
    return "Nothing can be saved now. Your changes are kept in this browser.";
  }

  /** What a person must know before a reload, in a browser that stores nothing. */
  get storageText() {
    return isStorageRefused() && !this.outbox.isLate ? NOT_KEPT : "";
  }

  get savedText() {
    const { nWaiting } = this.outbox;
    if (nWaiting) return `${nWaiting.toLocaleString("en")} pending`;
    return this.nNotSaved ? `${this.nNotSaved.toLocaleString("en")} not saved` : "all saved";
  }
}

/** The height that the window has left below the top of `element`, in px. */
export function heightBelow(element) {
  const top = Math.max(element.getBoundingClientRect().top, 0);
  return Math.max(LEAST_HEIGHT_PX, window.innerHeight - top - STATUS_PX);
}

export function eventOf({ seq }, written) {
  return written.find((event) => event.seq === seq);
}

/** Tell whether an event undoes or redoes a step: refused, it leaves nothing unsaved. */
export function isReversal(event) {
  return ["undo", "redo"].includes(event?.kind);
}

function isMounted(grid) {
  return Boolean(grid?.root?.isConnected || grid?.root?.host?.isConnected);
}
