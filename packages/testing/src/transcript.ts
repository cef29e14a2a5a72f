// Parses transcripts: a session through the gateway as plain text that anybody can read. No sockets here; see
// run-transcript.ts. Throws TranscriptError with file and line.
//
//   # a comment                     @listener tls=starttls       (a table for whoever starts the gateway)
//   C: what the client says         S: what the gateway answers the client
//   G: what the gateway says to the backend                      B: what the backend answers
//   C+: bytes without CRLF (any letter)                          S: * OK *       (a last * matches any rest)
//   \r \n \t \\ \* \x00 are escapes; text is UTF-8
//   C: <tls>  C: <close>  S: <closed>  G: <connect>  G: <tls>  G: <closed>  B: <close>  B: <silent>
// Several C: lines (or B: lines) in a row are sent as one write. `@tls` means that the client begins inside TLS.

export const WHO = ["C", "S", "G", "B"] as const;
export type Who = (typeof WHO)[number];

/** What may stand in <>, by letter, and what it means. */
export const MARKERS = {
  C: { tls: "the client begins a TLS handshake, and it succeeds", close: "the client ends its half of the connection" },
  S: { closed: "the gateway has closed the client's connection, and said nothing before" },
  G: {
    connect: "the gateway opens one more connection to the backend (the first needs no line)",
    tls: "the gateway begins a TLS handshake with the backend, and it succeeds",
    closed: "the gateway has closed the backend's connection, and said nothing before",
  },
  B: { close: "the backend ends its half of the connection", silent: "the backend does not answer (a remark, nothing is done)" },
} as const satisfies Record<Who, Record<string, string>>;

export type Step =
  /** Bytes that a scripted side sends: one or more lines in a row. */
  | { readonly kind: "say"; readonly who: "C" | "B"; readonly line: number; readonly data: Buffer }
  /** Bytes that the gateway must send. `line` ones end with CRLF (not in `data`); an open end matches any rest. */
  | {
      readonly kind: "hear";
      readonly who: "S" | "G";
      readonly line: number;
      readonly data: Buffer;
      readonly unit: "line" | "bytes";
      readonly openEnd: boolean;
    }
  | { readonly kind: "mark"; readonly who: Who; readonly line: number; readonly marker: string };

/** `@name key=value word "key=two words"`: one table a name; a bare word has the value "". Lines of one name add up. */
export type Directives = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface Transcript {
  /** The file, for messages. */
  readonly name: string;
  readonly directives: Directives;
  readonly steps: readonly Step[];
}

export class TranscriptError extends Error {
  constructor(transcript: string, line: number, message: string) {
    super(`${transcript}:${line}: ${message}`);
    this.name = "TranscriptError";
  }
}

const LINE = /^([CSGB])(\+?):(?: (.*))?$/s;
const ESCAPE = /\\(x[0-9a-fA-F]{2}|.|$)/gs;
const SIMPLE: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t", "\\": "\\", "*": "*" };

/** The bytes of a text with escapes. */
function unescape(text: string, fail: (message: string) => never): Buffer {
  const latin1 = Buffer.from(text, "utf8").toString("latin1");
  const bytes = latin1.replace(ESCAPE, (whole, code: string) => {
    if (code.length === 3) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return SIMPLE[code] ?? fail(`unknown escape ${whole}: use \\r \\n \\t \\\\ \\* or \\x00`);
  });
  return Buffer.from(bytes, "latin1");
}

function parseDirective(text: string, fail: (message: string) => never): [string, Record<string, string>] {
  const words = [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
  const [name = "", ...pairs] = words;
  if (!/^[a-z][A-Za-z]*$/.test(name)) fail("a directive is @name key=value");
  const table: Record<string, string> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    const key = equals === -1 ? pair : pair.slice(0, equals);
    if (key in table) fail(`${key} is given twice`);
    table[key] = equals === -1 ? "" : pair.slice(equals + 1);
  }
  return [name, table];
}

function parseStep(who: Who, bytesOnly: boolean, text: string, line: number, fail: (message: string) => never): Step {
  const marker = /^<([a-z]+)>$/.exec(text)?.[1];
  if (marker !== undefined) {
    const known = Object.keys(MARKERS[who]);
    if (!known.includes(marker)) fail(`unknown marker <${marker}> after ${who}: use ${known.join(", ")}`);
    return { kind: "mark", who, line, marker };
  }
  if (who === "C" || who === "B") {
    const end = bytesOnly ? "" : "\r\n";
    return { kind: "say", who, line, data: Buffer.concat([unescape(text, fail), Buffer.from(end)]) };
  }
  const openEnd = !bytesOnly && /(^|[^\\])(\\\\)*\*$/.test(text);
  const data = unescape(openEnd ? text.slice(0, -1) : text, fail);
  return { kind: "hear", who, line, data, unit: bytesOnly ? "bytes" : "line", openEnd };
}

// Lines of one scripted side in a row leave in one write: that is how a client pipelines.
function joined(steps: readonly Step[]): Step[] {
  const result: Step[] = [];
  for (const step of steps) {
    const last = result.at(-1);
    if (step.kind === "say" && last?.kind === "say" && last.who === step.who)
      result[result.length - 1] = { ...last, data: Buffer.concat([last.data, step.data]) };
    else result.push(step);
  }
  return result;
}

/** `name` is the file's name. Throws TranscriptError. */
export function parseTranscript(source: string, name: string): Transcript {
  const directives: Record<string, Record<string, string>> = {};
  const steps: Step[] = [];
  for (const [index, raw] of source.split("\n").entries()) {
    const text = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    const fail = (message: string): never => {
      throw new TranscriptError(name, index + 1, message);
    };
    if (text.trim() === "" || text.startsWith("#")) continue;
    if (text.startsWith("@")) {
      if (steps.length > 0) fail("directives stand before the first line of the dialogue");
      const [key, table] = parseDirective(text.slice(1), fail);
      directives[key] = { ...directives[key], ...table };
      continue;
    }
    const [, who, plus, words = ""] = LINE.exec(text) ?? fail("a line is C: S: G: or B: and a text, # and a comment, or @name");
    steps.push(parseStep(who as Who, plus === "+", words, index + 1, fail));
  }
  if (steps.length === 0) throw new TranscriptError(name, 1, "there is no dialogue in it");
  return { name, directives, steps: joined(steps) };
}
