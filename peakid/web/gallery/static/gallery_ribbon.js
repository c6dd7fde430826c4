// The ribbon below an image: its class with colour, and whether the judgement is saved.

import { make, writeName } from "./elements.js";

export function classDot(colour) {
  const dot = make("span", "dot");
  dot.style.background = colour ?? "transparent";
  return dot;
}

export function makeRibbon(tag) {
  const ribbon = make(tag, "ribbon");
  ribbon.append(make("span", "dot"), make("span", "name"), make("span", "mark"));
  return ribbon;
}

export function drawRibbon(gallery, ribbon, item, state) {
  const [dot, name, mark] = ribbon.children;
  const colour = gallery.data.classes.find((row) => row.name === state.label)?.colour;
  dot.style.background = colour ?? "transparent";
  writeName(name, ribbonText(state));
  const failed = gallery.failed.get(item.digest);
  const saved = gallery.done.get(item.digest) ?? (state.is_reviewed ? "before" : "");
  const done = failed ? "refused" : saved;
  mark.textContent = { saved: "✓", pending: "●", refused: "!", before: "✓" }[done] ?? "";
  mark.dataset.done = done;
  const titles = { saved: "Saved", pending: "Not saved yet", refused: failed, before: "Reviewed" };
  mark.title = titles[done] ?? "";
}

function ribbonText({ verdict, label, reason }) {
  if (verdict === "exclude") return `✕ ${reason || "excluded"}`;
  if (verdict === "flag") return `⚑ ${label ?? "flagged"}`;
  return label ?? "No label yet";
}
