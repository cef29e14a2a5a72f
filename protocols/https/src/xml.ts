// Reads one element's text out of a small XML document (XML 1.0, Namespaces), and writes text into one. It is no parser for
// documents: it knows tags, comments, CDATA, and the five entities and numbers, and keeps no tree. Names are compared without
// their prefix. Reading ends at what is not well-formed, at a DOCTYPE (so nothing can be declared or fetched) and at 64 levels;
// what was found before counts. One pass, whatever comes. Throws nothing. What is found may hold any character that XML can,
// line ends too: whoever uses it must look at it.

const DEEPEST = 64;
const NAME = /(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)/y;
const REFERENCE = /&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|(amp|lt|gt|quot|apos));|&/g;
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const UNWRITABLE = /[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/** The document in a body: UTF-8, or UTF-16 where it begins with a byte order mark. */
export function xmlText(body: Buffer): string {
  const isUtf16 = body.length > 1 && ((body[0] === 0xff && body[1] === 0xfe) || (body[0] === 0xfe && body[1] === 0xff));
  return new TextDecoder(isUtf16 ? (body[0] === 0xff ? "utf-16le" : "utf-16be") : "utf-8").decode(body);
}

/** The text of the first element of this local name that holds text alone, without the space around it. */
export function textOf(xml: string, localName: string): string | undefined {
  return textsOf(xml, localName, 1)[0];
}

/** The texts of the first `most` elements of this local name that hold text alone. */
export function textsOf(xml: string, localName: string, most: number): readonly string[] {
  const found: string[] = [];
  const open: { readonly tag: string; readonly name: string; text: string | undefined }[] = [];
  let at = xml.charCodeAt(0) === 0xfeff ? 1 : 0;
  const add = (text: string | undefined): boolean => {
    const top = open.at(-1);
    if (top?.text !== undefined && text !== undefined) top.text += text;
    return text !== undefined;
  };
  while (at < xml.length && found.length < most) {
    if (xml[at] !== "<") {
      const end = endOf(xml, "<", at, 0);
      if (!add(decoded(xml.slice(at, end === -1 ? xml.length : end)))) return found;
      at = end === -1 ? xml.length : end;
    } else if (xml.startsWith("<!--", at)) at = endOf(xml, "-->", at + 4, 3);
    else if (xml.startsWith("<?", at)) at = endOf(xml, "?>", at + 2, 2);
    else if (xml.startsWith("<![CDATA[", at)) {
      const end = endOf(xml, "]]>", at + 9, 3);
      if (end !== -1) add(xml.slice(at + 9, end - 3));
      at = end;
    } else {
      const end = endOfTag(xml, at);
      if (end === -1) return found;
      const isEnd = xml[at + 1] === "/";
      const [tag, name] = nameAt(xml, at + (isEnd ? 2 : 1)) ?? ["", ""];
      if (tag === "") return found;
      const isEmpty = xml[end - 2] === "/" && !isEnd;
      if (!isEnd) {
        const parent = open.at(-1);
        if (parent !== undefined) parent.text = undefined;
        if (open.length === DEEPEST) return found;
        open.push({ tag, name, text: "" });
      }
      if (isEnd || isEmpty) {
        const closed = open.pop();
        if (closed?.tag !== tag) return found;
        if (closed.name === localName && closed.text !== undefined) found.push(closed.text.trim());
      }
      at = end;
    }
    if (at === -1) return found;
  }
  return found;
}

/** Text as it can stand between tags, and in an attribute between any quotes; in HTML too. What XML cannot hold becomes U+FFFD. */
export function escapeXml(text: string): string {
  return text.replaceAll(UNWRITABLE, "\uFFFD").replaceAll(/[&<>"'\r\n\t]/g, (found) => `&#${found.charCodeAt(0)};`);
}

function endOf(xml: string, mark: string, from: number, length: number): number {
  const found = xml.indexOf(mark, from);
  return found === -1 ? -1 : found + length;
}

/** Behind the ">" that ends the tag; -1: it does not end, or "<" stands in it. */
function endOfTag(xml: string, from: number): number {
  let quote = "";
  for (let at = from + 1; at < xml.length; at += 1) {
    const found = xml[at] ?? "";
    if (found === "<") return -1;
    if (quote !== "") quote = found === quote ? "" : quote;
    else if (found === ">") return at + 1;
    else if (found === '"' || found === "'") quote = found;
  }
  return -1;
}

/** The whole name and the one without its prefix; a name ends at a space, "/" or ">". */
function nameAt(xml: string, at: number): readonly [string, string] | undefined {
  NAME.lastIndex = at;
  const [tag = "", name = ""] = NAME.exec(xml) ?? [];
  return tag !== "" && /[\s/>]/.test(xml[at + tag.length] ?? "") ? [tag, name] : undefined;
}

/** undefined: a reference that is none, or to a character that XML cannot hold. */
function decoded(text: string): string | undefined {
  if (!text.includes("&")) return text;
  let isWhole = true;
  const all = text.replaceAll(REFERENCE, (_, decimal?: string, hex?: string, entity?: string) => {
    if (entity !== undefined) return ENTITIES[entity] ?? "";
    const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
    const found = code <= 0x10_ff_ff ? String.fromCodePoint(code) : "";
    if (found === "" || found.search(UNWRITABLE) !== -1) isWhole = false;
    return found;
  });
  return isWhole ? all : undefined;
}
