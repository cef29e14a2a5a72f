// Bytes: listeners, connections, PROXY headers, TLS both ways, dialling, relaying.

export { BACKEND_ROLE, CLIENT_ROLE, type ReadLimits, type TlsUpgrade, type TraceLine } from "./connection-role.ts";
export { channelBinding } from "./channel-binding.ts";
export { Connection } from "./connection.ts";
export { dial, reach, type DialOptions } from "./dialer.ts";
export { giveBack, Lent, type Lending } from "./lending.ts";
export { listen, type Listening, type ListenTarget } from "./listener.ts";
export { flushReads, readBy, restReads, type Reader } from "./own-reads.ts";
export { buildProxyHeader, parseProxyHeader, readProxyHeader, type ProxyFacts, type ProxyInfo } from "./proxy-header.ts";
export { Relay, type RelayEnd } from "./relay.ts";
export {
  TlsServer,
  tlsFacts,
  type ClientCertificatePolicy,
  type ServerCertificate,
  type TlsServerOptions,
} from "./tls-server.ts";
