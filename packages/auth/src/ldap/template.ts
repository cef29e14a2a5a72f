// Places in a filter or a distinguished name where the user's name belongs: {user}, {local}, {domain}. Throws Error for any
// other word in braces.

import { splitUser } from "@postern/contracts";

export const PLACES = ["user", "local", "domain"] as const;
export type Place = (typeof PLACES)[number];

/** What stands in each place; undefined where the name has no domain. */
export type Names = Readonly<Record<Place, string | undefined>>;

/** Literal text, or a place. */
export type Piece = string | { readonly place: Place };

export function namesOf(user: string): Names {
  return { user, ...splitUser(user) } as const;
}

export function piecesOf(template: string): readonly Piece[] {
  return template
    .split(/(\{[^{}]*\})/)
    .filter((text) => text !== "")
    .map((text) => {
      if (!/^\{.*\}$/.test(text)) return text;
      const place = PLACES.find((each) => `{${each}}` === text);
      if (place === undefined) throw new Error(`${text} is none of {user}, {local} and {domain}`);
      return { place };
    });
}

/** What the pieces make, in bytes; undefined when a place has nothing to stand in it. */
export function fill(
  pieces: readonly Piece[],
  names: Names,
  literal: (text: string) => Buffer,
  value: (text: string) => Buffer,
): Buffer | undefined {
  const parts: Buffer[] = [];
  for (const piece of pieces) {
    const text = typeof piece === "string" ? piece : names[piece.place];
    if (text === undefined || text === "") return undefined;
    parts.push(typeof piece === "string" ? literal(text) : value(text));
  }
  return Buffer.concat(parts);
}

/** Does it tell users of one domain apart? */
export function namesLocal(template: string): boolean {
  return /\{(?:user|local)\}/.test(template);
}

/** Does it find the same entry for names of different domains? With {local} in one half of an "or" it may. */
export function mixesDomains(template: string): boolean {
  return template.includes("{local}") && !template.includes("{domain}");
}
