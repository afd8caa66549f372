// What everybody needs who does not see, or not well, or does not use a mouse (WCAG 2.2 AA, as far as a program can
// tell). Answers a list of faults of the page as it stands.
const faults = [];
const shown = (element) =>
  !element.closest("[aria-hidden=true]") && element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
const all = (selector) => [...document.querySelectorAll(selector)].filter(shown);
const what = (element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 120);
const text = (id) => document.getElementById(id)?.textContent.trim() ?? "";

// 3.1.1, 2.4.2, 1.3.1
if (!document.documentElement.lang) faults.push("the page has no language");
if (!document.title.trim()) faults.push("the page has no title");
if (all("main").length !== 1) faults.push(`${all("main").length} main landmarks`);
if (all("h1").length !== 1) faults.push(`${all("h1").length} headings of the first level`);
let level = 0;
for (const heading of all("h1, h2, h3, h4, h5, h6")) {
  const next = Number(heading.tagName[1]);
  if (next > level + 1) faults.push(`a heading skips a level: ${what(heading)}`);
  level = next;
}

// 4.1.2, 1.1.1: everything has a name.
const named = (element) =>
  element.getAttribute("aria-label")?.trim() ||
  (element.getAttribute("aria-labelledby") ?? "").split(" ").some(text) ||
  [...(element.labels ?? [])].some((label) => label.textContent.trim()) ||
  element.textContent.trim() ||
  [...element.querySelectorAll("img[alt], svg[aria-label]")].some((image) => image.alt || image.ariaLabel);
for (const field of all("input:not([type=hidden]), select, textarea")) {
  if (!named(field) || (field.tagName === "SELECT" && !field.labels.length && !field.ariaLabel)) {
    faults.push(`a field without a name: ${what(field)}`);
  }
}
for (const control of all("a[href], button, summary")) {
  if (!named(control)) faults.push(`a control without a name: ${what(control)}`);
}
for (const image of all("img:not([alt])")) faults.push(`an image without alt: ${what(image)}`);

// What is referred to is there, once.
const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
for (const id of ids.filter((id, at) => ids.indexOf(id) !== at)) faults.push(`two of id ${id}`);
for (const name of ["for", "aria-labelledby", "aria-describedby", "aria-controls"]) {
  for (const element of document.querySelectorAll(`[${name}]`)) {
    for (const id of element.getAttribute(name).split(" ")) {
      if (!ids.includes(id)) faults.push(`${name} leads nowhere: ${what(element)}`);
    }
  }
}
for (const field of all("[aria-invalid=true]")) {
  if (!(field.getAttribute("aria-describedby") ?? "").split(" ").some(text)) {
    faults.push(`a wrong field does not say what is wrong: ${what(field)}`);
  }
}
for (const element of document.querySelectorAll("[tabindex]")) {
  if (element.tabIndex > 0) faults.push(`an order of its own: ${what(element)}`);
}

// 1.4.3: contrast. Colours are read from a canvas, whatever space they are written in.
const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const rgba = (colour) => {
  pixel.clearRect(0, 0, 1, 1);
  pixel.fillStyle = colour;
  pixel.fillRect(0, 0, 1, 1);
  return [...pixel.getImageData(0, 0, 1, 1).data];
};
const over = ([r, g, b, a], below) =>
  [r, g, b].map((channel, at) => (channel * a + below[at] * (255 - a)) / 255).concat(255);
// The colour behind an element; nothing where a picture is.
const behind = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (style.backgroundImage !== "none") return null;
    const colour = rgba(style.backgroundColor);
    layers.push(colour);
    if (colour[3] === 255) break;
  }
  return layers.reduceRight((below, layer) => over(layer, below), [255, 255, 255, 255]);
};
const luminance = (colour) => {
  const [r, g, b] = colour.slice(0, 3).map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const seen = new Set();
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || seen.has(element) || !shown(element)) continue;
  seen.add(element);
  if (element.closest("svg, [aria-hidden=true], :disabled, option")) continue;
  const style = getComputedStyle(element);
  const below = behind(element);
  if (!below) continue;
  const [one, other] = [luminance(over(rgba(style.color), below)), luminance(below)];
  const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (contrast < (large ? 3 : 4.5)) faults.push(`contrast ${contrast.toFixed(2)}: ${what(element)}`);
}

// 2.5.8: a finger finds it; links within a sentence may be as high as their line.
for (const control of all("a[href], button, summary, input:not([type=hidden]), select, textarea")) {
  // A link may be wider than its words: of a card it is all of it.
  if (getComputedStyle(control, "::after").position === "absolute") continue;
  const inline = getComputedStyle(control).display === "inline" && control.closest("p, li, dd, td, label, figcaption");
  const { width, height } = (control.labels?.[0] ?? control).getBoundingClientRect();
  const own = control.getBoundingClientRect();
  const enough = Math.max(width, own.width) >= 24 && Math.max(height, own.height) >= 24;
  if (!inline && !enough) {
    faults.push(`${Math.round(own.width)} × ${Math.round(own.height)} px to hit: ${what(control)}`);
  }
}
return faults;
