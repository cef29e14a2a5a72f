// The static part of RPC over HTTP: what the configuration knows of it. Its clients come by the web listeners, so it has none of
// its own; a backend with an address for it is an RPC server, and one without is asked as an RPC proxy by its web address.

import type { Protocol } from "@postern/contracts";
import { rpcHttpSettings } from "./settings.ts";

export const rpcHttpPart: Protocol = {
  name: "rpc-http",
  ports: { plain: 80, implicit: 443 },
  guestOf: "https",
  withoutLogin: true,
  isSilent: true,
  alpn: [],
  schemes: {
    ncacn_http: { tls: "none", port: 6001 },
    ncacn_ip_tcp: { tls: "none", port: 6001 },
  },
  settings: rpcHttpSettings,
};
