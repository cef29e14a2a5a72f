// What can be told of a page without a person: labels, language, focus, contrast, width. The checks run in the page.

import type { Page } from "playwright-core";

/** WCAG 2.2, AA: 1.4.3 contrast, 1.4.11 focus, 2.4.2 title, 2.4.7 focus visible, 2.5.8 target size, 3.1.1 language, 4.1.2 names. */
const FORM = `(() => {
  const found = [];
  const note = (text) => found.push(text);
  if (!document.documentElement.lang) note("no language");
  if (!document.title.trim()) note("no title");
  if (document.querySelectorAll("h1").length !== 1) note("not one h1");
  if (!document.querySelector("main")) note("no main");
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  if (new Set(ids).size !== ids.length) note("an id twice");
  for (const each of document.querySelectorAll("[aria-describedby]"))
    if (!document.getElementById(each.getAttribute("aria-describedby"))) note("described by nothing: " + each.name);
  if (!/width=device-width/.test(document.querySelector("meta[name=viewport]")?.content ?? "")) note("no viewport");
  for (const each of document.querySelectorAll("input:not([type=hidden]), button")) {
    const name = each.name || each.textContent;
    if (each.matches("input") && each.labels.length === 0) note("no label: " + name);
    const target = each.matches("[type=radio]") ? each.labels[0] : each;
    if (target.getBoundingClientRect().height < 24) note("too small: " + name);
    each.focus({ focusVisible: true });
    const { outlineStyle, outlineWidth } = getComputedStyle(each);
    if (outlineStyle === "none" || parseFloat(outlineWidth) < 2) note("no visible focus: " + name);
  }
  for (const each of document.querySelectorAll("[type=radio]"))
    if (!each.closest("fieldset")?.querySelector("legend")) note("a choice of nothing");
  return found;
})()`;

const CONTRAST = `(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (each) => {
    for (let at = each; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const each of document.querySelectorAll("h1, p, label, legend, small, button, input:not([type=hidden]):not([type=radio])")) {
    const [a, b] = [light(channels(getComputedStyle(each).color)), light(behind(each))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push((each.name || each.textContent.trim()) + ": " + ratio.toFixed(2));
  }
  return found;
})()`;

const OVERFLOW = "Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)";

/** Empty when there are none. */
export const formProblems = (page: Page): Promise<string[]> => page.evaluate<string[]>(FORM);

/** Texts that stand out too little, with the ratio. */
export const contrastProblems = (page: Page): Promise<string[]> => page.evaluate<string[]>(CONTRAST);

/** Pixels that stick out at the right. */
export const overflow = (page: Page): Promise<number> => page.evaluate<number>(OVERFLOW);
