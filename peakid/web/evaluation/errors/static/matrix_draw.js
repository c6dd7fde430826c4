// Draws a confusion matrix on a canvas: cells, numbers, names, and the row and column of the pointer.

import { percent } from "./elements.js";
import { fitted, fontOf, NAME_PX } from "./matrix_layout.js";

/**
 * Draw all of it.
 *
 * @param data What Python sent; see matrix_view.py.
 * @param places Of the cells, from placesOf.
 * @param counts Of the cells with images, by row * K + column as the classes are numbered.
 * @param at The cell under the pointer as [row, column] in drawing order, or null.
 */
export function drawMatrix(context, data, places, counts, at) {
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  drawGrid(context, data, places);
  const n = data.names.length;
  const placeOf = new Map(data.order.map((each, place) => [each, place]));
  for (const [index, cell] of counts) {
    const [row, column] = [Math.floor(index / n), index % n];
    drawCell(context, data, places, cell, [placeOf.get(row), placeOf.get(column)], row === column);
  }
  if (at) drawCross(context, data, places, at);
  if (data.opened)
    outline(context, data, places, [placeOf.get(data.opened[0]), placeOf.get(data.opened[1])], 2);
  drawNames(context, data, places, at);
  drawTitles(context, data, places);
}

function drawGrid(context, data, { left, top, lineX, lineY }) {
  context.strokeStyle = data.colours.rule;
  context.lineWidth = 1;
  context.strokeRect(left - 0.5, top - 0.5, lineX.at(-1) - left + 1, lineY.at(-1) - top + 1);
  if (data.names.length > 30) return;
  context.beginPath();
  for (const x of lineX.slice(1, -1)) {
    context.moveTo(x - 0.5, top);
    context.lineTo(x - 0.5, lineY.at(-1));
  }
  for (const y of lineY.slice(1, -1)) {
    context.moveTo(left, y - 0.5);
    context.lineTo(lineX.at(-1), y - 0.5);
  }
  context.stroke();
}

function drawCell(context, data, places, { count, level }, [row, column], isHit) {
  const { lineX, lineY, hasNumbers } = places;
  const [x, y] = [lineX[column], lineY[row]];
  const gap = places.cellWidth >= 8 ? 1 : 0;
  const [width, height] = [lineX[column + 1] - x - gap, lineY[row + 1] - y - gap];
  const { fill, ink } = data.colours[isHit ? "hits" : "errors"][level];
  context.fillStyle = fill;
  context.fillRect(x, y, Math.max(1, width), Math.max(1, height));
  if (!hasNumbers) return;
  const text = numberOf(data, count, row, column);
  context.font = fontOf(data);
  if (context.measureText(text).width > width - 2) return; // The tooltip has it.
  context.fillStyle = ink;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, x + width / 2, y + height / 2 + 0.5);
}

/** Return what is written in a cell: its count, or its share in percent. */
function numberOf(data, count, row, column) {
  if (data.values === "counts") return count.toLocaleString("en");
  const { order, given, predicted } = data;
  const whole = data.values === "rows" ? given[order[row]] : predicted[order[column]];
  return percent(count / Math.max(1, whole));
}

/** Mark the row and the column of the pointer. */
function drawCross(context, data, places, [row, column]) {
  const { left, top, lineX, lineY } = places;
  context.strokeStyle = data.colours.ink;
  context.lineWidth = 1;
  context.globalAlpha = 0.45;
  context.strokeRect(left - 0.5, lineY[row] - 0.5, lineX.at(-1) - left, lineY[row + 1] - lineY[row]);
  context.strokeRect(lineX[column] - 0.5, top - 0.5, lineX[column + 1] - lineX[column], lineY.at(-1) - top);
  context.globalAlpha = 1;
  outline(context, data, places, [row, column], 1.5);
}

function outline(context, data, { lineX, lineY }, [row, column], width) {
  context.strokeStyle = data.colours.ink;
  context.lineWidth = width;
  const [x, y] = [lineX[column], lineY[row]];
  context.strokeRect(x - 0.5, y - 0.5, lineX[column + 1] - x, lineY[row + 1] - y);
}

/** Name the rows and columns that have a place; those of the pointer are always named. */
function drawNames(context, data, places, at) {
  const { rowStep, columnStep, lineX, lineY } = places;
  const named = (n, step, own) =>
    n % step === 0 && !(own !== undefined && n !== own && Math.abs(n - own) < step);
  for (let n = 0; n < data.order.length; n += 1) {
    const name = data.names[data.order[n]];
    if (named(n, rowStep, at?.[0]) || n === at?.[0])
      drawRowName(context, data, places, name, (lineY[n] + lineY[n + 1]) / 2, n === at?.[0]);
    if (named(n, columnStep, at?.[1]) || n === at?.[1])
      drawColumnName(context, data, places, name, (lineX[n] + lineX[n + 1]) / 2, n === at?.[1]);
  }
}

function drawRowName(context, data, { left, label }, name, y, isOwn) {
  context.font = fontOf(data, isOwn ? 650 : 400);
  context.fillStyle = data.colours.ink;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillText(fitted(context, name, label), left - 8, y);
}

function drawColumnName(context, data, { top, label, isFlat, cellWidth }, name, x, isOwn) {
  context.font = fontOf(data, isOwn ? 650 : 400);
  context.fillStyle = data.colours.ink;
  context.textBaseline = "middle";
  if (isFlat) {
    context.textAlign = "center";
    context.fillText(fitted(context, name, cellWidth - 8), x, top - 8 - NAME_PX / 2);
    return;
  }
  context.save();
  context.translate(x, top - 8);
  context.rotate(-Math.PI / 2);
  context.textAlign = "left";
  context.fillText(fitted(context, name, label), 0, 0);
  context.restore();
}

function drawTitles(context, data, { left, top, lineY }) {
  context.font = fontOf(data);
  context.fillStyle = data.colours.muted;
  context.textBaseline = "top";
  context.textAlign = "left";
  context.fillText("Predicted label", left, 2);
  context.save();
  context.translate(2, top + Math.min(lineY.at(-1) - top, 160));
  context.rotate(-Math.PI / 2);
  const room = Math.min(lineY.at(-1) - top, 160);
  context.fillText(fitted(context, "Given label", room), 0, 0);
  context.restore();
}
