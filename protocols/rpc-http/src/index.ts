// RPC over HTTP version 2 ([MS-RPCH]): Outlook Anywhere. READ FIRST: serve.ts.

export { buildRpcHttp } from "./build.ts";
export { rpcHttpContradictions } from "./contradictions.ts";
export { rpcHttpPart } from "./part.ts";
export { RTS_PDUS, rtsPdu, type RtsName } from "./rts/pdus.ts";
export type { RpcHttpParts } from "./parts.ts";
export type { RpcHttpSettings } from "./settings.ts";
