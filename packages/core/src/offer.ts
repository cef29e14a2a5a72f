// What a front may offer and take before login, the same for every line protocol: mechanisms by the state of the
// connection, and the SASL exchange around the protocol's challenge prefix. Failure: unknown-mechanism,
// plaintext-refused, and what the exchange throws.

import {
  Failure,
  isLoopback,
  type Attempt,
  type ClientDialogue,
  type MechanismContext,
  type OfferedMechanism,
  type ProtocolContext,
  type Session,
} from "@postern/contracts";
import { runExchange } from "@postern/sasl";

/** A client in conversation: what the rows of a command table work with. */
export interface Front {
  readonly client: ClientDialogue;
  readonly session: Session;
  readonly context: ProtocolContext;
}

/** May secrets cross this connection as they are? Inside TLS, on loopback, or where the listener says so. */
export function plaintextAllowed({ client, session }: Front): boolean {
  return client.secure || session.listener.allowPlaintext || isLoopback(session.client.host);
}

/** The mechanisms that this connection may use now, in order. */
export function usableMechanisms(front: Front): readonly OfferedMechanism[] {
  const { mechanisms } = front.context;
  return mechanisms.filter(({ plaintext, bound }) => (!plaintext || plaintextAllowed(front)) && (!bound || front.client.secure));
}

/** The protocol's own login command is offered where a mechanism of passwords is. */
export function takesPasswords({ context }: Front): boolean {
  return context.mechanisms.some(({ name }) => name === "PLAIN" || name === "LOGIN");
}

/** Refuses the protocol's own login command where passwords may not be sent. */
export function requirePasswords(front: Front, verb: string): void {
  if (!plaintextAllowed(front)) throw new Failure("plaintext-refused", `${verb} without TLS`);
  if (!takesPasswords(front)) throw new Failure("unknown-mechanism", `${verb} where no mechanism of passwords is offered`);
}

/** Refuses STARTTLS where it cannot be: inside TLS, without a certificate, or with bytes behind it. */
export function requireStartTls({ client, context }: Front, verb: string): void {
  if (client.secure) throw new Failure("not-now", `${verb} inside TLS`);
  if (!context.canStartTls) throw new Failure("not-now", `${verb} where there is none`);
  if (client.pending > 0) throw new Failure("bytes-behind-starttls", `${client.pending} bytes behind ${verb}`);
}

/** Runs the exchange of one mechanism; `prefix` stands before each challenge ("+ "). */
export async function authenticateBy(
  front: Front,
  name: string,
  initial: string | undefined,
  prefix: string,
): Promise<Omit<Attempt, "tag">> {
  const { client, context } = front;
  const mechanism = context.mechanisms.find((offered) => offered.name === name.toUpperCase());
  if (mechanism === undefined) throw new Failure("unknown-mechanism", `${JSON.stringify(name.slice(0, 40))} is not offered here`);
  if (!usableMechanisms(front).includes(mechanism)) throw new Failure("plaintext-refused", `${mechanism.name} without TLS`);
  const exchange = mechanism.create(mechanismContext(front), mechanism.live);
  let readAt = performance.now();
  const ask = async (challenge: string, shown: string): Promise<string> => {
    client.writeSecret(`${prefix}${challenge}\r\n`, `${prefix}${shown}`);
    const line = await client.readLine();
    readAt = performance.now();
    client.trace("***");
    return line;
  };
  let waitedMs: number | undefined;
  const askInTurn = async (challenge: string): Promise<string> => {
    // A challenge behind the name, such as SCRAM's last, can tell whether the proof was right, before the path is asked.
    if (waitedMs === undefined && exchange.claimed !== "" && mechanism.live !== true)
      waitedMs = await context.holdBack?.(exchange.claimed);
    // Salt, nonces and signature of SCRAM together are enough to try passwords on.
    return ask(challenge, challenge === "" ? "" : "***");
  };
  const credentials = await runExchange(exchange, initial, askInTurn);
  const checkedMs = performance.now() - readAt;
  const lastChallenge = async (challenge: Buffer): Promise<void> => {
    const why = challenge.toString("base64");
    await ask(why, why);
  };
  return { credentials, lastChallenge, heldMs: (waitedMs ?? 0) + checkedMs };
}

function mechanismContext(front: Front): MechanismContext {
  const { client, session, context } = front;
  const certificate = session.tls?.clientCertificate;
  return {
    hostname: context.hostname,
    service: context.service,
    proofs: context.proofs,
    bindings: (type) => client.bindings(type),
    offers: (wanted) => usableMechanisms(front).some(({ name }) => name === wanted),
    certificate: certificate?.verify === "SUCCESS" ? certificate : undefined,
    now: Date.now,
  };
}
