// One message for clamd: the command INSTREAM, chunks with their length before them, a chunk of no bytes, one answer that
// ends with NUL (clamd(8)). clamd takes one command a connection. Never sends more than it is given. Throws Error.

import type { Clock } from "@postern/contracts";
import type { ScannerAddress } from "./scanner-address.ts";
import type { ScannerRun } from "./scanner-feed.ts";
import { ScannerSocket } from "./scanner-socket.ts";
import { Final, TooLarge } from "./scanner.ts";

const COMMAND = Buffer.from("zINSTREAM\0", "latin1");
const END = Buffer.alloc(4);
const MAX_ANSWER = 4096;
const NUL = 0;

/** The name of what was found; undefined: nothing. */
export type Signature = string | undefined;

function signatureIn(answer: string): Signature {
  const text = answer.replace(/^stream: /, "");
  if (text === "OK") return undefined;
  const name = /^(.+) FOUND$/s.exec(text)?.[1];
  if (name !== undefined) return name;
  if (/size limit exceeded/i.test(text)) throw new TooLarge("it is larger than clamd's StreamMaxLength");
  throw new Error(`clamd said ${JSON.stringify(text.slice(0, 200))}`);
}

export interface ClamavStream extends Pick<ScannerRun, "write" | "abort"> {
  end(): Promise<Signature>;
}

export async function openClamavStream(address: ScannerAddress, clock: Clock, timeoutMs: number): Promise<ClamavStream> {
  const socket = await ScannerSocket.open(address, clock, timeoutMs);

  const answer = async (): Promise<Signature> =>
    signatureIn((await socket.readUntil(NUL, MAX_ANSWER, timeoutMs)).toString("utf8"));

  /** clamd does not speak before the end unless it gives up; what it says then is the reason. */
  const orItsWords = async (sent: () => void | Promise<void>): Promise<void> => {
    try {
      await sent();
    } catch (error) {
      if (socket.pending > 0) await answer();
      throw error;
    }
  };

  const send = (chunk: Buffer): void | Promise<void> => {
    if (socket.pending > 0) return answer().then(() => Promise.reject(new Final("clamd answered before the end")));
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(chunk.length);
    return socket.write([length, chunk], timeoutMs);
  };

  await socket.write([COMMAND], timeoutMs);
  return {
    write: (chunk) => (chunk.length === 0 ? undefined : orItsWords(() => send(chunk))),
    async end() {
      await orItsWords(() => socket.write([END], timeoutMs));
      const found = await answer();
      socket.destroy();
      return found;
    },
    abort: () => socket.destroy(),
  };
}
