// SASL CRAM-MD5 (RFC 2195), for hosts that come from nginx: the digest cannot be replayed, so it works only where a route
// source checks it and answers with the backend's password. Offered only when a listener names it.
// Throws Failure exchange-malformed.

import { randomBytes } from "node:crypto";
import { Failure, Secret, type MechanismFactory, type MechanismStep, type ServerMechanism } from "@postern/contracts";
import { utf8 } from "./utf8.ts";

export const cramMd5: MechanismFactory = {
  name: "CRAM-MD5",
  plaintext: false,
  bound: false,
  onRequest: true,
  needs: "digest",
  relays: false,
  create: ({ hostname }) => new CramMd5(hostname),
};

class CramMd5 implements ServerMechanism {
  readonly name = "CRAM-MD5";
  readonly claimed = "";
  readonly #salt: string;

  constructor(hostname: string) {
    this.#salt = `<${randomBytes(12).readUIntBE(0, 6)}.${Date.now()}@${hostname}>`;
  }

  next(response: Buffer | undefined): MechanismStep {
    if (response === undefined) return { kind: "challenge", data: Buffer.from(this.#salt) };
    const answer = /^(.+) ([0-9a-f]{32})$/s.exec(utf8(response, "CRAM-MD5"));
    if (answer === null) throw new Failure("exchange-malformed", "CRAM-MD5: the response must be a name and 32 hex digits");
    const [, authcid = "", digest = ""] = answer;
    return {
      kind: "done",
      credentials: { kind: "digest", mechanism: "CRAM-MD5", authcid, authzid: "", salt: this.#salt, secret: new Secret(digest) },
    };
  }
}
