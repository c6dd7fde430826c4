// The way from the grid to the map: the selected images or the focused one are highlighted there.

import { targets } from "./gallery_select.js";

const MOST = 50; // images in an address

export function showOnMap(gallery) {
  const digests = targets(gallery)
    .slice(0, MOST)
    .map(({ digest }) => digest);
  if (digests.length) gallery.component.setTriggerValue("mapped", digests);
}
