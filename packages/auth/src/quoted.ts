// Names from strangers as a log may show them.

/** Characters of a refused name that the log shows. */
const SHOWN = 64;

/** Quoted, printable ASCII, cut. */
export function quoted(name: string): string {
  const escape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  const shown = JSON.stringify(name.slice(0, SHOWN)).replace(/[^\x20-\x7e]/g, escape);
  return name.length > SHOWN ? `${shown} and ${name.length - SHOWN} more characters` : shown;
}
