// RPC over HTTP, built for one configuration. Throws nothing.

import type { ChannelServer } from "@postern/http";
import type { RpcHttpParts } from "./parts.ts";
import { createProxyKind } from "./proxy/index.ts";
import { createServe } from "./serve.ts";
import { createServerKind } from "./server/index.ts";

export function buildRpcHttp(parts: RpcHttpParts): ChannelServer {
  const kinds = new Map([
    ["ncacn_http", createProxyKind(parts)],
    ["ncacn_ip_tcp", createServerKind(parts)],
  ]);
  return {
    serve: createServe(parts, kinds),
    close() {
      for (const kind of kinds.values()) kind.close();
    },
  };
}
