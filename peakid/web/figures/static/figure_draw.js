// Draw the panels of a figure: grid and ticks, bars, points with their intervals, lines across, notes.

import { LINE_PX, svgOf } from "./figure_layout.js";

export const HALO = "halo"; // Around the point that is told about.
const CAP_PX = 4; // Half the length of the end of an interval.
const SWATCH_PX = 11;
const ASCENT_PX = 4.5; // From the middle of a line of text to its baseline.
const ANCHORS = { 0: "start", 0.5: "middle", 1: "end" };
const SYMBOLS = {
  square: (r) => `M${-r} ${-r}H${r}V${r}H${-r}Z`,
  diamond: (r) => `M0 ${-1.3 * r}L${1.3 * r} 0L0 ${1.3 * r}L${-1.3 * r} 0Z`,
  "triangle-up": (r) => `M0 ${-1.15 * r}L${r} ${0.8 * r}H${-r}Z`,
  x: (r) => `M${-r} ${-r}L${r} ${r}M${-r} ${r}L${r} ${-r}`,
  cross: (r) => `M${-r} 0H${r}M0 ${-r}V${r}`,
};

/** Draw a figure; return what is told about each of its points: the lines, where it is, and its halo. */
export function drawFigure(svg, data, layout) {
  const targets = [];
  for (const panel of layout.panels) {
    drawGrid(svg, panel, data, layout.measure);
    for (const mark of panel.marks)
      targets.push(
        ...(mark.kind === "bars" ? drawBars(svg, mark, panel, data) : drawPoints(svg, mark, panel, data)),
      );
    for (const line of panel.lines) drawAcross(svg, line, panel);
    for (const note of panel.notes) drawNote(svg, note, panel, data, layout.measure);
  }
  drawLegend(svg, data, layout);
  return targets;
}

function drawGrid(svg, panel, data, measure) {
  const { left, right, top, bottom, x, y } = panel;
  const rule = { stroke: data.rule, "shape-rendering": "crispEdges" };
  for (const { at, text } of x.ticks) {
    const place = x.at(at);
    if (x.grid) svg.append(svgOf("line", { x1: place, x2: place, y1: top, y2: bottom, ...rule }));
    svg.append(textOf(text, place, bottom + 4 + LINE_PX / 2, "middle", data));
  }
  for (const { at, text } of y.ticks) {
    const place = y.at(at);
    if (y.grid) svg.append(svgOf("line", { x1: left, x2: right, y1: place, y2: place, ...rule }));
    const name = textOf(text, left - 8, place, "end", data);
    const most = left - (y.title ? LINE_PX + 8 : 0) - 10; // Squeeze a name that is wider, rather than cut it.
    if (measure(text) > most)
      for (const [key, value] of Object.entries({ textLength: most, lengthAdjust: "spacingAndGlyphs" }))
        name.setAttribute(key, value);
    svg.append(name);
  }
  const middle = (top + bottom) / 2;
  if (x.title)
    svg.append(
      textOf(x.title, (left + right) / 2, data.height - data.margin.b - LINE_PX / 2, "middle", data),
    );
  if (!y.title) return;
  const title = textOf(y.title, LINE_PX / 2, middle, "middle", data);
  title.setAttribute("transform", `rotate(-90 ${LINE_PX / 2} ${middle})`);
  svg.append(title);
}

/** Return a part of the figure that shows nothing beyond a panel. */
function clipped(svg, { left, right, top, bottom }) {
  const size = { width: right - left, height: bottom - top };
  const viewBox = `${left} ${top} ${size.width} ${size.height}`;
  const part = svgOf("svg", { x: left, y: top, ...size, viewBox, overflow: "hidden" });
  svg.append(part);
  return part;
}

function drawPoints(whole, mark, panel, data) {
  const svg = mark.is_clipped && !mark.sizes ? clipped(whole, panel) : whole;
  const places = mark.x.map((x, n) => [panel.x.at(x), panel.y.at(mark.y[n])]);
  const path = places.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
  if (mark.fill && path) svg.append(svgOf("path", { d: `M${path}Z`, fill: mark.fill }));
  if (mark.line?.width && path)
    svg.append(
      svgOf("path", { d: `M${path}`, fill: "none", ...stroke(mark.line), "stroke-linejoin": "round" }),
    );
  drawIntervals(svg, mark, places, panel);
  if (mark.sizes) for (const [n, [x, y]] of places.entries()) svg.append(symbolOf(mark, n, x, y));
  for (const [n, lines] of mark.texts.entries())
    if (lines.join("")) drawText(svg, mark, lines, places[n], data);
  return mark.tips.flatMap((tip, n) => {
    const [[x, y], radius] = [places[n], (mark.sizes?.[n] ?? 4) / 2];
    const box = [x, y, x, y];
    for (const [letter, ends] of Object.entries(mark.intervals)) {
      const [from, to] = ends[n].map((end) => panel[letter].at(end)).sort((a, b) => a - b);
      if (letter === "x") [box[0], box[2]] = [from, to];
      else [box[1], box[3]] = [from, to];
    }
    return tip.join("") ? [{ tip, x, y, box, halo: { cx: x, cy: y, r: radius + 3 } }] : [];
  });
}

