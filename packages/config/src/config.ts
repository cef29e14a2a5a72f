// The validated configuration as the rest of the house sees it: frozen, complete, with every default filled in.

import type { Contradiction, Leg, Protocol, MechanismFactory, Network, setting, ValueOf } from "@postern/contracts";
import type { ListenAddress } from "./address.ts";

/** What the config package must know of a protocol. */
export type ProtocolPart = Pick<
  Protocol,
  | "name"
  | "admits"
  | "withoutLogin"
  | "withoutRoutes"
  | "ownBackends"
  | "tls"
  | "legs"
  | "guestOf"
  | "ports"
  | "schemes"
  | "settings"
>;

/** What the config package must know of a mechanism. */
export type MechanismPart = Pick<MechanismFactory, "name">;

/** The tables that other packages bring. */
export interface Parts {
  readonly protocols: readonly ProtocolPart[];
  readonly mechanisms: readonly MechanismPart[];
  readonly routes: setting.Tagged;
  /** Mail that comes in: whose it is, edge defences, rules. */
  readonly mail: setting.Group;
  readonly filters: setting.Group;
  readonly rules: setting.List<unknown>;
  readonly limits: setting.Group;
  readonly health: setting.Group;
  readonly authentication: setting.Group;
  readonly state: setting.Group;
  readonly log: setting.Group;
  /**
   * By a section's key: what its table alone cannot see. Each takes the value that its section's table yields, and all
   * sections by their keys; one that is broken is undefined, and so is a broken item of a list.
   */
  readonly checks: Readonly<Record<string, (value: never, sections: never) => readonly Contradiction[]>>;
}

export type ListenerTls = "none" | "starttls" | "implicit";

/** Who is let in without a login, and to which backend. */
export interface ApplicationConfig {
  readonly name: string;
  /** undefined: from anywhere. */
  readonly from: readonly Network[] | undefined;
  /** Patterns (contracts: certificate-pattern.ts); undefined: it needs no certificate. */
  readonly certificate: readonly string[] | undefined;
  readonly backend: string;
}

export interface ListenerConfig {
  readonly protocol: string;
  readonly address: ListenAddress;
  readonly tls: ListenerTls;
  readonly allowPlaintext: boolean;
  /** Peers that must send a PROXY header; undefined: none may. */
  readonly proxyProtocol: { readonly from: readonly Network[] } | undefined;
  /** Peers that are believed about the client's address when they tell it by the protocol's own means. */
  readonly trust: readonly Network[];
  readonly clientCertificate: "none" | "request" | "require";
  /** SASL names in capitals; undefined: what the protocol offers by itself. */
  readonly mechanisms: readonly string[] | undefined;
  readonly capabilities: readonly string[] | undefined;
  readonly applications: readonly ApplicationConfig[];
}

/** Absolute paths. */
export type CertificateFiles =
  | { readonly cert: string; readonly key: string }
  | { readonly pfx: string; readonly passphraseFile: string | undefined };

export interface TlsConfig {
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** OpenSSL's list of cipher names; undefined: the built-in choice. */
  readonly ciphers: string | undefined;
  /** Chosen by SNI; the first is the default. */
  readonly certificates: readonly CertificateFiles[];
  /** Make a certificate at start, for trying out. */
  readonly selfSigned: boolean;
  /** Absolute path of a PEM file: who may sign client certificates. */
  readonly clientCa: string | undefined;
  /** Absolute path of a file of 48 bytes or more, the same on all nodes. */
  readonly ticketKeyFile: string | undefined;
}

/** Frozen, deeply. The values of a part's table have that table's type. */
export interface Config<P extends Parts = Parts> {
  readonly hostname: string;
  readonly defaultDomain: string | undefined;
  readonly workers: "auto" | number;
  readonly tls: TlsConfig;
  readonly listeners: readonly ListenerConfig[];
  /** By the backend's name, then by protocol; both in the order of the file. */
  readonly backends: ReadonlyMap<string, ReadonlyMap<string, Leg>>;
  /** In the order in which to ask. */
  readonly routes: readonly ValueOf<P["routes"]>[];
  readonly mail: ValueOf<P["mail"]>;
  readonly filters: ValueOf<P["filters"]>;
  readonly rules: ValueOf<P["rules"]>;
  readonly limits: ValueOf<P["limits"]>;
  readonly health: ValueOf<P["health"]>;
  readonly authentication: ValueOf<P["authentication"]>;
  readonly state: ValueOf<P["state"]>;
  readonly log: ValueOf<P["log"]>;
  /** Milliseconds. */
  readonly shutdown: { readonly drain: number };
  /** Each protocol's settings, by its name: its own, or those of the protocol whose legs it has. */
  readonly protocols: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}
