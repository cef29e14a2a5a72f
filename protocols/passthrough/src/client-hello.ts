// Finds the host name that a TLS client asks for in its ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3). Strict: every
// length must fit to the byte. Of an encrypted ClientHello (ECH) it is the outer name. Throws Failure tls-handshake.

import { Failure } from "@postern/contracts";

const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const RANDOM_BYTES = 32;
/** As DNS has it; "_" is no letter of a host name, but is used. No dot at the end (RFC 6066). */
const NAME = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;
const LONGEST_NAME = 253;

const bad = (reason: string): Failure => new Failure("tls-handshake", `ClientHello: ${reason}`);

/** Bytes that are taken from the front. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  number(bytes: 1 | 2 | 3): number {
    return this.take(bytes).readUIntBE(0, bytes);
  }

  take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw bad("it ends too soon");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** What a length of so many bytes stands before. */
  vector(lengthBytes: 1 | 2 | 3, least = 0): Buffer {
    const length = this.number(lengthBytes);
    if (length < least) throw bad("a part of it is too short");
    return this.take(length);
  }

  mustBeAtEnd(): void {
    if (!this.isAtEnd) throw bad("bytes are left over");
  }
}

/** The name in small letters, safe to log; undefined: the client gives none. `message`: the whole handshake message. */
export function serverNameOf(message: Buffer): string | undefined {
  const handshake = new Cursor(message);
  if (handshake.number(1) !== CLIENT_HELLO) throw bad("the first handshake message is another");
  const hello = new Cursor(handshake.vector(3));
  handshake.mustBeAtEnd();
  hello.take(2 + RANDOM_BYTES);
  if (hello.vector(1).length > 32) throw bad("the session id is too long");
  if (hello.vector(2, 2).length % 2 !== 0) throw bad("half a cipher suite");
  hello.vector(1, 1);
  // TLS 1.2 clients may have no extensions at all (RFC 5246 section 7.4.1.2).
  if (hello.isAtEnd) return undefined;
  const extensions = new Cursor(hello.vector(2));
  hello.mustBeAtEnd();
  return nameAmong(extensions);
}

function nameAmong(extensions: Cursor): string | undefined {
  let found: string | undefined;
  while (!extensions.isAtEnd) {
    const type = extensions.number(2);
    const data = extensions.vector(2);
    if (type !== SERVER_NAME) continue;
    if (found !== undefined) throw bad("two server names");
    found = hostNameIn(data);
  }
  return found;
}

/** There is one type of name, and one name of each type. */
function hostNameIn(data: Buffer): string {
  const extension = new Cursor(data);
  const list = new Cursor(extension.vector(2, 1));
  extension.mustBeAtEnd();
  if (list.number(1) !== HOST_NAME) throw bad("a server name of an unknown type");
  const name = list.vector(2, 1).toString("latin1").toLowerCase();
  list.mustBeAtEnd();
  if (name.length > LONGEST_NAME || !NAME.test(name)) throw bad("the server name is no host name");
  return name;
}
