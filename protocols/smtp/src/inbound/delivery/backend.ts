// What is known of a pooled SMTP or LMTP connection after its greeting, and what the pool does with one that nobody has.

import type { BackendDialogue, Leg } from "@postern/contracts";
import { isLmtp, meet } from "../../backend-hello.ts";
import type { Extensions } from "../../responses.ts";

export interface SmtpBackend {
  readonly lmtp: boolean;
  /** As the last EHLO listed them. */
  extensions: Extensions;
  /** What it was last told of a client; undefined: it knows of none, and takes us for one. */
  introduced: string | undefined;
}

/** Greeting, STARTTLS where the leg has it, EHLO by our own name. Failure: backend-lost, -tls, -garbled, -unavailable. */
export const greet =
  (hostname: string) =>
  async (backend: BackendDialogue, leg: Leg): Promise<SmtpBackend> => {
    const extensions = await meet(backend, leg, hostname);
    return { lmtp: isLmtp(leg), extensions, introduced: undefined };
  };

export function leave(backend: BackendDialogue): void {
  backend.write("QUIT\r\n");
}
