// What this browser keeps. Where it refuses to store anything, only what a reload would restore is lost.
//
// A browser that blocks the data of sites throws at the mere mention of localStorage, or at any use of it.
// Everything is therefore also kept here, as long as the page is open.

const here = { local: new Map(), session: new Map() };
let isRefused = false;

/** Tell whether this browser stores nothing, so that a reload loses what is not saved yet. */
export function isStorageRefused() {
  return isRefused;
}

/** Return the name of this tab: the same after a reload, another in a second tab. */
export function tabName() {
  const name = recallInTab("peakid:tab", `${Date.now()}-${Math.random()}`);
  rememberInTab("peakid:tab", name);
  return name;
}

/** Return the names under which something is stored. */
export function storedNames() {
  return tried(() => Object.keys(localStorage)) ?? [...here.local.keys()];
}

export function recall(name, otherwise) {
  return read("local", () => localStorage, name, otherwise);
}

export function remember(name, value) {
  write("local", () => localStorage, name, value);
}

export function forget(name) {
  here.local.delete(name);
  tried(() => localStorage.removeItem(name)); // If it fails: an acknowledged event sent again is ignored.
}

/** As `recall`, of this tab only. */
export function recallInTab(name, otherwise) {
  return read("session", () => sessionStorage, name, otherwise);
}

export function rememberInTab(name, value) {
  write("session", () => sessionStorage, name, value);
}

function read(kind, storage, name, otherwise) {
  const text = here[kind].get(name) ?? tried(() => storage().getItem(name));
  try {
    return JSON.parse(text) ?? otherwise;
  } catch {
    return otherwise; // Nothing is stored, or another program wrote it.
  }
}

function write(kind, storage, name, value) {
  const text = JSON.stringify(value);
  const isStored = tried(() => {
    storage().setItem(name, text);
    return true;
  });
  isRefused = !isStored;
  if (isStored) here[kind].delete(name);
  else here[kind].set(name, text);
}

function tried(act) {
  try {
    return act();
  } catch {
    return undefined;
  }
}
