// The static part of TLS that is passed through: what the configuration knows of it. The gateway neither ends this TLS nor
// reads what is inside it, so nobody logs in here, and no certificate of ours is shown.

import type { Protocol } from "@postern/contracts";
import { passthroughSettings } from "./settings.ts";

export const passthroughPart: Protocol = {
  name: "passthrough",
  ports: { plain: 443, implicit: 443 },
  tls: ["none"],
  withoutLogin: true,
  withoutRoutes: true,
  isSilent: true,
  alpn: [],
  schemes: { tcp: { tls: "none", port: 443 } },
  settings: passthroughSettings,
};
