// File names of attachments, as mail programs would show and save them: RFC 2231 continuations and character sets, RFC 2047
// encoded-words (which do not belong there, and which everybody reads), and none of the tricks: paths, trailing dots and
// blanks, NULs, invisible characters and those that turn the direction of writing. All readings of a name are given, since the
// reader's program may have any of them. Linear in the text; never throws.

import { decodedBytes, hasWords, hexBytes, wordsDecoded } from "./encoded-words.ts";
import type { HeaderValue } from "./mime-parameters.ts";

export interface FileNames {
  /** Cleaned; each once. */
  readonly names: readonly string[];
  /** Written to look like another name: the direction of writing is turned, or there is a NUL in it. */
  readonly disguised: boolean;
}

const MOST_NAMES = 10;
const LONGEST = 255;
const DIRECTION = /[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/;
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;

export function fileNames(values: readonly HeaderValue[]): FileNames {
  const raw = values.flatMap(({ parameters }) => ["filename", "name"].flatMap((name) => readingsOf(name, parameters)));
  const cut = raw.flatMap((name) => (name.includes("\0") ? [name, name.slice(0, name.indexOf("\0"))] : [name]));
  return {
    names: [...new Set(cut.flatMap(cleanReadings))].slice(0, MOST_NAMES),
    disguised: raw.some((name) => DIRECTION.test(name) || name.includes("\0")),
  };
}

/** A name without path, invisible characters, and the dots and blanks at its end that Windows does not see; its last 255 characters. */
export function cleanFileName(name: string): string {
  const visible = name.replace(INVISIBLE, "");
  const base = visible.slice(Math.max(visible.lastIndexOf("/"), visible.lastIndexOf("\\")) + 1);
  let end = base.length;
  while (end > 0 && /[.\s]/.test(base[end - 1] ?? "")) end--;
  return base.slice(0, end).slice(-LONGEST).trimStart();
}

// Windows opens "x.exe::$DATA" as x.exe.
function cleanReadings(name: string): string[] {
  const colon = name.indexOf(":");
  const all = colon > 1 ? [cleanFileName(name), cleanFileName(name.slice(0, colon))] : [cleanFileName(name)];
  return all.filter((clean) => clean !== "");
}

function readingsOf(name: string, parameters: HeaderValue["parameters"]): string[] {
  const plain = parameters.filter(([key]) => key === name).map(([, value]) => value);
  const extended = parameters.filter(([key]) => key === `${name}*`).map(([, value]) => extendedValue(value));
  return [...plain, ...plain.filter(hasWords).map(wordsDecoded), ...extended, ...continued(name, parameters)];
}

/** name*0, name*1* …, in the order of their numbers. */
function continued(name: string, parameters: HeaderValue["parameters"]): string[] {
  const parts = parameters.flatMap(([key, value]) => {
    const [, number, star] = key.startsWith(`${name}*`) ? (/^\*(\d{1,4})(\*?)$/.exec(key.slice(name.length)) ?? []) : [];
    return number === undefined ? [] : [{ number: Number(number), extended: star === "*", value }];
  });
  if (parts.length === 0) return [];
  const sorted = parts.toSorted((a, b) => a.number - b.number);
  const { charset, text: first } =
    sorted[0]?.extended === true ? splitExtended(sorted[0].value) : { charset: "utf-8", text: sorted[0]?.value ?? "" };
  const bytes = sorted.map(({ extended, value }, index) => {
    const text = index === 0 ? first : value;
    return extended ? percentBytes(text) : Buffer.from(text);
  });
  const joined = decodedBytes(Buffer.concat(bytes), charset);
  return hasWords(joined) ? [joined, wordsDecoded(joined)] : [joined];
}

function extendedValue(value: string): string {
  const { charset, text } = splitExtended(value);
  return decodedBytes(percentBytes(text), charset);
}

/** charset'language'text (RFC 2231 section 4). */
function splitExtended(value: string): { charset: string; text: string } {
  const first = value.indexOf("'");
  const second = first === -1 ? -1 : value.indexOf("'", first + 1);
  return second === -1 ? { charset: "utf-8", text: value } : { charset: value.slice(0, first), text: value.slice(second + 1) };
}

const percentBytes = (text: string): Buffer => hexBytes(text, /%([\da-f]{2})/gi);
