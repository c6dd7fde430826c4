// What is drawn over the points: the outline that is being drawn, and rings around single images.

export function drawOverlay(map) {
  const { overlay: context, parts, ratio } = map;
  if (!context || !ratio) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, parts.overlay.width, parts.overlay.height);
  context.strokeStyle = map.ink ?? "#000";
  drawOutline(context, map.pointer.outline);
  if (!map.points) return;
  const radius = map.view.pointSize(map.points.n) / 2;
  for (const point of map.highlighted) ring(context, map.placeOf(point), radius + 6, 3);
  if (map.hovered >= 0) ring(context, map.placeOf(map.hovered), radius + 3, 2);
}

function drawOutline(context, outline) {
  if (!outline || outline.length < 4) return;
  context.lineWidth = 1.5;
  context.setLineDash([5, 4]);
  context.beginPath();
  for (let at = 0; at < outline.length; at += 2) context.lineTo(outline[at], outline[at + 1]);
  context.closePath();
  context.stroke();
  context.setLineDash([]);
}

function ring(context, place, radius, width) {
  context.lineWidth = width;
  context.beginPath();
  context.arc(...place, radius, 0, 2 * Math.PI);
  context.stroke();
}