function symbolOf(mark, n, x, y) {
  const [radius, symbol, colour] = [mark.sizes[n] / 2, mark.symbol, mark.colours[n]];
  const edge = mark.edge ? { stroke: mark.edge.colour, "stroke-width": mark.edge.width } : {};
  if (symbol === "circle")
    return svgOf("circle", { class: "point", cx: x, cy: y, r: radius, fill: colour, ...edge });
  const [name, isOpen] = [symbol.replace("-open", ""), symbol.endsWith("-open")];
  const isLine = name === "x" || name === "cross";
  return svgOf("path", {
    class: "point",
    d: SYMBOLS[name](radius),
    transform: `translate(${x} ${y})`,
    fill: isOpen || isLine ? "none" : colour,
    ...(isOpen || isLine ? { stroke: colour, "stroke-width": 2 } : edge),
  });
}

function drawText(svg, mark, lines, [x, y], data) {
  const [vertical, across = "center"] = mark.text_at.split(" ");
  const anchor = { left: "end", center: "middle", right: "start" }[across];
  const [dx, dy] = [{ left: -8, center: 0, right: 8 }[across], { top: -13, middle: 0, bottom: 13 }[vertical]];
  svg.append(textOf(lines.join(" "), x + dx, y + dy, anchor, data));
}

function drawBars(svg, mark, panel, data) {
  const { x, y } = panel;
  const boxes = mark.spans.map((span, n) => {
    const [acrossX, acrossY] = mark.across ? [span, mark.sides[n]] : [mark.sides[n], span];
    const [left, right] = acrossX.map(x.at).sort((a, b) => a - b);
    const [top, bottom] = acrossY.map(y.at).sort((a, b) => a - b);
    return [left, top, right, bottom];
  });
  for (const [n, [left, top, right, bottom]] of boxes.entries()) {
    const size = { x: left, y: top, width: right - left, height: bottom - top };
    svg.append(svgOf("rect", { class: "point", ...size, fill: mark.colours[n] }));
  }
  const ends = boxes.map(([left, top, right, bottom]) =>
    mark.across ? [right, (top + bottom) / 2] : [(left + right) / 2, top],
  );
  drawIntervals(svg, mark, ends, panel);
  for (const [n, lines] of mark.texts.entries())
    svg.append(textOf(lines.join(" "), ends[n][0] + 6, ends[n][1], "start", data));
  return mark.tips.map((tip, n) => {
    const [x, y] = ends[n];
    return { tip, x, y, box: boxes[n], halo: { cx: x, cy: y, r: 5 } };
  });
}

function drawIntervals(svg, mark, places, panel) {
  for (const [letter, spans] of Object.entries(mark.intervals))
    for (const [n, span] of spans.entries()) {
      const [low, high] = span.map((end) => panel[letter].at(end));
      const [x, y] = places[n];
      const d =
        letter === "x"
          ? `M${low} ${y}H${high}M${low} ${y - CAP_PX}v${2 * CAP_PX}M${high} ${y - CAP_PX}v${2 * CAP_PX}`
          : `M${x} ${low}V${high}M${x - CAP_PX} ${low}h${2 * CAP_PX}M${x - CAP_PX} ${high}h${2 * CAP_PX}`;
      svg.append(svgOf("path", { d, fill: "none", stroke: mark.interval_colour, "stroke-width": 1.2 }));
    }
}

function drawAcross(svg, line, panel) {
  const [x1, x2] = line.x.map((at) => placeOf(at, line.x_of, panel.x, panel.left, panel.right));
  const [y1, y2] = line.y.map((at) => placeOf(at, line.y_of, panel.y, panel.bottom, panel.top));
  svg.append(svgOf("line", { x1, x2, y1, y2, ...stroke(line.line) }));
}

function placeOf(at, of, axis, from, to) {
  return of === "panel" ? from + at * (to - from) : axis.at(at);
}

function drawNote(svg, note, panel, data, measure) {
  const [dx, dy] = note.shift;
  const x = placeOf(note.x, note.x_of, panel.x, panel.left, panel.right) + dx;
  const y = placeOf(note.y, note.y_of, panel.y, panel.bottom, panel.top) - dy;
  const height = LINE_PX * note.lines.length;
  const width = Math.max(...note.lines.map(measure));
  const top = y - (1 - note.anchor[1]) * height; // The anchor is a share from the bottom of the text.
  if (note.is_on_ground)
    svg.append(svgOf("rect", { x: x - note.anchor[0] * width, y: top, width, height, fill: data.ground }));
  for (const [n, line] of note.lines.entries())
    svg.append(textOf(line, x, top + LINE_PX * (n + 0.5), ANCHORS[note.anchor[0]], data));
}

function drawLegend(svg, data, layout) {
  let x = layout.panels[0].left;
  for (const { name, colour } of data.legend) {
    const y = layout.panels[0].top - 16;
    const text = name.join(" ");
    svg.append(svgOf("rect", { x, y: y - SWATCH_PX / 2, width: SWATCH_PX, height: SWATCH_PX, fill: colour }));
    svg.append(textOf(text, x + SWATCH_PX + 6, y, "start", data));
    x += SWATCH_PX + 6 + layout.measure(text) + 20;
  }
}

function textOf(text, x, y, anchor, data) {
  const element = svgOf("text", { x, y: y + ASCENT_PX, "text-anchor": anchor, fill: data.ink });
  element.textContent = text;
  return element;
}

function stroke({ colour, width, dash }) {
  return { stroke: colour, "stroke-width": width, "stroke-dasharray": dash };
}
