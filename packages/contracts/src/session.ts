// One client's visit, from accept to end: what is known of it so far, in one typed record. Nothing here is a bag:
// a fact that a later stage needs has a field.

import type { Address } from "./address.ts";
import type { Identity } from "./identity.ts";
import type { Stage } from "./stages.ts";

/** Programs that cannot log in: who they are is told by where they come from, by their certificate, or by both. */
export interface Application {
  readonly name: string;
  /** The backend that they get, by name. */
  readonly backend: string;
  /** undefined: from anywhere. */
  readonly from: ((host: string) => boolean) | undefined;
  /** undefined: it needs none. Asked only about a certificate that was verified. */
  readonly certificate: ((certificate: ClientCertificate) => boolean) | undefined;
}

export interface ListenerInfo {
  /** As a person would name it: Protocol and address. */
  readonly name: string;
  readonly protocol: string;
  readonly tls: "none" | "starttls" | "implicit";
  /** Credentials may cross a connection without TLS even off loopback. */
  readonly allowPlaintext: boolean;
  /** The mechanisms to offer, in this order, set by hand; undefined: what the protocol offers by itself. */
  readonly mechanisms: readonly string[] | undefined;
  /** Is this host a gateway of ours, whose word about its client (address, session) is taken? */
  readonly trusts: (host: string) => boolean;
  /** The capability list to send before login, literally, set by hand. */
  readonly capabilities: readonly string[] | undefined;
  /** Who is let in without a login; the first that fits counts. */
  readonly applications: readonly Application[];
}

export interface ClientCertificate {
  /** "SUCCESS", "FAILED:reason" or "NONE", as nginx writes it. */
  readonly verify: string;
  /** RFC 2253 distinguished names. */
  readonly subject: string;
  readonly issuer: string;
  /** Hex, upper case. */
  readonly serial: string;
  /** SHA-1 over the DER, hex, lower case. */
  readonly fingerprint: string;
  readonly pem: string;
}

export interface TlsFacts {
  /** "TLSv1.3" */
  readonly version: string;
  /** The IANA name: "TLS_AES_256_GCM_SHA384". */
  readonly cipher: string;
  readonly serverName: string | undefined;
  readonly alpn: string | undefined;
  readonly resumed: boolean;
  readonly clientCertificate: ClientCertificate | undefined;
}

/** What is known of a session from the first; everything else is not known yet. */
export type NewSession = Pick<Session, "id" | "listener" | "startedAt" | "stage" | "client" | "local">;

export function newSession(known: NewSession): Session {
  return {
    ...known,
    peer: known.client,
    tls: undefined,
    attempts: 0,
    errors: 0,
    mechanism: undefined,
    identity: undefined,
    hops: 0,
    software: undefined,
    utf8: false,
    backend: undefined,
    backendAddress: undefined,
    bytesIn: 0,
    bytesOut: 0,
  };
}

export interface Session {
  /** Unique among all nodes, printable, at most 24 characters. */
  readonly id: string;
  readonly listener: ListenerInfo;
  readonly startedAt: number;
  stage: Stage;
  /** The socket's peer: a load balancer when there is a PROXY header. */
  readonly peer: Address;
  /** The client's true address and the address that it dialled. */
  client: Address;
  local: Address;
  tls: TlsFacts | undefined;
  /** Logins tried on this connection so far. */
  attempts: number;
  /** Errors made before login, for the error budget. */
  errors: number;
  mechanism: string | undefined;
  identity: Identity | undefined;
  /** How many gateways the client has passed already (loop protection); 0 for a client. */
  hops: number;
  /** What the client said of itself before login (an ID command's pairs), to be passed on. */
  software: ReadonlyMap<string, string | null> | undefined;
  /** The client asked for UTF-8 before it logged in; the backend is told so. */
  utf8: boolean;
  /** The backend's name, once one was chosen. */
  backend: string | undefined;
  backendAddress: Address | undefined;
  /** What the client asked for by SNI, where its TLS does not end here. */
  serverName?: string;
  /** Requests so far, where the protocol has any. */
  requests?: number;
  /** Bytes relayed after login. */
  bytesIn: number;
  bytesOut: number;
}
