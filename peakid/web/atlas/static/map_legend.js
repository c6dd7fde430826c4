// The legend: a button for each category that hides or shows it, and one that shows it alone.

import { make, writeName } from "./elements.js";

/** Create the list; `changed` is called with the set of hidden codes after each choice. */
export class Legend {
  constructor(changed) {
    this.changed = changed;
    this.hidden = new Set();
    this.root = make("div", "legend");
    this.list = make("ul", "entries");
    this.list.setAttribute("aria-label", "Legend");
    // Long lists scroll: the keys must reach all of it.
    this.list.tabIndex = 0;
    this.all = make("button", "all", "Show all");
    this.all.type = "button";
    this.all.addEventListener("click", () => this.set(new Set()));
    this.root.append(this.list, this.all);
  }

  /** Draw other categories. What was hidden by name stays hidden. */
  show(categories) {
    const names = new Set([...this.hidden].map((code) => this.categories?.[code]?.name));
    this.categories = categories;
    this.hidden = new Set(categories.flatMap(({ name, n }, code) => (n && names.has(name) ? [code] : [])));
    if (this.hidden.size >= this.nUsed) this.hidden.clear();
    this.rows = categories.map((category, code) => this.row(category, code));
    this.list.replaceChildren(...this.rows.filter((_, code) => categories[code].n));
    this.draw();
  }

  get nUsed() {
    return this.categories.filter(({ n }) => n).length;
  }

  row({ name, colour, n }, code) {
    const row = make("li", "entry");
    const toggle = make("button", "toggle");
    toggle.type = "button";
    toggle.title = name;
    const dot = make("span", "dot");
    dot.style.background = colour;
    const written = writeName(make("span", "name"), name);
    toggle.append(dot, written, make("span", "n", n.toLocaleString("en")));
    toggle.addEventListener("click", () => this.toggle(code));
    toggle.addEventListener("dblclick", () => this.only(code));
    const only = make("button", "only", "Only");
    only.type = "button";
    only.setAttribute("aria-label", `Show only ${name}`);
    only.addEventListener("click", () => this.only(code));
    row.append(toggle, only);
    row.toggle = toggle;
    return row;
  }

  toggle(code) {
    const hidden = new Set(this.hidden);
    if (!hidden.delete(code)) hidden.add(code);
    this.set(hidden);
  }

  /** Show one category alone, or all again where it is alone already. */
  only(code) {
    const others = this.categories.flatMap(({ n }, each) => (n && each !== code ? [each] : []));
    const isAlone = !this.hidden.has(code) && others.every((each) => this.hidden.has(each));
    this.set(new Set(isAlone ? [] : others));
  }

  set(hidden) {
    this.hidden = hidden;
    this.draw();
    this.changed(hidden);
  }

  draw() {
    this.rows.forEach((row, code) => {
      row.toggle.setAttribute("aria-pressed", String(!this.hidden.has(code)));
    });
    this.all.hidden = !this.hidden.size;
  }
}
