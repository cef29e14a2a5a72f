// The context of a mechanism where nobody proves anything and there is no TLS: embedded servers, tests.

import type { MechanismContext } from "@postern/contracts";

/** Such a context, but for what `rest` says. */
export function bareContext(rest: Partial<MechanismContext> = {}): MechanismContext {
  return {
    hostname: "localhost",
    service: "imap",
    proofs: {},
    bindings: () => undefined,
    offers: () => false,
    certificate: undefined,
    now: Date.now,
    ...rest,
  };
}
