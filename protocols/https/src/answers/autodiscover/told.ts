// What mail apps are told to connect to: the gateway's own listeners with TLS, and the folders that the settings name. A listener
// without TLS is never told to anybody: whoever follows the answer would send a password in clear.

import type { Endpoint, HttpsParts } from "../../parts.ts";

export type MailProtocol = "imap" | "pop3" | "submission";

export interface MailServer {
  readonly protocol: MailProtocol;
  readonly port: number;
  readonly tls: "implicit" | "starttls";
}

export interface Told {
  /** Of the service, as apps show it. */
  readonly name: string;
  readonly host: string;
  /** https://host[:port] */
  readonly base: string;
  /** By protocol, and the best of a protocol first: TLS from the first byte before STARTTLS. */
  readonly servers: readonly MailServer[];
  /** URLs; undefined: not offered. */
  readonly activeSync: string | undefined;
  readonly ews: string | undefined;
  readonly mapi: string | undefined;
  /** The domains that are answered for; any when there is none. */
  readonly domains: readonly string[];
}

export type TellingHouse = Pick<HttpsParts, "hostname" | "endpoints"> & {
  readonly settings: Pick<HttpsParts["settings"], "autodiscover">;
};

const MAIL: readonly MailProtocol[] = ["imap", "pop3", "submission"];
const SAFE = ["implicit", "starttls"] as const;

export function toldBy({ hostname, endpoints, settings: { autodiscover } }: TellingHouse): Told {
  const host = autodiscover.host ?? hostname;
  const base = `https://${host}${portOf(endpoints)}`;
  return {
    name: autodiscover.displayName,
    host,
    base,
    servers: MAIL.flatMap((protocol) => SAFE.flatMap((tls) => serversOf(endpoints, protocol, tls))),
    activeSync: autodiscover.activeSync ? `${base}/Microsoft-Server-ActiveSync` : undefined,
    ews: autodiscover.ews ? `${base}/EWS/Exchange.asmx` : undefined,
    mapi: autodiscover.mapi ? `${base}/mapi` : undefined,
    domains: autodiscover.domains,
  };
}

/** The best server of each protocol, for programs that take one. */
export function bestServers({ servers }: Told): readonly MailServer[] {
  return servers.filter((server, index) => servers.findIndex(({ protocol }) => protocol === server.protocol) === index);
}

function serversOf(endpoints: readonly Endpoint[], protocol: MailProtocol, tls: MailServer["tls"]): readonly MailServer[] {
  const ports = endpoints.filter((each) => each.protocol === protocol && each.tls === tls).map(({ port }) => port);
  return [...new Set(ports)].map((port) => ({ protocol, port, tls }));
}

/** Nothing for 443, and where no listener has TLS: then it ends before the gateway. */
function portOf(endpoints: readonly Endpoint[]): string {
  const ports = endpoints.filter(({ protocol, tls }) => protocol === "https" && tls === "implicit").map(({ port }) => port);
  return ports[0] === undefined || ports.includes(443) ? "" : `:${ports[0]}`;
}
