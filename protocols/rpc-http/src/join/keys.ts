// What the nodes of an array derive from their common secret for channels that are passed on: names of virtual connections that tell
// nothing of users and cookies, marks of letters, and the key of TLS between nodes. HKDF (RFC 5869), HMAC (RFC 2104). Never throws.

import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

export interface JoinKeys {
  /** The name of a virtual connection. */
  idOf(user: string, cookie: string): string;
  /** The nodes in the order in which this virtual connection belongs to them: the same everywhere (rendezvous hashing). */
  orderOf(id: string, nodes: readonly string[]): readonly string[];
  mark(letter: Buffer): Buffer;
  isMark(mark: Buffer, letter: Buffer): boolean;
  /** Of TLS between nodes (RFC 4279). */
  readonly preShared: Buffer;
}

const KEY_BYTES = 32;

export const MARK_BYTES = 32;

export function joinKeys(secret: Buffer): JoinKeys {
  const keyFor = (use: string): Buffer =>
    Buffer.from(hkdfSync("sha256", secret, Buffer.alloc(0), `rpc-http join: ${use}`, KEY_BYTES));
  const keys = { names: keyFor("names"), nodes: keyFor("nodes"), letters: keyFor("letters") };
  const hash = (key: Buffer, ...texts: readonly (string | Buffer)[]): Buffer => {
    const hmac = createHmac("sha256", key);
    // No text of these holds a NUL: no two lists read the same.
    for (const text of texts) hmac.update(text).update("\0");
    return hmac.digest();
  };
  const mark = (letter: Buffer): Buffer => hash(keys.letters, letter);
  return {
    idOf: (user, cookie) => hash(keys.names, user, cookie).toString("hex"),
    orderOf(id, nodes) {
      const scored = nodes.map((node) => ({ node, score: hash(keys.nodes, node, id) }));
      return scored.sort((a, b) => Buffer.compare(a.score, b.score)).map(({ node }) => node);
    },
    mark,
    isMark: (given, letter) => given.length === MARK_BYTES && timingSafeEqual(given, mark(letter)),
    preShared: keyFor("tls"),
  };
}
