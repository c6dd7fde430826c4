// The page of the prediction server: photos are dropped, chosen or taken, and each gets its top five classes.

const TOP = 5;
const AT_ONCE = 4;

const drop = document.getElementById("drop");
const results = document.getElementById("results");
const status = document.getElementById("status");

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}

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
  return prediction.abstained ? "Not sure" : `${prediction.label} (${percent(prediction.confidence)})`;
}

function show(card, prediction) {
  card.querySelector("h2").textContent = title(prediction);
  if (prediction.error) {
    card.append(element("p", "error", prediction.error));
    return;
  }
  if (prediction.abstained)
    card.append(element("p", "note", "The confidence is below the threshold of this model."));
  card.append(bars(prediction.top));
}

function cardOf(file) {
  const card = element("article");
  const picture = element("img");
  picture.alt = file.name;
  picture.src = URL.createObjectURL(file);
  picture.onload = () => URL.revokeObjectURL(picture.src);
  picture.onerror = () => picture.remove();
  card.append(picture, element("h2", "", "Predicting"), element("p", "note", file.name));
  results.prepend(card);
  return card;
}

async function predict(file) {
  const card = cardOf(file);
  const form = new FormData();
  form.append("file", file, file.name);
  try {
    const response = await fetch(`predict?top=${TOP}`, { method: "POST", body: form });
    const body = await response.json();
    if (!response.ok) throw new Error([body.message, body.remedy].filter(Boolean).join(" "));
    show(card, body.predictions[0]);
  } catch (error) {
    card.querySelector("h2").textContent = "No prediction";
    const isNetwork = error instanceof TypeError;
    card.append(element("p", "error", isNetwork ? "The server does not answer. Try again." : error.message));
  }
}

async function predictAll(files) {
  const waiting = [...files];
  const n = waiting.length;
  let nDone = 0;
  const worker = async () => {
    while (waiting.length) {
      await predict(waiting.shift());
      nDone += 1;
      status.textContent = n > 1 ? `${nDone} of ${n} photos` : "";
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, n) }, worker));
}

async function describe() {
  const line = document.getElementById("model");
  try {
    const model = await (await fetch("model")).json();
    const shown = model.class_names.slice(0, 12).join(", ");
    const more = model.class_names.length > 12 ? ` and ${model.class_names.length - 12} more` : "";
    line.textContent = `It knows ${model.class_names.length} classes: ${shown}${more}.`;
  } catch {
    line.textContent = "The server does not answer. Reload the page.";
  }
}

for (const id of ["files", "camera"]) {
  const input = document.getElementById(id);
  input.addEventListener("change", () => {
    predictAll(input.files);
    input.value = "";
  });
}
for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  predictAll(event.dataTransfer.files);
});

describe();
