// A SCRAM client by the book for tests (RFC 5802), written without the server's half, and a house that knows alice.

import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import type { ChannelBindings, MechanismFactory, Proofs, ScramHash, ServerMechanism } from "@postern/contracts";
import { runExchange } from "../src/exchange.ts";
import { scramKeys } from "../src/scram-keys.ts";
import { scramSha1, scramSha1Plus, scramSha256, scramSha256Plus } from "../src/scram.ts";

const SALT = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
const KEYS = {
  sha1: await scramKeys("sha1", "pencil", SALT, 4096),
  sha256: await scramKeys("sha256", "pencil", SALT, 4096),
};
export const BINDING = {
  "tls-exporter": Buffer.from("bytes of the exporter"),
  "tls-server-end-point": Buffer.from("hash, of = it"),
};
export const bindings: ChannelBindings = (type) => BINDING[type];

/** alice exists; about everybody else there are made-up keys. */
export const proofs: Proofs = {
  async scram(hash, user) {
    return { keys: KEYS[hash], user: user === "alice" ? "alice@example.com" : undefined };
  },
};

interface Client {
  readonly hash: ScramHash;
  readonly header?: string;
  readonly user?: string;
  readonly password?: string;
  /** Stands behind the GS2 header in c=. */
  readonly binding?: Buffer;
  /** Changes the final message before it is signed. */
  readonly change?: (withoutProof: string) => string;
}

/** A client by the book, apart from what it is told to do otherwise: its first message, and its answer to the server's. */
export function client({ hash, header = "n,,", user = "alice", password = "pencil", binding, change = (text) => text }: Client) {
  const bare = `n=${user},r=client`;
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
  let signed = "";
  let salted = Buffer.alloc(0);
  return {
    first: header + bare,
    final(serverFirst: string): string {
      const [, nonce = "", salt = "", iterations = ""] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst) ?? [];
      salted = pbkdf2Sync(password, Buffer.from(salt, "base64"), Number(iterations), hash === "sha1" ? 20 : 32, hash);
      const channel = Buffer.concat([Buffer.from(header), binding ?? Buffer.alloc(0)]).toString("base64");
      const withoutProof = change(`c=${channel},r=${nonce}`);
      signed = `${bare},${serverFirst},${withoutProof}`;
      const key = hmac(salted, "Client Key");
      const signature = hmac(createHash(hash).update(key).digest(), signed);
      const proof = key.map((byte, at) => byte ^ (signature[at] ?? 0));
      return `${withoutProof},p=${Buffer.from(proof).toString("base64")}`;
    },
    verifier: () => `v=${hmac(hmac(salted, "Server Key"), signed).toString("base64")}`,
  };
}

export const say = async (mechanism: ServerMechanism, message: string | undefined): Promise<string> => {
  const step = await mechanism.next(message === undefined ? undefined : Buffer.from(message));
  return step.kind === "challenge" ? step.data.toString() : step.kind;
};

/** The whole exchange of such a client, over base64. */
export async function converse(mechanism: ServerMechanism, who: ReturnType<typeof client>) {
  const answers = [
    (asked: string) => who.final(asked),
    (last: string) => (last === who.verifier() ? "" : "the server's signature is wrong"),
  ];
  const initial = Buffer.from(who.first).toString("base64");
  return runExchange(mechanism, initial, async (asked) => {
    const answer = answers.shift()?.(Buffer.from(asked, "base64").toString()) ?? "";
    return Buffer.from(answer).toString("base64");
  });
}

export const ALL: readonly (readonly [MechanismFactory, ScramHash])[] = [
  [scramSha1, "sha1"],
  [scramSha1Plus, "sha1"],
  [scramSha256, "sha256"],
  [scramSha256Plus, "sha256"],
];

export const header = ({ bound }: MechanismFactory, authzid = ""): string => `${bound ? "p=tls-exporter" : "n"},${authzid},`;
export const binding = ({ bound }: MechanismFactory): { binding?: Buffer } => (bound ? { binding: BINDING["tls-exporter"] } : {});
