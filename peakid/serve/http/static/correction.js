// Lets a person say what a photo shows. Only then is it stored, with the class.

import { element, request } from "./parts.js";

const OTHER = "\u0000other"; // No class has this name.

function option(value, text) {
  const made = element("option", "", text);
  made.value = value;
  return made;
}

let nForms = 0;

/** Return the folded form below a prediction. */
export function correctionForm(file, prediction, model) {
  nForms += 1;
  const part = element("details", "correction");
  const form = element("form");
  const select = element("select");
  select.id = `class-${nForms}`;
  select.append(
    ...model.class_names.filter((name) => name !== prediction.label).map((name) => option(name, name)),
  );
  select.append(option(OTHER, "Another class"));
  const label = element("label", "", "It is");
  label.htmlFor = select.id;
  const typed = element("input");
  typed.type = "text";
  typed.maxLength = 100;
  typed.setAttribute("aria-label", "Name of the other class");
  typed.placeholder = "Name of the class";
  typed.hidden = true;
  const button = element("button", "button small", "Store this correction");
  const line = element("p", "note");
  line.setAttribute("role", "status");
  form.append(label, select, typed, button);
  form.append(element("p", "note", "The photo is then stored on the server with this class."), line);
  part.append(element("summary", "", "Wrong? It is ..."), form);

  select.addEventListener("change", () => {
    typed.hidden = select.value !== OTHER;
    typed.required = !typed.hidden;
  });
  select.dispatchEvent(new Event("change"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const data = new FormData();
    data.append("class_name", select.value === OTHER ? typed.value : select.value);
    data.append("predicted", prediction.label || "");
    data.append("confidence", String(prediction.confidence));
    data.append("file", file, file.name);
    button.disabled = true;
    try {
      const stored = await request("feedback", data);
      form.replaceChildren(line);
      line.textContent = `Stored as ${stored.class_name}. Thank you.`;
    } catch (error) {
      line.textContent = error.message;
      button.disabled = false;
    }
  });
  return part;
}
