// SASL PLAIN (RFC 4616): authzid NUL authcid NUL password, in UTF-8. Both halves.
// Throws Failure exchange-malformed.

import { Failure, Secret, type MechanismFactory, type PasswordCredentials } from "@postern/contracts";
import { utf8 } from "./utf8.ts";

export const plain: MechanismFactory = {
  name: "PLAIN",
  plaintext: true,
  bound: false,
  onRequest: false,
  needs: "password",
  relays: true,
  create: () => ({
    name: "PLAIN",
    claimed: "",
    next: (response) =>
      response === undefined ? { kind: "challenge", data: Buffer.alloc(0) } : { kind: "done", credentials: parsePlain(response) },
  }),
};

function parsePlain(message: Buffer): PasswordCredentials {
  const first = message.indexOf(0);
  const second = message.indexOf(0, first + 1);
  if (first === -1 || second === -1 || message.indexOf(0, second + 1) !== -1) {
    throw new Failure("exchange-malformed", "PLAIN: the message must have two NUL bytes");
  }
  const authcid = utf8(message.subarray(first + 1, second), "PLAIN");
  if (authcid === "" || second + 1 === message.length)
    throw new Failure("exchange-malformed", "PLAIN: user name or password is empty");
  const authzid = utf8(message.subarray(0, first), "PLAIN");
  const secret = new Secret(Buffer.from(message.subarray(second + 1)));
  return { kind: "password", mechanism: "PLAIN", authcid, authzid, secret };
}

/** The client's one message. */
export function plainResponse(credentials: { authcid: string; authzid: string; secret: Secret }): Buffer {
  return Buffer.concat([Buffer.from(`${credentials.authzid}\0${credentials.authcid}\0`), credentials.secret.reveal()]);
}
