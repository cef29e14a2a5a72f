// Reads a backend's responses while we log in: whole responses with their literals, bounded, up to a tagged one.
// Failure: backend-lost (BYE), backend-garbled.

import { Failure, type BackendDialogue } from "@postern/contracts";

export interface Tagged {
  readonly status: "OK" | "NO" | "BAD";
  readonly text: string;
}

export interface Responses {
  readonly tagged: Tagged;
  /** The words of the last untagged CAPABILITY on the way. */
  readonly capability: string | undefined;
  /** The text of a continuation request, when one was waited for and came before the tagged response. */
  readonly continuation: string | undefined;
}

const MAX_RESPONSES = 100;
const MAX_LITERAL = 64 * 1024;

/** One response; literals in it are read and left out. */
export async function readResponse(backend: BackendDialogue): Promise<string> {
  let line = await backend.readLine();
  // A challenge: with SCRAM passed through, a few of them are enough to try passwords on.
  backend.trace(line.startsWith("+ ") ? "+ ***" : line);
  for (let literals = 0; literals < MAX_RESPONSES; literals++) {
    const literal = /\{(\d{1,10})\}$/.exec(line);
    if (literal === null || !line.startsWith("* ") || /^\* (OK|NO|BAD|BYE)\b/i.test(line)) return line;
    const size = Number(literal[1]);
    if (size > MAX_LITERAL) break;
    await backend.readBytes(size);
    line = `* ${await backend.readLine()}`;
  }
  throw new Failure("backend-garbled", "A literal in a response before login is too large");
}

/** Reads up to the response with this tag; stops at a continuation request when `orContinuation` is set. */
export async function untilTagged(backend: BackendDialogue, tag: string, orContinuation = false): Promise<Responses> {
  let capability: string | undefined;
  for (let count = 0; count < MAX_RESPONSES; count++) {
    const line = await readResponse(backend);
    const tagged = new RegExp(`^${tag} (OK|NO|BAD)(?: (.*))?$`, "is").exec(line);
    if (tagged !== null) {
      const status = (tagged[1] ?? "").toUpperCase() as Tagged["status"];
      return { tagged: { status, text: tagged[2] ?? "" }, capability, continuation: undefined };
    }
    if (line.startsWith("+") && orContinuation) {
      return { tagged: { status: "OK", text: "" }, capability, continuation: line.slice(1).trim() };
    }
    const listed = /^\* CAPABILITY (.*)$/i.exec(line);
    if (listed !== null) capability = listed[1];
    else if (/^\* BYE\b/i.test(line)) throw new Failure("backend-lost", `The backend says ${JSON.stringify(line.slice(0, 200))}`);
    else if (!line.startsWith("* ") && !/^[ICSL] /.test(line))
      throw new Failure("backend-garbled", `Not a response: ${JSON.stringify(line.slice(0, 200))}`);
  }
  throw new Failure("backend-garbled", "Too many responses before login");
}
