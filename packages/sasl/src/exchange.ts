// One SASL exchange over any line protocol: base64, cancel, size and round limits, once for all mechanisms and protocols.
// Never writes a protocol's words. Failure: exchange-malformed, exchange-cancelled, client-gone and the like. A no of the
// verifier is not thrown: it becomes rejected credentials, so that it is delayed, counted and told like every failed login.
// RFC 4422 section 3, RFC 4648 section 4.

import { Failure, Secret, type Credentials, type MechanismStep, type ServerMechanism } from "@postern/contracts";

/** Kerberos inside SPNEGO takes five; nothing takes more. */
const MAX_ROUNDS = 10;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Sends one challenge (base64) in the protocol's words and reads the client's line. */
export type AskClient = (challenge: string) => Promise<string>;

/**
 * Runs the exchange to its credentials. `initial` is the initial response as it stood on the wire: undefined for none,
 * "=" for an empty one.
 */
export async function runExchange(mechanism: ServerMechanism, initial: string | undefined, ask: AskClient): Promise<Credentials> {
  try {
    return await run(mechanism, initial === undefined ? undefined : decodeResponse(initial === "=" ? "" : initial), ask);
  } finally {
    mechanism.close?.();
  }
}

async function run(mechanism: ServerMechanism, initial: Buffer | undefined, ask: AskClient): Promise<Credentials> {
  const { name } = mechanism;
  const answer = async (challenge: Buffer): Promise<Buffer> => decodeResponse(await ask(challenge.toString("base64")));
  let response = initial;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const step = await stepOf(mechanism, response);
    switch (step.kind) {
      case "done":
        return step.credentials;
      case "live": {
        const { authcid, authzid } = step;
        return { kind: "live", mechanism: name, authcid, authzid, secret: new Secret(step.initial), answer };
      }
      case "challenge":
      default:
        response = await answer(step.data);
    }
  }
  throw new Failure("exchange-malformed", `${name}: more than ${MAX_ROUNDS} rounds`);
}

/** Asks the mechanism for its next step. A no becomes rejected credentials. Failure: exchange-malformed, exchange-cancelled. */
export async function stepOf(mechanism: ServerMechanism, response: Buffer | undefined): Promise<MechanismStep> {
  try {
    return await mechanism.next(response);
  } catch (error) {
    if (!(error instanceof Failure) || error.kind.startsWith("exchange-")) throw error;
    const { name, claimed } = mechanism;
    const secret = new Secret(Buffer.alloc(0));
    return {
      kind: "done",
      credentials: { kind: "rejected", mechanism: name, authcid: claimed, authzid: "", secret, failure: error },
    };
  }
}

function decodeResponse(line: string): Buffer {
  if (line === "*") throw new Failure("exchange-cancelled", "The client cancelled the exchange");
  if (!BASE64.test(line)) throw new Failure("exchange-malformed", "The response is not base64");
  return Buffer.from(line, "base64");
}
