// Small values that tests begin with: a certificate, a leg, a session, a listener, credentials, a query.

import { createAuthority, issue, selfSigned } from "@postern/certs";
import type { CertificateAndKey } from "@postern/certs";
import {
  Failure,
  LOGIN_STRATEGIES,
  RELAY,
  Secret,
  newSession,
  type Authenticator,
  type BackendCredentials,
  type BackendLogin,
  type Credentials,
  type Fields,
  type Leg,
  type ListenerInfo,
  type PasswordCredentials,
  type RouteQuery,
  type Session,
  type TlsFacts,
} from "@postern/contracts";

let shared: CertificateAndKey | undefined;

/** The certificate that harness listeners and scripted backends show: localhost and 127.0.0.1, self-signed. */
export function testCertificate(): CertificateAndKey {
  return (shared ??= selfSigned(["localhost", "127.0.0.1"]));
}

let clients: CertificateAndKey | undefined;

/** The authority that harness listeners believe about clients. */
export const testClientAuthority = (): CertificateAndKey => (clients ??= createAuthority("Postern test clients"));

/** A client's certificate with the subject CN=NAME: of that authority, or of one that nobody knows. */
export function testClientCertificate(name: string, isKnown: boolean): CertificateAndKey {
  const authority = isKnown ? testClientAuthority() : createAuthority("Postern test clients");
  return issue(authority, { names: [name], client: true });
}

/** A leg to 127.0.0.1, with the defaults of a configuration and short time-outs. */
export function testLeg(port: number, rest: Partial<Leg> = {}): Leg {
  return {
    backend: "mbx1",
    site: undefined,
    protocol: "test",
    scheme: "test",
    host: "127.0.0.1",
    port,
    tls: "none",
    ca: testCertificate().cert,
    verify: true,
    serverName: undefined,
    proxyHeader: "none",
    forwardClient: true,
    allowPlaintext: false,
    login: RELAY,
    dialTimeoutMs: 5000,
    replyTimeoutMs: 5000,
    ...rest,
  };
}

/** A session as it is before login, of a client at 192.0.2.7. */
export function testSession(rest: Partial<Session> = {}): Session {
  const known = newSession({
    id: "test1",
    listener: listenerInfo("test"),
    startedAt: 0,
    stage: "converse",
    client: { host: "192.0.2.7", port: 4711 },
    local: { host: "192.0.2.1", port: 143 },
  });
  return { ...known, ...rest };
}

/** A listener on 127.0.0.1 that offers what the protocol offers by itself. */
export function listenerInfo(protocol: string, rest: Partial<ListenerInfo> = {}): ListenerInfo {
  return {
    name: `${protocol} 127.0.0.1:0`,
    protocol,
    tls: "none",
    allowPlaintext: false,
    mechanisms: undefined,
    trusts: () => false,
    capabilities: undefined,
    applications: [],
    ...rest,
  };
}

/** A handshake of TLS 1.3 with mail.example.com, without a client certificate. */
export function testTls(rest: Partial<TlsFacts> = {}): TlsFacts {
  return {
    version: "TLSv1.3",
    cipher: "TLS_AES_256_GCM_SHA384",
    serverName: "mail.example.com",
    alpn: undefined,
    resumed: false,
    clientCertificate: undefined,
    ...rest,
  };
}

/** A name with a password, by PLAIN. */
export function testPassword(
  authcid: string,
  secret: string | Buffer,
  rest: Partial<PasswordCredentials> = {},
): PasswordCredentials {
  return { kind: "password", mechanism: "PLAIN", authcid, authzid: "", secret: new Secret(secret), ...rest };
}

/** Where a user of IMAP lives, asked in the middle of the first login. */
export function testQuery(user: string, credentials?: Credentials, rest: Partial<RouteQuery> = {}): RouteQuery {
  return { user, protocol: "imap", credentials, session: testSession({ stage: "route", attempts: 1 }), ...rest };
}

/** Resolves with the work; rejects when it takes longer than `ms` of real time. */
export async function within(ms: number, work: Promise<unknown>, complaint: () => string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${complaint()} within ${ms} ms`)), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** An authenticator that leaves everything to the backend, but for what `rest` says. */
export function testAuthenticator(rest: Partial<Authenticator> & Pick<Authenticator, "check">): Authenticator {
  return { name: "test", proves: new Set(), believes: true, proofs: {}, close: () => {}, ...rest };
}

/** Login strategy relay, as the table of strategies has it. */
export const relayed: BackendLogin = {
  strategy: "relay",
  present(credentials) {
    const carries: readonly string[] = LOGIN_STRATEGIES.relay.carries;
    if (carries.includes(credentials.kind)) return Promise.resolve(credentials as BackendCredentials);
    return Promise.reject(new Failure("backend-mechanism", `${credentials.mechanism} cannot be relayed`));
  },
  close() {},
};

/** What a configuration makes of settings that nobody gives: defaults, in groups too. */
export function defaultsOf(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, setting]) => {
      const value = setting.kind === "group" && !setting.optional ? defaultsOf(setting.fields) : undefined;
      return [key, value ?? ("default" in setting ? setting.default : undefined)];
    }),
  );
}
