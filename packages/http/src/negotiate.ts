// Negotiate in HTTP (RFC 4559, [MS-N2HT]): Kerberos and NTLM, as they are or inside of SPNEGO, one token in each request. The
// last token goes out with the answer to the request (mutual authentication). Throws what SpnegoExchange throws.

import { SpnegoExchange } from "@postern/sasl";
import { beginsNtlm } from "./ntlm.ts";
import type { HttpMechanismFactory } from "./schemes.ts";

/** The tag of a GSS-API token that begins an exchange (RFC 2743 section 3.1); later ones of SPNEGO have another. */
const INITIAL_TOKEN = 0x60;

export const negotiate: HttpMechanismFactory = {
  name: "Negotiate",
  plaintext: false,
  bound: false,
  onRequest: false,
  needs: "kerberos",
  relays: false,
  create: (context) => new SpnegoExchange(context, "Negotiate"),
  begins: (message) => message[0] === INITIAL_TOKEN || beginsNtlm(message),
};
