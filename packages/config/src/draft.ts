// The configuration between walk and finish: typed, but anything broken is undefined, and nothing is derived yet.

import { isLoopback } from "@postern/contracts";
import type { LoginSettings, Network, ProxyHeader } from "@postern/contracts";
import type { ListenAddress } from "./address.ts";
import type { BackendUrl } from "./backend-url.ts";
import type { ListenerConfig, ListenerTls, ProtocolPart, TlsConfig } from "./config.ts";
import type { Values } from "./walk.ts";

export interface CertificateDraft {
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly pfx: string | undefined;
  readonly passphraseFile: string | undefined;
}

export type TlsDraft = Omit<TlsConfig, "certificates"> & {
  readonly certificates: readonly (CertificateDraft | undefined)[];
};

/** Lists that are not given are empty. */
export interface ApplicationDraft {
  readonly name: string;
  readonly from: readonly (Network | undefined)[];
  readonly certificate: readonly (string | undefined)[];
  readonly backend: string;
}

export type ListenerDraft = Omit<
  ListenerConfig,
  "tls" | "mechanisms" | "capabilities" | "trust" | "proxyProtocol" | "applications"
> & {
  readonly applications: readonly (ApplicationDraft | undefined)[];
  readonly tls: ListenerTls | undefined;
  readonly mechanisms: readonly (string | undefined)[];
  readonly capabilities: readonly (string | undefined)[];
  readonly trust: readonly (Network | undefined)[];
  readonly proxyProtocol: { readonly from: readonly (Network | undefined)[] } | undefined;
};

export interface LegDraft {
  readonly url: BackendUrl;
  readonly tls: { readonly ca: string | undefined; readonly verify: boolean; readonly serverName: string | undefined };
  readonly proxyHeader: ProxyHeader;
  readonly forwardClient: boolean;
  readonly allowPlaintext: boolean;
  readonly login: LoginSettings;
  readonly dialTimeout: number;
  readonly replyTimeout: number;
}

/** `site`, and a leg by each protocol's name. */
export type BackendDraft = Readonly<Record<string, unknown>>;

export interface Draft {
  readonly hostname: string | undefined;
  readonly defaultDomain: string | undefined;
  readonly workers: "auto" | number;
  readonly tls: TlsDraft | undefined;
  readonly listeners: readonly (ListenerDraft | undefined)[] | undefined;
  readonly backends: Readonly<Record<string, BackendDraft | undefined>> | undefined;
  readonly routes: readonly (Values | undefined)[] | undefined;
  readonly shutdown: { readonly drain: number };
}

/** A backend's legs, in the order of the protocols. */
export function legsOf(backend: BackendDraft, protocols: readonly ProtocolPart[]): [protocol: string, leg: LegDraft][] {
  return protocols.flatMap(({ name }) => {
    const leg = backend[name] as LegDraft | undefined;
    return leg === undefined ? [] : [[name, leg] as [string, LegDraft]];
  });
}

/** What `tls` says, or else what the protocol, or else what the port says. */
export function listenerTls(listener: ListenerDraft, protocols: readonly ProtocolPart[]): ListenerTls {
  if (listener.tls !== undefined) return listener.tls;
  const { ports, tls: [first] = [] } = protocols.find(({ name }) => name === listener.protocol) ?? {};
  if (first !== undefined) return first;
  return listener.address.kind === "tcp" && listener.address.port === ports?.implicit ? "implicit" : "starttls";
}

/** What listeners of a protocol can have of TLS. */
export function tlsModes(protocol: string, protocols: readonly ProtocolPart[]): readonly ListenerTls[] {
  return protocols.find(({ name }) => name === protocol)?.tls ?? ["none", "starttls", "implicit"];
}

/** Can only this machine reach it? What systemd passes is not known before the start. */
export function isLocal(address: ListenAddress): boolean {
  return address.kind === "unix" || (address.kind === "tcp" && address.host !== undefined && isLoopback(address.host));
}
