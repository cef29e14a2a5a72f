// Basic (RFC 7617): user ":" password, in UTF-8, base64. Throws Failure exchange-malformed; never quotes what came.

import { Failure, Secret, type PasswordCredentials } from "@postern/contracts";
import { utf8 } from "@postern/sasl";
import type { HttpMechanismFactory } from "./schemes.ts";

export const basic: HttpMechanismFactory = {
  name: "Basic",
  plaintext: true,
  bound: false,
  onRequest: false,
  needs: "password",
  relays: true,
  begins: undefined,
  create: () => ({
    name: "Basic",
    claimed: "",
    next: (message = Buffer.alloc(0)) => ({ kind: "done", credentials: parseBasic(message) }),
  }),
};

const COLON = 0x3a;
const isControl = (byte: number): boolean => byte < 0x20 || byte === 0x7f;

function parseBasic(message: Buffer): PasswordCredentials {
  // The first colon ends the name: a name holds none, a password may.
  const colon = message.indexOf(COLON);
  if (colon < 1 || colon === message.length - 1)
    throw new Failure("exchange-malformed", "Basic: user name or password is empty, or there is no colon");
  if (message.some(isControl)) throw new Failure("exchange-malformed", "Basic: control characters");
  const authcid = utf8(message.subarray(0, colon), "Basic");
  const password = Buffer.from(message.subarray(colon + 1));
  utf8(password, "Basic");
  return { kind: "password", mechanism: "Basic", authcid, authzid: "", secret: new Secret(password) };
}
