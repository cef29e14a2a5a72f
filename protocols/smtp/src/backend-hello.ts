// How every conversation with an SMTP or LMTP backend begins: its greeting, EHLO or LHLO (RFC 2033 section 4.1), STARTTLS
// (RFC 3207). Failure: backend-lost, backend-tls, backend-garbled, backend-unavailable.

import { Failure, type BackendDialogue, type Leg } from "@postern/contracts";
import { passable } from "./extensions.ts";
import { extensionsIn, isYes, readResponse, shown, type Extensions } from "./responses.ts";

export const isLmtp = ({ scheme }: Leg): boolean => scheme.startsWith("lmtp");

export type HelloVerb = "EHLO" | "LHLO";

export async function greeted(backend: BackendDialogue): Promise<void> {
  const greeting = await readResponse(backend);
  if (!isYes(greeting)) throw new Failure("backend-lost", `The backend greets with ${shown(greeting)}`);
}

/** What the backend offers. Failure: backend-unavailable with its words when it refuses us, or the client's name. */
export async function sayHello(backend: BackendDialogue, name: string, verb: HelloVerb = "EHLO"): Promise<Extensions> {
  backend.write(`${verb} ${name}\r\n`);
  const response = await readResponse(backend);
  if (!isYes(response)) throw new Failure("backend-unavailable", `The backend answers ${verb} with ${shown(response)}`);
  return extensionsIn(response);
}

/** Before TLS it hears our own name only. */
export async function startTls(backend: BackendDialogue, hostname: string, verb: HelloVerb = "EHLO"): Promise<void> {
  const offered = await sayHello(backend, hostname, verb);
  if (!offered.has("STARTTLS")) throw new Failure("backend-tls", "The backend does not offer STARTTLS");
  backend.write("STARTTLS\r\n");
  const response = await readResponse(backend);
  if (!isYes(response)) throw new Failure("backend-tls", `The backend refuses STARTTLS: ${shown(response)}`);
  await backend.startTls();
}

/** From the greeting to what the backend lists to us, behind TLS where the leg has that. */
export async function meet(backend: BackendDialogue, leg: Leg, hostname: string): Promise<Extensions> {
  const verb = isLmtp(leg) ? "LHLO" : "EHLO";
  await greeted(backend);
  if (leg.tls === "starttls") await startTls(backend, hostname, verb);
  return sayHello(backend, hostname, verb);
}

/** Of what the backend lists: what a client may be told before its own backend is known. */
export async function features(backend: BackendDialogue, leg: Leg, hostname: string): Promise<readonly string[]> {
  const offered = await meet(backend, leg, hostname);
  backend.write("QUIT\r\n");
  return passable(offered);
}
