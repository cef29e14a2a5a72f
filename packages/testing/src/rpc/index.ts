// RPC for tests: a strict client of RPC over HTTP v2, an ncacn_http server, a plain DCE/RPC server, and the PDUs to forge.

export { startEchoRpcServer, type EchoRpcConnection, type EchoRpcServer } from "./echo-rpc-server.ts";
export { HttpChannel, type AnswerHead, type ChannelHears, type ChannelOptions } from "./http-channel.ts";
export { bindPdu, callOf, echoOf, FRAGMENT, groupOf, PduSplitter, requestPdus, stubOf, typeOf } from "./pdus.ts";
export { startNcacnHttpServer, type NcacnHttpServer, type NcacnHttpServerOptions } from "./ncacn-http-server.ts";
export { RpcHttpClient } from "./rpc-http-client.ts";
export type { Direction, InState, OutState, Recycling, RpcHttpClientOptions } from "./client-parts.ts";
export { DESTINATIONS, isRts, rtsDestination, rtsNames, rtsPdu, rtsValues, type RtsName, type RtsValues } from "./rts.ts";
