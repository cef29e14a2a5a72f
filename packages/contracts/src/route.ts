// Where to: backends with one leg a protocol, route sources that know users, and the route that the router makes of it.

import { addressText } from "./address.ts";
import type { LoginSettings } from "./backend-login.ts";
import type { Credentials } from "./credentials.ts";
import type { Secret } from "./secret.ts";
import type { Session } from "./session.ts";

export const LEG_TLS = ["none", "starttls", "implicit"] as const;
export type LegTls = (typeof LEG_TLS)[number];

export const PROXY_HEADERS = ["none", "v1", "v2"] as const;
export type ProxyHeader = (typeof PROXY_HEADERS)[number];

/** How one backend is reached for one protocol. */
export interface Leg {
  readonly backend: string;
  readonly site: string | undefined;
  readonly protocol: string;
  /** Of its URL: a protocol may have more than one dialect. */
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly tls: LegTls;
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca: string | undefined;
  readonly verify: boolean;
  /** The name in the certificate; the host when undefined. */
  readonly serverName: string | undefined;
  readonly proxyHeader: ProxyHeader;
  /** Tell the backend the client's address by the protocol's own means. */
  readonly forwardClient: boolean;
  /** Credentials may be sent to it without TLS even off loopback. */
  readonly allowPlaintext: boolean;
  /** How the gateway logs in. */
  readonly login: LoginSettings;
  /** Milliseconds for the TCP connect and TLS handshake, and for each reply until login. */
  readonly dialTimeoutMs: number;
  readonly replyTimeoutMs: number;
}

/** Backend, protocol and address, as logs name a leg */
export function legText(leg: Leg): string {
  return `${leg.backend} ${leg.protocol} ${addressText(leg)}`;
}

export interface RouteQuery {
  /** Normalised (identity.ts). */
  readonly user: string;
  readonly protocol: string;
  /** undefined when an administrator asks (`postern route`): a source must then not need a password. */
  readonly credentials: Credentials | undefined;
  readonly session: Session | undefined;
}

/** A configured backend by name, or one that the source names by address, with how it may be reached. */
export type CandidateName = { readonly backend: string } | AddressCandidate;

/** An address that belongs to a configured backend is reached as that one is; `tls` and `allowPlaintext` are for others. */
export interface AddressCandidate {
  readonly host: string;
  readonly port: number;
  readonly tls?: LegTls;
  readonly allowPlaintext?: boolean;
}

export interface RouteAnswer {
  /** In order of preference; never empty. */
  readonly candidates: readonly CandidateName[];
  /** Why, for `postern route`: "users: alice@example.com", "domain example.org". */
  readonly why: string;
  /** Log in as this user, with this secret, instead of what the client gave. */
  readonly login?: { readonly user?: string; readonly secret?: Secret };
}

/** Something that knows where users live. Built once, shared by all sessions. */
export interface RouteSource {
  /** "static", "hash", or a kind and an address */
  readonly name: string;
  /** The answer depends on the user name alone, and may be remembered. False when the source checks the password. */
  readonly cacheable: boolean;
  /**
   * undefined: does not know the user, ask the next source. Failure: source-down (try the stale answer), or a refusal
   * that is final: wrong-credentials, not-authorized, route-refused.
   */
  find(query: RouteQuery): Promise<RouteAnswer | undefined>;
  close(): void;
}

export interface Route {
  readonly source: string;
  readonly why: string;
  /** Candidates that have a leg for the protocol, in the order in which to try them. */
  readonly legs: readonly Leg[];
  readonly login: RouteAnswer["login"];
}

/** One step of an explanation. */
export interface RouteStep {
  readonly source: string;
  readonly outcome: "answered" | "unknown" | "down" | "refused";
  readonly detail: string;
}

export interface RouteExplanation {
  readonly user: string;
  readonly protocol: string;
  readonly steps: readonly RouteStep[];
  /** undefined when no source knows the user, or when what they know cannot be used. */
  readonly route: Route | undefined;
  readonly problem: string | undefined;
}

export interface Router {
  /** Failure: unknown-user, source-down, no-candidate, and what a source refuses. */
  find(query: RouteQuery): Promise<Route>;
  /** The same walk, told step by step; never throws a Failure. */
  explain(query: RouteQuery): Promise<RouteExplanation>;
}
