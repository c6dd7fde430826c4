// What the parts of the prediction page share: elements, shares in percent, and requests to the server.

export function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function percent(share) {
  const value = 100 * share;
  if ((value > 0 && value <= 0.5) || (value >= 99.5 && value < 100))
    return `${Math.min(Math.max(value, 0.1), 99.9).toFixed(1)} %`;
  return `${Math.round(value)} %`;
}

/** Return what the server answers as an object. An Error has its message and remedy in words. */
export async function request(path, form) {
  let response;
  let body;
  try {
    response = await fetch(path, form ? { method: "POST", body: form } : {});
    body = await response.json();
  } catch {
    throw new Error("The server does not answer. Try again.");
  }
  if (!response.ok) {
    const words = typeof body === "string" ? [body] : [body.message, body.remedy];
    throw new Error(words.filter(Boolean).join(" "));
  }
  return body;
}
