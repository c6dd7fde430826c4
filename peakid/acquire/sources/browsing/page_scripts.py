"""The scripts that run in a page of pictures: they read it, scroll it and press its buttons."""

ITEMS = """
const [selector, names] = arguments;
const found = [];
for (const element of document.querySelectorAll(selector)) {
  if (found.length >= 20000) break;
  const parts = [element, ...element.querySelectorAll("img, source, a")];
  const values = {};
  for (const name of names) {
    const part = parts.find((each) => (each.getAttribute(name) || "").trim());
    if (part) values[name] = part.getAttribute(name).slice(0, 20000);
  }
  const described = ["alt", "title", "aria-label"];
  const texts = parts.flatMap((each) => described.map((name) => each.getAttribute(name)));
  const caption = element.closest("figure")?.querySelector("figcaption")?.textContent;
  found.push([values, ([...texts, caption].find((each) => each && each.trim()) || "").slice(0, 1000)]);
}
return [document.baseURI, document.location.href, found];
"""
WALL = """
const seen = (element) => {
  const box = element.getBoundingClientRect(), style = getComputedStyle(element);
  return box.width > 40 && box.height > 10 && style.visibility !== "hidden" && style.opacity !== "0";
};
const captcha = ["recaptcha/", "hcaptcha.com", "challenges.cloudflare.com", "captcha-delivery.com",
                 "arkoselabs.com", "funcaptcha.com", "geetest.com"]
  .map((each) => `iframe[src*="${each}"]`)
  .concat([".g-recaptcha", ".h-captcha", ".cf-turnstile", "#px-captcha", "form[action*='captcha' i]"]);
const some = (selector) => [...document.querySelectorAll(selector)].some(
  (each) => seen(each) && !each.closest(".grecaptcha-badge"));
const metas = [...document.querySelectorAll("meta[name]")].slice(0, 200).map((each) => each.outerHTML);
return [some(captcha.join(", ")), some("input[type='password']"), metas.join("").slice(0, 100000),
        document.location.href];
"""
MORE = """
const button = [...document.querySelectorAll(arguments[0])].find((each) => {
  const box = each.getBoundingClientRect();
  return box.width > 1 && box.height > 1 && !each.disabled && each.getAttribute("aria-disabled") !== "true";
});
if (button) {
  if (button.target) button.target = "_self";  // A popup would be blocked.
  button.click();
}
return Boolean(button);
"""
SCROLL = """
const all = document.scrollingElement || document.documentElement;
window.scrollTo(0, all.scrollHeight);
for (const element of document.querySelectorAll("main, [role='main'], [data-scroll]")) {
  if (element.scrollHeight > element.clientHeight + 50) element.scrollTop = element.scrollHeight;
}
return all.scrollHeight;
"""
