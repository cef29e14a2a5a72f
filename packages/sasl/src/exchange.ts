// One SASL exchange over any line protocol: base64, cancel, size and round limits, once for all mechanisms and protocols.
// Never writes a protocol's words. Failure: exchange-malformed, exchange-cancelled, and what the mechanism throws.
// RFC 4422 section 3, RFC 4648 section 4.

import { Failure, type Credentials, type ServerMechanism } from "@postern/contracts";

const MAX_ROUNDS = 8;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Sends one challenge (base64) in the protocol's words and reads the client's line. */
export type AskClient = (challenge: string) => Promise<string>;

/**
 * Runs the exchange to its credentials. `initial` is the initial response as it stood on the wire: undefined for none,
 * "=" for an empty one.
 */
export async function runExchange(mechanism: ServerMechanism, initial: string | undefined, ask: AskClient): Promise<Credentials> {
  let response = initial === undefined ? undefined : decodeResponse(initial === "=" ? "" : initial);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const step = mechanism.next(response);
    if (step.kind === "done") return step.credentials;
    response = decodeResponse(await ask(step.data.toString("base64")));
  }
  throw new Failure("exchange-malformed", `${mechanism.name}: more than ${MAX_ROUNDS} rounds`);
}

function decodeResponse(line: string): Buffer {
  if (line === "*") throw new Failure("exchange-cancelled", "The client cancelled the exchange");
  if (!BASE64.test(line)) throw new Failure("exchange-malformed", "The response is not base64");
  return Buffer.from(line, "base64");
}
