// The HTML elements that both grids are built from.

export function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  // Never innerHTML: names come from folders and web pages.
  if (text !== undefined) element.textContent = text;
  return element;
}

const LONG = 16; // Letters; a shorter name fits.
const TAIL = 7;
const JOINED = /[\u0590-\u109f]/; // Scripts that are written to the left, or whose letters are joined.

/** Write a name that is cut in its middle where it is too long: names of one kind often differ at their end. */
export function writeName(element, text) {
  const letters = [...text];
  const isSplit = letters.length > LONG && !JOINED.test(text);
  element.classList.toggle("split", isSplit);
  element.title = text;
  // What is drawn are the two parts. The text itself, for searches and screen readers, stays whole.
  element.replaceChildren(isSplit ? make("span", "", text) : text);
  element.dataset.start = isSplit ? letters.slice(0, -TAIL).join("") : "";
  element.dataset.end = isSplit ? letters.slice(-TAIL).join("") : "";
  return element;
}

export function button(text, key, title, act) {
  const element = make("button", "act");
  element.type = "button";
  element.title = title;
  if (key) element.append(make("kbd", "", key));
  element.append(make("span", "name", text));
  element.addEventListener("click", act);
  return element;
}

// The addresses of another workspace than the server's own begin with its key: see workspace_address.py.
export const PREFIX = /^\/w\/[0-9a-f]{12}(?=\/)/.exec(window.location.pathname)?.[0] ?? "";

export const thumbnailOf = (digest) => `${PREFIX}/thumb/${digest}`;
/** One picture as it lies over another one, where a model proposes the two as copies. */
export const alignedOf = (digest, onto) => `${PREFIX}/aligned/${digest}/${onto}`;
export const imageOf = (digest) => `${PREFIX}/image/${digest}`;
export const newestFit = () => `${PREFIX}/live`;
export const whyOf = (digest, queue) => `${PREFIX}/why/${digest}?queue=${encodeURIComponent(queue)}`;

const NO_TEXT_INPUTS = ["checkbox", "radio", "button", "range", "submit"];

export function isTyping(element) {
  if (element.tagName === "INPUT" && !NO_TEXT_INPUTS.includes(element.type ?? "")) return true;
  return ["TEXTAREA", "SELECT"].includes(element.tagName) || element.isContentEditable;
}

export function isControl(element) {
  const role = element.getAttribute?.("role");
  return (
    ["BUTTON", "A", "INPUT", "SUMMARY"].includes(element.tagName) || ["slider", "tab", "radio"].includes(role)
  );
}

/** Keep keys typed in one of our fields from Streamlit, which has shortcuts on C and R. */
export function keepKeys(field) {
  field.addEventListener("keydown", (event) => event.stopPropagation());
  return field;
}

/** Return a share in 0..1 as `91 %`: below 1 it never reads `100 %`, and above 0 never `0 %`. */
export function percent(share) {
  const value = 100 * share;
  if ((value > 0 && value <= 0.5) || (value >= 99.5 && value < 100))
    return `${Math.min(Math.max(value, 0.1), 99.9).toFixed(1)} %`;
  return `${Math.round(value)} %`;
}
