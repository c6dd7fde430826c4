// The page of the prediction server: photos are dropped, chosen or taken, and each gets its top five classes.

import { correctionForm } from "./correction.js";
import { mapButton } from "./occlusion_map.js";
import { element, percent, request } from "./parts.js";

const TOP = 5;
const AT_ONCE = 4;

const drop = document.getElementById("drop");
const results = document.getElementById("results");
const status = document.getElementById("status");
let model = null;
let nCards = 0;

function bars(top) {
  const list = element("ol");
  for (const each of top) {
    const row = element("li");
    const track = element("div", "track");
    const bar = element("div", "bar");
    bar.style.width = `${100 * each.probability}%`;
    track.append(bar);
    row.append(
      element("span", "name", each.label),
      track,
      element("span", "share", percent(each.probability)),
    );
    list.append(row);
  }
  return list;
}

function title(prediction) {
  if (prediction.error) return "This file cannot be read";
  if (prediction.is_unfamiliar) return "Looks like nothing it learned";
  return prediction.abstained ? "Not sure" : `${prediction.label} (${percent(prediction.confidence)})`;
}

function notes(prediction) {
  const found = [];
  if (prediction.is_unfamiliar)
    found.push("The photo is unlike all photos of its training, so the classes below mean little.");
  if (prediction.abstained) found.push("The confidence is below the threshold of this model.");
  return found;
}

function show(card, file, prediction) {
  card.querySelector("h2").textContent = title(prediction);
  if (prediction.error) {
    card.append(element("p", "error", prediction.error));
    return;
  }
  for (const note of notes(prediction)) card.append(element("p", "note", note));
  card.append(bars(prediction.top));
  card.append(mapButton(card, file, prediction.top[0].label, model));
  if (model.takes_corrections) card.append(correctionForm(file, prediction, model));
}

function cardOf(file) {
  nCards += 1;
  const card = element("article");
  const heading = element("h2", "", "Predicting");
  heading.id = `photo-${nCards}`;
  card.setAttribute("aria-labelledby", heading.id);
  card.setAttribute("aria-busy", "true");
  const frame = element("div", "frame");
  const picture = element("img");
  picture.alt = file.name;
  picture.src = URL.createObjectURL(file);
  picture.onload = () => URL.revokeObjectURL(picture.src);
  picture.onerror = () => frame.remove();
  frame.append(picture);
  card.append(frame, heading, element("p", "note file", file.name));
  return card;
}

async function predict(file, card) {
  const form = new FormData();
  form.append("file", file, file.name);
  try {
    const body = await request(`predict?top=${TOP}`, form);
    show(card, file, body.predictions[0]);
  } catch (error) {
    card.querySelector("h2").textContent = "No prediction";
    card.append(element("p", "error", error.message));
  }
  card.removeAttribute("aria-busy");
}

async function predictAll(files) {
  const chosen = [...files]; // A copy: the field is emptied.
  const n = chosen.length;
  let nDone = 0;
  if (!n) return;
  if (!model) await describe();
  if (!model) return;
  const waiting = chosen.map((file) => [file, cardOf(file)]);
  results.prepend(...waiting.map(([, card]) => card));
  status.textContent = n > 1 ? `0 of ${n} photos` : "Predicting";
  const worker = async () => {
    while (waiting.length) {
      await predict(...waiting.shift());
      nDone += 1;
      status.textContent = n > 1 ? `${nDone} of ${n} photos` : results.querySelector("h2").textContent;
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, n) }, worker));
}

async function describe() {
  const line = document.getElementById("model");
  try {
    model = await request("model");
  } catch (error) {
    line.textContent = error.message;
    return;
  }
  const shown = model.class_names.slice(0, 12).join(", ");
  const more = model.class_names.length > 12 ? ` and ${model.class_names.length - 12} more` : "";
  const name = model.title ? `${model.title}. ` : "";
  line.textContent = `${name}It knows ${model.class_names.length} classes: ${shown}${more}.`;
  if (model.takes_corrections)
    document.getElementById("storing").textContent =
      "Photos are not stored, unless you correct a prediction.";
}

for (const id of ["files", "camera"]) {
  const input = document.getElementById(id);
  input.addEventListener("change", () => {
    predictAll(input.files);
    input.value = "";
  });
}
// A photo that is dropped beside the field would replace the page.
for (const name of ["dragenter", "dragover", "drop"])
  document.addEventListener(name, (event) => event.preventDefault());
for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, () => drop.classList.add("over"));
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => predictAll(event.dataTransfer.files));

describe();
