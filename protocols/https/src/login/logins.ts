// Who is there, on a web listener: as the service says, the backend asks (pass.ts), the gateway asks (edge.ts), or it asks with
// a page for browsers (forms/). Failure: what is no matter of a login, to be told in the service's words.

import type { Soon } from "../backends.ts";
import { Holds } from "../bodies.ts";
import type { Exchange } from "../exchange.ts";
import type { Admission, HttpsParts, Service } from "../parts.ts";
import { Edge } from "./edge.ts";
import { Forms } from "./forms/forms.ts";
import { OneClient } from "./one-client.ts";
import { createPass } from "./pass.ts";
import { Tally } from "./tally.ts";

export interface Logins {
  /** Cookies of ours, that no backend is to see. */
  readonly cookieNames: readonly string[];
  /** undefined: it was answered already; so are the pages of the gateway's own, whatever service they would belong to. */
  admit(exchange: Exchange, service: Service): Soon<Admission | undefined>;
}

export function createLogins(parts: HttpsParts, holds: Holds = new Holds()): Logins {
  const tally = new Tally(parts);
  const pass = createPass(parts, tally);
  const edge = new Edge(parts, tally);
  const hasPages = Object.values(parts.settings.services).some(({ authentication }) => authentication === "forms");
  const forms = new Forms(parts, tally, edge, holds);
  const oneClient = new OneClient();
  return {
    cookieNames: forms.cookieNames,
    admit(exchange, service) {
      oneClient.check(exchange);
      if (hasPages && forms.isOwn(exchange)) return forms.answerOwn(exchange);
      if (service.authentication === "pass") return pass.admit(exchange);
      return service.authentication === "edge" ? edge.admit(exchange, service) : forms.admit(exchange, service);
    },
  };
}
