// Where a mistake is, and how it is told: `FILE:LINE:COLUMN: key.path: sentence` or `--flag: sentence`. Whatever came
// from outside is made printable, so that a strange name cannot forge a second line or move the cursor.

/** A spot in the configuration file, a flag, or the command line as a whole. Lines and columns count from 1. */
export type Place =
  | { readonly kind: "file"; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: "flag"; readonly flag: string }
  | { readonly kind: "command line" };

export interface Problem {
  readonly place: Place;
  /** "backends.mbx1.imap"; what the sentence is about when the place is not enough. */
  readonly path: string;
  /** What is wrong, and the cure. */
  readonly sentence: string;
}

const LONGEST = 400;

/** Text on one line, cut at 400 characters, with control and format characters shown as escapes. */
export function printable(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return cut.replace(/[\p{C}\u2028\u2029]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

/** The path of a key inside a map: "backends" and "mbx1" are "backends.mbx1". The key "" is the map itself. */
export function keyPath(path: string, key: string): string {
  if (key === "") return path;
  return path === "" ? key : `${path}.${key}`;
}

/** The path of a list's item: "listeners[0]". */
export function itemPath(path: string, index: number): string {
  return `${path}[${index}]`;
}

/**
 * The path of a key in a section ("then[0].redirect" in "rules[1]", or "[1].then" in "rules") as the file has it: a single
 * value that stands for a list has no "[0]".
 */
export function sectionPath(section: string, key: string, given: (path: string) => boolean): string {
  const path = key.startsWith("[") ? `${section}${key}` : keyPath(section, key);
  let written = "";
  for (const piece of path.split(/(?=\[0\])/)) {
    const isSingle = piece.startsWith("[0]") && given(written) && !given(`${written}[0]`);
    written += isSingle ? piece.slice("[0]".length) : piece;
  }
  return written;
}

/** One line of text. */
export function problemText({ place, path, sentence }: Problem): string {
  if (place.kind === "flag") return `${place.flag}: ${printable(sentence)}`;
  const where = place.kind === "file" ? `${printable(place.file)}:${place.line}:${place.column}` : "command line";
  return `${where}: ${printable(path)}: ${printable(sentence)}`;
}

/** Problems as lines: flags first, then the file from top to bottom; the same line is told once. */
export function problemLines(problems: readonly Problem[]): string[] {
  const line = (problem: Problem): number => (problem.place.kind === "file" ? problem.place.line : 0);
  const column = (problem: Problem): number => (problem.place.kind === "file" ? problem.place.column : 0);
  const sorted = [...problems].sort((a, b) => line(a) - line(b) || column(a) - column(b));
  return [...new Set(sorted.map(problemText))];
}
