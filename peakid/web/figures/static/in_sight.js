// Say once that an empty place of the page is near the window, or in an expander that is open.

import { make } from "./elements.js";

const MARGIN = "400px"; // Below the window: what comes is there before the place is seen.
const WAIT_MS = 200;
const DRAWN = "[data-testid=stApp][data-test-script-state=notRunning]";

export default (component) => {
  const place = make("div", "place");
  place.style.height = `${component.data.height_px}px`;
  component.parentElement.replaceChildren(place);
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some((each) => each.isIntersecting)) return;
      observer.disconnect();
      component.setTriggerValue("near", true);
    },
    { rootMargin: MARGIN, scrollMargin: MARGIN },
  );
  let timer;
  const observe = () => {
    // While the page is drawn, what is above has no height yet.
    if (document.querySelector(DRAWN)) observer.observe(place);
    else timer = setTimeout(observe, WAIT_MS);
  };
  timer = setTimeout(observe, WAIT_MS);
  return () => {
    clearTimeout(timer);
    observer.disconnect();
  };
};
