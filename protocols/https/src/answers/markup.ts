// Templates of XML and HTML: a tagged string whose values are escaped, unless they are markup themselves. So a value that came
// from outside cannot become a tag by oversight.

import { escapeXml } from "../xml.ts";

/** Text that is markup already. */
export interface Markup {
  readonly markup: string;
}

/** undefined and "" are nothing. */
export type Value = string | number | undefined | Markup | readonly Markup[];

export function markup(texts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  let all = texts[0] ?? "";
  for (const [index, value] of values.entries()) all += written(value) + (texts[index + 1] ?? "");
  return { markup: all };
}

function written(value: Value): string {
  if (value === undefined) return "";
  if (typeof value === "string") return escapeXml(value);
  if (typeof value === "number") return String(value);
  if ("markup" in value) return value.markup;
  return value.map((each) => each.markup).join("");
}
