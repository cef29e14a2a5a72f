// The request head of nginx's mail `auth_http` dialect, header by header, as ngx_mail_auth_http_module.c writes it.
// Values that strangers choose are escaped as nginx does: bytes up to 0x20 and "%" become %XX. Two more things are escaped,
// which no client can tell from nginx after decoding: DEL, which node:http refuses, and control characters in values that
// nginx copies as they are. Throws nothing.

import { plainHost } from "@postern/contracts";
import type { ClientCertificate, Credentials, RouteQuery, Session, TlsFacts } from "@postern/contracts";
import { openSslCipherName } from "./cipher-name.ts";
import { isCheckable } from "./checkable.ts";

/** A mail transaction without a login: what the client said, each line as it was sent ("MAIL FROM:<a@example.com>"). */
export interface Envelope {
  readonly helo: string;
  readonly from: string;
  readonly to: string;
}

/** A query that may carry an envelope; it is sent only when there are no credentials. */
export interface EnvelopeQuery extends RouteQuery {
  readonly envelope?: Envelope;
}

export interface NginxRequestOptions {
  /** nginx's auth_http_pass_client_cert. */
  readonly passClientCertificate: boolean;
}

const METHODS = new Map([
  ["CRAM-MD5", "cram-md5"],
  ["APOP", "apop"],
  ["EXTERNAL", "external"],
  ["XOAUTH2", "xoauth2"],
  ["OAUTHBEARER", "oauthbearer"],
]);
const METHOD_OF_KIND = { password: "plain", digest: "cram-md5", token: "oauthbearer" } as const;

/**
 * nginx's word for how the client proves itself. "external" for whom the gateway has checked itself, as nginx says it of a
 * client certificate; "none" without credentials, and for whom only the backend will check.
 */
export function authMethod(credentials: Credentials | undefined): string {
  if (credentials?.kind === "proven") return "external";
  if (credentials === undefined || !isCheckable(credentials)) return "none";
  return METHODS.get(credentials.mechanism.toUpperCase()) ?? METHOD_OF_KIND[credentials.kind];
}

/** nginx's word for the protocol: all that submits mail is "smtp". */
export function authProtocol(protocol: string): string {
  return ["submission", "submissions", "smtps"].includes(protocol) ? "smtp" : protocol;
}

const percent = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;

function escapeBytes(bytes: Buffer, mustEscape: (byte: number) => boolean): string {
  let escaped = "";
  for (const byte of bytes) escaped += mustEscape(byte) || byte === 0x7f ? percent(byte) : String.fromCharCode(byte);
  return escaped;
}

/** ngx_mail_auth_http_escape: bytes 00 to 20 and "%" as %XX. The result is latin1 text: one character a byte. */
export function nginxEscape(value: string | Buffer): string {
  const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
  return escapeBytes(bytes, (byte) => byte <= 0x20 || byte === 0x25);
}

/** A value that nginx copies as it is: only what would break the head is escaped. */
const raw = (value: string): string => escapeBytes(Buffer.from(value.trim(), "utf8"), (byte) => byte < 0x20);

type Headers = Record<string, string>;

/** The name as the client sent it, or, of whom the gateway has checked itself, the user that this one turned out to be. */
const nameOf = ({ credentials, user }: RouteQuery): string =>
  credentials?.kind === "proven" ? user : credentials?.authcid || user;

function loginHeaders(query: RouteQuery, session: Session | undefined): Headers {
  const { credentials, protocol } = query;
  const headers: Headers = {
    "Auth-Method": authMethod(credentials),
    "Auth-User": nginxEscape(nameOf(query)),
    "Auth-Pass": credentials !== undefined && isCheckable(credentials) ? nginxEscape(credentials.secret.reveal()) : "",
  };
  if (credentials?.kind === "digest") headers["Auth-Salt"] = raw(credentials.salt);
  headers["Auth-Protocol"] = authProtocol(protocol);
  headers["Auth-Login-Attempt"] = String(Math.max(1, session?.attempts ?? 1));
  return headers;
}

/** Who connects. nginx writes "unix:" for a client on a unix socket, and "[UNAVAILABLE]" when it has no resolver. */
function clientHeaders({ protocol }: RouteQuery, session: Session | undefined): Headers {
  const host = session === undefined ? "" : plainHost(session.client.host);
  const headers: Headers = { "Client-IP": host === "" ? "unix:" : raw(host) };
  if (authProtocol(protocol) === "smtp") headers["Client-Host"] = "[UNAVAILABLE]";
  return headers;
}

/** Only when the connection came with a PROXY header: then the client is not the socket's peer. */
function proxyHeaders({ peer, client, local }: Session): Headers {
  if (peer.host === client.host && peer.port === client.port) return {};
  return {
    "Proxy-Protocol-Addr": raw(plainHost(client.host)),
    "Proxy-Protocol-Port": String(client.port),
    "Proxy-Protocol-Server-Addr": raw(plainHost(local.host)),
    "Proxy-Protocol-Server-Port": String(local.port),
  };
}

function envelopeHeaders({ helo, from, to }: Envelope): Headers {
  return { "Auth-SMTP-Helo": raw(helo), "Auth-SMTP-From": raw(from), "Auth-SMTP-To": raw(to) };
}

/** PEM as nginx holds it: lines end in LF, and so does the last one. */
const nginxPem = (pem: string): string => `${pem.replaceAll("\r", "").trim()}\n`;

function certificateHeaders(certificate: ClientCertificate, { passClientCertificate }: NginxRequestOptions): Headers {
  const { verify, subject, issuer, serial, fingerprint, pem } = certificate;
  const all: Headers = {
    "Auth-SSL-Verify": raw(verify),
    "Auth-SSL-Subject": raw(subject),
    "Auth-SSL-Issuer": raw(issuer),
    "Auth-SSL-Serial": raw(serial),
    "Auth-SSL-Fingerprint": raw(fingerprint),
    "Auth-SSL-Cert": passClientCertificate && pem !== "" ? nginxEscape(nginxPem(pem)) : "",
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
}

function tlsHeaders({ version, cipher, clientCertificate }: TlsFacts, options: NginxRequestOptions): Headers {
  return {
    "Auth-SSL": "on",
    "Auth-SSL-Protocol": raw(version),
    "Auth-SSL-Cipher": raw(openSslCipherName(cipher)),
    ...(clientCertificate !== undefined && certificateHeaders(clientCertificate, options)),
  };
}

/** All headers of one request, in nginx's order. */
export function nginxHeaders(query: EnvelopeQuery, options: NginxRequestOptions): Record<string, string> {
  const { session, credentials, envelope } = query;
  return {
    ...loginHeaders(query, session),
    ...clientHeaders(query, session),
    ...(session !== undefined && proxyHeaders(session)),
    ...(credentials === undefined && envelope !== undefined && envelopeHeaders(envelope)),
    ...(session?.tls !== undefined && tlsHeaders(session.tls, options)),
  };
}
