// Bearer tokens in a header (RFC 6750 section 2.1). The token is not looked into here, and names nobody: whose it is, the
// verifier says. Throws Failure exchange-malformed.

import { Failure, Secret } from "@postern/contracts";
import type { HttpMechanismFactory } from "./schemes.ts";

export const bearer: HttpMechanismFactory = {
  name: "Bearer",
  plaintext: true,
  bound: false,
  onRequest: false,
  needs: "token",
  relays: true,
  begins: undefined,
  create: () => ({
    name: "Bearer",
    claimed: "",
    next(token) {
      if (token === undefined) throw new Failure("exchange-malformed", "Bearer: no token");
      const secret = new Secret(Buffer.from(token));
      return { kind: "done", credentials: { kind: "token", mechanism: "Bearer", authcid: "", authzid: "", secret } };
    },
  }),
};
