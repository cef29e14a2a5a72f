// The static part of RPC over TCP: what the configuration knows of it. Clients log in at their backend, inside RPC, which the
// gateway only watches; so there is no login of ours, and no route source is asked: who they are is not known when they bind.

import type { Protocol } from "@postern/contracts";
import { rpcTcpSettings } from "./settings.ts";

export const rpcTcpPart: Protocol = {
  name: "rpc-tcp",
  ports: { plain: 135, implicit: 135 },
  tls: ["none"],
  withoutLogin: true,
  withoutRoutes: true,
  isSilent: true,
  alpn: [],
  schemes: { ncacn_ip_tcp: { tls: "none", port: 135 } },
  settings: rpcTcpSettings,
};
