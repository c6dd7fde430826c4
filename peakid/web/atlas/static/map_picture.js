// Save what the map shows as a PNG picture, with its legend.

import { make } from "./elements.js";

const LEGEND_PX = 240;
const ROW_PX = 22;
const MARGIN_PX = 16;

/** Paint the map once more and offer it as a file: a WebGL canvas is empty after its frame was shown. */
export function savePicture(map) {
  if (!map.colours) return;
  map.paint();
  const { canvas, frame } = map.parts;
  const { ratio } = map;
  const picture = make("canvas");
  picture.width = canvas.width + LEGEND_PX * ratio;
  picture.height = canvas.height;
  const context = picture.getContext("2d");
  const style = getComputedStyle(frame);
  context.fillStyle = style.backgroundColor;
  context.fillRect(0, 0, picture.width, picture.height);
  context.drawImage(canvas, 0, 0);
  drawLegend(context, map, { left: canvas.width, height: picture.height, ink: style.color });
  picture.toBlob((blob) => {
    if (blob) download(blob);
    else map.say("The picture is too large for this browser.");
  }, "image/png");
}

function drawLegend(context, map, { left, height, ink }) {
  const { ratio } = map;
  const shown = map.legend.categories.filter(({ n }, code) => n && !map.legend.hidden.has(code));
  const fits = Math.floor(height / ratio / ROW_PX) - 2;
  context.font = `${13 * ratio}px ${getComputedStyle(map.parts.frame).fontFamily}`;
  context.textBaseline = "middle";
  shown.slice(0, fits).forEach(({ name, colour, n }, row) => {
    const y = (MARGIN_PX + (row + 0.5) * ROW_PX) * ratio;
    context.fillStyle = colour;
    context.beginPath();
    context.arc(left + MARGIN_PX * ratio, y, 5 * ratio, 0, 2 * Math.PI);
    context.fill();
    context.fillStyle = ink;
    context.fillText(`${shortened(name)}  ${n.toLocaleString("en")}`, left + (MARGIN_PX + 14) * ratio, y);
  });
  const more = shown.length - fits;
  const last = (MARGIN_PX + (fits + 0.5) * ROW_PX) * ratio;
  if (more > 0) context.fillText(`and ${more.toLocaleString("en")} more`, left + MARGIN_PX * ratio, last);
}

function shortened(name) {
  return name.length > 24 ? `${name.slice(0, 23)}…` : name;
}

function download(blob) {
  const link = make("a");
  link.href = URL.createObjectURL(blob);
  link.download = "map.png";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
