// The page of a bundle: photos are dropped, chosen or taken, and the model answers in this browser.

import { Model } from "model";

const TOP = 5;
// Of a probability. Browsers decode a JPEG a few levels differently; another resizing differs by more.
const TOLERANCE = 0.02;

const byId = (id) => document.getElementById(id);
const controls = [byId("files"), byId("camera"), byId("check")];
let model;

/** Return the bytes of a file of the bundle: from this document where it is inside, else from its folder. */
async function asset(name) {
  const inside = document.querySelector(`script[data-name="${name}"]`);
  if (inside) return Uint8Array.from(atob(inside.textContent), (character) => character.charCodeAt(0));
  const response = await fetch(new URL(`../${name}`, document.baseURI));
  if (!response.ok) throw new Error(`${name} is missing (${response.status}).`);
  return new Uint8Array(await response.arrayBuffer());
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function percent(share) {
  const value = 100 * share;
  if ((value > 0 && value <= 0.5) || (value >= 99.5 && value < 100))
    return `${Math.min(Math.max(value, 0.1), 99.9).toFixed(1)} %`;
  return `${Math.round(value)} %`;
}

function bars(ranked) {
  const list = element("ol");
  for (const { label, probability } of ranked.slice(0, TOP)) {
    const row = element("li");
    const track = element("div", "track");
    const bar = element("div", "bar");
    bar.style.width = `${100 * probability}%`;
    track.append(bar);
    row.append(element("span", "name", label), track, element("span", "share", percent(probability)));
    list.append(row);
  }
  return list;
}

function cardOf(file) {
  const card = element("article");
  const picture = element("img");
  picture.alt = file.name;
  picture.src = URL.createObjectURL(file);
  picture.onload = () => URL.revokeObjectURL(picture.src);
  picture.onerror = () => picture.remove();
  card.append(picture, element("h2", "", "Predicting"), element("p", "note", file.name));
  byId("results").prepend(card);
  return card;
}

async function classify(file, card) {
  const title = card.querySelector("h2");
  try {
    const { ranked, isUnfamiliar } = await model.predict(new Uint8Array(await file.arrayBuffer()));
    const { label, probability } = ranked[0];
    const isSure = probability >= model.threshold;
    title.textContent = isSure ? `${label} (${percent(probability)})` : "Not sure";
    if (isUnfamiliar) title.textContent = "Looks like nothing it learned";
    if (!isSure) card.append(element("p", "note", "The confidence is below the threshold of this model."));
    card.append(bars(ranked));
  } catch (error) {
    title.textContent = "This file cannot be read";
    card.append(element("p", "error", error.message));
  }
}

/** One after the other: each takes the whole processor, and the page is drawn between them. */
async function classifyAll(files) {
  const waiting = [...files].map((file) => [file, cardOf(file)]);
  for (const [n, [file, card]] of waiting.entries()) {
    await new Promise((resolve) => setTimeout(resolve));
    await classify(file, card);
    byId("status").textContent = waiting.length > 1 ? `${n + 1} of ${waiting.length} photos` : "";
  }
}

/** Compare the answers for the pictures of the bundle with those of the machine where it was made. */
async function check() {
  byId("checked").textContent = "Checking";
  const expected = JSON.parse(new TextDecoder().decode(await asset("golden/answers.json")));
  const found = [];
  for (const [name, row] of Object.entries(expected)) {
    const probabilities = await model.probabilities(await asset(`golden/${name}`));
    found.push({ name, difference: Math.max(...row.map((each, k) => Math.abs(each - probabilities[k]))) });
  }
  const worst = found.reduce((one, other) => (other.difference > one.difference ? other : one));
  const isSame = worst.difference <= TOLERANCE;
  const verdict = isSame
    ? "This browser answers as the model did where it was made"
    : "This browser answers differently";
  const largest = `${(100 * worst.difference).toFixed(2)} percentage points (${worst.name})`;
  byId("checked").textContent = `${verdict}: ${found.length} pictures, largest difference ${largest}.`;
}

async function load() {
  try {
    model = await Model.load(asset);
  } catch (error) {
    byId("model").className = "error";
    byId("model").textContent = `The model cannot be loaded: ${error.message}`;
    return;
  }
  const names = model.classNames;
  const more = names.length > 12 ? ` and ${names.length - 12} more` : "";
  byId("model").textContent = `It knows ${names.length} classes: ${names.slice(0, 12).join(", ")}${more}.`;
  for (const each of controls) each.disabled = false;
}

for (const id of ["files", "camera"]) {
  byId(id).addEventListener("change", ({ target }) => {
    classifyAll(target.files);
    target.value = "";
  });
}
const drop = byId("drop");
for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  if (model) classifyAll(event.dataTransfer.files);
});
byId("check").addEventListener("click", check);

load();
