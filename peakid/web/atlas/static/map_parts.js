// The elements of the map: the tools above it, its two canvases, the legend, and the line below.

import { button, make, PREFIX } from "./elements.js";
import { PlainPainter } from "./map_2d.js";
import { GlPainter } from "./map_gl.js";
import { Legend } from "./map_legend.js";
import { savePicture } from "./map_picture.js";
import { Pointer } from "./map_pointer.js";
import { Tip } from "./map_tip.js";

const KEYS =
  "Keys on the map: arrows move it, + and - zoom, 0 shows all, A selects what is in sight, Enter opens the" +
  " selection in Review, Escape ends it.";
const ZOOM = 1.5; // of one press
const TOOLS = [
  ["pan", "Move", "Drag to move, wheel to zoom. Shift and drag selects"],
  ["lasso", "Lasso", "Draw around images to select them. Ctrl adds to the selection"],
  ["box", "Box", "Draw a rectangle to select images. Ctrl adds to the selection"],
];

export function buildMap(map) {
  const parts = { root: make("div", "map"), tools: make("div", "bar"), stage: make("div", "stage") };
  map.parts = parts;
  buildTools(map);
  buildFrame(map);
  map.legend = new Legend(() => map.recolour());
  parts.stage.append(parts.frame, map.legend.root);
  parts.status = make("div", "status");
  parts.message = make("span", "message");
  parts.message.setAttribute("role", "status");
  parts.offer = make("span", "bar");
  parts.status.append(parts.message, parts.offer);
  parts.keys = make("div", "keys", KEYS);
  parts.keys.id = "map-keys";
  parts.root.append(parts.tools, parts.stage, parts.status, parts.keys);
  map.painter = GlPainter.on(parts.canvas) ?? new PlainPainter(parts.canvas);
  parts.root.dataset.painter = map.painter.kind;
  const isInUse = () => map.host && map.parts === parts; // A canvas that was left loses its context too.
  parts.canvas.addEventListener("webglcontextlost", () => isInUse() && map.replaceCanvas());
  map.overlay = parts.overlay.getContext("2d");
  map.pointer = new Pointer(map, parts.overlay);
}

function buildFrame(map) {
  const { parts } = map;
  parts.frame = make("div", "frame");
  parts.canvas = make("canvas", "points");
  parts.overlay = make("canvas", "overlay");
  parts.overlay.tabIndex = 0;
  parts.overlay.dataset.tool = map.tool;
  parts.overlay.setAttribute("role", "img");
  parts.overlay.setAttribute("aria-label", "Map of images");
  parts.overlay.setAttribute("aria-describedby", "map-keys");
  map.tip = new Tip((id) => `${PREFIX}${map.data.about}${id}`);
  parts.frame.append(parts.canvas, parts.overlay, map.tip.root);
}

function buildTools(map) {
  const { tools } = map.parts;
  tools.setAttribute("role", "toolbar");
  tools.setAttribute("aria-label", "Map");
  map.parts.choices = TOOLS.map(([name, text, title]) => {
    const choice = button(text, "", title, () => map.choose(name));
    choice.dataset.tool = name;
    choice.setAttribute("aria-pressed", String(map.tool === name));
    return choice;
  });
  const inSight = button("Select what is shown", "A", "All images in sight that the legend shows", () =>
    map.selectInSight(),
  );
  const closer = button("+", "", "Zoom in (+)", () => map.zoomBy(ZOOM));
  closer.setAttribute("aria-label", "Zoom in");
  const farther = button("−", "", "Zoom out (-)", () => map.zoomBy(1 / ZOOM));
  farther.setAttribute("aria-label", "Zoom out");
  const fit = button("Fit", "0", "Show the whole map", () => map.fit());
  const save = button("Save picture", "", "The map as it is shown, with its legend, as a PNG file", () =>
    savePicture(map),
  );
  tools.append(...map.parts.choices, inSight, save, make("span", "grow"), closer, farther, fit);
}
