// Where the panels of a figure are, and where a value of their axes is, in pixels.

const SVG = "http://www.w3.org/2000/svg";
export const LINE_PX = 17;
const GAP_PX = 8; // Between a tick and the axis, and between a title and what it is about.
const NAME_SHARE = 0.45; // Of the width, at most, for names beside the rows.

export function svgOf(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== "") element.setAttribute(name, value);
  return element;
}

/** Return the panels with their edges, and functions from places of the axes to pixels. */
export function layoutOf(data, width, svg) {
  const measure = measureIn(svg);
  const bottom = data.margin.b + Math.max(...data.panels.map(({ x }) => below(x)));
  const left = Math.min(NAME_SHARE * width, beside(data.panels[0].y, measure));
  const inner = Math.max(40, width - left - data.margin.r);
  const [top, low] = [data.margin.t, Math.max(data.margin.t + 20, data.height - bottom)];
  const panels = data.panels.map((panel) => {
    const [from, to] = panel.domain.map((share) => left + share * inner);
    const x = scale(panel.x.range, [from, to]);
    const y = scale(panel.y.range, [low, top]);
    return {
      ...panel,
      left: from,
      right: to,
      top,
      bottom: low,
      x: { ...panel.x, at: x },
      y: { ...panel.y, at: y },
    };
  });
  for (const panel of panels) panel.x.ticks = thinned(panel.x, measure);
  return { panels, width, height: data.height, measure };
}

function below(axis) {
  return (axis.ticks.length ? LINE_PX + GAP_PX / 2 : 0) + (axis.title ? LINE_PX + GAP_PX : 0);
}

function beside(axis, measure) {
  const widest = Math.max(0, ...axis.ticks.map(({ text }) => measure(text)));
  return 2 + (widest ? widest + GAP_PX : 0) + (axis.title ? LINE_PX + GAP_PX : 0);
}

function scale([low, high], [from, to]) {
  return (place) => from + ((place - low) / (high - low || 1)) * (to - from);
}

/** Return as many ticks as have space beside each other. */
function thinned(axis, measure) {
  const every = (step) => axis.ticks.filter((_, place) => place % step === 0);
  const overlap = (ticks) =>
    ticks.some((tick, place) => {
      const next = ticks[place + 1];
      const space = next && Math.abs(axis.at(next.at) - axis.at(tick.at));
      return next && space < (measure(tick.text) + measure(next.text)) / 2 + 6;
    });
  let step = 1;
  while (step < axis.ticks.length && overlap(every(step))) step += 1;
  return every(step);
}

/** Return a function that gives the width of a text in the font of the figure. */
function measureIn(svg) {
  const probe = svgOf("text", { visibility: "hidden" });
  const known = new Map();
  return (text) => {
    if (!known.has(text)) {
      probe.textContent = text;
      svg.append(probe);
      known.set(text, probe.getComputedTextLength());
      probe.remove();
    }
    return known.get(text);
  };
}
