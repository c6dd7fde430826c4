// What this browser keeps. Where it refuses to store anything, only what a reload would restore is lost.

/** Return the name of this tab: the same after a reload, another in a second tab. */
export function tabName() {
  try {
    const name = sessionStorage.getItem("peakid:tab") ?? `${Date.now()}-${Math.random()}`;
    sessionStorage.setItem("peakid:tab", name);
    return name;
  } catch {
    return "tab";
  }
}

/** Return the names under which something is stored. */
export function storedNames() {
  try {
    return Object.keys(localStorage);
  } catch {
    return [];
  }
}

export function recall(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // Nothing to do: the value is only lost on a reload.
  }
}

export function forget(name) {
  try {
    localStorage.removeItem(name);
  } catch {
    // Nothing to do: an acknowledged event that is sent again is ignored.
  }
}
