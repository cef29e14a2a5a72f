// Writes one result for an Authentication-Results field (RFC 8601 section 2.2): method=result (comment) ptype.property=value.
// All of it may hold a stranger's words: no CR, LF, NUL or control character comes out, comments and quotes are closed, and
// what is too long is left out. Never throws.

export interface Resinfo {
  readonly method: string;
  readonly result: string;
  readonly comment?: string | undefined;
  /** "smtp.mailfrom": "example.com"; undefined and empty ones are left out. */
  readonly properties: Readonly<Record<string, string | undefined>>;
}

const LONGEST = 320;
const TOKEN = /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$/;
const ADDRESS = /^[!#$%&'*+\-/=?^_`{|}~.0-9A-Za-z]*@[0-9A-Za-z.-]+$/;

/** Printable ASCII on one line. */
export const oneLine = (text: string): string =>
  text
    .replace(/[^\x20-\x7e]+/g, " ")
    .replace(/ {2,}/g, " ")
    .trim();

function propertyValue(raw: string | undefined): string | undefined {
  const value = oneLine(raw ?? "");
  if (value === "" || value.length > LONGEST) return undefined;
  return TOKEN.test(value) || ADDRESS.test(value) ? value : `"${value.replace(/["\\]/g, "\\$&")}"`;
}

export function resinfoText({ method, result, comment, properties }: Resinfo): string {
  const parts = [`${method}=${result}`];
  const words = oneLine(comment ?? "").slice(0, LONGEST);
  if (words !== "") parts.push(`(${words.replace(/[\\()]/g, "\\$&")})`);
  for (const [name, raw] of Object.entries(properties)) {
    const value = propertyValue(raw);
    if (value !== undefined) parts.push(`${name}=${value}`);
  }
  return parts.join(" ");
}
