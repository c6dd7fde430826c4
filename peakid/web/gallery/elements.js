// The small parts that the components are made of.

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text; // Never innerHTML: names come from folders and web pages.
  return element;
}

function button(text, key, title, act) {
  const element = make("button", "act");
  element.type = "button";
  element.title = title;
  if (key) element.append(make("kbd", "", key));
  element.append(make("span", "name", text));
  element.addEventListener("click", act);
  return element;
}

function isTyping(element) {
  const type = element.type ?? "";
  const isField = element.tagName === "INPUT" && !["checkbox", "radio", "button", "range", "submit"].includes(type);
  return isField || ["TEXTAREA", "SELECT"].includes(element.tagName) || element.isContentEditable;
}

function isControl(element) {
  const role = element.getAttribute?.("role");
  return ["BUTTON", "A", "INPUT", "SUMMARY"].includes(element.tagName) || ["slider", "tab", "radio"].includes(role);
}

/** Keep what is typed in a field of ours from Streamlit, which sees only the component and owns C and R. */
function keepKeys(field) {
  field.addEventListener("keydown", (event) => event.stopPropagation());
  return field;
}
