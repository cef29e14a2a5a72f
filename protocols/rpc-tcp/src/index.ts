// MAPI RPC on TCP: the RPC Client Access service. An end-point mapper of the gateway's own, and a relay of RPC connections.
// READ FIRST: visit.ts.

export { buildRpcTcp, type RpcTcpParts } from "./build.ts";
export { rpcTcpContradictions } from "./contradictions.ts";
export { rpcTcpPart } from "./part.ts";
export type { RpcTcpSettings } from "./settings.ts";
