// The key T: mark the focused image as a typical one of its class, or take the mark off.

export function toggleTypical(gallery) {
  const item = gallery.items[gallery.focus];
  if (!item) return;
  if (!gallery.data.can.includes("typical")) {
    gallery.say("Typical images are marked on the Review page.");
    return;
  }
  if (gallery.selected.size > 1 || gallery.isEverything) {
    gallery.say("T marks one image at a time.");
    return;
  }
  const { verdict, label } = gallery.state(item);
  if (!item.typical && (verdict !== "label" || !label)) {
    const state = { exclude: "is excluded", flag: "is flagged" }[verdict] ?? "has no label";
    gallery.say(`This image ${state}, so it is typical of no class. Label it first.`);
    return;
  }
  const is_on = !item.typical;
  gallery.remark("typical", item, { typical: is_on }, { is_on });
  const text = is_on ? `Marked as typical of ${label}. It is shown under “How to tell them apart”.` : "";
  gallery.say(text || "No longer marked as typical.", "undo");
}
