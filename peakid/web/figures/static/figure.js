// A figure of Plotly. Its bundle is loaded, and the figure drawn, when the place comes near the window.

import { make } from "./elements.js";

const MARGIN = "200px";
const HEIGHT_PX = 450; // Plotly's.
const CONFIG = { displayModeBar: false };

async function drawn(place, { data, layout }) {
  await import("./plotly-basic.min.js");
  if (place.isConnected) await window.Plotly.react(place, data, layout, CONFIG);
}

/** Write the values of a figure below it: a list that is closed, and filled when it is opened. */
function writeValues(host, values, label) {
  const before = host.querySelector(":scope > .figure-values");
  if (!values.length) {
    before?.remove();
    return;
  }
  const details = before ?? host.appendChild(make("details", "figure-values"));
  const summary = make("summary", "", "Values");
  summary.setAttribute("aria-label", `Values: ${label}`);
  const list = make("ul");
  const fill = () => {
    if (details.open) list.replaceChildren(...values.map((each) => make("li", "", each)));
  };
  details.ontoggle = fill;
  details.replaceChildren(summary, list);
  fill();
}

export default (component) => {
  const { figure, label, values } = component.data;
  const host = component.parentElement;
  const place = host.querySelector(":scope > .figure") ?? host.appendChild(make("div", "figure"));
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", label);
  writeValues(host, values, label);
  place.style.height = `${figure.layout.height ?? HEIGHT_PX}px`; // Before it is drawn: the page does not jump.
  const near = new IntersectionObserver(
    (entries) => {
      if (!entries.some((each) => each.isIntersecting)) return;
      near.disconnect();
      drawn(place, figure).catch(() => {
        place.textContent = "The figure could not be loaded. Reload the page.";
      });
    },
    { rootMargin: MARGIN, scrollMargin: MARGIN },
  );
  near.observe(place);
  const resized = new ResizeObserver(() => {
    if (place.querySelector(".main-svg") && place.clientWidth) window.Plotly.Plots.resize(place);
  });
  resized.observe(place); // Also when the sidebar opens, which does not change the window.
  return () => {
    near.disconnect();
    resized.disconnect();
  };
};
