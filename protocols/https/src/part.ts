// The static part of the web protocols: what the configuration knows of them. https is the front door; http, without TLS, sends
// clients there, or serves those that need no TLS: on loopback, or where the listener says allowPlaintext.

import type { Protocol } from "@postern/contracts";
import { features } from "./back/features.ts";
import { ownBackendsOf } from "./services/contradictions.ts";
import { httpsSettings } from "./settings.ts";

export const httpsPart: Protocol = {
  name: "https",
  ports: { plain: 80, implicit: 443 },
  tls: ["implicit", "none"],
  alpn: ["h2", "http/1.1"],
  schemes: {
    https: { tls: "implicit", port: 443 },
    http: { tls: "none", port: 80 },
  },
  settings: httpsSettings,
  ownBackends: ownBackendsOf,
  isSilent: true,
  features,
};

/** It has no backends and no settings of its own: they are those of https. */
export const httpPart: Protocol = {
  name: "http",
  ports: { plain: 80, implicit: 443 },
  tls: ["none"],
  legs: httpsPart.name,
  alpn: [],
  schemes: {},
  settings: {},
};
