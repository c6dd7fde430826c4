// What a queue is made of, beside its grid: counts that filter by a click, histograms that filter by a drag.

import { keepKeys, make, writeName } from "./elements.js";

const MOST_SHOWN = 8; // values of one facet before "more"
const BOTTOM_PX = 20;
const LEAST_HEIGHT_PX = 320;

const panels = new Map(); // by data.key: which lists are unfolded survives a run of the page

class Counts {
  constructor() {
    this.unfolded = new Set();
  }

  mount(component) {
    this.component = component;
    const { parentElement: host } = component;
    for (const old of host.querySelectorAll(".counts")) old.remove();
    this.root = make("div", "counts");
    this.root.tabIndex = 0; // It scrolls.
    this.root.setAttribute("role", "region");
    this.root.setAttribute("aria-label", "Counts of this queue");
    this.draw(component.data);
    host.append(this.root);
    const top = Math.max(this.root.getBoundingClientRect().top, 0);
    this.root.style.maxHeight = `${Math.max(LEAST_HEIGHT_PX, window.innerHeight - top - BOTTOM_PX)}px`;
  }

  draw({ summary, facets, histograms }) {
    const drawn = [make("p", "summary", summary), ...facets.filter(({ values }) => values.length)];
    this.root.replaceChildren(
      ...drawn.map((each) => (each.values ? this.facet(each) : each)),
      ...histograms.map((each) => this.histogram(each)),
    );
  }

  facet(facet) {
    const { name, title, values, active } = facet;
    const section = make("section");
    const list = make("ul", "values");
    const most = values.reduce((largest, { n }) => Math.max(largest, n), 1);
    const isWhole = this.unfolded.has(name) || values.length <= MOST_SHOWN + 1;
    for (const each of isWhole ? values : values.slice(0, MOST_SHOWN)) {
      list.append(this.value(name, each, most, each.value === active));
    }
    section.append(make("h4", "", title), list);
    if (!isWhole) {
      const more = this.button(`${values.length - MOST_SHOWN} more`, "more", () => {
        this.unfolded.add(name);
        this.draw(this.component.data);
      });
      section.append(more);
    }
    return section;
  }

  value(name, { value, shown, n }, most, isActive) {
    const row = make("li");
    const choice = this.button("", "value", () => this.choose(name, isActive ? null : value));
    choice.title = shown;
    choice.setAttribute("aria-pressed", String(isActive));
    const bar = make("span", "share");
    bar.style.width = `${(100 * n) / most}%`;
    const written = writeName(make("span", "name"), shown);
    choice.append(bar, written, make("span", "n", n.toLocaleString("en")));
    row.append(choice);
    return row;
  }

  choose(name, value) {
    this.component.setTriggerValue("chosen", { name, value });
  }

  button(text, className, act) {
    const element = make("button", className, text);
    element.type = "button";
    element.addEventListener("click", act);
    return element;
  }

  // ---- histograms -------------------------------------------------------------------------------

  histogram(data) {
    const section = make("section", "histogram");
    const head = make("div", "head");
    head.append(make("h4", "", data.title));
    if (data.low !== null || data.high !== null)
      head.append(this.button("Any", "more", () => this.limit(data, null, null)));
    const bars = make("div", "bars");
    const most = Math.max(...data.counts, 1);
    const columns = data.counts.map((n, i) => {
      const column = make("span", "column");
      const bar = make("span", "bar");
      bar.style.height = `${n ? Math.max(6, (100 * n) / most) : 0}%`;
      column.title = `${format(data.edges[i])} to ${format(data.edges[i + 1])}: ${n.toLocaleString("en")}`;
      column.append(bar);
      return column;
    });
    bars.append(...columns);
    shade(columns, (i) => isWithin(data, i));
    this.brush(data, bars, columns);
    section.append(head, bars, this.limits(data));
    return section;
  }

  /** Let a person drag over the bars: the range from the first to the last of them filters the queue. */
  brush(data, bars, columns) {
    let first = null;
    const binAt = (event) => {
      const box = bars.getBoundingClientRect();
      const at = Math.floor(((event.clientX - box.left) / box.width) * columns.length);
      return Math.max(0, Math.min(columns.length - 1, at));
    };
    const span = (event) => [first, binAt(event)].sort((a, b) => a - b);
    bars.addEventListener("pointerdown", (event) => {
      first = binAt(event);
      bars.setPointerCapture(event.pointerId);
      shade(columns, (i) => i === first);
    });
    bars.addEventListener("pointermove", (event) => {
      if (first === null) return;
      const [from, to] = span(event);
      shade(columns, (i) => i >= from && i <= to);
    });
    bars.addEventListener("pointerup", (event) => {
      if (first === null) return;
      const [from, to] = span(event);
      first = null;
      // The first and the last bar have no end: what lies beyond belongs to them.
      const low = from === 0 ? null : data.edges[from];
      const high = to === columns.length - 1 ? null : data.edges[to + 1];
      this.limit(data, low, high);
    });
  }

  limits(data) {
    const row = make("div", "limits");
    const field = (name, value, edge, act) => {
      const input = keepKeys(make("input", "field"));
      Object.assign(input, { type: "number", step: "any", value: value ?? "", placeholder: format(edge) });
      input.setAttribute("aria-label", `${data.title}: ${name}`);
      input.addEventListener("change", () => act(input.value === "" ? null : Number(input.value)));
      return input;
    };
    const [least, most] = [data.edges[0], data.edges.at(-1)];
    row.append(
      field("at least", data.low, least, (low) => this.limit(data, low, data.high)),
      make("span", "to", "to"),
      field("at most", data.high, most, (high) => this.limit(data, data.low, high)),
    );
    return row;
  }

  limit({ measure }, low, high) {
    this.component.setTriggerValue("limited", { measure, low, high });
  }
}

function isWithin({ edges, low, high }, i) {
  return (low === null || edges[i + 1] > low) && (high === null || edges[i] < high);
}

function shade(columns, isIn) {
  columns.forEach((column, i) => {
    column.classList.toggle("out", !isIn(i));
  });
}

function format(value) {
  return Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 3 });
}

export default (component) => {
  const { key } = component.data;
  if (!panels.has(key)) panels.set(key, new Counts());
  panels.get(key).mount(component);
};
