// SASL EXTERNAL (RFC 4422 appendix A): the client's certificate says who it is, its one message as whom it wants to act.
// Never looks into the certificate: a verifier does. Failure: exchange-malformed; wrong-credentials and what else the
// verifiers say.

import { Failure, Secret, type MechanismContext, type MechanismFactory, type MechanismStep } from "@postern/contracts";
import { utf8 } from "./utf8.ts";

const NAME = "EXTERNAL";

export const external: MechanismFactory = {
  name: NAME,
  plaintext: false,
  bound: true,
  onRequest: false,
  needs: "certificate",
  relays: false,
  create: (context) => ({
    name: NAME,
    // The certificate's name is not the client's to choose.
    claimed: "",
    next: (response) => (response === undefined ? { kind: "challenge", data: Buffer.alloc(0) } : prove(response, context)),
  }),
};

async function prove(response: Buffer, { certificate, proofs }: MechanismContext): Promise<MechanismStep> {
  const authzid = utf8(response, NAME);
  if (authzid.includes("\0")) throw new Failure("exchange-malformed", `${NAME}: NUL byte`);
  if (certificate === undefined) throw new Failure("wrong-credentials", `${NAME}: the client has shown no valid certificate`);
  if (proofs.certificate === undefined) throw new Failure("internal", `${NAME}: no verifier takes certificates`);
  const user = await proofs.certificate(certificate);
  const secret = new Secret(Buffer.alloc(0));
  return { kind: "done", credentials: { kind: "proven", mechanism: NAME, authcid: user, authzid, user, secret } };
}
